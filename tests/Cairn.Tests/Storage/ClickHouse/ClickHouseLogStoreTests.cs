using Cairn.Records;
using Cairn.Storage.Sqlite;
using Cairn.Support;

namespace Cairn.Storage.ClickHouse;

/// <summary>The contract, and what is ClickHouse's own, behind its outbox.</summary>
public sealed class ClickHouseLogStoreTests(SharedClickHouse shared) : LogStoreContract, IClassFixture<SharedClickHouse>
{
    /// <summary>Readers may send the courier as often as they like, and wait for it however busy the machine is.</summary>
    internal static readonly CourierPace Pace = new() { LeastPause = TimeSpan.Zero, ReadsWait = TimeSpan.FromSeconds(60) };

    readonly Dictionary<string, string> databases = [];

    /// <summary>A question takes ClickHouse milliseconds, however small the log.</summary>
    private protected override int Steps => 8;

    private protected override ILogStore Open(string place) => OpenStore(place).GetAwaiter().GetResult();

    async Task<string> Database(string place)
    {
        if (!databases.TryGetValue(place, out var database)) databases[place] = database = await shared.Database();
        return database;
    }

    async Task<ClickHouseLogStore> OpenStore(string place, string options = "", string? database = null)
    {
        var address = ClickHouseServer.Address((await shared.Server()).Url(database ?? await Database(place), options));
        return await ClickHouseLogStore.Open(place, address, Some.RequestKind, Some.EventKind, TimeProvider.System, Pace, Cancel);
    }

    async Task<string> Run(string sql) => await (await shared.Server()).Run(sql.Replace("$", await Database(Place) + ".", StringComparison.Ordinal));

    static readonly long Midnight = Some.Midnight;

    static async Task Fill(Twins twins)
    {
        var random = new RandomRecords(7);
        for (var day = 0; day < 3; day++) await twins.Append([.. Enumerable.Range(0, 30).Select(i => random.Request(Midnight + day * Some.Day + i))], [.. Enumerable.Range(0, 30).Select(i => random.Event(Midnight + day * Some.Day + i))]);
        await twins.Agree();
    }

    void InOutbox(string sql)
    {
        using var connection = Connection.OpenWriter(Path.Combine(Place, "outbox.db"));
        connection.Run(sql);
    }

    [Fact]
    public async Task What_the_store_lost_is_filled_from_the_replay_window()
    {
        await using var twins = Start();
        await Fill(twins);
        foreach (var kind in new[] { "request", "event" })
        {
            await Run($"ALTER TABLE $cairn_{kind} DROP PARTITION {Midnight / Some.Day + 1}");
            await Run($"TRUNCATE TABLE $cairn_{kind}_ids");
        }
        Assert.Equal(60, await twins.Store.Requests.Count(Filter<Requests.RequestRecord>.Everything, Cancel));
        Assert.Equal(60, await ((ClickHouseLogStore)twins.Store).Refill(Cancel));
        await twins.Agree();
        Assert.NotNull(await twins.Store.Events.Find(twins.Events.Records[45].Id, Cancel));
        Assert.Equal(0, await ((ClickHouseLogStore)twins.Store).Refill(Cancel));
    }

    [Fact]
    public async Task What_retention_removed_is_not_filled_again_and_its_days_are_dropped()
    {
        await using var twins = Start();
        await Fill(twins);
        await twins.DropAll(Midnight + Some.Day + 15, 40);
        Assert.Equal(0, await ((ClickHouseLogStore)twins.Store).Refill(Cancel));
        await twins.Agree();
        Assert.Equal($"{Midnight / Some.Day + 1}\n{Midnight / Some.Day + 2}", await Run($"SELECT DISTINCT partition FROM system.parts WHERE database = '{await Database(Place)}' AND table = 'cairn_request' AND active ORDER BY partition"));
    }

