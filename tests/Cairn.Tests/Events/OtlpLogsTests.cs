using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Events;

public sealed class OtlpLogsTests
{
    const string Path = "/api/v1/otlp/v1/logs";

    /// <summary>2026-03-10T11:00:00.123456789Z, as OTLP has it.</summary>
    const string Time = "1773140400123456789";

    static string Attribute(string key, string value) => $$"""{"key":"{{key}}","value":{{value}}}""";

    static string Text(string key, string value) => Attribute(key, $$"""{"stringValue":"{{value}}"}""");

    static string Log(string attributes = "", string more = "", string name = "order.paid", string time = Time) =>
        $$"""{"timeUnixNano":"{{time}}","eventName":"{{name}}","attributes":[{{attributes}}]{{more}}}""";

    static string Request(params string[] logs) => $$"""{"resourceLogs":[{"scopeLogs":[{"logRecords":[{{string.Join(',', logs)}}]}]}]}""";

    static async Task<JsonElement> Only(CairnApp app) => Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs")).Items);

    static (int Rejected, string Message) Partial(Answer answer)
    {
        Assert.Equal("application/json", answer.Expect(200).Header("Content-Type"));
        return answer.Json.TryGetProperty("partialSuccess", out var partial) ? (int.Parse(partial.GetProperty("rejectedLogRecords").GetString()!), partial.GetProperty("errorMessage").GetString()!) : (0, "");
    }

    [Fact]
    public async Task An_attribute_becomes_its_field_and_all_else_metadata()
    {
        await using var app = await CairnApp.Start();
        var attributes = string.Join(',',
            Text("user.id", "u-1"), Text("user.name", "Ada"), Text("user.email", "ada@example.com"), Attribute("user.roles", """{"arrayValue":{"values":[{"stringValue":"admin"},{"stringValue":"buyer"}]}}"""),
            Text("enduser.id", "not taken"), Text("client.address", "192.0.2.7"), Text("user_agent.original", "curl/8"), Text("gen_ai.conversation.id", "c-1"), Text("cairn.resource", "Order"), Attribute("cairn.resourceId", """{"intValue":"42"}"""),
            Text("cairn.resourceName", "the order"), Text("cairn.requestId", "r-1"), Text("event.outcome", "failure"), Attribute("n", """{"intValue":"9007199254740993"}"""), Attribute("i", """{"intValue":7}"""), Attribute("d", """{"doubleValue":0.5}"""),
            Attribute("nan", """{"doubleValue":"NaN"}"""), Attribute("b", """{"boolValue":true}"""), Attribute("raw", """{"bytesValue":"AAE="}"""), Attribute("none", "{}"),
            Attribute("map", """{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"intValue":1},{}]}}}]}}"""));
        var log = Log(attributes, ""","observedTimeUnixNano":1773140401000000000,"severityNumber":9,"severityText":"INFO","traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","flags":1,"unheardOf":{"a":1},"body":{"stringValue":"paid"}""");
        var sent = $$$"""{"resourceLogs":[{"resource":{"attributes":[{{{Text("service.name", "shop")}}}],"droppedAttributesCount":0},"scopeLogs":[{"scope":{"name":"checkout","version":"1","attributes":[{{{Text("s", "t")}}}]},"logRecords":[{{{log}}}]}],"schemaUrl":"x"}]}""";
        Assert.Equal("{}", (await app.Sender.Post(Path, Client.Gzip(Encoding.UTF8.GetBytes(sent)), "application/json", "gzip")).Expect(200).Text);
        var read = await Only(app);
        foreach (var (field, value) in new[]
        {
            ("action", "order.paid"), ("createdAt", "2026-03-10T11:00:00.123Z"), ("actorId", "u-1"), ("actorName", "Ada"), ("actorEmail", "ada@example.com"), ("actorRole", "admin, buyer"), ("resource", "Order"), ("resourceId", "42"), ("resourceName", "the order"),
            ("outcome", "failure"), ("ip", "192.0.2.7"), ("userAgent", "curl/8"), ("requestId", "r-1"), ("conversationId", "c-1"), ("traceId", "5b8efff798038103d269b633813fc60c"),
        })
            Assert.True(read.GetProperty(field).GetString() == value, $"{field}: {read.GetProperty(field)}");
        Assert.Equal(
            """{"resource":{"service.name":"shop"},"scope":{"name":"checkout","version":"1","s":"t"},"severityText":"INFO","severityNumber":9,"spanId":"eee19b7ec3c1b174","body":"paid","attributes":{"enduser.id":"not taken","n":9007199254740993,"i":7,"d":0.5,"nan":"NaN","b":true,"raw":"AAE=","none":null,"map":{"k":[1,null]}}}""",
            read.GetProperty("metadata").GetRawText());
    }

