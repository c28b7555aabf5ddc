using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Claims;
using System.Text.Json.Nodes;
using Cairn.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cairn.Client;

/// <summary>Recording events in an application, with a real Cairn that is there, away, or does not want them.</summary>
public sealed class AuditTests
{
    static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    internal static NewEvent Numbered(int number) => new("workspace.started") { Resource = new("Workspace", $"w{number}", $"{number}"), CreatedAt = DateTimeOffset.UnixEpoch.AddMilliseconds(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()) };

    static IEnumerable<string> Names(IEnumerable<System.Text.Json.JsonElement> events) => events.Select(one => one.GetProperty("resourceName").GetString()!);

    /// <summary>That these are the events numbered from 0, and that Cairn got none before one with a smaller number.</summary>
    internal static void ArrivedInOrder(int count, IEnumerable<System.Text.Json.JsonElement> events)
    {
        var numbered = events.OrderBy(one => int.Parse(one.GetProperty("resourceName").GetString()!)).ToList();
        Assert.Equal(Enumerable.Range(0, count).Select(i => $"{i}"), Names(numbered));
        var arrived = numbered.Select(one => one.GetProperty("recordedAt").GetString()!).ToList();
        Assert.Equal(arrived.Order(StringComparer.Ordinal), arrived);
    }

