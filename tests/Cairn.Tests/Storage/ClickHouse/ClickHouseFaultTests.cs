using System.Text.Json;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Support;

namespace Cairn.Storage.ClickHouse;

/// <summary>A store that is away, cut off and killed: nothing that was acknowledged is missing, and nothing is there twice.</summary>
public sealed class ClickHouseFaultTests : IDisposable
{
    static readonly CourierPace Pace = new() { LeastPause = TimeSpan.Zero, ReadsWait = TimeSpan.FromSeconds(60), TryAgainAfter = TimeSpan.FromMilliseconds(50) };

    readonly TempDirectory place = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => place.Dispose();

    Task<ClickHouseLogStore> Open(string url) => ClickHouseLogStore.Open(place.Path, ClickHouseServer.Address(url), Some.RequestKind, Some.EventKind, TimeProvider.System, Pace, Cancel);

    static async Task<ClickHouseServer> Server()
    {
        var server = await ClickHouseServer.Start();
        await server.Run("CREATE DATABASE log");
        return server;
    }

    static async Task AllIsDelivered(ILogStore store)
    {
        for (var rounds = 0; ; rounds++)
        {
            var health = await store.Health(Cancel);
            if (health is { Outbox.Waiting: 0, Degraded: null }) return;
            Assert.True(rounds < 600, $"{health.Outbox!.Waiting} records still wait: {health.Degraded}");
            // A read waits for what is under way, as far as the store is there.
            await ((ClickHouseLogStore)store).Settle(Cancel);
        }
    }

    /// <summary>The server itself is asked, without Cairn in between.</summary>
    static async Task HasEachOnce(ClickHouseServer server, string table, long count) =>
        Assert.Equal($"{count}\t{count}", await server.Run($"SELECT count(), uniqExact(position) FROM log.{table}"));

