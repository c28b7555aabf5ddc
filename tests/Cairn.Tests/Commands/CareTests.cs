using Cairn.Records;
using Cairn.Support;

namespace Cairn.Commands;

/// <summary>Keys, retention and the doctor.</summary>
public sealed class CareTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    Task<Ended> ImportOld(int count) => CairnProcess.RunWithInput(
        string.Join('\n', Enumerable.Range(0, count).Select(i => $$"""{"request_id":"{{Some.RequestId}}","timestamp":"{{Iso.Text(Some.Midnight + i)}}","status":"success"}""")),
        "import", "requests", "-", "--data", Data);

    [Fact]
    public async Task Keys_are_made_listed_and_revoked()
    {
        var made = await CairnProcess.Run("keys", "create", "--name", "first", "--scope", "events:write,audit:read", "--expires", "90d", "--data", Data);
        Assert.Equal(0, made.Code);
        Assert.Matches("^crn_[0-9A-Za-z]{36}$", made.Lines[^1]);

        var listed = await CairnProcess.Run("keys", "list", "--data", Data);
        var cells = Assert.Single(listed.Lines).Split('\t');
        Assert.Equal(("first", "events:write,audit:read", "active", 7), (cells[1], cells[2], cells[6], cells.Length));

        await using var server = await CairnProcess.Serve(Data);
        Assert.Equal(0, (await CairnProcess.Run("keys", "revoke", cells[0], "--data", Data)).Code);
        Assert.EndsWith("\trevoked", (await CairnProcess.Run("keys", "list", "--data", Data)).Lines.Single(line => line.StartsWith(cells[0], StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal(1, (await CairnProcess.Run("keys", "revoke", "unknown", "--data", Data)).Code);
    }

    [Theory]
    [InlineData("--scope", "audit:everything")]
    [InlineData("--expires", "soon")]
    [InlineData("--expires", "99999y")]
    public async Task A_key_that_is_not_understood_is_refused(string option, string value)
    {
        string[] scope = option == "--scope" ? [] : ["--scope", "audit:read"];
        var ended = await CairnProcess.Run(["keys", "create", "--name", "first", option, value, .. scope, "--data", Data]);
        Assert.Equal((2, 1), (ended.Code, ended.ErrorLines.Length));
    }

    [Fact]
    public async Task Retention_says_what_would_go_and_removes_it()
    {
        await ImportOld(3);
        Assert.Equal((0, "Would remove 3 requests and 0 events.\n"), await Prune("--dry-run"));
        Assert.Equal((0, "Would remove 3 requests and 0 events.\n"), await Prune("--dry-run"));
        Assert.Equal((0, "Removed 3 requests and 0 events.\n"), await Prune());
        Assert.Equal((0, "Removed 0 requests and 0 events.\n"), await Prune());
    }

    [Fact]
    public async Task Retention_that_would_remove_most_waits_to_be_confirmed()
    {
        await ImportOld(1_200);
        var dry = await CairnProcess.Run("prune", "--dry-run", "--data", Data);
        Assert.Equal((0, "Would remove 1200 requests and 0 events.\n"), (dry.Code, dry.Output));
        Assert.Contains("wait", Assert.Single(dry.ErrorLines), StringComparison.Ordinal);

        var held = await CairnProcess.Run("prune", "--data", Data);
        Assert.Equal((1, ""), (held.Code, held.Output));
        Assert.Contains("cairn prune --confirm", Assert.Single(held.ErrorLines), StringComparison.Ordinal);

        await using var server = await CairnProcess.Serve(Data);
        Assert.Equal((0, "Removed 1200 requests and 0 events.\n"), await Prune("--confirm"));
    }

    async Task<(int, string)> Prune(params string[] arguments)
    {
        var ended = await CairnProcess.Run(["prune", .. arguments, "--data", Data]);
        return (ended.Code, ended.Output);
    }

    [Fact]
    public async Task The_doctor_finds_nothing_wrong_with_or_without_a_server()
    {
        string[] free = ["--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0"];
        var before = await CairnProcess.Run(["doctor", "--data", Data, .. free]);
        Assert.Equal(0, before.Code);
        Assert.False(Directory.Exists(Data));

        await using var backend = await ScriptedBackend.Start();
        await Configure(backend.Url);
        await using (var server = await CairnProcess.Serve(Data))
        {
            var running = await CairnProcess.Run("doctor", "--data", Data);
            Assert.Equal(0, running.Code);
            Assert.All(running.Lines, line => Assert.StartsWith("ok", line, StringComparison.Ordinal));
            Assert.Contains($"{server.Address("Gateway").OriginalString} answers", running.Output, StringComparison.Ordinal);

            var taken = await CairnProcess.Run("doctor", "--data", Path.Combine(directory.Path, "other"), "--gateway", server.Address("Gateway").OriginalString, "--console", "http://127.0.0.1:0");
            Assert.Equal(1, taken.Code);
            Assert.Contains("fail  gateway", taken.Output, StringComparison.Ordinal);
        }
        var stopped = await CairnProcess.Run(["doctor", "--data", Data, .. free]);
        Assert.Equal(0, stopped.Code);
        Assert.Contains("sound throughout", stopped.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_doctor_asks_every_backend()
    {
        string[] free = ["--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0"];
        var unnamed = await CairnProcess.Run(["doctor", "--data", Data, .. free]);
        Assert.Matches("(?m)^(warn|ok  )  backend", unnamed.Output);
        foreach (var (answer, said) in new[] { ("200 OK", "ok    backend"), ("401 Unauthorized", "fail  backend"), ("404 Not Found", "warn  backend"), ("500 Oh", "warn  backend"), ("", "fail  backend") })
        {
            await using var backend = RawBackend.Saying(answer == "" ? "" : $"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            await Configure(backend.Url);
            var ended = await CairnProcess.Run(["doctor", "--data", Data, .. free]);
            Assert.Contains(ended.Lines, line => line.StartsWith(said, StringComparison.Ordinal));
            Assert.Equal(said.StartsWith("fail", StringComparison.Ordinal) ? 1 : 0, ended.Code);
            Assert.DoesNotContain("a-secret", ended.Output, StringComparison.Ordinal);
        }
    }

    Task Configure(Uri backend)
    {
        Directory.CreateDirectory(Data);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return File.WriteAllTextAsync(Path.Combine(Data, "cairn.json"), $$$"""{"Gateway":{"Backends":[{"Url":"{{{backend}}}","Key":"a-secret"}]}}""", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task The_doctor_names_what_is_wrong_and_the_mend()
    {
        await CairnProcess.Run("keys", "create", "--name", "first", "--scope", "audit:read", "--data", Data);
        string[] free = ["--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0"];
        var log = Path.Combine(Data, "log.db");
        await File.WriteAllTextAsync(log, "This is no database, but long enough to be asked whether it is one.", TestContext.Current.CancellationToken);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Data, File.GetUnixFileMode(Data) | UnixFileMode.OtherRead);
        var broken = await CairnProcess.Run(["doctor", "--data", Data, .. free]);
        Assert.Equal(1, broken.Code);
        Assert.Contains("chmod 700", broken.Output, StringComparison.Ordinal);
        Assert.Contains("fail  store", broken.Output, StringComparison.Ordinal);
        Assert.Contains("backup", broken.Output, StringComparison.Ordinal);

        var setting = await CairnProcess.RunWithSetting("Cairn__Role", "none", "doctor", "--data", Data);
        Assert.Equal(1, setting.Code);
        Assert.Contains("fail  configuration", setting.Output, StringComparison.Ordinal);
    }

    public void Dispose() => directory.Dispose();
}
