using System.Collections.Concurrent;
using System.Text.Json;
using Cairn.Access;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage.Postgres;
using Cairn.Support;

namespace Cairn.Storage.Outbox;

/// <summary>A PostgreSQL that is away: senders do not notice, and when it is back everything is there once, in its order.</summary>
public sealed class BridgedLogStoreTests : IDisposable
{
    readonly TempDirectory place = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => place.Dispose();

    async Task<BridgedLogStore> Open(string url, string? directory = null)
    {
        Assert.True(StoreAddress.TryRead(url, out var address));
        return await BridgedLogStore.Open(directory ?? place.Path, await PostgresLogStore.Open(address, "here", Some.RequestKind, Some.EventKind), TimeProvider.System);
    }

    static async Task<StoreHealth> Back(BridgedLogStore store)
    {
        StoreHealth health = null!;
        await Until.True(async () => (health = await store.Health(Cancel)) is { Degraded: null, Outbox.Waiting: 0 });
        return health;
    }

    static Func<Hosting.Settings, Hosting.Settings> With(string url)
    {
        Assert.True(StoreAddress.TryRead(url, out var address));
        return settings => settings with { Store = address };
    }

    [Fact]
    public async Task Stopped_crashed_and_cut_off_at_its_commits_under_load_the_store_has_everything_once_and_in_order()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        await using var proxy = new CommitCutter(server.Port);
        await using var store = await Open(server.UrlOf(url[(url.LastIndexOf('/') + 1)..], proxy.Port));
        using var enough = new CancellationTokenSource();
        var (taken, wasAway) = (0, 0);