    [Fact]
    public async Task A_row_that_came_twice_is_merged_away()
    {
        await using var twins = Start();
        await Fill(twins);
        await Run("INSERT INTO $cairn_event SELECT * FROM $cairn_event WHERE position <= 40");
        Assert.Equal(130, await twins.Store.Events.Count(Filter<Events.EventRecord>.Everything, Cancel));
        // Until then nothing is passed over for it.
        await twins.Store.Events.AgreesOnWalk(twins.Events, Filter<Events.EventRecord>.Everything, 7);
        await twins.Store.Events.AgreesOnFollowing(twins.Events, Filter<Events.EventRecord>.Everything, after: 0, 7);
        await twins.Reopen();
        await ((ClickHouseLogStore)twins.Store).Refill(Cancel);
        await twins.Agree();
    }

    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task Counts_of_days_say_what_their_records_say_whatever_comes_and_goes(int seed)
    {
        await using var twins = Start();
        var random = new RandomRecords(seed);
        var standing = 0L;
        await Fill(twins);
        for (var step = 0; step < 25; step++)
        {
            switch (random.Random.Next(8))
            {
                case 0: await twins.DropAll(Midnight + random.Random.NextInt64(Some.Day / 2), 40); break;
                case 1: await twins.Reopen(); break;
                case < 5: await twins.Append([random.Request(Midnight + random.Random.NextInt64(4 * Some.Day))], [random.Event(Midnight + random.Random.NextInt64(4 * Some.Day))]); break;
                default: await ((ClickHouseLogStore)twins.Store).KeepCounts(TimeSpan.Zero, leastRows: 1, Cancel); break;
            }
            standing += await Counted(twins.Store);
            await Agree(twins.Store.Requests, twins.Requests, Some.RequestKind);
            await Agree(twins.Store.Events, twins.Events, Some.EventKind);
        }
        Assert.InRange(standing, 20, long.MaxValue);

        async Task Agree<T>(ILog<T> log, ModelLog<T> model, Kind<T> kind) where T : class, IRecord, new()
        {
            var filter = random.Filter(kind, model.Records);
            foreach (var asked in new[] { Filter<T>.Everything, filter, filter with { Search = null, Identity = null, FromMs = Midnight + Some.Day, UntilMs = null }, new() { FromMs = Midnight + 7, UntilMs = Midnight + 3 * Some.Day } })
            {
                await log.AgreesOnSummary(model, asked, asked.IsEverything ? Agreement.Groupings(kind) : random.Few(Agreement.Groupings(kind)));
                await log.AgreesOnCount(model, asked);
            }
        }
    }

    /// <summary>How many days' counts stand for their records just now.</summary>
    static async Task<int> Counted(ILogStore store) => (await ((ClickHouseLog<Requests.RequestRecord>)store.Requests).Counts.Of(Filter<Requests.RequestRecord>.Everything, long.MinValue, Cancel)).Made.Count;

