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
        foreach (var seed in Rounds.Of("full disk", brief: 1, share: 0.06))
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
    public async Task After_a_flush_that_failed_nothing_is_acknowledged_until_a_restart(string how, string file, bool endsInGoodOrder)
    {
        foreach (var seed in Rounds.Of($"flush of {file}: {how}", brief: 1, share: 0.03))
        {
            var random = new Random(seed);
            using var tools = new TempDirectory();
            using var disk = new LoopDisk();
            await using var trial = new Trial(disk.Path, Trial.Administrator);
            var fault = Path.Combine(tools.Path, "fault");
            await File.WriteAllTextAsync(fault, "no", Client.Cancel);
            await trial.Start(Shim.Load("flush", tools.Path), ("FLUSH_FAULT", fault));
            var writers = new Writers(trial, random.Next(), most: 200);
            await writers.Answered(random.Next(5, 60));
            await File.WriteAllTextAsync(fault, $"{how} {file}", Client.Cancel);
            // The database itself is flushed only when the write-ahead log moves into it.
            await writers.WereRefused(1);
            var answered = trial.Receipts.Taken;
            await trial.CheckReading();

            // The disk says that it is well again. What it says of the past is not to be believed.
            if (how == "fail") await File.WriteAllTextAsync(fault, "no", Client.Cancel);
            await writers.WereRefused(50);
            Assert.Equal(answered, trial.Receipts.Taken);
            await trial.CheckReading();

            writers.HasGone = true;
            await writers.Stop();
            // Ending in good order must not believe the disk either.
            if (endsInGoodOrder) await trial.Stop();
            else await trial.Kill();
            disk.CutPower();
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
    public async Task After_a_flush_of_keys_and_accounts_that_failed_none_is_made_until_a_restart()
    {
        using var directory = new TempDirectory();
        using var tools = new TempDirectory();
        await using var trial = new Trial(directory.Path, Trial.Administrator);
        var fault = Path.Combine(tools.Path, "fault");
        await File.WriteAllTextAsync(fault, "no", Client.Cancel);
        await trial.Start(Shim.Load("flush", tools.Path), ("FLUSH_FAULT", fault));
        await File.WriteAllTextAsync(fault, "once control.db-wal", Client.Cancel);
        string[] create = ["keys", "create", "--name", "another", "--scope", "audit:read", "--data", trial.Data];
        for (var i = 0; i < 3; i++) Assert.Equal(1, (await CairnProcess.Run(create)).Code);

        // Recording, reading and signing in go on.
        Assert.True(await trial.Send(trial.Receipts.New(new(1), 0, 20)));
        (await new Client(trial.Console.Http).Post("/api/auth/login", $$"""{"email":"ada@example.com","password":"{{CairnApp.Phrase}}"}""")).Expect(200);
        await trial.Check();
        await trial.Stop();
        await trial.Start();
        Assert.Equal(0, (await CairnProcess.Run(create)).Code);
        Assert.Single((await CairnProcess.Run("keys", "list", "--data", trial.Data)).Lines, line => line.Contains("another", StringComparison.Ordinal));
        await trial.Check();
    }

    [Fact]
    public async Task A_disk_that_takes_writes_and_fails_to_keep_them_is_noticed()
    {
        foreach (var seed in Rounds.Of("thin disk", brief: 1, share: 0.03))
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
        foreach (var seed in Rounds.Of("read-only disk", brief: 1, share: 0.03))
        {
            using var disk = new LoopDisk();
            await using var trial = new Trial(disk.Path, Trial.Administrator);
            await trial.Start();
            var writers = new Writers(trial, seed);
            await writers.Answered(new Random(seed).Next(5, 100));
            var began = disk.MakeReadOnly();
            await writers.WereRefused(1);
            await trial.CheckReading();
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
    [InlineData("log.db", false), InlineData("log.db", true), InlineData("log.db-wal", false)]
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