    [Fact]
    public async Task Connections_that_are_reset_as_they_are_made_are_a_Cairn_that_is_away()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var resetting = Task.Run(async () =>
        {
            while (true)
            {
                using var caller = await listener.AcceptSocketAsync(Cancel);
                caller.LingerState = new(true, 0);
            }
        }, Cancel);
        using var delivery = new Delivery(new() { Url = new($"http://{listener.LocalEndpoint}"), Key = "any" });
        // What .NET tells of it depends on how far it had come.
        for (var i = 0; i < 3_000; i++) Assert.NotNull((await delivery.Send(["{}"u8.ToArray()], Cancel)).TryAgainIn);
        listener.Stop();
        await Assert.ThrowsAnyAsync<SocketException>(() => resetting);
    }

    [Fact]
    public async Task An_event_arrives_as_it_was_recorded()
    {
        await using var server = await Server.Start();
        var hostile = "<b>\u202ename\u0007 \ud83e\udea8 \"quoted\"\n";
        var recorded = new NewEvent("workspace.stopped")
        {
            Actor = new("u1", hostile, "ada@example.com", "admin"),
            Resource = new("Workspace", "w1", "research"),
            Outcome = Outcome.Denied,
            Ip = "192.0.2.7",
            UserAgent = "test",
            RequestId = "r1",
            TraceId = "t1",
            ConversationId = "c1",
            Metadata = new JsonObject { ["reason"] = hostile, ["count"] = 3 },
        };
        await using (var audit = new Audit(server.Options)) audit.Record(recorded);
        var got = Assert.Single(await server.Events());
        foreach (var (name, value) in new[]
        {
            ("id", recorded.Id.ToString()), ("action", "workspace.stopped"), ("actorId", "u1"), ("actorName", hostile), ("actorEmail", "ada@example.com"), ("actorRole", "admin"), ("resource", "Workspace"), ("resourceId", "w1"),
            ("resourceName", "research"), ("outcome", "denied"), ("ip", "192.0.2.7"), ("userAgent", "test"), ("requestId", "r1"), ("traceId", "t1"), ("conversationId", "c1"), ("createdAt", recorded.CreatedAt.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'")),
        })
            Assert.Equal(value, got.GetProperty(name).GetString());
        Assert.Equal((hostile, 3), (got.GetProperty("metadata").GetProperty("reason").GetString(), got.GetProperty("metadata").GetProperty("count").GetInt32()));
    }

    [Fact]
    public async Task What_is_recorded_while_Cairn_is_away_arrives_once_and_in_order_when_it_is_back()
    {
        await using var server = await Server.Start();
        await using (var audit = new Audit(server.Options))
        {
            for (var i = 0; i < 100; i++) audit.Record(Numbered(i));
            await Until.True(() => audit.Counts.Delivered == 100);
            await server.Kill();
            for (var i = 100; i < 3_000; i++) audit.Record(Numbered(i));
            await Until.True(() => Directory.Exists(server.Spool) && Directory.EnumerateFiles(server.Spool, "*.ndjson").Any());
            await server.Return();
            for (var i = 3_000; i < 3_100; i++) audit.Record(Numbered(i));
            await Until.True(() => audit.Counts.Waiting == 0);
            Assert.Equal(new(3_100, 3_100, 0, 0, 0), audit.Counts);
        }
        ArrivedInOrder(3_100, await server.Events());
        Assert.Empty(Directory.EnumerateFiles(server.Spool, "*.ndjson"));
    }

    [Fact]
    public async Task What_one_process_could_not_deliver_the_next_one_does()
    {
        await using var server = await Server.Start();
        await server.Kill();
        await using (var first = new Audit(server.Options))
        {
            for (var i = 0; i < 500; i++) first.Record(Numbered(i));
        }
        // A crash left a line without its end, which was promised to nobody.
        await File.AppendAllTextAsync(Directory.EnumerateFiles(server.Spool, "*.ndjson").Max()!, """{"action":"half""", Cancel);
        await server.Return();
        await using (var second = new Audit(server.Options))
        {
            second.Record(Numbered(500));
            await Until.True(() => second.Counts.Waiting == 0);
            Assert.Equal(new(501, 501, 0, 0, 0), second.Counts);
        }
        Assert.Equal(501, (await server.Events()).Count);
    }

    [Fact]
    public async Task Two_processes_with_one_spool_do_not_meet()
    {
        await using var server = await Server.Start();
        await server.Kill();
        await using (var one = new Audit(server.Options))
        await using (var other = new Audit(server.Options))
        {
            one.Record(Numbered(1));
            other.Record(Numbered(2));
            await Until.True(() => Directory.Exists(server.Spool + "-2") && Directory.EnumerateFiles(server.Spool + "-2", "*.ndjson").Any() && Directory.EnumerateFiles(server.Spool, "*.ndjson").Any());
            await server.Return();
            await Until.True(() => one.Counts.Delivered == 1 && other.Counts.Delivered == 1);
        }
        Assert.Equal(2, (await server.Events()).Count);
    }

    [Fact]
    public async Task What_Cairn_refuses_is_counted_and_told_and_the_rest_arrives()
    {
        await using var server = await Server.Start();
        var told = new ConcurrentQueue<Undelivered>();
        var options = server.Options;
        options.OnUndelivered = told.Enqueue;
        await using (var audit = new Audit(options))
        {
            audit.Record(Numbered(1));
            audit.Record(Numbered(2) with { Id = Guid.NewGuid(), Ip = new('1', 65) });
            audit.Record((NewEvent)null!);
            audit.Record(Numbered(3));
            await Until.True(() => audit.Counts.Waiting == 0);
            Assert.Equal(new(4, 2, 0, 2, 0), audit.Counts);
        }
        Assert.Equal(["1", "3"], Names(await server.Events()));
        Assert.Equal(2, told.Count);
        Assert.Contains(told, one => one.Why.Contains("ip", StringComparison.Ordinal) && one.Event.Contains("w2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_spool_that_is_full_loses_the_newest_and_says_how_many()
    {
        await using var server = await Server.Start();
        await server.Kill();
        var (told, options) = (new ConcurrentQueue<Undelivered>(), server.Options);
        (options.MaxSpoolBytes, options.OnUndelivered) = (20_000, told.Enqueue);
        long kept;
        await using (var audit = new Audit(options))
        {
            for (var i = 0; i < 1_000; i++) audit.Record(Numbered(i));
            await Until.True(() => audit.Counts.Lost > 0 && audit.Counts.Lost == told.Count && Directory.EnumerateFiles(server.Spool, "*.ndjson").Any());
            await server.Return();
            await Until.True(() => audit.Counts.Waiting == 0);
            kept = audit.Counts.Delivered;
            Assert.Equal((1_000, 1_000), (audit.Counts.Recorded, kept + audit.Counts.Lost));
        }
        Assert.InRange(kept, 20, 200);
        Assert.Equal(kept, (await server.Events()).Count);
    }

    [Fact]
    public async Task Without_a_place_for_a_spool_events_wait_in_memory()
    {
        await using var server = await Server.Start();
        var options = server.Options;
        options.Spool = Path.Combine("/proc", "no-such-place");
        await server.Kill();
        await using (var audit = new Audit(options))
        {
            for (var i = 0; i < 100; i++) audit.Record(Numbered(i));
            await server.Return();
            await Until.True(() => audit.Counts.Delivered == 100);
        }
        Assert.Equal(100, (await server.Events()).Count);
    }

    [Fact]
    public async Task A_key_that_is_refused_keeps_events_and_strict_recording_throws()
    {
        await using var server = await Server.Start();
        var options = server.Options;
        options.Key = "crn_no";
        await using (var audit = new Audit(options))
        {
            audit.Record(Numbered(1));
            var refused = await Assert.ThrowsAsync<CairnException>(() => audit.RecordAsync(Numbered(2), Cancel));
            Assert.Contains("401", refused.Message, StringComparison.Ordinal);
        }
        // Corrected, it delivers what waits.
        options.Key = server.Key;
        await using (var audit = new Audit(options)) await Until.True(() => audit.Counts.Delivered == 1);
        Assert.Equal(["1"], Names(await server.Events()));
    }

    [Fact]
    public async Task Strictly_recorded_is_in_the_log_or_throws()
    {
        await using var server = await Server.Start();
        var options = server.Options;
        options.Strict = true;
        await using var audit = new Audit(options);
        audit.Record(Numbered(1));
        Assert.Equal(["1"], Names(await server.Events()));
        Assert.Throws<CairnException>(() => audit.Record(Numbered(2) with { Ip = new('1', 65) }));
        await server.Kill();
        Assert.Throws<CairnException>(() => audit.Record(Numbered(3)));
        await Assert.ThrowsAsync<CairnException>(() => audit.RecordAsync(Numbered(4), Cancel));
        await server.Return();
        await audit.RecordAsync(Numbered(5), Cancel);
        Assert.Equal(new(5, 2, 0, 1, 2), audit.Counts);
        Assert.Equal(["1", "5"], Names(await server.Events()));
    }

    [Fact]
    public async Task Strict_recording_does_not_need_the_thread_that_waits_for_it()
    {
        await using var server = await Server.Start();
        var (options, done) = (server.Options, new TaskCompletionSource());
        options.Strict = true;
        new Thread(() =>
        {
            SynchronizationContext.SetSynchronizationContext(new Unserved());
            try
            {
                var audit = new Audit(options);
                audit.Record(Numbered(1));
                Assert.Throws<CairnException>(() => audit.Record(Numbered(2) with { Ip = new('1', 65) }));
                audit.DisposeAsync().AsTask().GetAwaiter().GetResult();
                done.SetResult();
            }
            catch (Exception failed)
            {
                done.SetException(failed);
            }
        }) { IsBackground = true }.Start();
        await done.Task.WaitAsync(TimeSpan.FromSeconds(20), Cancel);
        Assert.Equal(["1"], Names(await server.Events()));
    }

    /// <summary>What a window's thread is to others while it waits: what they ask of it is not done.</summary>
    sealed class Unserved : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }
    }

    [Fact]
    public async Task What_cannot_be_written_is_refused_whatever_is_wrong_with_it()
    {
        await using var server = await Server.Start();
        var (told, options) = (new ConcurrentQueue<Undelivered>(), server.Options);
        options.OnUndelivered = told.Enqueue;
        await using var audit = new Audit(options);
        // A value of which the runtime makes no JSON.
        var bad = Numbered(1) with { Metadata = new JsonObject { ["type"] = JsonValue.Create(typeof(string)) } };
        audit.Record(bad);
        Assert.Equal(new(1, 0, 0, 1, 0), audit.Counts);
        Assert.Equal("workspace.started", Assert.Single(told).Event);
        Assert.IsType<NotSupportedException>((await Assert.ThrowsAsync<CairnException>(() => audit.RecordAsync(bad, Cancel))).InnerException);
    }

    [Fact]
    public async Task A_call_goes_on_when_the_application_cannot_say_who_makes_it()
    {
        await using var server = await Server.Start();
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddCairn(cairn =>
        {
            (cairn.Url, cairn.Key, cairn.Spool) = (server.Url, server.Key, server.Spool);
            cairn.ActorOf = person => new(person.FindFirst("sub")!.Value.Split(':')[1]);
        });
        await using var app = builder.Build();
        app.UseCairn();
        app.Use((context, next) =>
        {
            context.User = new(new ClaimsIdentity([new("sub", "nobody")], "test"));
            return next(context);
        });
        app.MapGet("/", (Audit audit) =>
        {
            audit.Record(Numbered(1));
            return $"{audit.Counts.Refused}";
        });
        await app.StartAsync(Cancel);
        using var http = new HttpClient();
        Assert.Equal("1", await http.GetStringAsync(app.Urls.Single(), Cancel));
    }

    [Fact]
    public async Task What_became_of_events_adds_up_at_every_moment()
    {
        await using var server = await Server.Start();
        await server.Kill();
        var options = server.Options;
        (options.MaxQueued, options.Spool) = (1, Path.Combine("/proc", "no-such-place"));
        await using var audit = new Audit(options);
        var recording = Task.Run(() =>
        {
            for (var i = 0; i < 300_000; i++) audit.Record("workspace.started");
        }, Cancel);
        do
        {
            var counts = audit.Counts;
            Assert.Equal(counts.Recorded, counts.Delivered + counts.Waiting + counts.Refused + counts.Lost);
        }
        while (!recording.IsCompleted);
        await recording;
        Assert.True(audit.Counts.Lost > 100_000);
    }

    [Fact]
    public async Task What_is_recorded_while_the_application_ends_is_delivered()
    {
        await using var server = await Server.Start();
        var builder = Host.CreateEmptyApplicationBuilder(new());
        // It is stopped last, as it was added first.
        builder.Services.AddHostedService<Farewell>();
        builder.Services.AddCairn(cairn => (cairn.Url, cairn.Key, cairn.Spool) = (server.Url, server.Key, server.Spool));
        using (var host = builder.Build())
        {
            await host.StartAsync(Cancel);
            await host.StopAsync(Cancel);
            Assert.Equal(new(1, 1, 0, 0, 0), host.Services.GetRequiredService<Audit>().Counts);
        }
        Assert.Equal(["7"], Names(await server.Events()));
    }

    sealed class Farewell(Audit audit) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            audit.Record(Numbered(7));
            return Task.CompletedTask;
        }
    }
}