    [Fact]
    public async Task Killed_and_started_again_under_load_the_server_has_everything_once()
    {
        await using var server = await Server();
        await using var twins = new Twins(() => Open(server.Url("log")).GetAwaiter().GetResult());
        var gate = new SemaphoreSlim(1);
        using var enough = new CancellationTokenSource();

        var writers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                // The model takes one batch after the other; the courier goes on beside it.
                await gate.WaitAsync(Cancel);
                try
                {
                    await twins.Append(Enumerable.Range(0, 50).Select(i => Some.Request(Some.Midnight + i)), Enumerable.Range(0, 50).Select(i => Some.Event(Some.Midnight + i)));
                }
                finally
                {
                    gate.Release();
                }
            }
        }, Cancel)).ToList();

        for (var round = 0; round < 4; round++)
        {
            var before = await twins.Store.Requests.LastPosition(Cancel);
            await Until.True(async () => await twins.Store.Requests.LastPosition(Cancel) > before + 2_000);
            await server.Kill();
            before = await twins.Store.Requests.LastPosition(Cancel);
            await Until.True(async () => await twins.Store.Requests.LastPosition(Cancel) > before + 1_000);
            await server.Begin();
        }
        await enough.CancelAsync();
        await Task.WhenAll(writers);

        await AllIsDelivered(twins.Store);
        await HasEachOnce(server, "cairn_request", twins.Requests.Records.Count);
        await HasEachOnce(server, "cairn_event", twins.Events.Records.Count);
        await twins.Store.Requests.AgreesOnFollowing(twins.Requests, Filter<RequestRecord>.Everything, 0, 1_000);
        await twins.Store.Events.AgreesOnFollowing(twins.Events, Filter<EventRecord>.Everything, 0, 1_000);
    }

    [Fact]
    public async Task An_insert_that_is_cut_anywhere_stores_each_record_once()
    {
        await using var server = await Server();
        await using var proxy = new InsertCutter(server.Port);
        await using var twins = new Twins(() => Open(server.Url("log", port: proxy.Port)).GetAwaiter().GetResult());
        var random = new RandomRecords(3);
        var left = 0;
        proxy.CutAfter = line => line.Contains("_ids", StringComparison.Ordinal) || Interlocked.Decrement(ref left) < 0 ? null : random.Random.Next(3) switch
        {
            // Within the records, within the first of them, or when all was sent.
            0 => random.Random.Next(1_000, 60_000),
            1 => random.Random.Next(1, 1_200),
            _ => int.MaxValue,
        };
        for (var round = 0; round < 15; round++)
        {
            Volatile.Write(ref left, 2);
            await twins.Append([.. Enumerable.Range(0, 100).Select(i => random.Request(Some.Midnight + i % 3 * Some.Day))], [.. Enumerable.Range(0, 100).Select(i => random.Event(Some.Midnight + i % 3 * Some.Day))]);
            await AllIsDelivered(twins.Store);
        }
        Assert.True(proxy.Cuts >= 20, $"Only {proxy.Cuts} inserts were cut.");
        await HasEachOnce(server, "cairn_request", 1_500);
        await HasEachOnce(server, "cairn_event", 1_500);
        await twins.Agree();
    }

    [Fact]
    public async Task While_the_store_is_away_records_are_taken_and_duplicates_are_stored_once_when_it_is_back()
    {
        await using var server = await Server();
        var (known, waiting, changed, untimed) = (Some.Event(), Some.Event(), Some.Event(resourceName: "first"), Some.Event());
        await using (var store = await Open(server.Url("log")))
        {
            await store.Append(Twins.Batch([], [known, changed, untimed]), Cancel);
            Assert.Equal(3, await store.Events.Count(Filter<EventRecord>.Everything, Cancel));
        }
        await server.Kill();

        // 1. Cairn starts without its store, as it was there once, and takes records.
        await using var again = await Open(server.Url("log"));
        var other = Some.Event(resourceName: "other");
        other.Id = changed.Id;
        // Sent again, and its time is Cairn's: it is another one now.
        var later = Some.Event(untimed.TimeMs + 5);
        (later.Id, later.TimeIsGiven) = (untimed.Id, false);
        Assert.Equal([Outcome.Stored, Outcome.Stored, Outcome.Stored, Outcome.Stored], (await again.Append(Twins.Batch([], [known, waiting, other, later]), Cancel)).Events);
        // What waits here is known here.
        Assert.Equal([Outcome.Duplicate], (await again.Append(Twins.Batch([], [waiting]), Cancel)).Events);
        var health = await again.Health(Cancel);
        Assert.True(health.Writable);
        Assert.Contains("is away", health.Degraded!, StringComparison.Ordinal);
        Assert.Equal(4, health.Outbox!.Waiting);
        Assert.NotNull(health.Outbox.WaitingSince);
        await Assert.ThrowsAsync<LogUnavailableException>(() => again.Events.Count(Filter<EventRecord>.Everything, Cancel));

        // 2. It is back.
        await server.Begin();
        await AllIsDelivered(again);
        Assert.Equal(4, await again.Events.Count(Filter<EventRecord>.Everything, Cancel));
        Assert.Equal("first", (await again.Events.Find(changed.Id, Cancel))!.ResourceName);
        Assert.Equal(1, (await again.Health(Cancel)).Outbox!.SetAside);
        Assert.Equal(0, await again.Refill(Cancel));
        await HasEachOnce(server, "cairn_event", 4);

        // What was turned away is told apart from what retention removes.
        var tail = await again.Events.Follow(Filter<EventRecord>.Everything, 0, 100, Cancel);
        Assert.Equal([1, 2, 3, 5], tail.Records.Select(record => record.Position - tail.Records[0].Position + 1));
        Assert.Equal([4, 6, 7], tail.Unused.Select(position => position - tail.Records[0].Position + 1).Order());
    }

    [Fact]
    public async Task A_cairn_whose_store_is_away_is_degraded_and_goes_on()
    {
        await using var server = await Server();
        Assert.True(StoreAddress.TryRead(server.Url("log"), out var address));
        await using var app = await CairnApp.Start(settings => settings with { Store = address });
        await app.Send("""{"action":"workspace.started"}""");
        Assert.Equal("ready", (await app.Gateway().Get("/readyz")).Expect(200).Text.Trim());
        await Until.True(async () => (await app.Reader.Get("/api/v1/admin/audit-logs?action=workspace.started")).Expect(200).Json.GetProperty("total").GetInt32() == 1);

        await server.Kill();
        await app.Send("""{"action":"workspace.stopped"}""", """{"action":"workspace.stopped"}""");
        Assert.Equal("degraded", (await app.Gateway().Get("/readyz")).Expect(200).Text.Trim());
        var health = (await app.Reader.Get("/api/v1/admin/health")).Expect(200).Json;
        Assert.Equal("degraded", health.GetProperty("status").GetString());
        Assert.True(health.GetProperty("outbox").GetProperty("waiting").GetInt64() >= 2);
        Assert.Equal(JsonValueKind.String, health.GetProperty("outbox").GetProperty("waitingSince").ValueKind);
        Assert.Contains("\ncairn_store_degraded 1\n", (await app.Gateway().Get("/metrics")).Expect(200).Text, StringComparison.Ordinal);
        (await app.Reader.Get("/api/v1/admin/audit-logs")).Expect(503);

        await server.Begin();
        await Until.True(async () => (await app.Gateway().Get("/readyz")).Text.Trim() == "ready");
        await Until.True(async () => (await app.Reader.Get("/api/v1/admin/audit-logs?action=workspace.stopped")).Expect(200).Json.GetProperty("total").GetInt32() == 2);
    }

    [Fact]
    public async Task Two_servers_as_one_cluster_answer_as_one()
    {
        Needs.Command("clickhouse-server");
        (int Http, int Native)[] ports = [(ClickHouseServer.FreePort(), ClickHouseServer.FreePort()), (ClickHouseServer.FreePort(), ClickHouseServer.FreePort())];
        var password = System.Security.SecurityElement.Escape(ClickHouseServer.Password);
        var cluster = $"<remote_servers><duo>{string.Concat(ports.Select(one => $"<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>{one.Native}</port><user>{ClickHouseServer.User}</user><password>{password}</password></replica></shard>"))}</duo></remote_servers>";
        await using var first = await ClickHouseServer.Start(ports[0], cluster);
        await using var second = await ClickHouseServer.Start(ports[1], cluster);
        await first.Run("CREATE DATABASE log");
        await second.Run("CREATE DATABASE log");

        await using var twins = new Twins(() => Open(first.Url("log", $"?cluster=duo&host=127.0.0.1:{second.Port}")).GetAwaiter().GetResult());
        var random = new RandomRecords(41);
        for (var i = 0; i < 8; i++) await twins.Append([.. Enumerable.Range(0, 50).Select(_ => random.Request(Some.Midnight + random.Random.NextInt64(4 * Some.Day)))], [.. Enumerable.Range(0, 50).Select(_ => random.Event(Some.Midnight + random.Random.NextInt64(4 * Some.Day)))]);
        await Check(20);
        await twins.Append(twins.Requests.Records.Take(10), twins.Events.Records.Take(10));
        await twins.DropAll(Some.Midnight + 2 * Some.Day + 1, 100);
        await Check(10);
        await twins.Reopen();
        await Check(5);

        // Each has a part, and one of them being away is said.
        var (here, there) = (await first.Run("SELECT count() FROM log.cairn_event_local"), await second.Run("SELECT count() FROM log.cairn_event_local"));
        Assert.NotEqual("0", here);
        Assert.NotEqual("0", there);
        await second.Kill();
        await Assert.ThrowsAnyAsync<IOException>(() => twins.Store.Events.Count(Filter<EventRecord>.Everything, Cancel));
        await second.Begin();
        await AllIsDelivered(twins.Store);
        await twins.Agree();

        async Task Check(int filters)
        {
            await twins.Agree();
            for (var i = 0; i < filters; i++)
            {
                await twins.Store.Requests.Agrees(twins.Requests, random.Filter(Some.RequestKind, twins.Requests.Records), page: 20);
                await twins.Store.Events.Agrees(twins.Events, random.Filter(Some.EventKind, twins.Events.Records), page: 20);
            }
        }
    }

    [Fact]
    public async Task Two_replicas_hold_the_same_and_each_answers_while_the_other_is_away()
    {
        Needs.Command("clickhouse-server");
        await using var keeper = await ZooKeeper.Start();
        (int Http, int Native)[] ports = [(ClickHouseServer.FreePort(), ClickHouseServer.FreePort()), (ClickHouseServer.FreePort(), ClickHouseServer.FreePort())];
        var password = System.Security.SecurityElement.Escape(ClickHouseServer.Password);
        var cluster = $"<zookeeper><node><host>127.0.0.1</host><port>{keeper.Port}</port></node><session_timeout_ms>5000</session_timeout_ms></zookeeper>"
            + $"<remote_servers><pair><shard><internal_replication>true</internal_replication>{string.Concat(ports.Select(one => $"<replica><host>127.0.0.1</host><port>{one.Native}</port><user>{ClickHouseServer.User}</user><password>{password}</password></replica>"))}</shard></pair></remote_servers>";
        await using var first = await ClickHouseServer.Start(ports[0], cluster + "<macros><shard>1</shard><replica>a</replica></macros>");
        await using var second = await ClickHouseServer.Start(ports[1], cluster + "<macros><shard>1</shard><replica>b</replica></macros>");
        await first.Run("CREATE DATABASE log");
        await second.Run("CREATE DATABASE log");
        var options = "?cluster=pair&host=127.0.0.1:";

        // 1. Through one, and read through the other.
        await using var twins = new Twins(() => Open(first.Url("log", options + second.Port)).GetAwaiter().GetResult());
        var random = new RandomRecords(43);
        await Fill(6);
        await AllIsDelivered(twins.Store);
        Assert.StartsWith("Replicated", await first.Run("SELECT engine FROM system.tables WHERE database = 'log' AND name = 'cairn_event_local'"), StringComparison.Ordinal);
        await BothHaveEachOnce();
        using (var elsewhere = new TempDirectory())
        {
            await using var other = await ClickHouseLogStore.Open(elsewhere.Path, ClickHouseServer.Address(second.Url("log", options + first.Port + "&writer=1")), Some.RequestKind, Some.EventKind, TimeProvider.System, Pace, Cancel);
            await other.Requests.AgreesOnSummary(twins.Requests, Filter<RequestRecord>.Everything, Agreement.Groupings(Some.RequestKind));
            for (var i = 0; i < 5; i++) await other.Events.AgreesOnCount(twins.Events, random.Filter(Some.EventKind, twins.Events.Records));
        }

        // 2. One is away: what comes meanwhile goes to the other, and it has that when it is back.
        await second.Kill();
        await Fill(3);
        await Check(5);
        await second.Begin();
        await AllIsDelivered(twins.Store);
        await BothHaveEachOnce();
        await first.Kill();
        await Fill(3);
        await Check(5);
        await first.Begin();
        await AllIsDelivered(twins.Store);
        await BothHaveEachOnce();

        // 3. A day that is dropped is dropped from both.
        await twins.DropAll(Some.Midnight + 2 * Some.Day, 10_000);
        await Check(5);
        await Until.True(async () => await Days(first) == "2" && await Days(second) == "2");
        Assert.Equal(0, await ((ClickHouseLogStore)twins.Store).Refill(Cancel));
        await Check(3);

        static Task<string> Days(ClickHouseServer server) => server.Run("SELECT uniqExact(partition) FROM system.parts WHERE database = 'log' AND table = 'cairn_request_local' AND active");

        async Task Fill(int batches)
        {
            for (var i = 0; i < batches; i++)
                await twins.Append([.. Enumerable.Range(0, 40).Select(n => random.Request(Some.Midnight + n % 4 * Some.Day + random.Random.NextInt64(Some.Day)))], [.. Enumerable.Range(0, 40).Select(n => random.Event(Some.Midnight + n % 4 * Some.Day + random.Random.NextInt64(Some.Day)))]);
        }

        async Task Check(int filters)
        {
            await twins.Agree();
            for (var i = 0; i < filters; i++) await twins.Store.Events.Agrees(twins.Events, random.Filter(Some.EventKind, twins.Events.Records), page: 20);
        }

        async Task BothHaveEachOnce()
        {
            foreach (var server in new[] { first, second })
                foreach (var (kind, count) in new[] { ("request", twins.Requests.Records.Count), ("event", twins.Events.Records.Count) })
                    await Until.True(async () => await server.Run($"SELECT count(), uniqExact(position) FROM log.cairn_{kind}_local") == $"{count}\t{count}");
        }
    }
}
