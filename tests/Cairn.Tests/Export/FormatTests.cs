using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Support;

namespace Cairn.Export;

/// <summary>Records as other systems read them.</summary>
public sealed class FormatTests
{
    const string Events = "/api/v1/admin/audit-logs/export", Requests = "/api/system/audit-logs/export";

    static readonly string[] Others = [Ocsf.Name, Ecs.Name];

    static string Write<T>(Kind<T> kind, string format, T record) where T : class, IRecord, new()
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        using (var lines = new LineWriter<T>(kind, format, output)) lines.Write(record);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    static JsonElement Json<T>(Kind<T> kind, string format, T record) where T : class, IRecord, new() => JsonDocument.Parse(Write(kind, format, record)).RootElement;

    /// <summary>A record in which every field has a value that no other one has.</summary>
    static T Full<T>(Kind<T> kind, Action<T> change) where T : class, IRecord, new()
    {
        var (record, number) = (new T(), 40L);
        foreach (var field in kind.Stored)
        {
            number++;
            if (field.Type == FieldType.Json) field.SetText!(record, $$"""{"m":{{number}}}""");
            else if (field.Allowed is { } allowed) field.SetText!(record, allowed[^1]);
            else if (field.IsText) field.SetText!(record, field.Name == "ip" || field.Name == "client_ip" ? "192.0.2." + number : $"{field.Name}-{number}");
            else field.SetNumber!(record, field.Type switch { FieldType.Time => Some.Midnight + number, FieldType.Boolean => 1, _ => number });
        }
        record.Position = 7;
        change(record);
        return record;
    }

    static RequestRecord FullRequest() => Full(Some.RequestKind, _ => { });

    static EventRecord FullEvent(string action) => Full(LinkedKind, e => (e.Action, e.Resource) = (action, "Workspace"));

    /// <summary>With a catalog that links to resources, so that no field is absent.</summary>
    static readonly Kind<EventRecord> LinkedKind = EventFields.KindOf(new EventCatalog([], [new("Workspace", "Workspace", "/workspaces/{id}")]));

