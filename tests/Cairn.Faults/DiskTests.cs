using System.Diagnostics;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>A disk that is full, fails or goes read-only never yields a false acknowledgement, and reading goes on.</summary>
public sealed class DiskTests
{
    [Fact]
    public async Task A_full_disk_refuses_and_writing_goes_on_by_itself_once_there_is_space()
    {
        var longest = TimeSpan.Zero;
        foreach (var seed in Rounds.Of("full disk", brief: 1, share: 0.12))
        {
            var random = new Random(seed);
            using var disk = new SmallDisk(mebibytes: 160);
            await using var backend = await ScriptedBackend.Start();
            await using var trial = new Trial(disk.Path, [.. Trial.Administrator, ("Cairn__Gateway__Backends__0__Url", backend.Url.ToString())]);
            await trial.Start();
            const string call = """{"model":"llama-3","messages":[]}""";
            for (var i = 0; i < 3; i++)
            {
                var writers = new Writers(trial, random.Next());
                await writers.Answered(random.Next(5, 60));
                var ballast = Path.Combine(disk.Path, "ballast");
                Fill(ballast);
                await writers.WereRefused(1);
                await trial.CheckReading();
                // A small start may still find room in the write-ahead log. Without it no backend is called.
                await Until.True(async () =>
                {
                    var seen = backend.Calls.Count;
                    var status = (await trial.Gateway.Post("/v1/chat/completions", call)).Status;
                    Assert.Equal(status == 503 ? seen : seen + 1, backend.Calls.Count);
                    return status == 503;
                });

                File.Delete(ballast);
                var watch = Stopwatch.StartNew();
                await writers.Answered(1);
                if (watch.Elapsed > longest) longest = watch.Elapsed;
                await Until.True(async () => (await trial.Gateway.Post("/v1/chat/completions", call)).Status == 200);
                await writers.Stop();
                await trial.SendAgain();
                await trial.Check();
            }
            // Who signed in meanwhile is told as soon as it can be.
            await Until.True(async () => (await trial.Console.Get("/api/v1/admin/audit-logs?action=auth.login")).Expect(200).Total == 3);
            await trial.Stop();
            trial.CheckFiles();
            await trial.Start();
            await trial.Check();
        }
        Rounds.Say($"full disk: writing went on {longest.TotalSeconds:0.00} s after there was space, at most");
        Assert.InRange(longest, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    static void Fill(string file)
    {
        using var ballast = File.Create(file);
        var piece = new byte[64 * 1024];
        foreach (var length in new[] { piece.Length, 4096 })
        {
            try
            {
                while (true)
                {
                    ballast.Write(piece, 0, length);
                    ballast.Flush();
                }
            }
            catch (IOException)
            {
                // It is full, to this size of piece.
            }
        }
    }

    /// <summary>"fail" fails as long as it is told to; "once" says OK from then on and drops what it was given, as a kernel does that gave up on its pages.</summary>
    [Theory]
    [InlineData("fail", "log.db-wal", false), InlineData("once", "log.db-wal", true), InlineData("fail", "log.db", false), InlineData("once", "log.db", true)]
    [InlineData("once", "outbox.db-wal", true, "clickhouse"), InlineData("fail", "waiting.db-wal", false, "postgres")]
    public async Task After_a_flush_that_failed_nothing_is_acknowledged_until_a_restart(string how, string file, bool endsInGoodOrder, string engine = "sqlite")
    {
        foreach (var seed in Rounds.Of($"flush of {file}: {how}", brief: 1, share: 0.06))
        {
            var random = new Random(seed);
            using var tools = new TempDirectory();
            using var disk = new LoopDisk();
            await using var log = await LogPlace.Start(engine);
            await using var trial = new Trial(disk.Path, [("Cairn__Store", log.Url), .. Trial.Administrator]);
            var fault = Path.Combine(tools.Path, "fault");
            await File.WriteAllTextAsync(fault, "no", Client.Cancel);
            await trial.Start(Shim.Load("flush", tools.Path), ("FLUSH_FAULT", fault));
            var writers = new Writers(trial, random.Next(), most: 200);
            await writers.Answered(random.Next(5, 60));
            // Where PostgreSQL is there, nothing waits on this disk.
            if (engine == "postgres")
            {
                await log.Leave();
                await writers.Answered(20);
            }
            await File.WriteAllTextAsync(fault, $"{how} {file}", Client.Cancel);
            // The database itself is flushed only when the write-ahead log moves into it.
            await writers.WereRefused(1);
            var answered = trial.Receipts.Taken;
            await CheckReading();

            // The disk says that it is well again. What it says of the past is not to be believed.
            if (how == "fail") await File.WriteAllTextAsync(fault, "no", Client.Cancel);
            await writers.WereRefused(50);
            Assert.Equal(answered, trial.Receipts.Taken);
            await CheckReading();

            writers.HasGone = true;
            await writers.Stop();
            // Ending in good order must not believe the disk either.
            if (endsInGoodOrder) await trial.Stop();
            else await trial.Kill();
            disk.CutPower();
            disk.Restore();
            await log.ComeBack();
            await trial.Start();
            await trial.Check();
            await trial.SendAgain();
            await trial.Check();
            await trial.Stop();
            trial.CheckFiles();

            // What waits to be delivered is not in a list, and nothing is in one whose server is away.
            Task CheckReading() => log.IsThere ? trial.CheckReading(mayWait: engine != "sqlite") : Task.CompletedTask;
        }
    }

    static readonly string[] CreateKey = ["keys", "create", "--name", "another", "--scope", "audit:read", "--data"];

    [Theory]
    [InlineData("flushed"), InlineData("removed"), InlineData("replaced")]
    public async Task Keys_and_accounts_that_cannot_be_kept_are_not_made_until_a_restart(string how)
    {
        using var tools = new TempDirectory();
        using var disk = new LoopDisk();
        await using var trial = new Trial(disk.Path, Trial.Administrator);
        var fault = await Start(trial, tools);
        var afterwards = Break(trial, disk, "control.db", how, fault);
        for (var i = 0; i < 3; i++) Assert.Equal(1, (await CairnProcess.Run([.. CreateKey, trial.Data])).Code);
        await HealthTells(trial, "accounts");

        // Recording, reading and signing in go on.
        Assert.True(await trial.Send(trial.Receipts.New(new(1), 0, 20)));
        (await new Client(trial.Console.Http).Post("/api/auth/login", $$"""{"email":"ada@example.com","password":"{{CairnApp.Phrase}}"}""")).Expect(200);
        await trial.Check();
        await EndAndStart(trial, afterwards);
        Assert.Equal(0, (await CairnProcess.Run([.. CreateKey, trial.Data])).Code);
        // What was refused may have come to the disk all the same.
        Assert.Contains((await CairnProcess.Run("keys", "list", "--data", trial.Data)).Lines, line => line.Contains("another", StringComparison.Ordinal));
        Assert.Equal(1, (await trial.Console.Get("/api/v1/admin/audit-logs?action=auth.login")).Expect(200).Total);
        await trial.Check();
    }

    [Theory]
    [InlineData("flushed"), InlineData("moved"), InlineData("removed"), InlineData("replaced")]
    public async Task Messages_that_cannot_be_kept_are_refused_until_a_restart_and_none_that_was_taken_is_missing(string how)
    {
        using var tools = new TempDirectory();
        using var disk = new LoopDisk();
        await using var trial = new Trial(disk.Path, [.. Trial.Administrator, ("AUDIT_LOGS_ENABLED", "true")]);
        var fault = await Start(trial, tools);
        var key = (await CairnProcess.Run("keys", "create", "--name", "chat", "--scope", "conversations:write", "--data", trial.Data)).Lines[^1];
        var sender = new Client(trial.Gateway.Http, key);
        foreach (var id in new[] { "c-1", "c-2" }) (await sender.Put("/api/v1/conversations/" + id, """{"title":"Travel costs","owner_id":"ada@example.com"}""")).Expect(200);
        var taken = new List<string>();
        for (var i = 0; i < 20; i++) Assert.Equal(200, await Say());
        var afterwards = Break(trial, disk, "conversations.db", how, fault);
        // Erasing takes what was said out of the write-ahead log as well, by moving that into the database.
        if (how == "moved") (await sender.Delete("/api/v1/conversations/c-2")).Expect(503);
        for (var i = 0; i < 20; i++) Assert.Equal(503, await Say());
        await HealthTells(trial, "conversations");
        Assert.True(await trial.Send(trial.Receipts.New(new(1), 0, 20)));

        await EndAndStart(trial, afterwards);
        sender = new(trial.Gateway.Http, key);
        var admin = new Client(trial.Console.Http);
        (await admin.Post("/api/auth/login", $$"""{"email":"ada@example.com","password":"{{CairnApp.Phrase}}"}""")).Expect(200);
        var there = (await admin.Get("/api/admin/audit-logs/c-1/messages?page_size=100")).Expect(200).Json.GetProperty("messages").GetProperty("items").EnumerateArray().Select(message => message.GetProperty("id").GetString()!).ToList();
        Assert.Empty(taken.Except(there));
        Assert.Equal(200, await Say());
        await trial.Check();

        async Task<int> Say()
        {
            var id = Guid.NewGuid().ToString();
            var status = (await sender.Post("/api/v1/conversations/c-1/messages", $$"""{"id":"{{id}}","role":"user","content":"What may a night cost?"}""")).Status;
            if (status == 200) taken.Add(id);
            return status;
        }
    }

    /// <summary>Starts it with a disk that is well. Answers the file that says what is wrong with it.</summary>
    static async Task<string> Start(Trial trial, TempDirectory tools)
    {
        var fault = Path.Combine(tools.Path, "fault");
        await File.WriteAllTextAsync(fault, "no", Client.Cancel);
        await trial.Start(Shim.Load("flush", tools.Path), ("FLUSH_FAULT", fault));
        return fault;
    }

    static async Task HealthTells(Trial trial, string part)
    {
        var health = (await trial.Console.Get("/api/v1/admin/health")).Expect(200).Json;
        Assert.Equal("degraded", health.GetProperty("status").GetString());
        Assert.Contains("then restart Cairn", health.GetProperty(part).GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    /// <summary>Has one file's write-ahead log, or the file itself, not flushed any longer, or takes the file away. Answers what comes after the end of Cairn: a power cut, or the file.</summary>
    static Action Break(Trial trial, LoopDisk disk, string file, string how, string fault)
    {
        if (how is "flushed" or "moved")
        {
            File.WriteAllText(fault, $"once {file}{(how == "flushed" ? "-wal" : "")}");
            return () =>
            {
                disk.CutPower();
                disk.Restore();
            };
        }
        var there = Path.Combine(trial.Data, file);
        if (how == "replaced") File.Copy(there, there + ".aside");
        File.Move(there, there + ".kept");
        if (how == "replaced") File.Move(there + ".aside", there);
        return () => File.Move(there + ".kept", there, overwrite: true);
    }

    /// <summary>Ends it in good order, which must not believe the disk either.</summary>
    static async Task EndAndStart(Trial trial, Action between)
    {
        await trial.Stop();
        between();
        await trial.Start();
    }

    [Fact]
    public async Task A_disk_that_takes_writes_and_fails_to_keep_them_is_noticed()
    {
        foreach (var seed in Rounds.Of("thin disk", brief: 1, share: 0.06))
        {
            using var small = new SmallDisk(mebibytes: 20);
            using var disk = new LoopDisk(mebibytes: 64, within: small.Path);
            await using var trial = new Trial(disk.Path, Trial.Administrator);
            await trial.Start();
            var writers = new Writers(trial, seed, most: 60);
            await writers.WereRefused(100);
            writers.HasGone = true;
            await writers.Stop();
            await trial.Kill();
            Assert.Equal(0, Needs.Run("mount", "-o", "remount,size=120m", small.Path));
            disk.Restore();
            await trial.Start();
            await trial.Check();
            await trial.SendAgain();
            await trial.Check();
            await trial.Stop();
            trial.CheckFiles();
        }
    }

    [Fact]
    public async Task A_disk_that_goes_read_only_refuses_and_reading_goes_on()
    {
        foreach (var seed in Rounds.Of("read-only disk", brief: 1, share: 0.06))
        {
            using var disk = new LoopDisk();
            await using var trial = new Trial(disk.Path, Trial.Administrator);
            await trial.Start();
            var writers = new Writers(trial, seed);
            await writers.Answered(new Random(seed).Next(5, 100));
            var began = disk.MakeReadOnly();
            await writers.WereRefused(1);
            await trial.CheckReading();
            var answered = trial.Receipts.Taken;
            await writers.WereRefused(50);
            Assert.Equal(answered, trial.Receipts.Taken);
            writers.HasGone = true;
            await writers.Stop();
            await trial.Kill();
            trial.Receipts.Unhear(began);
            disk.Restore();
            await trial.Start();
            await trial.Check();
            await trial.SendAgain();
            await trial.Check();
        }
    }

    [Theory]
    [InlineData("log.db", false), InlineData("log.db", true), InlineData("log.db-wal", false), InlineData("log.db-wal", true)]
    public async Task A_file_that_is_removed_or_replaced_under_a_running_Cairn_takes_nothing_more(string file, bool isReplaced)
    {
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        var writers = new Writers(trial, seed: 1, count: 4);
        await writers.Answered(20);
        var there = Path.Combine(trial.Data, file);
        var aside = there + ".aside";
        if (isReplaced) File.Copy(there, aside);
        File.Move(there, there + ".kept");
        if (isReplaced) File.Move(aside, there);
        await writers.WereRefused(50);
        writers.HasGone = true;
        await writers.Stop();
        var problem = (await trial.Console.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("store").GetProperty("problem").GetString();
        Assert.Contains(file, problem, StringComparison.Ordinal);
        (await trial.Gateway.Get("/readyz")).Expect(503);
        await trial.Kill();

        // Put back, everything is there that was acknowledged.
        File.Move(there + ".kept", there, overwrite: true);
        await trial.Start();
        await trial.Check();
        await trial.SendAgain();
        await trial.Check();
    }
}
