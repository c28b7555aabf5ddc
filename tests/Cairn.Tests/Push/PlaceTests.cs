using System.Text.Json;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;
using Cairn.Support;
using Microsoft.AspNetCore.Http;

namespace Cairn.Push;

/// <summary>The place of a target in the log: whatever becomes of the log around it, it goes on.</summary>
public sealed class PlaceTests
{
    static readonly Func<HttpContext, Task> Fails = context =>
    {
        context.Response.StatusCode = 503;
        return Task.CompletedTask;
    };

    static string[] Sent(WebhookReceiver receiver) => receiver.Taken.Where(record => record.GetProperty("action").GetString() == "a.b").Ids().First();

    [Fact]
    public async Task A_parcel_that_failed_and_was_then_removed_keeps_nothing_after_it_back()
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = Fails;
        await using var app = await CairnApp.Start(settings => Targets.Of(new { Name = "siem", receiver.Url })(settings) with { EventDays = 10 });
        await app.SendEvents(0);
        var old = Iso.Text(app.Clock.NowMs - 10 * Some.Day + Some.Hour);
        await app.Send([.. Enumerable.Range(0, 4).Select(_ => $$"""{"action":"a.old","createdAt":"{{old}}"}""")]);
        await app.Failed(1);

        // More than are kept in memory, so that what was to be sent again is found nowhere.
        var ids = await app.SendEvents(2_100);
        app.Clock.Move(TimeSpan.FromHours(2));
        (await app.Owner.Post("/api/v1/admin/retention/run", "")).Expect(200);
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs?action=a.old")).Total);
        await app.Failed(2);
        receiver.Answer = _ => Task.CompletedTask;
        app.Clock.Move(TimeSpan.FromMinutes(10));
        await Until.True(() => Sent(receiver).Length == ids.Length);
        Assert.Equal(ids, Sent(receiver));
        await app.PushedAll();
        Assert.Equal(4, (await app.Push()).GetProperty("removed").GetInt32());
    }

    [Fact]
    public async Task A_process_that_pushes_again_after_another_did_goes_on_where_the_other_was()
    {
        var url = await (await PostgresServer.Shared()).NewDatabase();
        Assert.True(StoreAddress.TryRead(url, out var address));
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = Fails;
        Func<Hosting.Settings, Hosting.Settings> settings = one => Targets.Of(new { Name = "siem", receiver.Url })(one) with { Store = address };
        await using var first = await CairnApp.Start(settings);
        var ids = await first.SendEvents(50);
        await first.Failed(1);

        // While it waits to try again it loses its hold, and another takes its place.
        await PostgresServer.Change(url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
        receiver.Answer = _ => Task.CompletedTask;
        await using (var second = await CairnApp.Start(settings))
        {
            await IsHere(second);
            await Until.True(() => Sent(receiver).Length == ids.Length);
            ids = [.. ids, .. await second.SendEvents(40)];
            await second.PushedAll();
        }

        // It has it again.
        await IsHere(first);
        ids = [.. ids, .. await first.SendEvents(5)];
        await Until.True(() => Sent(receiver).Length == ids.Length);
        Assert.Equal(ids, Sent(receiver));
        await first.PushedAll();

        static Task IsHere(CairnApp app) => Until.True(async () =>
        {
            app.Clock.Move(TimeSpan.FromSeconds(2));
            return (await app.Push()).GetProperty("here").GetBoolean();
        });
    }

    [Fact]
    public async Task Beside_an_older_log_a_place_is_set_back_to_its_end_and_that_is_told()
    {
        await using var receiver = await WebhookReceiver.Start();
        using var place = new TempDirectory();
        var target = Targets.Of(new { Name = "siem", receiver.Url, Records = "both" });
        var (log, copy) = (Path.Combine(place.Path, "data", "log.db"), Path.Combine(place.Path, "copy.db"));
        string[] ids;
        await using (var app = await CairnApp.Start(target, place: place.Path))
        {
            ids = await app.SendEvents(5);
            await app.PushedAll();
        }
        File.Copy(log, copy);
        await using (var app = await CairnApp.Start(target, place: place.Path))
        {
            ids = [.. ids, .. await app.SendEvents(30)];
            await app.PushedAll();
        }
        File.Move(copy, log, overwrite: true);

        await using var restored = await CairnApp.Start(target, place: place.Path);
        var known = ids.Length;
        ids = [.. ids, .. await restored.SendEvents(3)];
        await Until.True(() => Sent(receiver).Length == ids.Length);
        await restored.PushedAll();
        Assert.Equal(ids, Sent(receiver));

        // Nothing that was recorded since is passed over, what tells of it included.
        var told = Assert.Single((await restored.Reader.Get("/api/v1/admin/audit-logs?action=audit.push_set_back")).Items);
        Assert.Equal(("siem", "failure", "30"), (told.GetProperty("resourceName").GetString(), told.GetProperty("outcome").GetString(), told.GetProperty("metadata").GetProperty("events").GetString()));
        Assert.False(told.GetProperty("metadata").TryGetProperty("requests", out _));
        Assert.Contains(told.GetProperty("id").GetString(), receiver.Taken.Ids());
        Assert.Equal(0, (await restored.Push()).GetProperty("removed").GetInt32());
    }

    [Theory]
    [InlineData("action=a.b"), InlineData(null)]
    public async Task Large_records_are_read_about_once(string? filter)
    {
        await using var receiver = await WebhookReceiver.Start();
        using var place = new TempDirectory();
        var text = new string('x', 15_000);
        await using (var before = await CairnApp.Start(place: place.Path))
            await before.Send([.. Enumerable.Range(0, 400).Select(_ => JsonSerializer.Serialize(new { action = "a.b", metadata = new { text } }))]);

        // Read by a new process, so that none of it is in memory; four or five go together.
        var read = new ReadStore();
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, From = "beginning", Filter = filter, BatchBytes = 64 * 1024 }), around: read.Around, place: place.Path);
        await Until.True(() => receiver.Taken.Count >= 400);
        Assert.Equal(400, Sent(receiver).Length);
        Assert.InRange(read.Records, 400, 600);
    }

    /// <summary>Counts the events that are read in the order of recording.</summary>
    sealed class ReadStore
    {
        long records;

        public long Records => Volatile.Read(ref records);

        public ILogStore Around(ILogStore inner) => new Store(this, inner);

        sealed class Store(ReadStore read, ILogStore inner) : ILogStore
        {
            public ILog<RequestRecord> Requests => inner.Requests;

            public ILog<EventRecord> Events { get; } = new Log(read, inner.Events);

            public Task<BatchOutcome> Append(Batch batch, CancellationToken cancel) => inner.Append(batch, cancel);

            public Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel) => inner.Unfinished(cancel);

            public Task<StoreHealth> Health(CancellationToken cancel) => inner.Health(cancel);

            public Task<string?> Damage(CancellationToken cancel) => inner.Damage(cancel);

            public ValueTask DisposeAsync() => inner.DisposeAsync();
        }

        sealed class Log(ReadStore read, ILog<EventRecord> inner) : ILog<EventRecord>
        {
            public Kind<EventRecord> Kind => inner.Kind;

            public async Task<Tail<EventRecord>> Follow(Filter<EventRecord> filter, long after, int limit, CancellationToken cancel)
            {
                var tail = await inner.Follow(filter, after, limit, cancel);
                Interlocked.Add(ref read.records, tail.Records.Count);
                return tail;
            }

            public Task<EventRecord?> Find(string identity, CancellationToken cancel) => inner.Find(identity, cancel);

            public Task<Page<EventRecord>> Read(PageRequest<EventRecord> request, CancellationToken cancel) => inner.Read(request, cancel);

            public Task<long> LastPosition(CancellationToken cancel) => inner.LastPosition(cancel);

            public Task<long> Count(Filter<EventRecord> filter, CancellationToken cancel) => inner.Count(filter, cancel);

            public Task<Summary<EventRecord>> Summarise(Filter<EventRecord> filter, IReadOnlyList<Field<EventRecord>[]> groupings, bool percentiles, CancellationToken cancel) => inner.Summarise(filter, groupings, percentiles, cancel);

            public Task<int> Drop(long beforeMs, int limit, CancellationToken cancel) => inner.Drop(beforeMs, limit, cancel);

            public Task<int> Sweep(int limit, CancellationToken cancel) => inner.Sweep(limit, cancel);

            public Task<long?> OldestMs(CancellationToken cancel) => inner.OldestMs(cancel);
        }
    }
}