    static JsonElement? At(JsonElement json, string path)
    {
        foreach (var part in path.Split('.'))
        {
            if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty(part.Replace("[]", "", StringComparison.Ordinal), out json)) return null;
            if (part.EndsWith("[]", StringComparison.Ordinal)) json = Assert.Single(json.EnumerateArray());
        }
        return json;
    }

    [Fact]
    public void Every_field_stands_where_its_table_says()
    {
        foreach (var format in Others)
        {
            Holds(Some.RequestKind, format, FullRequest());
            foreach (var action in new[] { "workspace.stopped", "auth.login", "user.role_changed" }) Holds(LinkedKind, format, FullEvent(action));
        }

        void Holds<T>(Kind<T> kind, string format, T record) where T : class, IRecord, new()
        {
            var own = Json(kind, Formats.Jsonl, record);
            var other = Json(kind, format, record);
            var shape = kind.Formats[format].Of(record);
            Assert.All(kind.Fields, field => Assert.Contains(shape.Places, place => place.Field == field));
            Assert.Equal(shape.Places.Count, shape.Places.Select(place => place.Path).Distinct().Count());
            foreach (var place in shape.Places.Where(place => place.Field is not null && place.Path != "src_endpoint.name"))
            {
                var (value, expected) = (At(other, place.Path), own.GetProperty(place.Field!.Name).ToString());
                if (place.Field.Type == FieldType.Time && format == Ocsf.Name) expected = place.Field.Number!(record)!.Value.ToString();
                if (place.Path == "event.duration") expected += "000000";
                if (place.Path == "user.roles") expected = $"[\"{expected}\"]";
                Assert.True(value?.ToString() == expected, $"{shape.Name} {place.Path}: {value} instead of {expected}");
            }
        }
    }

    [Fact]
    public void What_a_record_lacks_is_left_out_and_so_is_an_object_that_would_be_empty()
    {
        var bare = new EventRecord { Id = Some.EventId, TimeMs = Some.Midnight, RecordedAtMs = Some.Midnight, Action = "a.b" };
        var ecs = Json(Some.EventKind, Ecs.Name, bare);
        Assert.Equal(["@timestamp", "message", "ecs", "event", "observer", "user", "cairn"], ecs.EnumerateObject().Select(one => one.Name));
        Assert.Equal("""{"name":"System"}""", ecs.GetProperty("user").GetRawText());
        Assert.Equal("""{"outcome":"success","resourceExists":true}""", ecs.GetProperty("cairn").GetRawText());
        var ocsf = Json(Some.EventKind, Ocsf.Name, bare);
        Assert.Equal("""{"user":{"name":"System","type_id":3,"type":"System"}}""", ocsf.GetProperty("actor").GetRawText());
        Assert.Equal("""{"name":"unknown"}""", ocsf.GetProperty("src_endpoint").GetRawText());
        Assert.False(ocsf.TryGetProperty("resources", out _));
        Assert.False(ocsf.TryGetProperty("http_request", out _));
    }

    [Theory]
    [InlineData("192.0.2.7", true), InlineData("2001:db8::1", true), InlineData("::ffff:192.0.2.7", true)]
    [InlineData("1", false), InlineData("0x7f.1", false), InlineData("192.0.2.7:80", false), InlineData("[::1]", false), InlineData("fe80::1%eth0", false), InlineData("db.example.com", false), InlineData("", false)]
    public void An_address_that_is_none_to_every_system_stands_as_a_name(string ip, bool isAddress)
    {
        var record = Some.Event();
        record.Ip = ip.Length == 0 ? null : ip;
        var (ocsf, ecs) = (Json(Some.EventKind, Ocsf.Name, record), Json(Some.EventKind, Ecs.Name, record));
        Assert.Equal(isAddress ? ip : null, At(ocsf, "src_endpoint.ip")?.GetString());
        Assert.Equal(isAddress ? null : ip.Length == 0 ? "unknown" : ip, At(ocsf, "src_endpoint.name")?.GetString());
        Assert.Equal(isAddress ? ip : null, At(ecs, "source.ip")?.GetString());
        Assert.Equal(record.Ip, At(ecs, "source.address")?.GetString());
    }

    /// <summary>Records of every shape, hostile texts among them, as a store would hold them.</summary>
    static (List<RequestRecord> Requests, List<EventRecord> Events) Many()
    {
        var random = new RandomRecords(11);
        var (requests, events) = (new List<RequestRecord> { FullRequest(), Some.Request(model: "") }, new List<EventRecord>());
        for (var i = 0; i < 300; i++)
        {
            requests.Add(random.Request(Some.Midnight + i));
            var next = random.Event(Some.Midnight + i);
            // No store holds an event without an action, or metadata that is no object.
            if (next.Action.Length == 0) next.Action = "a.b";
            next.Metadata = i % 2 == 0 ? null : """{"a":[1,"é\u2028"]}""";
            events.Add(next);
        }
        foreach (var (action, _) in EventCatalog.Known.Actions)
            foreach (var resource in new[] { "User", "Workspace", null })
                foreach (var actor in new[] { "u1", null })
                    events.Add(new() { Id = Some.EventId, TimeMs = Some.Midnight, RecordedAtMs = Some.Midnight, Action = action, Resource = resource, ResourceId = actor, ActorId = actor, Outcome = actor is null ? "denied" : "success" });
        return (requests, events);
    }

    [Fact]
    public void Every_record_is_a_valid_event_of_ocsf()
    {
        var (requests, events) = Many();
        foreach (var line in requests.Select(record => Write(Some.RequestKind, Ocsf.Name, record)).Concat(events.Select(record => Write(Some.EventKind, Ocsf.Name, record))))
        {
            var faults = OcsfSchema.Faults(JsonDocument.Parse(line).RootElement);
            Assert.True(faults.Count == 0, string.Join("; ", faults) + "\n" + line);
        }
        Assert.NotEmpty(OcsfSchema.Faults(JsonDocument.Parse(Write(Some.EventKind, Ocsf.Name, events[0]).Replace("\"metadata\":", "\"meta\":", StringComparison.Ordinal)).RootElement));
    }

    /// <summary>Held against the schema that Elastic publishes as a package.</summary>
    [Fact]
    public async Task Every_record_is_a_valid_document_of_ecs()
    {
        var (requests, events) = Many();
        var lines = requests.Select(record => Write(Some.RequestKind, Ecs.Name, record)).Concat(events.Select(record => Write(Some.EventKind, Ecs.Name, record))).ToList();
        Assert.Equal($"{lines.Count} documents of ECS {Ecs.Version}, 0 faults", (await NodeScript.Run("ecs.mjs", string.Concat(lines))).Trim());
        Assert.Contains("is not a field", await NodeScript.Run("ecs.mjs", lines[0].Replace("\"observer\"", "\"watcher\"", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_have_their_names_and_headers_and_their_event_says_the_format()
    {
        await using var app = await CairnApp.Start(settings => settings with { ExportRows = 10 });
        await app.Import(Enumerable.Range(0, 11).Select(i => Some.Event(app.Clock.NowMs - i)));
        await app.Import(Enumerable.Range(0, 3).Select(i => Some.Request(app.Clock.NowMs - i)));
        foreach (var format in Others)
        {
            var events = (await app.Reader.Get($"{Events}?action=workspace.started&format={format}")).Expect(200);
            Assert.Equal(("application/jsonl", $"attachment; filename=\"audit-logs-2026-03-10.{format}.jsonl\"", "no-store", "true", 11L),
                (events.Header("Content-Type"), events.Header("Content-Disposition"), events.Header("Cache-Control"), events.Header("X-Truncated"), events.Total));
            Assert.Equal(10, events.Text.Count(letter => letter == '\n'));
            Assert.All(events.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(line).RootElement.ValueKind));

            foreach (var (who, path) in new[] { (app.Reader, Requests), (app.GatewayReader, "/admin/audit-logs/export") })
            {
                var requests = (await who.Get($"{path}?format={format}")).Expect(200);
                Assert.Equal(("application/jsonl", $"attachment; filename=\"audit-logs.{format}.jsonl\"", "no-store", (string?)null, 3L),
                    (requests.Header("Content-Type"), requests.Header("Content-Disposition"), requests.Header("Cache-Control"), requests.Header("X-Truncated"), requests.Total));
                Assert.Equal(3, requests.Text.Count(letter => letter == '\n'));
            }
            var told = (await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.exported&limit=1")).Items[0];
            Assert.Equal($$$"""{"log":"requests","format":"{{{format}}}","rows":3,"filter":{}}""", JsonSerializer.Serialize(told.GetProperty("metadata")));
        }
        foreach (var path in new[] { Events, Requests })
            Assert.Contains("csv, jsonl, ocsf, ecs", (await app.Reader.Get(path + "?format=cef")).Expect(400).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_live_connection_sends_what_a_file_would_have()
    {
        await using var app = await CairnApp.Start();
        await app.Import(FullRequest());
        await app.Send("""{"action":"a.b","ip":"192.0.2.1","metadata":{"x":"y"}}""");
        foreach (var format in Others)
            foreach (var (live, file) in new[] { ("/api/v1/admin/ws/audit-logs?action=a.b&", Events + "?action=a.b&"), ("/api/system/ws/audit-logs?", Requests + "?") })
            {
                await using var client = await app.Follow($"{live}format={format}");
                var frame = Assert.Single(await client.Records(1));
                Assert.Equal((await app.Reader.Get($"{file}format={format}")).Text.TrimEnd(), frame.GetProperty("data").GetRawText());
                Assert.False(string.IsNullOrEmpty(frame.GetProperty("cursor").GetString()));
            }
        var refused = await app.Reader.Get("/api/system/ws/audit-logs?format=csv");
        Assert.Contains("jsonl, ocsf, ecs", refused.Expect(400).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_that_was_recorded_leaves_its_line_or_breaks_it()
    {
        await using var app = await CairnApp.Start();
        var hostile = RandomRecords.Hostile.Where(text => text.Length is > 0 and <= 512).ToArray();
        await app.Import(hostile.Select((text, i) => Some.Event(app.Clock.NowMs - i, resourceName: text)));
        foreach (var (format, path) in new[] { (Ocsf.Name, "resources[].name"), (Ecs.Name, "cairn.resourceName") })
        {
            var lines = (await app.Reader.Get($"{Events}?format={format}&action=workspace.started")).Expect(200).Text.Split('\n');
            Assert.Equal(hostile, lines.SkipLast(1).Select(line => At(JsonDocument.Parse(line).RootElement, path)!.Value.GetString()));
        }
    }

    // The docs.

    static readonly string Docs = Path.Combine(Repository.Root, "docs", "formats.md");

    static string Row(params string[] cells) => $"| {string.Join(" | ", cells)} |\n";

    static string Table(string[] head, IEnumerable<string[]> rows) => Row(head) + Row([.. head.Select(_ => "---")]) + string.Concat(rows.Select(cells => Row(cells)));

    static string FieldTable<T>(Kind<T> kind) where T : class, IRecord, new() => Table(["Field", "Type", "Column of CSV"], kind.Fields.Select(field => new[]
    {
        $"`{field.Name}`",
        field.Type switch { FieldType.Time => "time, ISO 8601", FieldType.Json => "object", FieldType.Integer => "integer", FieldType.Boolean => "true or false", _ => field.Allowed is { } allowed ? string.Join(", ", allowed.Select(one => $"`{one}`")) : "text" },
        Array.IndexOf(kind.Csv, field) is var column and >= 0 ? (column + 1).ToString() : "",
    }));

    static string PlaceTables<T>(Format<T> format, int level) where T : class, IRecord, new() => string.Join('\n', format.Shapes.Select(shape =>
        (format.Shapes.Length > 1 ? $"{new string('#', level)} {shape.Name}\n\n" : "") + Table(["Place", "What stands there"], shape.Places.Select(place => new[] { $"`{place.Path}`", place.Says }))));

    static string ActivityTable() => Table(["Action", "OCSF class", "OCSF activity", "ECS category", "ECS type"], EventCatalog.Known.Actions.Select(action =>
    {
        var record = new EventRecord { Id = Some.EventId, TimeMs = Some.Midnight, Action = action.Key };
        var (ocsf, ecs) = (Json(Some.EventKind, Ocsf.Name, record), Json(Some.EventKind, Ecs.Name, record).GetProperty("event"));
        return new[]
        {
            $"`{action.Key}`", $"{ocsf.GetProperty("class_name").GetString()}", $"{ocsf.GetProperty("activity_id")} {ocsf.GetProperty("activity_name").GetString()}",
            string.Join(", ", ecs.GetProperty("category").EnumerateArray()), string.Join(", ", ecs.GetProperty("type").EnumerateArray()),
        };
    }));

    static Dictionary<string, string> Tables() => new()
    {
        ["fields of an event"] = FieldTable(Some.EventKind),
        ["fields of a request"] = FieldTable(Some.RequestKind),
        ["OTLP"] = Table(["Field", "Attribute of the log record, the first that is there"], OtlpLogs.Fields.Select(field => new[] { $"`{field.Field}`", string.Join(", ", field.Attributes.Select(name => $"`{name}`")) })),
        ["CloudEvents data"] = Table(["Members of `data` that become the field of their name"], CloudEvents.DataFields.Select(field => new[] { $"`{field}`" })),
        ["activities"] = ActivityTable(),
        ["events as OCSF"] = PlaceTables(Some.EventKind.Formats[Ocsf.Name], 4),
        ["requests as OCSF"] = PlaceTables(Some.RequestKind.Formats[Ocsf.Name], 4),
        ["events as ECS"] = PlaceTables(Some.EventKind.Formats[Ecs.Name], 4),
        ["requests as ECS"] = PlaceTables(Some.RequestKind.Formats[Ecs.Name], 4),
    };

    /// <summary>As someone would type them, but for where this Cairn is.</summary>
    [Fact]
    public async Task The_commands_of_the_docs_work()
    {
        Needs.Command("curl");
        await using var app = await CairnApp.Start(clock: new(DateTimeOffset.UtcNow));
        var text = await File.ReadAllTextAsync(Docs, TestContext.Current.CancellationToken);
        var script = new StringBuilder($"set -euo pipefail\nKEY={app.Sender.Key}\nREADER={app.Reader.Key}\n");
        var calls = 0;
        foreach (Match block in Regex.Matches(text, "```sh\n(.*?)```", RegexOptions.Singleline))
            foreach (var line in block.Groups[1].Value.Split('\n'))
            {
                if (line.StartsWith("cairn ", StringComparison.Ordinal) || line.StartsWith("KEY=", StringComparison.Ordinal) || line.StartsWith("READER=", StringComparison.Ordinal)) continue;
                if (line.StartsWith("curl -s ", StringComparison.Ordinal)) calls++;
                script.Append(line.Replace("curl -s ", "curl -sS --fail-with-body ", StringComparison.Ordinal).Replace("http://localhost:10243", app.Host.GatewayUrl!.OriginalString.TrimEnd('/'), StringComparison.Ordinal)
                    .Replace("http://localhost:10242", app.Host.ConsoleUrl!.OriginalString.TrimEnd('/'), StringComparison.Ordinal)).Append('\n');
            }
        Assert.True(Needs.Run(out var output, "bash", "-c", script.ToString()) == 0, output);
        Assert.Equal(10, calls);
        Assert.Equal(["order.paid", "order.paid", "order.paid", "order.paid", "order.sent", "order.sent"], (await app.Reader.Get("/api/v1/admin/audit-logs?search=order")).Items.Select(item => item.GetProperty("action").GetString()!).Order(StringComparer.Ordinal));
    }

    /// <summary>With APPROVE=1 in the environment the tables are written to docs/formats.md, to be looked at and committed.</summary>
    [Fact]
    public async Task The_tables_of_the_docs_are_those_of_the_code()
    {
        var text = await File.ReadAllTextAsync(Docs, TestContext.Current.CancellationToken);
        foreach (var (name, table) in Tables())
        {
            var place = new Regex($"(?<=<!-- table: {Regex.Escape(name)} -->\n)(.*?)(?=<!-- end -->)", RegexOptions.Singleline);
            Assert.True(place.IsMatch(text), $"docs/formats.md has no place for the table '{name}'.");
            if (Environment.GetEnvironmentVariable("APPROVE") == "1") text = place.Replace(text, table.Replace("$", "$$", StringComparison.Ordinal));
            else Assert.True(place.Match(text).Value == table, $"The table '{name}' changed. Run APPROVE=1 ./test The_tables_of_the_docs, look at the difference of docs/formats.md, and commit it.");
        }
        if (Environment.GetEnvironmentVariable("APPROVE") == "1") await File.WriteAllTextAsync(Docs, text, TestContext.Current.CancellationToken);
        Assert.Contains($"OCSF {Ocsf.Version}", text, StringComparison.Ordinal);
        Assert.Contains($"ECS {Ecs.Version}", text, StringComparison.Ordinal);
    }
}
