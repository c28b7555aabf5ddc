using System.Text.Json;
using Cairn.Support;

namespace Cairn.Commands;

public sealed class TailTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    Task<Ended> Import(params string[] lines) => CairnProcess.RunWithInput(string.Join('\n', lines), "import", "events", "-", "--data", Data);

    static string Event(string name, string outcome = "success") => $$"""{"id":"{{Some.EventId}}","action":"project.created","resource":"Project","resourceName":"{{name}}","outcome":"{{outcome}}"}""";

    static Predicate<string> Named(string name) => line => line.Contains($"\"resourceName\":\"{name}\"", StringComparison.Ordinal);

    [Fact]
    public async Task It_shows_what_is_there_then_what_comes_and_goes_on_where_it_ended()
    {
        await using var server = await CairnProcess.Serve(Data);
        await Import(Event("first"), Event("other", "failure"));
        Ended ended;
        await using (var tail = CairnProcess.Start("tail", "events", "--outcome", "success", "--resource", "Project", "--data", Data))
        {
            await tail.Line(Named("first"));
            await Import(Event("second"), Event("another", "denied"));
            await tail.Line(Named("second"));
            ended = await tail.StopAndEnd();
        }
        Assert.Equal(0, ended.Code);
        Assert.Equal(["first", "second"], ended.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("resourceName").GetString()));
        var cursor = ended.ErrorLines[^1].Split(' ')[^1];

        await Import(Event("third"));
        await using var next = CairnProcess.Start("tail", "events", "--resource", "Project", "--json", "--after", cursor, "--data", Data);
        await next.Line(Named("third"));
        Assert.Equal(["another", "third"], (await next.StopAndEnd()).Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("resourceName").GetString()));
    }

    [Fact]
    public async Task When_the_server_goes_away_it_comes_back_to_the_next_one()
    {
        await Import(Event("first"));
        await using (var server = await CairnProcess.Serve(Data))
        {
            await using var tail = CairnProcess.Start("tail", "events", "--resource", "Project", "--data", Data);
            await tail.Line(Named("first"));
            Assert.Equal(0, (await server.StopAndEnd()).Code);
            await tail.ErrorLine(line => line.Contains("went away", StringComparison.Ordinal));

            await using var later = await CairnProcess.Serve(Data);
            await Import(Event("second"));
            await tail.Line(Named("second"));
            var ended = await tail.StopAndEnd();
            Assert.Equal((0, 2), (ended.Code, ended.Lines.Length));
        }
    }

    [Fact]
    public async Task Without_a_server_it_shows_the_log_on_a_terminal_in_lines_that_text_cannot_rearrange()
    {
        await Import(Event("evil\\u001b[2J‮\\r\\nline"));
        await using var tail = CairnProcess.StartOnTerminal("tail", "events", "--data", Data);
        var line = await tail.Line(line => line.Contains("Created project", StringComparison.Ordinal));
        Assert.Contains("System", line, StringComparison.Ordinal);
        Assert.EndsWith("Project evil\\u001b[2J\\u202e\\u000d\\u000aline", line.TrimEnd('\r'), StringComparison.Ordinal);
        Assert.Equal(0, (await tail.StopAndEnd()).Code);
    }

    [Fact]
    public async Task A_cursor_or_filter_that_is_not_understood_is_refused()
    {
        await CairnProcess.Run("keys", "create", "--name", "first", "--scope", "audit:read", "--data", Data);
        foreach (var arguments in new[] { new[] { "--after", "nonsense" }, ["--status", "odd"] })
        {
            var ended = await CairnProcess.Run(["tail", "requests", .. arguments, "--data", Data]);
            Assert.Equal(2, ended.Code);
            Assert.Contains($"cairn: {arguments[0]} is ", ended.ErrorLines[^1], StringComparison.Ordinal);
        }
    }

    public void Dispose() => directory.Dispose();
}