        var senders = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            var sent = new List<EventRecord>();
            while (!enough.IsCancellationRequested)
            {
                var batch = Enumerable.Range(0, 3).Select(_ => Some.Event()).ToList();
                // No sender is told of anything that is wrong.
                Assert.All((await store.Append(Twins.Batch([], batch), Cancel)).Events, outcome => Assert.Equal(Outcome.Stored, outcome));
                sent.AddRange(batch);
                Interlocked.Increment(ref taken);
            }
            return sent;
        }, Cancel)).ToArray();

        await More();
        foreach (var crashes in new[] { false, true })
        {
            await (crashes ? server.Crash() : server.Stop());
            await More();
            var health = await store.Health(Cancel);
            if (health is { Writable: true, Degraded: not null, Outbox.Waiting: > 0 }) wasAway++;
            await server.Run();
            await Until.True(async () => (await store.Health(Cancel)).Degraded is null);
            await More();
        }
        proxy.CutEvery = 3;
        await More();
        await Until.True(() => proxy.Cuts >= 10);
        proxy.CutEvery = 0;
        await enough.CancelAsync();
        var sent = await Task.WhenAll(senders);

        Assert.Equal(2, wasAway);
        Assert.Equal(0, (await Back(store)).Outbox!.SetAside);
        var page = await store.Events.Read(new(Filter<EventRecord>.Everything, 1_000_000, Counted: true), Cancel);
        Assert.Equal(sent.SelectMany(own => own).Select(one => one.Id).Order(StringComparer.Ordinal), page.Records.Select(record => record.Id).Order(StringComparer.Ordinal));
        Assert.Equal(page.Records.Count, page.Total);
        Assert.Equal(Enumerable.Range(1, page.Records.Count).Select(n => (long)n), page.Records.Select(record => record.Position).Order());
        var positions = page.Records.ToDictionary(record => record.Id, record => record.Position, StringComparer.Ordinal);
        foreach (var own in sent) Assert.Equal(own.Select(one => positions[one.Id]).Order(), own.Select(one => positions[one.Id]));
        Assert.Null(await store.Damage(Cancel));

        async Task More()
        {
            var goal = Volatile.Read(ref taken) + 30;
            await Until.True(() => Volatile.Read(ref taken) >= goal);
        }
    }

    [Theory]
    [InlineData("waiting.db"), InlineData("waiting.db-wal")]
    public async Task A_file_that_is_removed_while_records_wait_in_it_takes_nothing_more(string file)
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        var (before, after, path) = (Some.Event(), Some.Event(), Path.Combine(place.Path, file));
        await using (var store = await Open(url))
        {
            await server.Stop();
            await store.Append(Twins.Batch([], [before]), Cancel);
            File.Move(path, path + ".kept");
            var refused = await Assert.ThrowsAsync<LogUnavailableException>(() => store.Append(Twins.Batch([], [after]), Cancel));
            Assert.Contains(file, refused.Message, StringComparison.Ordinal);
            Assert.False((await store.Health(Cancel)).Writable);
            File.Move(path + ".kept", path);
        }

        // Put back, what was acknowledged is delivered.
        await server.Run();
        await using var again = await Open(url);
        await Back(again);
        Assert.Equal(before.Id, (await again.Events.Find(before.Id, Cancel))!.Id);
        Assert.Null(await again.Events.Find(after.Id, Cancel));
    }

    [Fact]
    public async Task What_is_sent_again_is_stored_once_and_what_conflicts_is_set_aside()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        var (known, changed, other, untimed, later) = (Some.Event(), Some.Event(resourceName: "first"), Some.Event(resourceName: "other"), Some.Event(), Some.Event());
        (other.Id, later.Id) = (changed.Id, untimed.Id);
        (untimed.TimeIsGiven, later.TimeIsGiven, later.TimeMs) = (false, false, untimed.TimeMs + 5);
        untimed.RecordedAtMs = 1_234_567_890_123;
        await using (var store = await Open(url))
        {
            Assert.Equal([Outcome.Stored, Outcome.Stored], (await store.Append(Twins.Batch([], [known, changed]), Cancel)).Events);
            Assert.Equal([Outcome.Duplicate], (await store.Append(Twins.Batch([], [known]), Cancel)).Events);
            await server.Stop();
            Assert.All((await store.Append(Twins.Batch([], [known, other, untimed]), Cancel)).Events, outcome => Assert.Equal(Outcome.Stored, outcome));
            Assert.All((await store.Append(Twins.Batch([], [later]), Cancel)).Events, outcome => Assert.Equal(Outcome.Stored, outcome));
            Assert.Equal(0, later.Position);
            Assert.Equal(4, (await store.Health(Cancel)).Outbox!.Waiting);
            await Assert.ThrowsAsync<LogUnavailableException>(() => store.Events.Count(Filter<EventRecord>.Everything, Cancel));
        }

        // Cairn ends and starts again meanwhile; what it knows of this is on its disk.
        await server.Run();
        await using var again = await Open(url);
        Assert.Equal(1, (await Back(again)).Outbox!.SetAside);
        Assert.Equal(3, await again.Events.Count(Filter<EventRecord>.Everything, Cancel));
        Assert.Equal("first", (await again.Events.Find(changed.Id, Cancel))!.ResourceName);
        var found = (await again.Events.Find(untimed.Id, Cancel))!;
        Assert.Equal((untimed.TimeMs, untimed.RecordedAtMs), (found.TimeMs, found.RecordedAtMs));
        Assert.Equal([Outcome.Conflict], (await again.Append(Twins.Batch([], [other]), Cancel)).Events);
    }

    [Fact]
    public async Task Whatever_a_record_says_it_says_after_it_waited()
    {
        await using var server = await PostgresServer.Start();
        await using var store = await Open(await server.NewDatabase());
        var random = new RandomRecords(11);
        await server.Stop();
        var (requests, events) = (Enumerable.Range(0, 300).Select(_ => random.Request(Some.Midnight)).ToList(), Enumerable.Range(0, 300).Select(_ => random.Event(Some.Midnight)).ToList());
        await store.Append(Twins.Batch(requests, events), Cancel);
        await server.Run();
        await Back(store);
        foreach (var (sent, position) in requests.Select((sent, i) => (sent, i + 1L)))
        {
            var found = (await store.Requests.Find(sent.RequestId, Cancel))!;
            Assert.True(Some.RequestKind.IsRepeat(found, sent));
            Assert.Equal(position, found.Position);
        }
        foreach (var sent in events) Assert.True(Some.EventKind.IsRepeat((await store.Events.Find(sent.Id, Cancel))!, sent));
    }

    [Fact]
    public async Task A_request_that_ended_while_the_store_was_away_is_not_told_as_interrupted()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        var (ended, open, early) = (Some.Request(), Some.Request(), Some.Request());
        await using (var store = await Open(url))
        {
            await store.Append(new Batch { Starts = { ended, early } }, Cancel);
            await server.Stop();
            await store.Append(new Batch { Starts = { open } }, Cancel);
            await store.Append(Twins.Batch([ended], []), Cancel);
        }
        await server.Run();
        await using var again = await Open(url);
        Assert.Equal(new[] { early.RequestId, open.RequestId }.Order(StringComparer.Ordinal), (await again.Unfinished(Cancel)).Select(start => start.RequestId).Order(StringComparer.Ordinal));
        await Back(again);
        Assert.Equal(new[] { early.RequestId, open.RequestId }.Order(StringComparer.Ordinal), (await again.Unfinished(Cancel)).Select(start => start.RequestId).Order(StringComparer.Ordinal));

        // Once they are in the store, their records end them there.
        await again.Append(Twins.Batch([open, early], []), Cancel);
        Assert.Empty(await again.Unfinished(Cancel));
        Assert.Equal(3, await again.Requests.Count(Filter<RequestRecord>.Everything, Cancel));
        Assert.Equal(0, (await again.Health(Cancel)).Outbox!.SetAside);
    }

    [Fact]
    public async Task A_full_disk_refuses_what_is_new_and_loses_nothing_that_was_taken()
    {
        using var disk = new SmallDisk(mebibytes: 8);
        await using var server = await PostgresServer.Start();
        await using var store = await Open(await server.NewDatabase(), disk.Path);
        await server.Stop();
        var (taken, refusals) = (0, 0);
        while (refusals < 3)
        {
            Assert.True(taken < 100_000, "The disk is never full.");
            try
            {
                await store.Append(Twins.Batch([], Enumerable.Range(0, 200).Select(_ => Some.Event(resourceName: new string('n', 200))).ToList()), Cancel);
                taken += 200;
            }
            catch (LogUnavailableException full)
            {
                Assert.Contains("disk is full", full.Message, StringComparison.Ordinal);
                refusals++;
            }
        }
        Assert.False((await store.Health(Cancel)).Writable);
        await server.Run();
        await Back(store);
        Assert.Equal(taken, await store.Events.Count(Filter<EventRecord>.Everything, Cancel));
        Assert.True((await store.Health(Cancel)).Writable);
    }

    [Fact]
    public async Task A_known_key_goes_on_working_for_a_while_and_an_unknown_one_is_refused()
    {
        await using var server = await PostgresServer.Start();
        await using var app = await CairnApp.Start(With(await server.NewDatabase()));
        await app.Send("""{"action":"a.b"}""");
        await using var live = await app.Follow("/api/v1/admin/ws/audit-logs?action=a.b");
        await live.Records(1);
        (await app.Reader.Get("/api/v1/admin/health")).Expect(200);

        await server.Stop();
        app.Clock.Move(TimeSpan.FromSeconds(2));
        for (var i = 0; i < 5; i++) await app.Send("""{"action":"a.b"}""");
        var stranger = app.Gateway(KeyText.New());
        foreach (var path in new[] { "/api/v1/events", "/v1/chat/completions", "/v1/messages", "/api/v1/otlp/v1/logs" })
        {
            var refused = (await stranger.Post(path, """{"action":"a.b","model":"m"}""")).Expect(503);
            // Nothing of where PostgreSQL is: whoever calls is a stranger.
            Assert.Equal("Keys and sessions cannot be looked up now. Send it again in a moment.", refused.Json.GetProperty(path.Contains("otlp", StringComparison.Ordinal) ? "message" : "detail").GetString());
            Assert.Equal(("2", null), (refused.Header("Retry-After"), refused.Header("WWW-Authenticate")));
            if (path.StartsWith("/v1/", StringComparison.Ordinal)) Assert.Contains(refused.Json.GetProperty("error").GetProperty("type").GetString(), new[] { "server_error", "overloaded_error" });
        }
        Assert.Equal("degraded\n", (await app.Gateway().Get("/readyz")).Expect(200).Text);
        (await app.Reader.Get("/api/v1/admin/audit-logs")).Expect(503);
        var health = (await app.Reader.Get("/api/v1/admin/health")).Expect(200).Json;
        Assert.Equal(("degraded", 5), (health.GetProperty("status").GetString(), health.GetProperty("outbox").GetProperty("waiting").GetInt32()));
        Assert.Contains("\ncairn_store_degraded 1\n", (await app.Gateway().Get("/metrics")).Expect(200).Text, StringComparison.Ordinal);
        app.Clock.Move(TimeSpan.FromMinutes(16));
        (await app.Sender.Post("/api/v1/events", """{"action":"a.b"}""")).Expect(503);

        await server.Run();
        await Until.True(async () => (await app.Gateway().Get("/readyz")).Text == "ready\n");
        // Who follows sees what waited, in its place.
        await live.Records(5);
        Assert.Equal(6, (await app.Reader.Get("/api/v1/admin/audit-logs?action=a.b")).Expect(200).Json.GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task Killed_while_its_store_is_away_Cairn_has_every_event_and_every_request_when_both_are_back()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        await using var backend = await ScriptedBackend.Start();
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        backend.Instead = async (context, _) =>
        {
            reached.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        };
        var data = Path.Combine(place.Path, "data");
        var made = await CairnProcess.Run("keys", "create", "--name", "all", "--scope", "events:write,inference,audit:read", "--data", data, "--store", url);
        var key = made.Lines[^1];
        (string, string)[] settings = [("Cairn__Store", url), ("Cairn__Gateway__Backends__0__Name", "it"), ("Cairn__Gateway__Backends__0__Type", "local"), ("Cairn__Gateway__Backends__0__Url", backend.Url.ToString()), ("Cairn__Gateway__Routes__0__Model", "*"), ("Cairn__Gateway__Routes__0__Backend", "it")];

        var ids = new ConcurrentBag<string>();
        await using (var cairn = await CairnProcess.ServeWith(data, settings))
        {
            using var http = new HttpClient { BaseAddress = cairn.Address("Gateway") };
            var client = new Client(http, key);
            await Send(client);
            await server.Stop();
            for (var i = 0; i < 20; i++) await Send(client);
            var call = client.Post("/v1/chat/completions", GatewayApp.Body);
            await reached.Task.WaitAsync(Cancel);
            await Send(client);
            await cairn.Kill();
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => call);
        }

        await server.Run();
        await using var again = await CairnProcess.ServeWith(data, settings);
        using var reader = new HttpClient { BaseAddress = again.Address("Gateway") };
        using var console = new HttpClient { BaseAddress = again.Address("Console") };
        await Until.True(async () => (await new Client(console, key).Get("/api/v1/admin/audit-logs?action=a.b")).Expect(200).Json.GetProperty("total").GetInt32() >= 22);
        Assert.Equal(ids.Order(StringComparer.Ordinal), (await new Client(console, key).Get("/api/v1/admin/audit-logs?action=a.b&limit=100")).Items.Select(item => item.GetProperty("id").GetString()!).Order(StringComparer.Ordinal));
        IReadOnlyList<JsonElement> requests = [];
        await Until.True(async () => (requests = (await new Client(reader, key).Get("/admin/audit-logs")).Expect(200).Items).Count > 0);
        Assert.Equal("interrupted", Assert.Single(requests).Text("error_type"));
        var health = (await new Client(console, key).Get("/api/v1/admin/health")).Expect(200).Json;
        Assert.Equal(("ok", 0, 0), (health.GetProperty("status").GetString(), health.GetProperty("outbox").GetProperty("waiting").GetInt32(), health.GetProperty("outbox").GetProperty("setAside").GetInt32()));

        async Task Send(Client client)
        {
            var id = Some.EventId;
            (await client.Post("/api/v1/events", $$"""{"id":"{{id}}","action":"a.b"}""")).Expect(200);
            ids.Add(id);
        }
    }
}