    [Fact]
    public async Task Counts_stand_for_a_day_until_it_changes()
    {
        await using var twins = Start();
        var store = (ClickHouseLogStore)twins.Store;
        await Fill(twins);
        Assert.Equal(0, await store.KeepCounts(TimeSpan.FromMinutes(10), leastRows: 1, Cancel));
        Assert.Equal(0, await store.KeepCounts(TimeSpan.Zero, leastRows: 31, Cancel));
        Assert.Equal(6, await store.KeepCounts(TimeSpan.Zero, leastRows: 1, Cancel));
        Assert.Equal(0, await store.KeepCounts(TimeSpan.Zero, leastRows: 1, Cancel));
        Assert.Equal(3, await Counted(store));

        // What is counted is not read again: counts that say twice as much are believed.
        await Run("INSERT INTO $cairn_request_counts SELECT made + 1, rollup, terms, if(rollup = '', count, 2 * count), sums, bins, bin_counts FROM $cairn_request_counts");
        await Until.True(async () => await store.Requests.Count(Filter<Requests.RequestRecord>.Everything, Cancel) == 180);
        // Some are missing, or all: records answer.
        await Run("INSERT INTO $cairn_request_counts SELECT made + 2, rollup, terms, 3 * count, sums, bins, bin_counts FROM $cairn_request_counts WHERE rollup <> 'user'");
        await Run("TRUNCATE TABLE $cairn_event_counts");
        await Until.True(async () => await store.Events.Count(Filter<Events.EventRecord>.Everything, Cancel) == 90);
        Assert.Equal(180, await store.Requests.Count(Filter<Requests.RequestRecord>.Everything, Cancel));
        Assert.Equal(3, await store.KeepCounts(TimeSpan.Zero, leastRows: 1, Cancel));
        await Run("DROP TABLE $cairn_request_counts");
        await Until.True(async () => await store.Requests.Count(Filter<Requests.RequestRecord>.Everything, Cancel) == 90);
        await Assert.ThrowsAsync<ClickHouseException>(() => store.KeepCounts(TimeSpan.Zero, leastRows: 1, Cancel));
        await twins.Reopen();
        store = (ClickHouseLogStore)twins.Store;
        Assert.Equal(3, await store.KeepCounts(TimeSpan.Zero, leastRows: 1, Cancel));
        await twins.Agree();

        // A late record, and a row that came twice: their day is read until it is counted again.
        await twins.Append(new RandomRecords(3).Request(Midnight + Some.Day + 5));
        await store.Requests.Count(Filter<Requests.RequestRecord>.Everything, Cancel);
        Assert.Equal(2, await Counted(store));
        await Run($"INSERT INTO $cairn_request SELECT * FROM $cairn_request WHERE ms >= {Midnight + 2 * Some.Day} LIMIT 1");
        await Until.True(async () => await Counted(store) == 1);
        await twins.Reopen();
        await ((ClickHouseLogStore)twins.Store).Refill(Cancel);
        Assert.Equal(2, await ((ClickHouseLogStore)twins.Store).KeepCounts(TimeSpan.Zero, leastRows: 1, Cancel));
        Assert.Equal(3, await Counted(twins.Store));
    }

    [Fact]
    public async Task A_day_is_counted_when_it_is_quiet_and_what_no_longer_stands_is_dropped()
    {
        await using var twins = Start();
        await Fill(twins);
        var (log, clock) = ((ClickHouseLog<Requests.RequestRecord>)twins.Store.Requests, new TestClock(DateTimeOffset.UtcNow));
        var address = ClickHouseServer.Address((await shared.Server()).Url(await Database(Place)));
        using var client = new ClickHouseClient(address);
        var counts = new DayCounts<Requests.RequestRecord>(client, address, log.Table, new(client, address, log.Table, log.Own, clock), clock);

        Assert.Equal(0, await Keep(0));
        Assert.Equal(3, await Keep(10));
        Assert.Equal(0, await Keep(10));
        Assert.Equal("3", await Partitions());
        await twins.Append(new RandomRecords(3).Request(Midnight + Some.Day + 5));
        await twins.Agree();
        Assert.Equal(0, await Keep(1));
        Assert.Equal(1, await Keep(10));
        Assert.Equal("4", await Partitions());
        await Keep(9);
        Assert.Equal("4", await Partitions());
        await Keep(1);
        Assert.Equal("3", await Partitions());
        await twins.DropAll(Midnight + Some.Day, 1_000);
        await Keep(1);
        await Keep(20);
        Assert.Equal("2", await Partitions());

        Task<int> Keep(int minutesLater)
        {
            clock.Move(TimeSpan.FromMinutes(minutesLater));
            return counts.Keep(TimeSpan.FromMinutes(10), leastRows: 1, Cancel);
        }

        async Task<string> Partitions() => await Run($"SELECT uniqExact(partition) FROM system.parts WHERE database = '{await Database(Place)}' AND table = 'cairn_request_counts' AND active");
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(3)]
    public async Task A_crash_between_the_delivery_and_the_note_of_it_doubles_nothing(int daysThatCame)
    {
        await using var twins = Start();
        await Fill(twins);
        await twins.Store.DisposeAsync();
        for (var day = daysThatCame; day < 3; day++) await Run($"ALTER TABLE $cairn_event DROP PARTITION {Midnight / Some.Day + day}");
        InOutbox("DELETE FROM delivered WHERE kind = 1; INSERT INTO attempts (kind, last, query) VALUES (1, 90, 'lost')");
        await twins.Reopen();
        await twins.Agree();
        await twins.Append(Some.Event());
        await twins.Agree();
        Assert.Equal("91\t91", await Run("SELECT count(), uniqExact(position) FROM $cairn_event"));
    }

