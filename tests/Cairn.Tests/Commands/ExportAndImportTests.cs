using System.Text.Json;
using System.Text.RegularExpressions;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Commands;

public sealed class ExportAndImportTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    string FileOf(string name, params string[] lines)
    {
        var path = Path.Combine(directory.Path, name);
        File.WriteAllText(path, string.Concat(lines.Select(line => line + "\n")));
        return path;
    }

    /// <summary>Hours that are over and kept.</summary>
    static string At(int hour) => Iso.Text(DateTimeOffset.UtcNow.AddDays(-2).ToUnixTimeMilliseconds() / Some.Day * Some.Day + hour * Some.Hour);

    static string Event(int hour, string more = "") => $$"""{"id":"{{Some.EventId}}","createdAt":"{{At(hour)}}","action":"workspace.stopped"{{more}}}""";

    static string Request(int hour, string more = "") => $$"""{"request_id":"{{Some.RequestId}}","timestamp":"{{At(hour)}}","status":"success"{{more}}}""";

    static string[] Events() =>
    [
        Event(1, ""","actorId":"u1","actorName":"=SUM(A1)","actorEmail":"-5","actorRole":"'quoted","resource":"Workspace","resourceId":"w1","resourceName":"a, \"b\"\r\nc" """),
        Event(2, ""","resourceName":"@at","ip":"192.0.2.1","userAgent":"+1 (x)","outcome":"denied","metadata":{"n":1.50,"deep":{"list":[true,null,"x\ny"]},"text":"\"q\", 'r'"} """),
        Event(3, ""","actorName":"\tTab","resourceName":"‮tricky\u001b[31m ü 🪨" """),
    ];

    static string[] Requests() =>
    [
        Request(1, ""","model":"gpt-5","backend_type":"openai","endpoint":"/v1/chat/completions","duration_ms":812,"prompt_tokens":120,"completion_tokens":48,"total_tokens":168 """),
        Request(2, ""","model":"=cmd|'x'","error_type":"client_cancelled","error_message":"a \"b\", c","stream":true,"user":"u1","cached_tokens":0 """),
        Request(3),
    ];

    /// <summary>An exported line without what tells where and when it was recorded.</summary>
    static string Bare(string line) => Regex.Replace(Regex.Replace(line, "^\\{\"id\":\\d+,", "{"), "\"recordedAt\":\"[^\"]*\",", "");

    [Theory]
    [InlineData("events")]
    [InlineData("requests")]
    public async Task What_was_exported_imports_to_the_same_records(string log)
    {
        var source = FileOf("source.jsonl", log == "events" ? Events() : Requests());
        var first = await CairnProcess.Run("import", log, source, "--data", Data);
        Assert.Equal((0, "imported 3, already there 0, rejected 0\n", ""), (first.Code, first.Output, first.Errors));

        // What the commands themselves record is left out by its actor.
        string[] filter = log == "events" ? ["--actor-id", "!local"] : [];
        foreach (var format in new[] { "jsonl", "csv" })
        {
            var (before, after, copy) = (Path.Combine(directory.Path, "before." + format), Path.Combine(directory.Path, "after." + format), Path.Combine(directory.Path, "copy-" + format));
            Assert.Equal(0, (await CairnProcess.Run(["export", log, "--output", before, "--data", Data, .. filter])).Code);
            Assert.Equal("imported 3, already there 0, rejected 0\n", (await CairnProcess.Run("import", log, before, "--data", copy)).Output);
            Assert.Equal(0, (await CairnProcess.Run(["export", log, "--output", after, "--data", copy, .. filter])).Code);

            if (format == "csv") Assert.Equal(await File.ReadAllBytesAsync(before, TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(after, TestContext.Current.CancellationToken));
            else Assert.Equal(File.ReadLines(before).Select(Bare), File.ReadLines(after).Select(Bare));
        }
    }

    [Fact]
    public async Task Bad_lines_are_named_by_their_number_and_good_ones_are_kept_once()
    {
        var file = FileOf("events.jsonl", Event(1), "", "nonsense", Event(2), """{"action":""}""", Event(3, ""","colour":"red" """), Event(4, ""","resourceName":"\ud800" """), new string('x', 300_000), Event(5));
        var first = await CairnProcess.Run("import", "events", file, "--data", Data);
        Assert.Equal(1, first.Code);
        Assert.Equal("imported 3, already there 0, rejected 5\n", first.Output);
        Assert.Equal(["line 3:", "line 5:", "line 6:", "line 7:", "line 8:"], first.ErrorLines.Select(line => line[..7]));
        Assert.Contains("'colour'", first.Errors, StringComparison.Ordinal);

        Assert.Equal("imported 0, already there 3, rejected 5\n", (await CairnProcess.Run("import", "events", file, "--data", Data)).Output);
    }

    [Fact]
    public async Task A_row_of_csv_is_named_by_the_line_it_begins_on()
    {
        var file = FileOf("requests.csv",
            "status,request_id,timestamp,duration_ms,model",
            $"success,{Some.RequestId},{At(1)},5,\"two\nlines\"",
            $"odd,{Some.RequestId},{At(2)},5,m",
            $"success,{Some.RequestId},{At(3)},soon,m",
            $"success,{Some.RequestId},{At(4)},5",
            $"success,{Some.RequestId},{At(5)},5,\"never ends");
        var import = await CairnProcess.Run("import", "requests", file, "--data", Data);
        Assert.Equal((1, "imported 1, already there 0, rejected 4\n"), (import.Code, import.Output));
        Assert.Equal(
            ["line 4: status is 'odd'; it takes success, error, timeout", "line 5: duration_ms is not a whole number", "line 6: has 4 cells where the header has 5", "line 7: has a quoted cell that does not end"],
            import.ErrorLines);

        var stranger = await CairnProcess.Run("import", "requests", FileOf("x.csv", "request_id,colour", "a,b"), "--data", Data);
        Assert.Equal(1, stranger.Code);
        Assert.Contains("'colour'", Assert.Single(stranger.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Through_a_running_server_many_lines_come_from_standard_input_and_leave_filtered()
    {
        await using var server = await CairnProcess.Serve(Data, "--store", "sqlite");
        var lines = Enumerable.Range(0, 2_500).Select(i => Request(i % 24, $$""","model":"m{{i % 2}}","endpoint":"/v1/{{i % 5}}" """)).ToArray();
        var import = await CairnProcess.RunWithInput(string.Join("\r\n", lines), "import", "requests", "-", "--data", Data);
        Assert.Equal((0, "imported 2500, already there 0, rejected 0\n"), (import.Code, import.Output));

        var export = await CairnProcess.Run("export", "requests", "--model", "m1", "--endpoint", "/v1/0", "--endpoint", "/v1/1", "--start-time", At(0)[..10], "--end-time", At(0)[..10], "--tz", "UTC", "--data", Data);
        Assert.Equal((0, ""), (export.Code, export.Errors));
        Assert.Equal(500, export.Lines.Length);
        Assert.All(export.Lines, line => Assert.Equal("m1", JsonDocument.Parse(line).RootElement.GetProperty("model").GetString()));
    }

    [Fact]
    public async Task The_formats_of_other_systems_are_those_of_http()
    {
        await CairnProcess.Run("import", "events", FileOf("events.jsonl", Events()), "--data", Data);
        await CairnProcess.Run("import", "requests", FileOf("requests.jsonl", Requests()), "--data", Data);
        foreach (var (log, format, id) in new[] { ("events", "ocsf", "metadata"), ("requests", "ocsf", "metadata"), ("events", "ecs", "ecs"), ("requests", "ecs", "ecs") })
        {
            string[] filter = log == "events" ? ["--actor-id", "!local"] : [];
            var file = Path.Combine(directory.Path, $"{log}.{format}.jsonl");
            Assert.Equal((0, ""), (await CairnProcess.Run(["export", log, "--format", format, "-o", file, "--data", Data, .. filter])) is var ended ? (ended.Code, ended.Errors) : default);
            var lines = File.ReadAllLines(file);
            Assert.Equal(3, lines.Length);
            Assert.All(lines, line => Assert.True(JsonDocument.Parse(line).RootElement.GetProperty(id).TryGetProperty("version", out _)));

            await using var tail = CairnProcess.Start(["tail", log, "--format", format, "--data", Data, .. filter]);
            foreach (var line in lines.Reverse()) await tail.Line(one => JsonElement.DeepEquals(JsonDocument.Parse(one).RootElement, JsonDocument.Parse(line).RootElement));
            Assert.Equal(0, (await tail.StopAndEnd()).Code);
        }
        var refused = await CairnProcess.Run("export", "conversations", "--format", "ocsf", "--data", Data);
        Assert.NotEqual(0, refused.Code);
    }

    [Fact]
    public async Task An_export_that_stops_at_the_limit_says_so_beside_the_data()
    {
        await CairnProcess.Run("import", "events", FileOf("events.jsonl", Events()), "--data", Data);
        var export = await CairnProcess.RunWithSetting("Cairn__Export__MaxRows", "2", "export", "events", "--data", Data);
        Assert.Equal(0, export.Code);
        Assert.StartsWith("createdAt,id,", export.Output, StringComparison.Ordinal);
        Assert.Contains("stopped at 2 of 3 events", Assert.Single(export.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_without_a_log_is_told_from_an_empty_log_and_not_made()
    {
        foreach (var command in new[] { new[] { "export", "events" }, ["tail", "requests"], ["keys", "list"], ["prune"] })
        {
            var ended = await CairnProcess.Run([.. command, "--data", Data]);
            Assert.Equal(1, ended.Code);
            Assert.Contains("There is no log in", Assert.Single(ended.ErrorLines), StringComparison.Ordinal);
            Assert.False(Directory.Exists(Data));
        }
    }

    [Fact]
    public async Task A_filter_that_is_not_understood_leaves_the_file_as_it_was()
    {
        await CairnProcess.Run("import", "events", FileOf("events.jsonl", Events()), "--data", Data);
        var file = FileOf("old.csv", "kept");
        foreach (var (option, value) in new[] { ("--outcome", "odd"), ("--from", "2026-02-30"), ("--tz", "Nowhere") })
        {
            var export = await CairnProcess.Run("export", "events", option, value, "--output", file, "--data", Data);
            Assert.Equal(2, export.Code);
            Assert.StartsWith($"cairn: {option} is '{value}'", Assert.Single(export.ErrorLines), StringComparison.Ordinal);
        }
        Assert.Equal("kept\n", await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task On_a_terminal_a_bar_is_beside_the_data_and_hostile_text_is_harmless()
    {
        var file = FileOf("events.jsonl", Events());
        var import = await CairnProcess.RunOnTerminal("", "import", "events", file, "--data", Data);
        Assert.Contains("imported 3", import.Output, StringComparison.Ordinal);
        Assert.Contains("Importing events", import.Output, StringComparison.Ordinal);

        var target = Path.Combine(directory.Path, "out.jsonl");
        var redirected = await CairnProcess.RunOnTerminal($"> '{target}'", "export", "events", "--format", "jsonl", "--data", Data);
        Assert.Contains("Exporting events", redirected.Output, StringComparison.Ordinal);
        Assert.All(File.ReadLines(target), line => JsonDocument.Parse(line));

        var shown = await CairnProcess.RunOnTerminal("", "export", "events", "--search", "tricky", "--data", Data);
        Assert.Contains("\\u202etricky\\u001b[31m ü 🪨", shown.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('‮', shown.Output);
        Assert.DoesNotContain("Exporting", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_one_line()
    {
        var missing = await CairnProcess.Run("import", "events", Path.Combine(directory.Path, "none.jsonl"), "--data", Data);
        Assert.Equal((1, 1), (missing.Code, missing.ErrorLines.Length));
        var unknown = await CairnProcess.Run("import", "events", FileOf("events.txt"), "--data", Data);
        Assert.Equal((2, 1), (unknown.Code, unknown.ErrorLines.Length));
        Assert.Contains("--format", unknown.Errors, StringComparison.Ordinal);
    }

    public void Dispose() => directory.Dispose();
}
