using Cairn.Commands;
using Cairn.Hosting;
using Cairn.Requests;
using Cairn.Storage;
using Cairn.Storage.Sqlite;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>Starting: broken off anywhere, beside another process, and with a million records.</summary>
[Collection(Alone.Name)]
public sealed class StartTests
{
    /// <summary>A start makes the files and brings older ones up to date. It is killed before one of the writes and flushes that it makes; of an older directory, the first of them are the migration.</summary>
    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task A_start_that_is_killed_at_any_write_is_taken_up_by_the_next(bool isOlder)
    {
        var kills = 0;
        foreach (var seed in Rounds.Of(isOlder ? "kill in mid-migration" : "kill in the first start", brief: 3, share: 0.03))
        {
            using var directory = new TempDirectory();
            using var tools = new TempDirectory();
            await using var trial = new Trial(directory.Path);
            if (isOlder) MakeOlder(trial.Data);
            var died = CairnProcess.StartServer(trial.Data, Shim.Load("crash", tools.Path), ("CRASH_BEFORE", new Random(seed).Next(1, isOlder ? 12 : 150).ToString()));
            await using (died)
            {
                // Past its last write it simply runs, and is killed all the same.
                await Task.WhenAny(died.End(), died.IsReady());
                await died.Kill();
            }
            kills++;
            await trial.Start();
            var random = new RandomRecords(seed);
            for (var i = 0; i < 5; i++) Assert.True(await trial.Send(trial.Receipts.New(random, 0, 20)));
            await trial.Check();
            if (isOlder) Assert.Equal(200, (await trial.Console.Get("/api/v1/admin/audit-logs?action=before.this&limit=1")).Total);
            await trial.Stop();
            trial.CheckFiles();
        }
        Rounds.Say($"{(isOlder ? "mid-migration" : "first start")}: {kills} kills");
    }

    /// <summary>As a service manager does that changed its mind. Whatever else in the process begins to listen for signals meanwhile, this one is heard.</summary>
    [Fact]
    public async Task A_start_that_is_told_to_stop_ends_by_itself()
    {
        using var directory = new TempDirectory();
        foreach (var seed in Rounds.Of("stop in the start", brief: 8, share: 0.02))
        {
            var random = new Random(seed);
            var socket = DataDirectory.Socket(directory.Path);
            File.Delete(socket);
            await using var server = CairnProcess.StartServer(directory.Path);
            await Until.True(() => File.Exists(socket));
            await Task.Delay(random.Next(3) * random.Next(30), Client.Cancel);
            Assert.Equal(0, Needs.Run("kill", "-TERM", server.Id.ToString()));
            // It had begun and stops, or stops beginning; that it had to be ended from outside would be another code.
            var ended = await server.End();
            Assert.True(ended.Code is Run.Done or Run.NotDone, $"It ended with {ended.Code}: {ended.Errors}");
        }
    }

    /// <summary>A directory of the first schema, with records.</summary>
    static void MakeOlder(string data)
    {
        Directory.CreateDirectory(data);
        using (var store = new Disposing(SqliteLogStore.Open(data, RequestFields.Kind, Some.EventKind)))
        {
            var batch = new Batch();
            for (var i = 0; i < 200; i++) batch.Events.Add(Some.Event(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), action: "before.this"));
            store.Store.Append(batch, CancellationToken.None).GetAwaiter().GetResult();
        }
        using var older = Connection.OpenWriter(Path.Combine(data, "log.db"));
        older.Run("DROP TABLE starts; PRAGMA user_version = 1");
    }

    sealed record Disposing(SqliteLogStore Store) : IDisposable
    {
        public void Dispose() => Store.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    [Fact]
    public async Task A_second_process_on_the_same_directory_is_refused_and_the_first_goes_on()
    {
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        var writers = new Writers(trial, seed: 3, count: 4);
        for (var i = 0; i < 3; i++)
        {
            await writers.Answered(10);
            var second = await CairnProcess.Run("serve", "--data", trial.Data, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0");
            Assert.Equal(1, second.Code);
            Assert.Contains("Another Cairn is using", Assert.Single(second.ErrorLines), StringComparison.Ordinal);
        }
        await writers.Answered(10);
        await writers.Stop();
        Assert.Equal(0, writers.Refused);
        await trial.Check();
    }

    [Fact]
    public async Task It_is_ready_within_five_seconds_with_a_million_records_also_after_a_kill_under_load()
    {
        var million = Rounds.IsLong ? 1_000_000 : 150_000;
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        Directory.CreateDirectory(trial.Data);
        await using (var store = SqliteLogStore.Open(trial.Data, RequestFields.Kind, Some.EventKind))
        {
            var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            for (var stored = 0; stored < million; stored += 10_000)
            {
                var batch = new Batch();
                for (var i = 0; i < 5_000; i++)
                {
                    batch.Events.Add(Some.Event(now - million + stored + i, resourceName: $"thing {(stored + i) % 5_000}"));
                    batch.Requests.Add(Some.Request(now - million + stored + i, model: $"model-{i % 20}"));
                }
                await store.Append(batch, Client.Cancel);
            }
        }
        await trial.Start();
        var writers = new Writers(trial, seed: 4, most: 200);
        await writers.Answered(150);
        await trial.Kill();
        writers.HasGone = true;
        await writers.Stop();
        await trial.Start();
        (await trial.Gateway.Get("/readyz")).Expect(200);
        Rounds.Say($"{million} records: ready {trial.ReadyAfter.TotalSeconds:0.0} s after the start that followed the kill");
        Assert.InRange(trial.ReadyAfter, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal(million / 2, (await trial.Console.Get("/api/v1/admin/audit-logs?action=workspace.started&resource=Workspace&limit=1")).Expect(200).Total);
        await trial.Check();

        // P10: as much memory for all as for few.
        var before = ProcessMemory.Resident(trial.Server.Id);
        ProcessMemory.ForgetPeak(trial.Server.Id);
        using var request = trial.Console.Request(HttpMethod.Get, "/api/system/audit-logs/export?format=jsonl");
        using var answer = await trial.Console.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
        await answer.Content.CopyToAsync(Stream.Null, Client.Cancel);
        var more = ProcessMemory.Peak(trial.Server.Id) - before;
        Rounds.Say($"an export of {million / 2} requests: {more / 1048576} MiB more at its peak");
        Assert.InRange(more, long.MinValue, 160L << 20);
    }
}
