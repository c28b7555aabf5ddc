using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Events;
using Cairn.Support;

namespace Cairn.Export;

public sealed class ExportTests
{
    const string Events = "/api/v1/admin/audit-logs/export", Requests = "/admin/audit-logs/export";

    const string EventColumns = "createdAt,id,actorId,actorName,actorEmail,actorRole,action,actionLabel,resource,resourceId,resourceName,outcome,ip,userAgent,metadata";

    const string RequestColumns = "timestamp,request_id,model,backend_type,endpoint,duration_ms,status,prompt_tokens,completion_tokens,total_tokens,error_type,error_message";

    static List<string[]> Parse(string csv)
    {
        using var reader = CsvHelper.CsvReader.FromText(csv, new() { HasHeader = false });
        var rows = new List<string[]>();
        while (reader.Read()) rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetString)]);
        return rows;
    }

    [Fact]
    public async Task Nobody_and_a_key_without_the_scope_may_not_export_and_leave_no_event()
    {
        await using var app = await CairnApp.Start();
        (await app.Console().Get(Events)).Expect(401);
        (await app.Console(await app.Key(Scopes.EventsWrite)).Get(Events)).Expect(403);
        (await app.Gateway(await app.Key(Scopes.Inference)).Get(Requests)).Expect(403);
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
        (await app.Reader.Get(Events)).Expect(200);
    }

    [Fact]
    public async Task Files_have_their_names_types_and_headers_even_when_empty()
    {
        await using var app = await CairnApp.Start();
        foreach (var (answer, type, name, body) in new[]
        {
            (await app.Reader.Get(Events + "?action=none"), "text/csv; charset=utf-8", "audit-logs-2026-03-10.csv", EventColumns + "\r\n"),
            (await app.Reader.Get(Events + "?action=none&format=jsonl"), "application/jsonl", "audit-logs-2026-03-10.jsonl", ""),
            (await app.GatewayReader.Get(Requests), "application/jsonl", "audit-logs.jsonl", ""),
            (await app.GatewayReader.Get(Requests + "?format=csv"), "text/csv; charset=utf-8", "audit-logs.csv", RequestColumns + "\r\n"),
            (await app.Reader.Get("/api/system/audit-logs/export?format=csv"), "text/csv; charset=utf-8", "audit-logs.csv", RequestColumns + "\r\n"),
        })
        {
            answer.Expect(200);
            Assert.Equal((type, $"attachment; filename=\"{name}\"", "no-store", body), (answer.Header("Content-Type"), answer.Header("Content-Disposition"), answer.Header("Cache-Control"), answer.Text));
            Assert.Equal(0, answer.Total);
            Assert.Null(answer.Header("X-Truncated"));
        }
    }

    [Fact]
    public async Task What_a_spreadsheet_could_take_for_a_formula_is_defused_and_all_else_reads_back()
    {
        await using var app = await CairnApp.Start();
        (string Given, string Read)[] cells =
        [
            ("=1+1", "'=1+1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"), ("\tx", "'\tx"), ("\r=x", "'\r=x"), ("-", "'-"), ("+", "'+"), ("-Infinity", "'-Infinity"), ("+1 ", "'+1 "), ("-1\n=x", "'-1\n=x"),
            ("-1", "-1"), ("+49.5", "+49.5"), ("-1e5", "-1e5"),
            ("plain", "plain"), ("with, comma", "with, comma"), ("say \"hi\"", "say \"hi\""), ("two\r\nlines", "two\r\nlines"), ("=\"a\",b", "'=\"a\",b"), ("'quoted'", "'quoted'"), (" =1", " =1"), ("naïve 😀", "naïve 😀"), ("a=b", "a=b"), ("", ""), ("0,5", "0,5"),
        ];
        await app.Import(cells.Select((cell, i) => Some.Event(app.Clock.NowMs - i, resourceName: cell.Given)));
        var answer = (await app.Reader.Get(Events)).Expect(200);
        var rows = Parse(answer.Text);
        Assert.Equal(EventColumns.Split(','), rows[0]);
        Assert.All(rows, row => Assert.Equal(15, row.Length));
        Assert.Equal(cells.Select(cell => cell.Read), rows.Skip(1).Select(row => row[10]));
        Assert.EndsWith("\r\n", answer.Text, StringComparison.Ordinal);
        Assert.NotEqual(0xef, answer.Bytes[0]);
    }

    [Fact]
    public async Task A_csv_file_has_every_value_of_its_rows_in_the_lists_order()
    {
        await using var app = await CairnApp.Start();
        await app.Import(new EventRecord
        {
            Id = "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", TimeMs = app.Clock.NowMs, RecordedAtMs = app.Clock.NowMs, ActorId = "u1", ActorName = "Ada", ActorEmail = "ada@example.org", ActorRole = "admin", Action = "workspace.stopped", Resource = "Workspace",
            ResourceId = "w1", ResourceName = "lab", Outcome = "denied", Ip = "192.0.2.1", UserAgent = "curl/8", Metadata = """{"a":[1,"x,y"]}""",
        });
        Assert.Equal(
            EventColumns + "\r\n2026-03-10T12:00:00.000Z,0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b,u1,Ada,ada@example.org,admin,workspace.stopped,Stopped workspace,Workspace,w1,lab,denied,192.0.2.1,curl/8,\"{\"\"a\"\":[1,\"\"x,y\"\"]}\"\r\n",
            (await app.Reader.Get(Events)).Text);

        var request = Some.Request(app.Clock.NowMs, "-m", "error", 850, null);
        (request.ErrorType, request.ErrorMessage) = ("e", "a\nb");
        await app.Import(request);
        Assert.Equal($"{RequestColumns}\r\n2026-03-10T12:00:00.000Z,{request.RequestId},'-m,local,/v1/chat/completions,850,error,,,,e,\"a\nb\"\r\n", (await app.GatewayReader.Get(Requests + "?format=csv")).Text);
    }

    [Fact]
    public async Task A_jsonl_file_is_the_lists_items()
    {
        await using var app = await CairnApp.Start();
        await app.Import(RandomRecords.Hostile.Where(text => text.Length <= 512).Select((text, i) => Some.Event(app.Clock.NowMs - i % 7, resourceName: text)));
        await app.Import(Enumerable.Range(0, 90).Select(i => Some.Request(app.Clock.NowMs - i % 7)));
        foreach (var filter in new[] { "", "&outcome=success", "&search=work" })
        {
            var list = (await app.Reader.Get("/api/v1/admin/audit-logs?limit=100" + filter + "&to=2026-03-10T12:00:00Z&action=!audit.exported")).Items.Select(item => item.GetRawText());
            Assert.Equal(list, Lines((await app.Reader.Get(Events + "?format=jsonl" + filter + "&to=2026-03-10T12:00:00Z&action=!audit.exported")).Text));
        }
        Assert.Equal((await app.GatewayReader.Get("/admin/audit-logs?limit=1000")).Items.Select(item => item.GetRawText()), Lines((await app.GatewayReader.Get(Requests)).Text));

        static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public async Task An_export_of_events_stops_at_the_limit_and_says_so_and_one_of_requests_does_not()
    {
        await using var app = await CairnApp.Start(settings => settings with { ExportRows = 10 });
        await app.Import(Enumerable.Range(0, 11).Select(i => Some.Event(app.Clock.NowMs - i)));
        await app.Import(Enumerable.Range(0, 11).Select(i => Some.Request(app.Clock.NowMs - i)));
        var truncated = await app.Reader.Get(Events + "?action=workspace.started");
        Assert.Equal(("true", 11L, 11), (truncated.Header("X-Truncated"), truncated.Total, Parse(truncated.Text).Count));
        var whole = await app.Reader.Get(Events + "?action=workspace.started&from=2026-03-10T11:59:59.991Z");
        Assert.Equal((null, 10L, 11), (whole.Header("X-Truncated"), whole.Total, Parse(whole.Text).Count));
        var requests = await app.GatewayReader.Get(Requests + "?format=csv");
        Assert.Equal((null, 11L, 12), (requests.Header("X-Truncated"), requests.Total, Parse(requests.Text).Count));
    }

    [Fact]
    public async Task An_export_longer_than_a_piece_is_whole_and_in_order()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Enumerable.Range(0, 4_500).Select(i => Some.Event(app.Clock.NowMs - i / 3, resourceName: i.ToString())));
        var names = Parse((await app.Reader.Get(Events)).Text).Skip(1).Select(row => int.Parse(row[10])).ToList();
        Assert.Equal(Enumerable.Range(0, 4_500).OrderBy(i => i / 3).ThenByDescending(i => i), names);
    }

    [Fact]
    public async Task What_is_recorded_meanwhile_with_an_earlier_time_takes_no_place_in_the_file()
    {
        await using var app = await CairnApp.Start();
        // More than sockets hold between two who are slow.
        var details = $$"""{"text":"{{new string('x', 2_000)}}"}""";
        foreach (var some in Enumerable.Range(0, 9_500).Chunk(2_000)) await app.Import(some.Select(i =>
        {
            var record = Some.Event(app.Clock.NowMs - i, resourceName: $"{i}");
            record.Metadata = details;
            return record;
        }));
        using var request = app.Reader.Request(HttpMethod.Get, Events + "?format=jsonl");
        using var answer = await app.Reader.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
        await app.Import(Enumerable.Range(0, 20).Select(i => Some.Event(app.Clock.NowMs - 9_400, resourceName: $"{9_500 + i}")));

        var lines = (await answer.Content.ReadAsStringAsync(Client.Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("9500", answer.Headers.GetValues("X-Total-Count").Single());
        Assert.Equal(Enumerable.Range(0, 9_500), lines.Select(line => int.Parse(JsonDocument.Parse(line).RootElement.GetProperty("resourceName").GetString()!)));
    }

    [Fact]
    public async Task An_export_is_an_event_that_is_not_in_its_own_file()
    {
        await using var app = await CairnApp.Start();
        await app.Send("""{"action":"a.b"}""", """{"action":"a.c"}""");
        Assert.Equal(3, Parse((await app.Reader.Get(Events + "?from=2026-03-01&action=a.b&action=a.c")).Text).Count);
        var item = Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.exported")).Items);
        Assert.StartsWith("key:", item.GetProperty("actorId").GetString(), StringComparison.Ordinal);
        Assert.Equal("a key", item.GetProperty("actorName").GetString());
        Assert.Equal("127.0.0.1", item.GetProperty("ip").GetString());
        Assert.Equal("""{"log":"events","format":"csv","rows":2,"filter":{"action":"a.b, a.c","from":"2026-03-01"}}""", JsonSerializer.Serialize(item.GetProperty("metadata")));
        (await app.GatewayReader.Get(Requests + "?status=error")).Expect(200);
        Assert.Equal(4, Parse((await app.Reader.Get(Events + "?action=!none")).Text).Count - 1);
    }

    [Fact]
    public async Task A_client_that_leaves_midway_breaks_nothing()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Enumerable.Range(0, 6_000).Select(i => Some.Request(app.Clock.NowMs - i, model: new string('m', 200) + i % 10)));
        for (var i = 0; i < 5; i++)
        {
            using var request = app.GatewayReader.Request(HttpMethod.Get, Requests);
            using var answer = await app.GatewayReader.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
            await using var file = await answer.Content.ReadAsStreamAsync(Client.Cancel);
            Assert.True(await file.ReadAsync(new byte[1_000], Client.Cancel) > 0);
        }
        Assert.Equal(6_000, Encoding.UTF8.GetString((await app.GatewayReader.Get(Requests)).Bytes).Count(letter => letter == '\n'));
        await app.Send("""{"action":"a.b"}""");
    }

    [Theory]
    [InlineData("=1+1"), InlineData("'=quoted"), InlineData("''@twice"), InlineData("'plain"), InlineData("-5"), InlineData("'-5"), InlineData("+1 ")]
    public void A_cell_reads_back_as_it_was_written(string text) =>
        Assert.Equal(text, FormulaGuard.Without(FormulaGuard.IsFormula(text) ? "'" + text : text));
}
