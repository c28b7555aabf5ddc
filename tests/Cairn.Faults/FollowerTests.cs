using System.Diagnostics;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>A slow or dead follower costs the writer nothing, and misses nothing when it reads again.</summary>
[Collection(Alone.Name)]
public sealed class FollowerTests
{
    static readonly int Clients = Rounds.IsLong ? 200 : 40;
    const int Records = 700;

    [Fact]
    public async Task Followers_that_stop_reading_slow_down_nobody_and_miss_nothing()
    {
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        await trial.Console.Get("/api/v1/admin/audit-logs");
        var followers = new List<SlowFollower>();
        try
        {
            for (var i = 0; i < Clients; i++) followers.Add(await SlowFollower.Open(trial, Cursor.ForTail("event", 0)));
            foreach (var follower in followers) follower.Read();
            var with = await Append(trial, 0);
            await All(followers, Records);

            // Half of them stop reading; some of those are cut off without a word.
            var stuck = followers.Take(Clients / 2).ToList();
            foreach (var follower in stuck) follower.Pause();
            foreach (var dead in stuck.Take(Clients / 8)) dead.Break();
            var before = ProcessMemory.Resident(trial.Server.Id);
            ProcessMemory.ForgetPeak(trial.Server.Id);
            var without = await Append(trial, 1);
            var more = ProcessMemory.Peak(trial.Server.Id) - before;
            await All(followers.Skip(Clients / 2), 2 * Records);
            Rounds.Say($"followers: {Clients} read, append p99 {with.TotalMilliseconds:0.0} ms; {Clients / 2} of them stopped, p99 {without.TotalMilliseconds:0.0} ms, {more / 1048576} MiB more");
            // At most twice; the rest is for a machine that does other things as well.
            Assert.InRange(without, TimeSpan.Zero, 2 * with + TimeSpan.FromMilliseconds(100));
            // Each of those that are stuck misses 10 MiB.
            Assert.InRange(more, long.MinValue, (Clients / 2 << 20) + (96L << 20));

            // Who reads again goes on where it was; who was cut off comes back with its cursor.
            foreach (var follower in stuck.Skip(Clients / 8)) follower.Read();
            foreach (var (place, dead) in stuck.Take(Clients / 8).Index())
            {
                followers[place] = await SlowFollower.Open(trial, dead.Cursor, dead.Numbers);
                followers[place].Read();
                await dead.DisposeAsync();
            }
            await All(followers, 2 * Records);
            Assert.All(followers, one => Assert.Equal(Enumerable.Range(0, 2 * Records), one.Numbers));
        }
        finally
        {
            foreach (var follower in followers) await follower.DisposeAsync();
        }
    }

    static Task All(IEnumerable<SlowFollower> followers, int count) => Task.WhenAll(followers.Select(one => one.Got.Reaches(count))).WaitAsync(TimeSpan.FromMinutes(1), Client.Cancel);

    /// <summary>Sends one event after the other, of 14 KiB each, and answers the time that 99 of 100 of them were taken in.</summary>
    static async Task<TimeSpan> Append(Trial trial, int turn)
    {
        var times = new List<TimeSpan>(Records);
        var padding = new string('x', 14_000);
        for (var i = 0; i < Records; i++)
        {
            var began = Stopwatch.GetTimestamp();
            (await trial.Gateway.Post("/api/v1/events", $$$"""{"action":"trial.went_on","resource":"Trial","metadata":{"n":{{{turn * Records + i}}},"padding":"{{{padding}}}"}}""")).Expect(200);
            times.Add(Stopwatch.GetElapsedTime(began));
        }
        times.Sort();
        return times[Records * 99 / 100];
    }

