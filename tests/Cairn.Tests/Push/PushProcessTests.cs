using System.Diagnostics;
using System.Text.Json;
using Cairn.Access;
using Cairn.Support;

namespace Cairn.Push;

/// <summary>The real program: killed, asked, and several over one database.</summary>
public sealed class PushProcessTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    static (string, string)[] Settings(WebhookReceiver receiver, params (string, string)[] more) =>
        [("Cairn__Push__0__Name", "siem"), ("Cairn__Push__0__Url", receiver.Url.ToString()), ("Cairn__Push__0__From", "beginning"), ("Cairn__Push__0__Filter", "action=a.b"), ("Cairn__Push__0__BatchRecords", "20"), .. more];

    static async Task<Client> Sender(CairnProcess server, string data)
    {
        var made = await CairnProcess.Run("keys", "create", "--name", "sender", "--scope", "events:write", "--data", data);
        return new(new HttpClient { BaseAddress = server.Address("Gateway") }, made.Lines[^1]);
    }

    static async Task<string[]> Send(Client sender, int count)
    {
        var events = Enumerable.Range(0, count).Select(Targets.Event).ToArray();
        (await sender.Post("/api/v1/events", string.Join('\n', events), "application/x-ndjson")).Expect(200);
        return [.. events.Select(one => JsonDocument.Parse(one).RootElement.GetProperty("id").GetString()!)];
    }

    [Fact]
    public async Task A_kill_in_the_middle_loses_nothing_and_the_order_is_kept()
    {
        await using var receiver = await WebhookReceiver.Start();
        var ids = new List<string>();
        for (var round = 0; round < 4; round++)
        {
            await using var server = await CairnProcess.ServeWith(Data, Settings(receiver));
            var before = receiver.Taken.Count;
            ids.AddRange(await Send(await Sender(server, Data), 1_000));
            await Until.True(() => receiver.Taken.Count > before + 100);
            await server.Kill();
        }
        await using var last = await CairnProcess.ServeWith(Data, Settings(receiver));
        await Until.True(() => receiver.Taken.Ids().Distinct().Count() == ids.Count);
        Assert.Equal(ids, receiver.Taken.Ids().First());
        Assert.Equal(0, (await last.StopAndEnd()).Code);
    }

    [Fact]
    public async Task Of_several_processes_over_one_database_one_pushes_and_another_takes_its_place()
    {
        var store = await (await PostgresServer.Shared()).NewDatabase();
        await using var receiver = await WebhookReceiver.Start();
        // While one waits for its first answer, the other has every chance to push as well.
        var answers = new TaskCompletionSource();
        receiver.Answer = context => answers.Task.WaitAsync(context.RequestAborted);
        var settings = Settings(receiver, ("Cairn__Store", store));
        await using var first = await CairnProcess.ServeWith(Data, settings);
        await using var second = await CairnProcess.ServeWith(Data + "2", settings);
        var (here, there) = (await Sender(first, Data), await Sender(second, Data + "2"));

        var sent = await Task.WhenAll(Task.Run(() => Many(here), Client.Cancel), Task.Run(() => Many(there), Client.Cancel));
        var ids = sent.SelectMany(one => one).ToHashSet();
        answers.SetResult();
        await Until.True(() => receiver.Taken.Count >= ids.Count);
        await Once();
        Assert.Equal(ids.Count, receiver.Taken.Count);

        // Who pushes is killed; the other takes its place.
        var (gone, left, sender) = await Pushes(first, Data) ? (first, second, there) : (second, first, here);
        await gone.Kill();
        ids.UnionWith(await Send(sender, 100));
        await Until.True(() => receiver.Taken.Ids().Distinct().Count() == ids.Count);
        Assert.Equal(ids.Order(), receiver.Taken.Ids().Distinct().Order());
        Assert.True(await Pushes(left, left == first ? Data : Data + "2"));

        static async Task<List<string>> Many(Client sender)
        {
            var all = new List<string>();
            for (var i = 0; i < 10; i++) all.AddRange(await Send(sender, 50));
            return all;
        }

        async Task Once()
        {
            await Until.True(async () => await Lag(first, Data) == 0);
            Assert.True(await Pushes(first, Data) ^ await Pushes(second, Data + "2"));
        }
    }

    static async Task<JsonElement> Health(CairnProcess server, string data)
    {
        var made = await CairnProcess.Run("keys", "create", "--name", "reader", "--scope", Scopes.AuditRead, "--data", data);
        return (await new Client(new HttpClient { BaseAddress = server.Address("Console") }, made.Lines[^1]).Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("push")[0];
    }

    static async Task<bool> Pushes(CairnProcess server, string data) => (await Health(server, data)).GetProperty("here").GetBoolean();

    static async Task<long> Lag(CairnProcess server, string data) => (await Health(server, data)).GetProperty("lagRecords").GetInt64();

    [Fact]
    public async Task The_doctor_asks_every_target_without_sending_anything()
    {
        using var authority = new TestAuthority();
        using var serving = authority.Serving();
        await using var receiver = await WebhookReceiver.Start(serving);
        await using var syslog = SyslogReceiver.Start();
        Directory.CreateDirectory(Data);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await File.WriteAllTextAsync(Path.Combine(Data, "cairn.json"), JsonSerializer.Serialize(new
        {
            Push = new object[]
            {
                new { Name = "trusted", receiver.Url, CertificateAuthority = authority.CertificateFile, Authorization = "Bearer a-secret" },
                new { Name = "untrusted", receiver.Url },
                new { Name = "syslog", syslog.Url },
                new { Name = "nobody", Url = $"syslog+tcp://127.0.0.1:{PostgresServer.FreePort()}" },
            },
        }), Client.Cancel);
        var ended = await CairnProcess.Run("doctor", "--data", Data, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0");
        Assert.Equal(1, ended.Code);
        string[] said = [.. ended.Lines.Where(line => line[6..].StartsWith("push", StringComparison.Ordinal))];
        Assert.Equal(["ok    push            trusted at ", "fail  push            untrusted: ", "ok    push            syslog at s", "fail  push            nobody: sys"], said.Select(line => line[..33]));
        Assert.Contains("is not trusted", said[1], StringComparison.Ordinal);
        Assert.Empty(receiver.Calls);
        Assert.Empty(syslog.Messages);
        Assert.DoesNotContain("a-secret", ended.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_receiver_in_the_documentation_takes_what_is_signed_and_refuses_what_is_not()
    {
        Needs.Command("python3");
        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "push.md"), Client.Cancel);
        var port = PostgresServer.FreePort();
        var script = Path.Combine(directory.Path, "receiver.py");
        await File.WriteAllTextAsync(script, page.Split("```python\n")[1].Split("```")[0].Replace("8000", $"{port}", StringComparison.Ordinal), Client.Cancel);
        var start = new ProcessStartInfo("python3", script) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SECRET"] = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5";
        using var receiver = Process.Start(start)!;
        receiver.ErrorDataReceived += (_, _) => { };
        receiver.BeginErrorReadLine();
        try
        {
            (string, string)[] Target(string secret) => [("Cairn__Push__0__Name", "mine"), ("Cairn__Push__0__Url", $"http://127.0.0.1:{port}/"), ("Cairn__Push__0__From", "beginning"), ("Cairn__Push__0__Filter", "action=a.b"), ("Cairn__Push__0__Secret", secret)];
            string[] ids;
            await using (var wrong = await CairnProcess.ServeWith(Data, Target("whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=")))
            {
                ids = await Send(await Sender(wrong, Data), 3);
                await Until.True(async () => (await Health(wrong, Data)).GetProperty("state").GetString() == "refused");
                Assert.Contains("answers 401", (await Health(wrong, Data)).GetProperty("problem").GetString(), StringComparison.Ordinal);
                await wrong.StopAndEnd();
            }
            await using var right = await CairnProcess.ServeWith(Data, Target(start.Environment["SECRET"]!));
            foreach (var id in ids) Assert.Equal(id, JsonDocument.Parse((await receiver.StandardOutput.ReadLineAsync(Client.Cancel))!).RootElement.GetProperty("id").GetString());
        }
        finally
        {
            receiver.Kill();
            await receiver.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task A_change_of_targets_is_an_event_that_holds_no_secret()
    {
        await using var receiver = await WebhookReceiver.Start();
        await using (var server = await CairnProcess.ServeWith(Data)) await server.StopAndEnd();
        await using (var server = await CairnProcess.ServeWith(Data, Settings(receiver, ("Cairn__Push__0__Authorization", "Bearer a-secret")))) await server.StopAndEnd();
        var exported = await CairnProcess.Run("export", "events", "--action", "audit.settings_changed", "--format", "jsonl", "--data", Data);
        var change = JsonDocument.Parse(Assert.Single(exported.Lines)).RootElement.GetProperty("metadata").GetProperty("changes").GetProperty("Push");
        Assert.Matches(@"^siem: events \(action=a\.b\) to http://127\.0\.0\.1:[0-9]+/… \([0-9a-f]{8}\)$", change.GetProperty("to").GetString());
        Assert.DoesNotContain("a-secret", exported.Output, StringComparison.Ordinal);
    }

    public void Dispose() => directory.Dispose();
}