    [Fact]
    public async Task An_older_copy_of_the_outbox_gives_no_position_twice()
    {
        await using var twins = Start();
        await twins.Append(Some.Event());
        await twins.Store.DisposeAsync();
        foreach (var file in Directory.GetFiles(Place)) File.Copy(file, file + ".copy");
        await twins.Reopen();
        await twins.Append(Some.Event(), Some.Event());
        await twins.Agree();
        await twins.Store.DisposeAsync();
        foreach (var file in Directory.GetFiles(Place).Where(file => !file.EndsWith(".copy", StringComparison.Ordinal))) File.Delete(file);
        foreach (var file in Directory.GetFiles(Place)) File.Move(file, file[..^".copy".Length]);
        await twins.Reopen();
        await twins.Append(Some.Event());
        await twins.Agree();
    }

    [Fact]
    public async Task Several_writers_share_a_log_and_each_has_positions_of_its_own()
    {
        using var elsewhere = new TempDirectory();
        await using var one = await OpenStore(Place);
        await using var other = await OpenStore(elsewhere.Path, "?writer=1", await Database(Place));
        var (deleted, created) = (Some.Event(Midnight + 5, "project.deleted", "Project", "p1"), Some.Event(Midnight + 7, "project.created", "Project", "p1"));
        await one.Append(Twins.Batch([Some.Request(Midnight + 1)], [Some.Event(Midnight + 3)]), Cancel);
        await other.Append(Twins.Batch([Some.Request(Midnight + 2)], [deleted, Some.Event(Midnight + 6)]), Cancel);
        await one.Append(Twins.Batch([], [created]), Cancel);

        Assert.True(deleted.Position > 1L << 40);
        foreach (var store in new[] { one, other })
        {
            // What the other has acknowledged is there once it is delivered, a second later at most.
            await Until.True(async () => await store.Events.Count(Filter<Events.EventRecord>.Everything, Cancel) == 4 && await store.Requests.Count(Filter<Requests.RequestRecord>.Everything, Cancel) == 2);
            var list = (await store.Events.Read(new(Filter<Events.EventRecord>.Everything, 10), Cancel)).Records;
            Assert.Equal([7, 6, 5, 3], list.Select(record => record.TimeMs - Midnight));
            Assert.All(list, record => Assert.True(record.SubjectExists));
            Assert.Equal([Outcome.Duplicate], (await store.Append(Twins.Batch([], [deleted]), Cancel)).Events);
        }
        Assert.Equal(2, (await one.Events.Follow(Filter<Events.EventRecord>.Everything, 0, 10, Cancel)).Records.Count);
        Assert.Equal(2, (await other.Events.Follow(Filter<Events.EventRecord>.Everything, 0, 10, Cancel)).Records.Count);

        using var third = new TempDirectory();
        var refused = await Assert.ThrowsAsync<IOException>(async () => await OpenStore(third.Path, "?writer=1", await Database(Place)));
        Assert.Contains("writer=N", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_field_that_is_new_in_the_list_is_added_to_a_log_that_lacks_it()
    {
        await using var twins = Start();
        await twins.Append(Some.Event());
        await twins.Agree();
        await twins.Store.DisposeAsync();
        await Run("ALTER TABLE $cairn_event DROP COLUMN userAgent");
        await twins.Reopen();
        var sent = Some.Event();
        sent.UserAgent = "curl/8";
        await twins.Append(sent);
        await twins.Agree();
    }

    [Fact]
    public async Task A_full_disk_refuses_what_is_new_and_loses_nothing_that_was_taken()
    {
        using var disk = new SmallDisk(mebibytes: 8);
        var ballast = Path.Combine(disk.Path, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[3 << 20], Cancel);
        await using var twins = new Twins(() => Open(disk.Path));
        await twins.FillDisk();

        File.Delete(ballast);
        await twins.Append(Some.Event(resourceName: "after"));
        Assert.True((await twins.Store.Health(Cancel)).Writable);
        await Until.True(async () => await twins.Store.Events.Count(Filter<Events.EventRecord>.Everything, Cancel) == twins.Events.Records.Count);
        await twins.Agree();
    }

    // What is wrong at the start

    [Fact]
    public async Task What_is_wrong_with_the_store_is_said_on_one_line_at_the_start()
    {
        var (server, database) = (await shared.Server(), await Database(Place));
        await Refused($"clickhouse://cairn:wrong@127.0.0.1:{server.Port}/{database}", "does not let 'cairn' in");
        await Refused($"clickhouse://nobody:wrong@127.0.0.1:{server.Port}/{database}", "does not let 'nobody' in");
        await Refused(server.Url("nowhere"), "has no database 'nowhere'");
        await Refused(server.Url(database, "?cluster=nowhere"), "has no cluster 'nowhere'");
        await Refused(server.Url(database, port: ClickHouseServer.FreePort()), "is away");
        await Refused(server.Url(database).Replace("//cairn:", "//guest:", StringComparison.Ordinal), "or the rights of 'guest'");
        await Run("CREATE TABLE $cairn_event (ms Int64, position String) ENGINE = Log");
        await Refused(server.Url(database), "is not one that Cairn made (column position is String and should be Int64)");

        async Task Refused(string url, string why)
        {
            using var place = new TempDirectory();
            var refused = await Assert.ThrowsAnyAsync<IOException>(() => ClickHouseLogStore.Open(place.Path, ClickHouseServer.Address(url), Some.RequestKind, Some.EventKind, TimeProvider.System, Pace, Cancel));
            Assert.Contains(why, refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', refused.Message);
            Assert.DoesNotContain("wrong@", refused.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(ClickHouseServer.Password, refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("1.1.54388"), InlineData("18.14.19"), InlineData("not a version")]
    public async Task A_server_that_is_too_old_is_refused(string version)
    {
        await using var old = await AnsweringServer.Start(version);
        using var place = new TempDirectory();
        var refused = await Assert.ThrowsAnyAsync<IOException>(() => ClickHouseLogStore.Open(place.Path, ClickHouseServer.Address($"clickhouse://127.0.0.1:{old.Port}/log"), Some.RequestKind, Some.EventKind, TimeProvider.System, Pace, Cancel));
        Assert.Contains("needs 18.16 or later", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?cluster=a'b", "cluster=a'b"), InlineData("?writer=-1", "writer=-1"), InlineData("?writer=4096", "writer=4096"), InlineData("?replay=0h", "replay=0h"), InlineData("?tls=yes", "tls=yes"), InlineData("?password=x", "password=...")]
    [InlineData("?host=a/b", "host=a/b")]
    public void An_option_that_is_not_understood_is_named(string options, string named)
    {
        Assert.True(StoreAddress.TryRead("clickhouse://u:p@h/db" + options, out var store));
        Assert.False(ClickHouseAddress.TryRead(store, out _, out var fault));
        Assert.Equal(named, fault);
    }

    [Fact]
    public void An_address_names_servers_cluster_and_writer()
    {
        var address = ClickHouseServer.Address("clickhouse://u:p%40@one/log?host=two:9&host=[::1]&cluster=c&writer=7&replay=2h&tls=true");
        Assert.Equal(["https://one:8443/", "https://two:9/", "https://[::1]:8443/"], address.Hosts.Select(host => host.ToString()));
        Assert.Equal(("log", "u", "p@", "c", 7, TimeSpan.FromHours(2)), (address.Database, address.User, address.Password, address.Cluster, address.Writer, address.Replay));
        Assert.DoesNotContain("p@", address.ToString().Replace("u@", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }
}
