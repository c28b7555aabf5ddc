using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Support;

[assembly: AssemblyFixture(typeof(SharedServers))]

namespace Cairn.Storage.Postgres;

/// <summary>The contract, and what is this engine's own: its server, the processes that share it.</summary>
public sealed class PostgresLogStoreTests : LogStoreContract, IAsyncLifetime
{
    readonly Dictionary<string, string> databases = new(StringComparer.Ordinal);
    PostgresServer server = null!;
    string url = "";

    public async ValueTask InitializeAsync()
    {
        server = await PostgresServer.Shared();
        url = await server.NewDatabase();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private protected override ILogStore Open(string place)
    {
        if (!databases.TryGetValue(place, out var here)) databases[place] = here = databases.Count == 0 ? url : server.NewDatabase().GetAwaiter().GetResult();
        return OpenAt(here).GetAwaiter().GetResult();
    }

    [Fact]
    public async Task Starts_are_of_one_data_directory_alone_and_a_record_from_anywhere_ends_one()
    {
        await using var first = await OpenAt(url, "first");
        await using var second = await OpenAt(url, "second");
        var (here, there) = (Some.Request(), Some.Request());
        await first.Append(new Batch { Starts = { here } }, Cancel);
        await second.Append(new Batch { Starts = { there } }, Cancel);
        Assert.Equal(here.RequestId, Assert.Single(await first.Unfinished(Cancel)).RequestId);
        Assert.Equal(there.RequestId, Assert.Single(await second.Unfinished(Cancel)).RequestId);
        await second.Append(Twins.Batch([here], []), Cancel);
        Assert.Empty(await first.Unfinished(Cancel));
    }

    [Fact]
    public async Task A_page_that_meets_the_removal_of_its_month_is_of_one_state()
    {
        const int old = 40;
        await using var first = await OpenAt(url, "first");
        await using var second = await OpenAt(url, "second");
        await first.Append(Twins.Batch([], [.. Enumerable.Range(0, old).Select(i => Some.Event(Some.Midnight + i)), Some.Event(Some.Midnight + 70 * Some.Day)]), Cancel);
        var month = new PageRequest<EventRecord>(new() { FromMs = Some.Midnight, UntilMs = Some.Midnight + Some.Day }, 100, Counted: true);
        Assert.Equal(old, (await first.Events.Read(month, Cancel)).Total);

        // Somebody reads, the removal waits for them, and the page for the removal.
        await using var reader = await PostgresServer.Connect(url);
        await using var reading = await reader.BeginTransactionAsync(Cancel);
        await Ask("LOCK TABLE cairn.event IN ACCESS SHARE MODE");
        var removal = second.Events.DropPiece(Some.Midnight + 60 * Some.Day, Cancel);
        await Until.True(async () => await Waiting() == 1);
        var page = first.Events.Read(month, Cancel);
        await Until.True(async () => await Waiting() == 2);
        await reading.RollbackAsync(Cancel);

        Assert.Equal(old, await removal);
        Assert.Equal((0, 0), ((await page).Total, (await page).Records.Count));

        async Task<long> Waiting() => (long)(await Ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"))!;

        async Task<object?> Ask(string sql)
        {
            await using var command = new Npgsql.NpgsqlCommand(sql, reader, reading);
            return await command.ExecuteScalarAsync(Cancel);
        }
    }

    [Fact]
    public async Task Texts_are_found_also_when_more_are_known_than_are_kept()
    {
        await using (var store = await OpenAt(url)) await store.Append(Twins.Batch([], [.. Enumerable.Range(0, 9).Select(i => Some.Event(resourceName: $"lab {i}"))]), Cancel);
        Assert.True(StoreAddress.TryRead(url, out var address));
        await using var database = await Database.Open(address);
        var texts = new TermTexts(mostKept: 1);
        var all = new List<(int Field, int Term)>();
        await database.Read(async transaction =>
        {
            await transaction.Each(new("SELECT field, term FROM terms"), row => all.Add((row.GetInt32(0), row.GetInt32(1))));
            return await texts.Find(transaction, all.SkipLast(1));
        }, Cancel);
        Assert.Equal(all.ToHashSet(), [.. (await database.Read(transaction => texts.Find(transaction, all), Cancel)).Keys]);
    }

    [Fact]
    public async Task Positions_stay_contiguous_and_texts_right_while_several_processes_write_drop_and_sweep()
    {
        const int writers = 3, batches = 15, size = 20;
        var stores = await Task.WhenAll(Enumerable.Range(0, writers).Select(number => OpenAt(url, $"{number}")));
        var sent = new System.Collections.Concurrent.ConcurrentBag<EventRecord>();
        await Task.WhenAll([.. stores.Select((store, number) => Task.Run(async () =>
        {
            for (var i = 0; i < batches; i++)
            {
                // The same names everywhere, so that each writer meets the others' new texts, and texts that were erased come again.
                var batch = Enumerable.Range(0, size).Select(n => Some.Event(Some.Midnight + (n % 2 == 0 ? i : Some.Day), resourceName: $"lab {(i + n) % 30}")).ToList();
                Assert.All((await store.Append(Twins.Batch([], batch), Cancel)).Events, outcome => Assert.Equal(Outcome.Stored, outcome));
                foreach (var one in batch) sent.Add(one);
                if (number == 0 && i % 4 == 3) await store.Events.Drop(Some.Midnight + Some.Hour, 50, Cancel);
                if (number == 1 && i % 3 == 2) await store.Events.Sweep(100, Cancel);
            }
        }, Cancel))]);

        Assert.Equal(Enumerable.Range(1, writers * batches * size).Select(n => (long)n), sent.Select(one => one.Position).Order());
        var byId = sent.ToDictionary(one => one.Id);
        var page = await stores[2].Events.Read(new(Filter<EventRecord>.Everything, 10_000, Counted: true), Cancel);
        Assert.Equal(page.Total, page.Records.Count);
        Assert.InRange(page.Records.Count, writers * batches * size / 2, writers * batches * size - 50);
        Assert.All(page.Records, read => Assert.Equal((byId[read.Id].Position, byId[read.Id].ResourceName), (read.Position, read.ResourceName)));
        foreach (var name in byId.Values.Select(one => one.ResourceName).Distinct())
            Assert.Equal(page.Records.Count(read => read.ResourceName!.Contains(name!, StringComparison.Ordinal)), await stores[1].Events.Count(new() { Search = name }, Cancel));
        Assert.Null(await stores[0].Damage(Cancel));
        foreach (var store in stores) await store.DisposeAsync();
    }

    [Fact]
    public async Task A_month_that_goes_as_a_whole_leaves_every_answer_right_and_its_identities_free()
    {
        await using var twins = Start();
        var random = new RandomRecords(53);
        for (var i = 0; i < 6; i++)
            await twins.Append([.. Enumerable.Range(0, 40).Select(_ => random.Request(Some.Midnight + random.Random.NextInt64(80 * Some.Day)))], [.. Enumerable.Range(0, 40).Select(_ => random.Event(Some.Midnight + random.Random.NextInt64(80 * Some.Day)))]);
        var april = Some.Midnight + 31 * Some.Day;
        var dropped = twins.Events.Records.First(record => record.TimeMs < april);

        Assert.Equal(0, await twins.Store.Requests.DropPiece(april - 1, Cancel));
        Assert.Equal(twins.Requests.Drop(april, int.MaxValue), await twins.Store.Requests.DropPiece(april + 7 * Some.Day, Cancel));
        Assert.Equal(0, await twins.Store.Requests.DropPiece(april + 7 * Some.Day, Cancel));
        Assert.Equal(twins.Events.Drop(april, int.MaxValue), await twins.Store.Events.DropPiece(april, Cancel));
        await twins.Agree();
        for (var i = 0; i < 10; i++)
        {
            await twins.Store.Requests.Agrees(twins.Requests, random.Filter(Some.RequestKind, twins.Requests.Records));
            await twins.Store.Events.Agrees(twins.Events, random.Filter(Some.EventKind, twins.Events.Records));
        }
        Assert.Null(await twins.Store.Events.Find(dropped.Id, Cancel));
        Assert.Null(await twins.Store.Damage(Cancel));

        await twins.Append(dropped);
        await twins.Sweep(100);
        await twins.Agree();
        var database = url[(url.LastIndexOf('/') + 1)..];
        Assert.Equal((long)twins.Requests.Records.Count, await server.Execute(database, "SELECT count(*) FROM cairn.request_identity"));
        await twins.DropAll(long.MaxValue, 50);
        Assert.Equal(0, await twins.Store.Events.DropPiece(long.MaxValue, Cancel));
        await twins.Append([random.Request(Some.Midnight)], [random.Event(Some.Midnight)]);
        await twins.Agree();
    }

    [Fact]
    public async Task A_field_that_the_list_has_and_the_table_lacks_is_added_at_start()
    {
        await using (var twins = Start()) await twins.Append([Some.Request()], []);
        var database = url[(url.LastIndexOf('/') + 1)..];
        await server.Execute(database, "ALTER TABLE cairn.request DROP COLUMN finish_reason, DROP COLUMN ttft_ms; DELETE FROM cairn.fields WHERE name IN ('finish_reason', 'ttft_ms')");
        await using var store = await OpenAt(url);
        var record = new RandomRecords(3).Request(Some.Midnight);
        (record.FinishReason, record.TtftMs) = ("stop", 7);
        await store.Append(Twins.Batch([record], []), Cancel);
        var found = await store.Requests.Find(record.RequestId, Cancel);
        Assert.Equal(("stop", 7L), (found!.FinishReason, found.TtftMs));
        Assert.Equal(2, await store.Requests.Count(Filter<RequestRecord>.Everything, Cancel));
    }

    [Fact]
    public async Task Many_processes_that_start_at_once_on_a_fresh_database_make_one_schema()
    {
        var stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(number => OpenAt(url, $"{number}")));
        foreach (var store in stores) await store.Append(Twins.Batch([], [Some.Event()]), Cancel);
        Assert.Equal(6, await stores[0].Events.LastPosition(Cancel));
        foreach (var store in stores) await store.DisposeAsync();
    }

    [Fact]
    public async Task What_a_reader_believes_of_texts_and_things_ends_when_another_process_changes_it()
    {
        await using var here = await OpenAt(url, "here");
        await using var there = await OpenAt(url, "there");
        var lab = new Filter<EventRecord> { Conditions = [new(Some.EventKind["resourceName"], ["lab"], [])] };
        async Task<(long, bool)> Seen()
        {
            // Twice, so that the second rests on what the first learned.
            var first = await here.Events.Read(new(lab, 10, Counted: true), Cancel);
            var second = await here.Events.Read(new(lab, 10, Counted: true), Cancel);
            Assert.Equal((first.Total, first.Records[0].Id, first.Records[0].SubjectExists), (second.Total, second.Records[0].Id, second.Records[0].SubjectExists));
            Assert.Equal(first.Total, await here.Events.Count(lab, Cancel));
            return (first.Total, first.Records[0].SubjectExists);
        }

        await there.Append(Twins.Batch([], [Some.Event(Some.Midnight, "project.created", "Project", "p1", "lab")]), Cancel);
        Assert.Equal((1, true), await Seen());
        await there.Append(Twins.Batch([], [Some.Event(Some.Midnight + 1, "project.deleted", "Project", "p1", "gone")]), Cancel);
        Assert.Equal((1, false), await Seen());

        // The text goes, and comes back as another number.
        while (await there.Events.Drop(Some.Midnight + 10, 100, Cancel) > 0) { }
        while (await there.Events.Sweep(100, Cancel) > 0) { }
        await there.Append(Twins.Batch([], [Some.Event(Some.Midnight + 20, "project.created", "Project", "p1", "other"), Some.Event(Some.Midnight + 21, "project.created", "Project", "p1", "lab")]), Cancel);
        Assert.Equal((1, true), await Seen());
    }

    [Fact]
    public async Task A_read_that_fails_leaves_nothing_behind_on_its_connection()
    {
        await using var store = await OpenAt(url);
        await store.Append(Twins.Batch([], [Some.Event()]), Cancel);
        var database = url[(url.LastIndexOf('/') + 1)..];
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(1, (await store.Events.Read(new(Filter<EventRecord>.Everything, 10, Counted: true), Cancel)).Total);
            await server.Execute(database, "ALTER TABLE cairn.event_by_all RENAME COLUMN count TO counted");
            await Assert.ThrowsAsync<LogUnavailableException>(() => store.Events.Read(new(Filter<EventRecord>.Everything, 10, Counted: true), Cancel));
            await server.Execute(database, "ALTER TABLE cairn.event_by_all RENAME COLUMN counted TO count");
        }
        Assert.Equal([Outcome.Stored], (await store.Append(Twins.Batch([], [Some.Event()]), Cancel)).Events);
    }

    static Task<PostgresLogStore> OpenAt(string url, string directory = "a directory")
    {
        Assert.True(StoreAddress.TryRead(url, out var address));
        return PostgresLogStore.Open(address, directory, Some.RequestKind, Some.EventKind);
    }
}
