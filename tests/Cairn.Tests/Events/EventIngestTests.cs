using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Support;

namespace Cairn.Events;

public sealed class EventIngestTests
{
    const string Path = "/api/v1/events", Lines = "application/x-ndjson";

    /// <summary>What became of a call: accepted, duplicates, and the rejected ones as "index: error".</summary>
    static (int Accepted, int Duplicates, string[] Rejected) Read(Answer answer)
    {
        answer.Expect(200);
        return (
            answer.Json.GetProperty("accepted").GetInt32(),
            answer.Json.GetProperty("duplicates").GetInt32(),
            [.. answer.Json.GetProperty("rejected").EnumerateArray().Select(one => $"{one.GetProperty("index").GetInt32()}: {one.GetProperty("error").GetString()}")]);
    }

    [Fact]
    public async Task Nobody_and_a_key_without_the_scope_may_not_send_events()
    {
        await using var app = await CairnApp.Start();
        var body = """{"action":"workspace.started"}""";
        (await app.Gateway().Post(Path, body)).Expect(401);
        (await app.Gateway(await app.Key(Scopes.AuditRead, Scopes.Inference, Scopes.ConversationsWrite)).Post(Path, body)).Expect(403);
        Assert.Equal(1, Read(await app.Sender.Post(Path, body)).Accepted);
        Assert.Equal(1, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task One_object_an_array_lines_and_packed_bodies_are_taken()
    {
        await using var app = await CairnApp.Start();
        Assert.Equal(1, Read(await app.Sender.Post(Path, """{"action":"a.one"}""")).Accepted);
        Assert.Equal(2, Read(await app.Sender.Post(Path, """[{"action":"a.two"}, {"action":"a.three"}]""")).Accepted);
        Assert.Equal(2, Read(await app.Sender.Post(Path, "{\"action\":\"a.four\"}\n\n  \r\n{\"action\":\"a.five\"}\r\n", Lines)).Accepted);
        Assert.Equal(1, Read(await app.Sender.Post(Path, Client.Gzip("""{"action":"a.six"}"""u8.ToArray()), "application/json; charset=utf-8", "gzip")).Accepted);
        Assert.Equal(0, Read(await app.Sender.Post(Path, "[]")).Accepted);
        Assert.Equal(0, Read(await app.Sender.Post(Path, "", Lines)).Accepted);
        Assert.Equal(
            ["a.six", "a.five", "a.four", "a.three", "a.two", "a.one"],
            (await app.Reader.Get("/api/v1/admin/audit-logs")).Items.Select(item => item.GetProperty("action").GetString()));
    }

    [Fact]
    public async Task What_was_sent_is_what_is_read()
    {
        await using var app = await CairnApp.Start();
        var sent = """
            {"id":"0193A1B2-7C3D-7E4F-8A5B-6C7D8E9F0A1B","createdAt":"2026-03-10T13:30:00.123+02:00","actorId":"u-1","actorName":"Ada 😀","actorEmail":"ada@example.org","actorRole":"admin",
             "action":"workspace.stopped","resource":"Workspace","resourceId":"w/1","resourceName":"\u0062lue \"lab\"","outcome":"denied","ip":"192.0.2.7","userAgent":"curl/8","requestId":"r1","traceId":"t1",
             "conversationId":"c1","metadata":{"a" : [1, 2.50, true, null, {"b":"é"}], "n":{}}}
            """;
        Assert.Equal(1, Read(await app.Sender.Post(Path, sent)).Accepted);
        var read = (await app.Reader.Get("/api/v1/admin/audit-logs/0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b")).Expect(200).Json;
        var expected = """
            {"id":"0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b","createdAt":"2026-03-10T11:30:00.123Z","recordedAt":"2026-03-10T12:00:00.000Z","actorId":"u-1","actorName":"Ada 😀","actorEmail":"ada@example.org",
             "actorRole":"admin","action":"workspace.stopped","actionLabel":"Stopped workspace","resource":"Workspace","resourceId":"w/1","resourceName":"blue \"lab\"","resourceUrl":null,"resourceExists":true,
             "outcome":"denied","ip":"192.0.2.7","userAgent":"curl/8","requestId":"r1","traceId":"t1","conversationId":"c1","metadata":{"a":[1,2.50,true,null,{"b":"é"}],"n":{}}}
            """;
        Assert.Equal(JsonSerializer.Serialize(JsonDocument.Parse(expected)), JsonSerializer.Serialize(read));
        Assert.Equal(JsonDocument.Parse(expected).RootElement.EnumerateObject().Select(one => one.Name), read.EnumerateObject().Select(one => one.Name));
    }

    [Fact]
    public async Task What_the_sender_leaves_out_is_filled_in_or_null()
    {
        await using var app = await CairnApp.Start();
        await app.Send("""{"action":"billing.invoice_paid","actorName":null}""");
        var item = Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs")).Items);
        Assert.True(Guid.TryParse(item.GetProperty("id").GetString(), out var id) && id.Version == 7);
        Assert.Equal("2026-03-10T12:00:00.000Z", item.GetProperty("createdAt").GetString());
        Assert.Equal("success", item.GetProperty("outcome").GetString());
        Assert.Equal("Invoice paid", item.GetProperty("actionLabel").GetString());
        Assert.Equal(JsonValueKind.Null, item.GetProperty("actorId").ValueKind);
        Assert.Equal(JsonValueKind.Null, item.GetProperty("metadata").ValueKind);
    }

    [Fact]
    public async Task Sending_again_is_a_duplicate_and_other_content_under_the_same_id_is_rejected()
    {
        await using var app = await CairnApp.Start();
        var (id, other) = (Some.EventId, Some.EventId);
        var first = $$$"""{"id":"{{{id}}}","createdAt":"2026-03-10T11:00:00Z","action":"workspace.started","metadata":{"a":1}}""";
        Assert.Equal((1, 0), Read(await app.Sender.Post(Path, first)) is var (a, b, _) ? (a, b) : default);
        Assert.Equal((0, 1), Read(await app.Sender.Post(Path, first)) is var (c, d, _) ? (c, d) : default);

        // The same content, written otherwise.
        var spaced = $$"""{ "metadata" : { "a" : 1 }, "action":"workspace.\u0073tarted", "createdAt":"2026-03-10T12:00:00+01:00", "id":"{{id.ToUpperInvariant()}}", "outcome":"success", "actorId":null }""";
        Assert.Equal(1, Read(await app.Sender.Post(Path, spaced)).Duplicates);

        var changed = first.Replace("started", "stopped", StringComparison.Ordinal);
        Assert.Equal(["1: id was recorded before with other content"], Read(await app.Sender.Post(Path, $$"""[{"id":"{{other}}","action":"a.b"}, {{changed}}]""")).Rejected);
        Assert.Equal("workspace.started", (await app.Reader.Get("/api/v1/admin/audit-logs/" + id)).Json.GetProperty("action").GetString());
        Assert.Equal(2, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task An_event_without_a_time_of_its_own_can_be_sent_again_later()
    {
        await using var app = await CairnApp.Start();
        var body = $$"""{"id":"{{Some.EventId}}","action":"workspace.started"}""";
        Assert.Equal(1, Read(await app.Sender.Post(Path, body)).Accepted);
        app.Clock.Move(TimeSpan.FromMinutes(5));
        Assert.Equal(1, Read(await app.Sender.Post(Path, body)).Duplicates);
        Assert.Equal("2026-03-10T12:00:00.000Z", Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs")).Items).GetProperty("createdAt").GetString());
    }

    [Fact]
    public async Task The_same_id_twice_in_one_call_is_stored_once()
    {
        await using var app = await CairnApp.Start();
        var id = Some.EventId;
        var (accepted, duplicates, rejected) = Read(await app.Sender.Post(Path, $$"""[{"id":"{{id}}","action":"a.b"},{"id":"{{id}}","action":"a.b"},{"id":"{{id}}","action":"a.c"}]"""));
        Assert.Equal((1, 1, 1), (accepted, duplicates, rejected.Length));
        Assert.StartsWith("2: id ", rejected[0], StringComparison.Ordinal);
    }

    static string Long(int length) => new('x', length);

    static string Deep(int depth) => string.Concat(Enumerable.Repeat("{\"a\":", depth - 1)) + "{}" + new string('}', depth - 1);

    /// <summary>Bodies of one bad event each, and what its rejection must name.</summary>
    static readonly (string Event, string Names)[] Bad =
    [
        ("{}", "action"),
        ("""{"action":null}""", "action"),
        ("""{"action":""}""", "action"),
        ("""{"action":7}""", "action"),
        ("""{"action":["a"]}""", "action"),
        ("""{"action":{"a":{"b":1}}}""", "action"),
        ("""{"action":"a.b","colour":"red"}""", "'colour'"),
        ("""{"action":"a.b","Action":"a.b"}""", "'Action'"),
        ("""{"action":"a.b","recordedAt":"2026-03-10T12:00:00Z"}""", "'recordedAt'"),
        ("""{"action":"a.b","actionLabel":"x"}""", "'actionLabel'"),
        ("""{"action":"a.b","resourceExists":true}""", "'resourceExists'"),
        ("""{"action":"a.b","action":"a.b"}""", "action is given twice"),
        ("""{"action":"a.b","actorId":null,"actorId":"u1"}""", "actorId is given twice"),
        ("""{"action":"a.b","actorName":12}""", "actorName"),
        ("""{"action":"a.b","actorName":{"first":"Ada"}}""", "actorName"),
        ("""{"action":"a.b","outcome":"maybe"}""", "outcome"),
        ("""{"action":"a.b","outcome":"Success"}""", "outcome"),
        ("""{"action":"a.b","id":"7"}""", "id"),
        ("""{"action":"a.b","id":"{0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b}"}""", "id"),
        ("""{"action":"a.b","createdAt":"yesterday"}""", "createdAt"),
        ("""{"action":"a.b","createdAt":"2026-02-30T00:00:00Z"}""", "createdAt"),
        ("""{"action":"a.b","createdAt":1773144000000}""", "createdAt"),
        ("""{"action":"a.b","createdAt":"9999-12-31T23:59:59.999Z"}""", "createdAt"),
        ("""{"action":"a.b","createdAt":"0001-01-01T00:00:00+14:00"}""", "createdAt"),
        ("""{"action":"a.b","createdAt":"1969-12-31T23:59:59Z"}""", "createdAt"),
        ("""{"action":"a.b","metadata":"text"}""", "metadata"),
        ("""{"action":"a.b","metadata":[]}""", "metadata"),
        ("""{"action":"a.b","metadata":{"a":1,"a":2}}""", "metadata has 'a' twice"),
        ("""{"action":"a.b","metadata":{"x":[{"b":1,"\u0062":2}]}}""", "metadata has 'b' twice"),
        ("""{"action":"a.b","resourceName":"\u0000"}""", "resourceName"),
        ("""{"action":"a.b","resourceName":"\ud83d"}""", "resourceName"),
        ("""{"action":"a.b","resourceName":"\ude00\ud83d"}""", "resourceName"),
        ("""{"action":"a.b","metadata":{"a":"\u0000"}}""", "metadata"),
        ("""{"action":"a.b","metadata":{"\u0000":1}}""", "metadata"),
        ("""{"action":"a.b","metadata":{"a":["\udead"]}}""", "metadata"),
        ("""{"action":"a.b","metadata":{"\udead":1}}""", "metadata"),
        ("""{"action":"a.b","\udead":1}""", "field"),
        ("""{"action":"a.b","createdAt":"\udead"}""", "createdAt"),
        ($$"""{"action":"{{Long(129)}}"}""", "action"),
        ($$"""{"action":"a.b","resourceName":"{{Long(513)}}"}""", "resourceName"),
        ($$"""{"action":"a.b","ip":"{{Long(65)}}"}""", "ip"),
        ($$"""{"action":"a.b","{{Long(5_000)}}":1}""", "field"),
        ($$$"""{"action":"a.b","metadata":{"a":"{{{Long(16 * 1024 - 7)}}}"}}""", "metadata"),
        ($$$"""{"action":"a.b","metadata":{"a":"{{{new string('é', 8 * 1024)}}}"}}""", "metadata"),
        ($$"""{"action":"a.b","metadata":{{Deep(33)}}}""", "metadata is nested deeper than 32"),
        ($$"""{"action":"a.b","metadata":{{Deep(100)}}}""", "metadata is nested deeper than 32"),
        ($$"""{"action":"a.b","metadata":{{Deep(600)}}}""", "metadata is nested deeper than 32"),
        ($$"""{"action":"a.b","metadata":{{Deep(20_000)}}}""", ""),
        ($$"""{"action":"a.b","x":{{Deep(600)}}}""", "'x'"),
        ($$"""{"action":"a.b",{{new string(' ', 64 * 1024)}}"ip":null}""", "64 KiB"),
        ("7", "object"), ("\"text\"", "object"), ("null", "object"), ("[]", "object"), ("[{\"action\":\"a.b\"}]", "object"),
    ];

    [Fact]
    public async Task A_bad_event_is_rejected_by_the_name_of_what_is_wrong_and_the_others_are_kept()
    {
        await using var app = await CairnApp.Start();
        var wrong = new List<string>();
        var good = 0;
        foreach (var (bad, names) in Bad)
        {
            foreach (var (body, type) in new[]
            {
                ($$"""[{"action":"a.good"},{{bad}},{"action":"a.good"}]""", "application/json"),
                ($$"""{"action":"a.good"}{{"\n"}}{{bad}}{{"\n"}}{"action":"a.good"}""", Lines),
            })
            {
                var answer = await app.Sender.Post(Path, body, type);
                good += 2;
                var shown = bad.Length > 80 ? bad[..80] + "..." : bad;
                if (answer.Status != 200) wrong.Add($"{type} {shown}: {answer.Status} {answer.Text}");
                else if (Read(answer) is not { Accepted: 2, Rejected: [var error] } || !error.StartsWith("1: ", StringComparison.Ordinal) || !error.Contains(names, StringComparison.Ordinal))
                    wrong.Add($"{type} {shown}: {answer.Text}");
                else if (error.Length > 300) wrong.Add($"{type} {shown}: says {error.Length} letters");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.Equal(good, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
        Assert.Equal(good, (await app.Reader.Get("/api/v1/admin/audit-logs?action=a.good")).Total);
    }

    [Fact]
    public async Task What_just_fits_is_taken()
    {
        await using var app = await CairnApp.Start();
        await app.Send(
            $$"""{"action":"{{Long(128)}}"}""",
            $$"""{"action":"a.b","resourceName":"{{Long(512)}}"}""",
            $$$"""{"action":"a.b","metadata":{"a":"{{{Long(16 * 1024 - 8)}}}"}}""",
            $$$"""{"action":"a.b","metadata":{{{Deep(32)}}}}""",
            """{"action":"a.b","metadata":{"a":{"x":1},"b":{"x":1}}}""",
            """{"action":"a.b","resourceName":"\ud83d\ude00 \u0001\u2028"}""");
        var file = (await app.Reader.Get("/api/v1/admin/audit-logs/export?format=jsonl")).Expect(200);
        Assert.Equal(6, file.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line)).Count());
    }

    [Fact]
    public async Task Bytes_that_are_not_utf_8_are_rejected_wherever_they_stand()
    {
        await using var app = await CairnApp.Start();
        byte[][] broken = [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]];
        foreach (var bytes in broken)
            foreach (var (before, after) in new[]
            {
                ("""{"action":"a.b","actorName":"x""", "\"}"), ("{\"action\":\"a", "\"}"), ("{\"action\":\"a.b\",\"a", "\":1}"),
                ("{\"action\":\"a.b\",\"metadata\":{\"k\":\"", "\"}}"), ("{\"action\":\"a.b\",\"metadata\":{\"", "\":1}}"), ("{\"action\":\"a.b\",\"createdAt\":\"", "\"}"),
            })
            {
                byte[] body = [.. Encoding.UTF8.GetBytes(before), .. bytes, .. Encoding.UTF8.GetBytes(after)];
                var (accepted, _, rejected) = Read(await app.Sender.Post(Path, body, Lines));
                Assert.True(accepted == 0 && rejected.Length == 1, before);
            }
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task A_body_that_is_no_json_is_refused_whole_and_a_broken_line_alone()
    {
        await using var app = await CairnApp.Start();
        foreach (var body in new[]
        {
            "", " ", "x", "{", "[", "[{\"action\":\"a.b\"}", "[{\"action\":\"a.b\"}] x", "{\"action\":\"a.b\"}{\"action\":\"a.b\"}", "{\"action\":\"a.b\"},", "[{\"action\":\"a.b\"},]", "7", "\"a\"", "null", "{'action':'a.b'}",
            "{\"action\":\"a.b\"} // x", "[{\"action\":\"a.b\"}, {\"action\": NaN}]", "{\"action\":\"a\nb\"}", "\0",
        })
        {
            var answer = (await app.Sender.Post(Path, body)).Expect(400);
            Assert.Equal("application/problem+json", answer.Header("Content-Type"));
            Assert.Contains("JSON", answer.Detail, StringComparison.Ordinal);
        }
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);

        var (accepted, _, rejected) = Read(await app.Sender.Post(Path, "{\"action\":\"a.b\"}\n{\"action\":\n{\"action\":\"a.b\"}{\"action\":\"a.b\"}\n{\"action\":\"a.b\"} x\n{\"action\":\"a.b\"}\n", Lines));
        Assert.Equal(2, accepted);
        Assert.Equal(["1:", "2:", "3:"], rejected.Select(error => error[..2]));
    }

    [Fact]
    public async Task Ten_thousand_events_are_taken_and_one_more_is_refused_whole()
    {
        await using var app = await CairnApp.Start();
        var lines = string.Join('\n', Enumerable.Repeat("""{"action":"a.b"}""", 10_000));
        (await app.Sender.Post(Path, lines + "\n{\"action\":\"a.b\"}", Lines)).Expect(413);
        (await app.Sender.Post(Path, $"[{lines.Replace('\n', ',')},{{\"action\":\"a.b\"}}]")).Expect(413);
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
        Assert.Equal(10_000, Read(await app.Sender.Post(Path, lines, Lines)).Accepted);
    }

    [Fact]
    public async Task A_body_beyond_8_MiB_is_refused_packed_or_not_said_or_not()
    {
        await using var app = await CairnApp.Start();
        var body = Encoding.UTF8.GetBytes("{\"action\":\"a.b\"}" + new string('\n', 9 * 1024 * 1024));
        (await app.Sender.Post(Path, body, Lines)).Expect(413);
        (await app.Sender.Post(Path, Client.Gzip(body), Lines, "gzip")).Expect(413);

        using var stream = new StreamContent(new Unsized(body));
        stream.Headers.TryAddWithoutValidation("Content-Type", Lines);
        (await app.Sender.Send(HttpMethod.Post, Path, stream)).Expect(413);

        var fits = Encoding.UTF8.GetBytes("{\"action\":\"a.b\"}" + new string('\n', 8 * 1024 * 1024 - 16));
        Assert.Equal(1, Read(await app.Sender.Post(Path, fits, Lines)).Accepted);
    }

    sealed class Unsized(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }

    [Fact]
    public async Task A_gzip_body_that_is_broken_or_cut_short_is_refused()
    {
        await using var app = await CairnApp.Start();
        var whole = Client.Gzip(Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 200).Select(i => $$"""{"action":"a.b","resourceId":"{{i}}"}"""))));
        var flipped = whole.ToArray();
        flipped[^6] ^= 0xff;
        foreach (var body in new[] { "not gzip"u8.ToArray(), whole[..(whole.Length / 2)], whole[..^4], flipped, whole[..10] })
        {
            var answer = await app.Sender.Post(Path, body, Lines, "gzip");
            Assert.True(answer.Status == 400, $"{body.Length} of {whole.Length} bytes: {answer.Status} {answer.Text}");
        }
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
        // A gzip may have several members, as log files that are appended to have.
        byte[] two = [.. Client.Gzip("{\"action\":\"m.a\"}\n"u8.ToArray()), .. Client.Gzip("{\"action\":\"m.b\"}\n"u8.ToArray())];
        Assert.Equal(2, (await app.Sender.Post(Path, two, Lines, "gzip")).Expect(200).Json.GetProperty("accepted").GetInt32());
        (await app.Sender.Post(Path, two[..^1], Lines, "gzip")).Expect(400);
        (await app.Sender.Post(Path, [.. two, 0], Lines, "gzip")).Expect(400);
        (await app.Sender.Post(Path, whole, Lines, "br")).Expect(415);
        (await app.Sender.Post(Path, whole, Lines, "gzip, gzip")).Expect(415);
    }

    [Fact]
    public async Task Other_content_types_are_refused()
    {
        await using var app = await CairnApp.Start();
        foreach (var type in new[] { null, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "application/xml" })
            (await app.Sender.Post(Path, """{"action":"a.b"}""", type)).Expect(415);
    }

    [Fact]
    public async Task An_event_may_be_from_the_edge_of_retention_to_a_day_ahead()
    {
        await using var app = await CairnApp.Start(settings => settings with { EventDays = 90 });
        var now = app.Clock.Now;
        string At(DateTimeOffset at) => $$"""{"action":"a.b","createdAt":"{{at:yyyy-MM-dd'T'HH:mm:ss.fff'Z'}}"}""";
        var ms = TimeSpan.FromMilliseconds(1);
        var (accepted, _, rejected) = Read(await app.Sender.Post(Path, $"[{At(now.AddDays(-90))},{At(now.AddDays(-90) - ms)},{At(now.AddDays(1))},{At(now.AddDays(1) + ms)}]"));
        Assert.Equal(2, accepted);
        Assert.Collection(rejected,
            old => Assert.True(old.StartsWith("1: createdAt", StringComparison.Ordinal) && old.Contains("90 days", StringComparison.Ordinal), old),
            ahead => Assert.True(ahead.StartsWith("3: createdAt", StringComparison.Ordinal) && ahead.Contains("24 hours", StringComparison.Ordinal), ahead));
    }

    [Fact]
    public async Task Without_an_end_of_retention_an_event_may_be_of_any_age()
    {
        await using var app = await CairnApp.Start(settings => settings with { EventDays = 0 });
        await app.Send("""{"action":"a.b","createdAt":"1970-01-01T00:00:00Z"}""", """{"action":"a.b","createdAt":"1999-12-31T23:59:59.999Z"}""");
        Assert.Equal(["1999-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z"], (await app.Reader.Get("/api/v1/admin/audit-logs")).Items.Select(item => item.GetProperty("createdAt").GetString()));
    }

    [Fact]
    public async Task A_parameter_is_refused_because_the_call_takes_none()
    {
        await using var app = await CairnApp.Start();
        Assert.Contains("dry_run", (await app.Sender.Post(Path + "?dry_run=1", """{"action":"a.b"}""")).Expect(400).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2026-03-10T11:59:00.123456789Z", "2026-03-10T11:59:00.123Z"), InlineData("2026-03-10t11:59:00z", "2026-03-10T11:59:00.000Z")]
    public async Task Finer_times_and_small_letters_are_understood(string sent, string kept)
    {
        await using var app = await CairnApp.Start();
        (await app.Sender.Post("/api/v1/events", $$"""{"action":"workspace.started","createdAt":"{{sent}}","actorId":""}""")).Expect(200);
        var item = (await app.Reader.Get("/api/v1/admin/audit-logs?actorId=System")).Json.GetProperty("items")[0];
        Assert.Equal(kept, item.GetProperty("createdAt").GetString());
    }
}
