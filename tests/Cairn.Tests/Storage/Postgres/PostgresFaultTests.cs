using Cairn.Access;
using Cairn.Events;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Storage.Postgres;

/// <summary>A server that goes away and comes back, and connections that break where it hurts.</summary>
public sealed class PostgresFaultTests
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    static StoreAddress Address(string url)
    {
        Assert.True(StoreAddress.TryRead(url, out var address));
        return address;
    }

    static Task<PostgresLogStore> Open(string url) => PostgresLogStore.Open(Address(url), "here", Some.RequestKind, Some.EventKind);

    /// <summary>Sends until it is taken, as a sender does.</summary>
    static async Task<Outcome[]> Insist(PostgresLogStore store, List<EventRecord> batch)
    {
        Outcome[] outcomes = [];
        await Until.True(async () =>
        {
            try
            {
                outcomes = (await store.Append(Twins.Batch([], batch), Cancel)).Events;
                return true;
            }
            catch (LogUnavailableException)
            {
                return false;
            }
        });
        return outcomes;
    }

    static async Task AllOnce(PostgresLogStore store, IEnumerable<EventRecord> sent)
    {
        var ids = sent.Select(one => one.Id).Order(StringComparer.Ordinal).ToArray();
        var page = await store.Events.Read(new(Filter<EventRecord>.Everything, 100_000, Counted: true), Cancel);
        Assert.Equal(ids, page.Records.Select(record => record.Id).Order(StringComparer.Ordinal));
        Assert.Equal(ids.Length, page.Total);
        Assert.Equal(Enumerable.Range(1, ids.Length).Select(n => (long)n), page.Records.Select(record => record.Position).Order());
        Assert.Null(await store.Damage(Cancel));
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_is_neither_lost_nor_made_twice()
    {
        var server = await PostgresServer.Shared();
        var url = await server.NewDatabase();
        await using var proxy = new CommitCutter(server.Port);
        await using var store = await Open(server.UrlOf(url[(url.LastIndexOf('/') + 1)..], proxy.Port));
        proxy.CutEvery = 3;

        var sent = new List<EventRecord>();
        for (var i = 0; i < 40; i++)
        {
            var batch = Enumerable.Range(0, 5).Select(_ => Some.Event()).ToList();
            sent.AddRange(batch);
            // The server is asked what became of the transaction, so that what it stored is told as stored.
            Assert.All((await store.Append(Twins.Batch([], batch), Cancel)).Events, outcome => Assert.Equal(Outcome.Stored, outcome));
        }
        Assert.True(proxy.Cuts >= 10, $"Only {proxy.Cuts} connections were cut.");
        proxy.CutEvery = 0;
        await AllOnce(store, sent);
    }

    [Fact]
    public async Task A_server_that_stops_crashes_and_comes_back_under_load_has_every_record_once()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        await using var first = await Open(url);
        await using var second = await Open(url);
        using var enough = new CancellationTokenSource();
        var sent = new System.Collections.Concurrent.ConcurrentBag<EventRecord>();
        var acknowledged = 0;

        var load = new[] { first, second }.Select(store => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                var batch = Enumerable.Range(0, 3).Select(_ => Some.Event()).ToList();
                foreach (var one in batch) sent.Add(one);
                Assert.DoesNotContain(Outcome.Conflict, await Insist(store, batch));
                Interlocked.Increment(ref acknowledged);
            }
        }, Cancel)).ToArray();

        foreach (var crashes in new[] { false, true })
        {
            await More();
            await (crashes ? server.Crash() : server.Stop());
            var refused = await Assert.ThrowsAsync<LogUnavailableException>(() => first.Events.Count(Filter<EventRecord>.Everything, Cancel));
            Assert.DoesNotContain("a p@ss", refused.Message, StringComparison.Ordinal);
            Assert.False((await first.Health(Cancel)).Writable);
            await server.Run();
        }
        await More();
        await enough.CancelAsync();
        await Task.WhenAll(load);
        await AllOnce(second, sent);

        async Task More()
        {
            var goal = Volatile.Read(ref acknowledged) + 20;
            await Until.True(() => Volatile.Read(ref acknowledged) >= goal);
        }
    }

    [Fact]
    public async Task What_is_asked_over_a_connection_that_broke_meanwhile_is_asked_again()
    {
        var url = await (await PostgresServer.Shared()).NewDatabase();
        await using var store = await Open(url);
        await using var control = await PostgresControlStore.Open(Address(url));
        var (hash, filter) = (new byte[32], new Filter<EventRecord> { Search = "blue", Conditions = [new(Some.EventKind["action"], ["workspace.stopped"], [])] });
        await control.Append(new("k1", "name", [Scopes.AuditRead], DateTimeOffset.UnixEpoch, null, null, null), hash, null, Cancel);
        await store.Append(Twins.Batch([], [Some.Event(action: "workspace.stopped", resourceName: "blue")]), Cancel);

        foreach (var ask in new Func<Task>[]
        {
            async () => Assert.Equal("k1", (await control.FindKey(hash, Cancel))!.Id),
            async () => Assert.Equal(DateTimeOffset.UnixEpoch, (await control.RevokeKey("k1", DateTimeOffset.UnixEpoch, new(Some.EventId, "{}"), Cancel))!.RevokedAt),
            async () => Assert.Equal(1, (await store.Events.Read(new(filter, 10, Counted: true), Cancel)).Total),
            async () => Assert.Equal(1, await store.Events.Count(filter, Cancel)),
        })
        {
            await ask();
            await PostgresServer.Change(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
            await ask();
        }
    }

    [Fact]
    public async Task Who_listens_is_told_of_others_records_also_after_the_server_was_away()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        await using var here = await Open(url);
        await using var there = await Open(url);
        using var ending = new CancellationTokenSource();
        var last = 0L;
        var listening = here.Listen((_, events) => Volatile.Write(ref last, events), ending.Token);

        await there.Append(Twins.Batch([], [Some.Event()]), Cancel);
        await Until.True(() => Volatile.Read(ref last) == 1);
        await server.Stop();
        await server.Run();
        await Insist(there, [Some.Event(), Some.Event()]);
        await Until.True(() => Volatile.Read(ref last) == 3);
        await ending.CancelAsync();
        await listening;
    }

    [Fact]
    public async Task A_server_that_no_longer_waits_for_its_disk_is_refused_from_then_on()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        await using var store = await Open(url);
        await server.Execute("postgres", "ALTER SYSTEM SET synchronous_commit = off");
        await server.Execute("postgres", "SELECT pg_reload_conf()");
        await Until.True(async () =>
        {
            try
            {
                await store.Append(Twins.Batch([], [Some.Event()]), Cancel);
                return false;
            }
            catch (LogUnavailableException refused)
            {
                Assert.Contains("synchronous_commit=off", refused.Message, StringComparison.Ordinal);
                return true;
            }
        });
        Assert.Contains("synchronous_commit=off", (await store.Health(Cancel)).Problem, StringComparison.Ordinal);
    }
}