    [Fact]
    public async Task Live_connections_are_bounded_and_a_flood_of_them_keeps_nobody_else_out()
    {
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        var open = new List<SlowFollower>();
        try
        {
            for (var i = 0; i < 1_000; i++) open.Add(await SlowFollower.Open(trial, Cursor.ForTail("event", 0)));
            var refused = await Assert.ThrowsAsync<WebSocketException>(() => SlowFollower.Open(trial, Cursor.ForTail("event", 0)));
            Assert.Contains("503", refused.Message, StringComparison.Ordinal);
            (await trial.Gateway.Post("/api/v1/events", """{"action":"a.b"}""")).Expect(200);
            (await trial.Console.Get("/api/v1/admin/audit-logs")).Expect(200);

            // A place is free again as soon as someone leaves, also without a word.
            open[0].Break();
            await Until.True(async () =>
            {
                try
                {
                    open.Add(await SlowFollower.Open(trial, Cursor.ForTail("event", 0)));
                    return true;
                }
                catch (WebSocketException)
                {
                    return false;
                }
            });
        }
        finally
        {
            foreach (var follower in open) await follower.DisposeAsync();
        }
    }
}

/// <summary>A follower whose machine holds next to nothing for it, so that it is felt when it does not read.</summary>
sealed class SlowFollower : IAsyncDisposable
{
    readonly ClientWebSocket socket = new();
    readonly byte[] buffer = new byte[32 * 1024];
    HttpMessageInvoker? connecting;
    Socket? connection;
    Task reading = Task.CompletedTask;
    volatile bool isPaused;

    /// <summary>The numbers of the events that it got, in their order.</summary>
    public List<int> Numbers { get; private init; } = [];

    public Counter Got { get; } = new();

    public string Cursor { get; private set; } = "";

    public static async Task<SlowFollower> Open(Trial trial, string after, List<int>? numbers = null)
    {
        var follower = new SlowFollower { Cursor = after, Numbers = numbers is null ? [] : [.. numbers] };
        for (var had = 0; had < follower.Numbers.Count; had++) follower.Got.Add();
        follower.connecting = new(new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancel) =>
            {
                follower.connection = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 16 * 1024 };
                await follower.connection.ConnectAsync(context.DnsEndPoint, cancel);
                return new NetworkStream(follower.connection, ownsSocket: true);
            },
        });
        follower.socket.Options.SetRequestHeader("Authorization", "Bearer " + trial.Console.Key);
        var uri = new UriBuilder(new Uri(trial.Console.Http.BaseAddress!, $"/api/v1/admin/ws/audit-logs?resource=Trial&after={after}")) { Scheme = "ws" }.Uri;
        try
        {
            await follower.socket.ConnectAsync(uri, follower.connecting, Client.Cancel);
        }
        catch (WebSocketException)
        {
            await follower.DisposeAsync();
            throw;
        }
        return follower;
    }

    public void Read()
    {
        var former = reading;
        isPaused = false;
        reading = Task.Run(async () =>
        {
            await former;
            while (!isPaused)
            {
                var length = 0;
                ValueWebSocketReceiveResult read;
                do
                {
                    try
                    {
                        read = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                    }
                    catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or ObjectDisposedException)
                    {
                        return;
                    }
                    if (read.MessageType == WebSocketMessageType.Close) return;
                    length += read.Count;
                }
                while (!read.EndOfMessage);
                using var frame = JsonDocument.Parse(buffer.AsMemory(0, length));
                if (frame.RootElement.GetProperty("type").GetString() != "log") continue;
                Numbers.Add(frame.RootElement.GetProperty("data").GetProperty("metadata").GetProperty("n").GetInt32());
                Cursor = frame.RootElement.GetProperty("cursor").GetString()!;
                Got.Add();
            }
        });
    }

    /// <summary>Reads no more; what it waits for already is the last.</summary>
    public void Pause() => isPaused = true;

    /// <summary>Is gone without a word.</summary>
    public void Break()
    {
        connection!.LingerState = new(true, 0);
        connection.Close();
    }

    public async ValueTask DisposeAsync()
    {
        connection?.Dispose();
        socket.Dispose();
        await reading;
        connecting?.Dispose();
    }
}