    [Fact]
    public async Task Every_row_of_the_table_of_attributes_holds()
    {
        await using var app = await CairnApp.Start();
        var second = 0;
        foreach (var (field, attributes) in OtlpLogs.Fields)
            foreach (var attribute in attributes)
            {
                var value = field switch { "id" => Some.EventId, "outcome" => "failure", _ => "v-" + second };
                Assert.Equal((0, ""), Partial(await app.Sender.Post(Path, Request(Log(Text(attribute, value), name: field == "action" ? "" : "order.paid", time: $"17731404{second++:00}123456789")))));
                Assert.Equal(value, (await app.Reader.Get("/api/v1/admin/audit-logs?limit=1")).Items[0].GetProperty(field).GetString());
                app.Clock.Move(TimeSpan.FromSeconds(1));
            }
    }

    [Fact]
    public async Task A_log_record_sent_again_is_stored_once_and_two_that_differ_are_two()
    {
        await using var app = await CairnApp.Start();
        var sent = Request(Log(Text("user.id", "u1")), Log(Text("user.id", "u1"), time: "1773140400123456788"), Log(Text("user.id", "u2")), Log(Text("log.record.uid", "01JNZX3Q5W") + "," + Text("user.id", "u1")), Log(Text("cairn.id", Some.EventId)));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal((0, ""), Partial(await app.Sender.Post(Path, sent)));
            Assert.Equal(5, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
            app.Clock.Move(TimeSpan.FromMinutes(1));
        }
        // Written otherwise, it is the same log record.
        Assert.Equal((0, ""), Partial(await app.Sender.Post(Path, Request(Log(Text("user.id", "\\u00751")).Replace("\"" + Time + "\"", " " + Time, StringComparison.Ordinal)))));
        Assert.Equal(5, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);

        // Its own id with other content is a conflict, which is told.
        var (rejected, message) = Partial(await app.Sender.Post(Path, Request(Log(Text("log.record.uid", "01JNZX3Q5W") + "," + Text("user.id", "u9")))));
        Assert.Equal(1, rejected);
        Assert.Contains("recorded before with other content", message, StringComparison.Ordinal);

        // Without a time nothing tells sending again from happening again, and nothing is lost.
        foreach (var _ in new int[2]) Assert.Equal((0, ""), Partial(await app.Sender.Post(Path, Request("""{"eventName":"a.b"}"""))));
        Assert.Equal(7, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task The_good_ones_are_kept_and_the_others_named_by_their_place()
    {
        await using var app = await CairnApp.Start();
        (string Log, string Names)[] bad =
        [
            ("""{"body":{"stringValue":"a line"}}""", "no eventName and no attribute event.name"), ("7", "is not a JSON object"), (Log("""{"key":7}"""), "attributes that cannot be read"), (Log(Text("a", "1") + "," + Text("a", "2")), "attributes that cannot be read"),
            (Log(Text("cairn.colour", "red")), "'cairn.colour'"), (Log(Text("cairn.outcome", "odd")), "outcome"), (Log(Text("cairn.id", "7")), "id is not a UUID"), (Log(Text("user.id", new('x', 300))), "actorId is longer than 256"),
            (Log(Text("user.id", "\\u0000")), "attribute user.id that is not valid Unicode, or holds NUL"), (Log(Text("a", "\\ud800")), "attribute a that is not valid Unicode"), (Log(Text("\\ud800", "a")), "attributes that cannot be read"), (Log(more: ""","body":{"stringValue":"\ud800"}"""), "body that is not valid Unicode"),
            (Log(Text("a", new('x', 17_000))), "metadata is longer than 16384"), (Log(time: "12x"), "time"), (Log(time: "-1"), "time"), (Log(time: "18446744073709551615"), "after 2199"), (Log(time: "631152000000000000"), "createdAt is older"),
            (Log(Attribute("a", string.Concat(Enumerable.Repeat("""{"arrayValue":{"values":[""", 36)) + "{}" + string.Concat(Enumerable.Repeat("]}}", 36)))), "nested deeper"), (Log(Attribute("a", "7")), "cannot be read"), (Log(name: new('n', 200)), "action is longer than 128"),
            (Log(more: ""","traceId":5"""), "traceId"), (Log(more: ""","traceId":"w47/95gdgqpsabyzgt/gda==" """), "traceId"), (Log(more: ""","spanId":"\ud800" """), "spanId"), (Log(more: ""","severityNumber":"SEVERITY_NUMBER_WARN" """), "severityNumber"), (Log(more: ""","severityText":9"""), "severityText"),
            (Log(Attribute("a", """{"intValue":"17x"}""")), "cannot be read"), (Log(Attribute("a", """{"intValue":1.5}""")), "cannot be read"), (Log(Attribute("a", """{"bytesValue":"!!"}""")), "cannot be read"), (Log(Attribute("a", """{"doubleValue":"abc"}""")), "cannot be read"),
            (Log(Attribute("a", """{"stringValue":"x","intValue":"1"}""")), "cannot be read"), (Log(Attribute("user.id", """{"intValue":"17x"}""")), "cannot be read"), (Log(Attribute("a", """{"arrayValue":{"values":[{"intValue":"x"}]}}""")), "cannot be read"),
        ];
        var (rejected, message) = Partial(await app.Sender.Post(Path, Request([Log(), .. bad.Take(2).Select(one => one.Log), Log(name: "order.sent")])));
        Assert.Equal(2, rejected);
        Assert.Equal("resourceLogs[0].scopeLogs[0].logRecords[1] has no eventName and no attribute event.name, so that it is no event; resourceLogs[0].scopeLogs[0].logRecords[2] is not a JSON object", message);
        foreach (var (log, names) in bad)
        {
            (rejected, message) = Partial(await app.Sender.Post(Path, Request(log)));
            Assert.True(rejected == 1 && message.Contains(names, StringComparison.Ordinal), $"{names}: {message}");
        }
        (rejected, message) = Partial(await app.Sender.Post(Path, Request([.. Enumerable.Repeat("7", 30)])));
        Assert.Equal(30, rejected);
        Assert.EndsWith("; and 20 more", message, StringComparison.Ordinal);
        Assert.Equal(2, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);

        // A resource is described once and copied for each: a large one is refused before that.
        var large = $$$"""{"resourceLogs":[{"resource":{"attributes":[{{{Text("a", new('x', 100_000))}}}]},"scopeLogs":[{"logRecords":[{{{string.Join(',', Enumerable.Repeat(Log(), 5_000))}}}]}]}]}""";
        Assert.Equal(5_000, Partial(await app.Sender.Post(Path, large)).Rejected);
    }

    [Fact]
    public async Task Lists_and_maps_are_as_deep_as_metadata_may_be_below_their_place()
    {
        await using var app = await CairnApp.Start();
        foreach (var (open, close) in new[] { ("""{"arrayValue":{"values":[""", "]}}"), ("""{"kvlistValue":{"values":[{"key":"a","value":""", "}]}}") })
        {
            string Value(int deep) => string.Concat(Enumerable.Repeat(open, deep)) + """{"stringValue":"x"}""" + string.Concat(Enumerable.Repeat(close, deep));
            Assert.Equal((0, ""), Partial(await app.Sender.Post(Path, Request(Log(Attribute("a", Value(30)))))));
            Assert.Equal((0, ""), Partial(await app.Sender.Post(Path, Request(Log(more: $$""","body":{{Value(31)}}""")))));
            foreach (var log in new[] { Log(Attribute("a", Value(31))), Log(more: $$""","body":{{Value(32)}}""") })
            {
                // The good one beside it is kept.
                var (rejected, message) = Partial(await app.Sender.Post(Path, Request(Log(), log)));
                Assert.Equal(1, rejected);
                Assert.Contains("nested deeper than 32", message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Nothing_to_take_is_a_success_and_what_is_no_request_of_OTLP_is_a_Status()
    {
        await using var app = await CairnApp.Start();
        foreach (var empty in new[] { "{}", """{"resourceLogs":[]}""", """{"resourceLogs":null}""", """{"resourceLogs":[{}]}""", """{"resourceLogs":[{"scopeLogs":[{"scope":{},"logRecords":[]}]}]}""" })
            Assert.Equal("{}", (await app.Sender.Post(Path, empty)).Expect(200).Text);

        foreach (var (status, code, names, answer) in new[]
        {
            (400, 3, "valid JSON", await app.Sender.Post(Path, "{")), (400, 3, "JSON object", await app.Sender.Post(Path, "[]")), (400, 3, "resourceLogs is not a list", await app.Sender.Post(Path, """{"resourceLogs":7}""")),
            (400, 3, "resourceLogs[0].scopeLogs[0].logRecords", await app.Sender.Post(Path, """{"resourceLogs":[{"scopeLogs":[{"logRecords":{}}]}]}""")), (400, 3, "colour", await app.Sender.Post(Path + "?colour=red", "{}")),
            (415, 3, "http/json", await app.Sender.Post(Path, [1, 2], "application/x-protobuf")), (415, 3, "gzip", await app.Sender.Post(Path, [1, 2], "application/json", "br")), (400, 3, "gzip", await app.Sender.Post(Path, [1, 2], "application/json", "gzip")),
            (400, 3, "given twice", await app.Sender.Post(Path, """{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"a.b"}]}]}],"resourceLogs":[]}""")), (400, 3, "given twice", await app.Sender.Post(Path, Request(Log(more: ""","eventName":"a.c" """)))),
            (413, 8, "8 MiB", await app.Sender.Post(Path, new byte[EventIngest.MostBytes + 1])), (413, 8, "8 MiB", await app.Sender.Post(Path, Client.Gzip(new byte[EventIngest.MostBytes + 1]), "application/json", "gzip")),
            (413, 8, "10000", await app.Sender.Post(Path, Request([.. Enumerable.Repeat("{}", EventIngest.MostEvents + 1)]))), (401, 16, "key", await app.Gateway().Post(Path, "{}")), (403, 7, "events:write", await app.Gateway(await app.Key(Scopes.AuditRead)).Post(Path, "{}")),
        })
        {
            Assert.Equal("application/json", answer.Expect(status).Header("Content-Type"));
            Assert.Equal(code, answer.Json.GetProperty("code").GetInt32());
            Assert.True(answer.Json.GetProperty("message").GetString()!.Contains(names, StringComparison.Ordinal), answer.Text);
        }
        // Nesting alone is no way to bring anything down.
        var deep = string.Concat(Enumerable.Repeat("[", 2_000_000)) + string.Concat(Enumerable.Repeat("]", 2_000_000));
        Assert.Contains("deeper than 144", (await app.Sender.Post(Path, Request(Log(Attribute("a", deep))))).Expect(400).Text, StringComparison.Ordinal);
        (await app.Sender.Post(Path, $$"""{"resourceLogs":[{"unheardOf":{{deep}}}]}""")).Expect(400);
        foreach (var brackets in new[] { deep, deep[1_990_000..2_010_000] })
            Assert.Contains(brackets == deep ? "larger" : "nested deeper", (await app.Sender.Post("/api/v1/events", $$"""{"specversion":"1.0","id":"1","source":"/","type":"a","data":{{brackets}}}""", CloudEvents.Structured)).Expect(400).Detail, StringComparison.Ordinal);
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task What_log_records_come_to_with_their_resource_has_a_limit_whatever_was_sent()
    {
        await using var app = await CairnApp.Start();
        string Sent(int logs) => $$$"""{"resourceLogs":[{"resource":{"attributes":[{{{Text("service.name", new('x', 16_000))}}}]},"scopeLogs":[{"logRecords":[{{{string.Join(',', Enumerable.Range(0, logs).Select(_ => Log(Text("cairn.id", Some.EventId))))}}}]}]}]}""";
        var body = Sent(520);
        Assert.InRange(body.Length, 1, 200_000);
        var refused = (await app.Sender.Post(Path, body)).Expect(413);
        Assert.Equal((8, true), (refused.Json.GetProperty("code").GetInt32(), refused.Json.GetProperty("message").GetString()!.Contains("resource", StringComparison.Ordinal)));
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
        Assert.Equal((0, ""), Partial(await app.Sender.Post(Path, Sent(500))));
        Assert.Equal(500, (await app.Reader.Get("/api/v1/admin/audit-logs?limit=1")).Total);
    }

    [Fact]
    public async Task While_the_log_cannot_be_written_an_exporter_is_told_to_come_back()
    {
        FaultyStore? store = null;
        await using var app = await CairnApp.Start(around: inner => store = new(inner));
        store!.FailBefore = _ => new LogUnavailableException("the disk is full");
        var answer = (await app.Sender.Post(Path, Request(Log()))).Expect(503);
        Assert.Equal(14, answer.Json.GetProperty("code").GetInt32());
        Assert.NotNull(answer.Header("Retry-After"));
        store.FailBefore = _ => null;
        store.FailAfter = _ => new LogUnavailableException("the answer of the commit is lost");
        (await app.Sender.Post(Path, Request(Log()))).Expect(503);
        store.FailAfter = _ => null;
        await Until.True(async () => (await app.Sender.Post(Path, Request(Log()))).Status == 200);
        Assert.Equal(1, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    /// <summary>The exporter of OpenTelemetry and the SDK of CloudEvents, unchanged, with an answer lost on the way.</summary>
    [Fact]
    public async Task The_clients_of_others_send_events_and_send_again_what_is_stored_already()
    {
        await using var app = await CairnApp.Start(clock: new(DateTimeOffset.UtcNow));
        var seen = JsonDocument.Parse(await NodeScript.Run("events.mjs", "", app.Host.GatewayUrl!.OriginalString.TrimEnd('/'), app.Sender.Key!)).RootElement;
        Assert.Equal(1, seen.GetProperty("lost").GetInt32());
        Assert.Equal(2, seen.GetProperty("answers").GetArrayLength());
        foreach (var answer in seen.GetProperty("answers").EnumerateArray())
        {
            Assert.Equal((Path, 200), (answer.GetProperty("path").GetString(), answer.GetProperty("status").GetInt32()));
            Assert.Contains("\"rejectedLogRecords\":\"1\"", answer.GetProperty("body").GetString(), StringComparison.Ordinal);
        }
        Assert.Equal(["1/0", "1/0", "2/0", "0/1", "0/1", "0/2"], seen.GetProperty("cloudEvents").EnumerateArray().Select(one => $"{one.GetProperty("accepted")}/{one.GetProperty("duplicates")}"));
        Assert.Equal(200, seen.GetProperty("emitted").GetInt32());

        var events = (await app.Reader.Get("/api/v1/admin/audit-logs?limit=100")).Items;
        Assert.Equal(["order.cancelled", "order.cancelled", "order.noted", "order.paid", "order.shipped", "order.shipped"], events.Select(one => one.GetProperty("action").GetString()!).Order(StringComparer.Ordinal));
        var cancelled = Assert.Single(events, one => one.GetProperty("action").GetString() == "order.cancelled" && one.GetProperty("resourceId").ValueKind == JsonValueKind.String);
        Assert.Equal(("u-17", "Ada", "admin, buyer", "192.0.2.7", "Order", "denied"), (
            cancelled.GetProperty("actorId").GetString(), cancelled.GetProperty("actorName").GetString(), cancelled.GetProperty("actorRole").GetString(), cancelled.GetProperty("ip").GetString(),
            cancelled.GetProperty("resource").GetString(), cancelled.GetProperty("outcome").GetString()));
        var metadata = cancelled.GetProperty("metadata");
        Assert.Equal("shop", metadata.GetProperty("resource").GetProperty("service.name").GetString());
        Assert.Equal("""{"reason":{"code":7,"tags":["late","broken"],"exact":0.5,"gift":false}}""", metadata.GetProperty("attributes").GetRawText());
        var noted = Assert.Single(events, one => one.GetProperty("action").GetString() == "order.noted");
        Assert.Equal(("Note", "7% late", "it is late"), (noted.GetProperty("resource").GetString(), noted.GetProperty("resourceId").GetString(), noted.GetProperty("metadata").GetProperty("data").GetString()));
    }
}
