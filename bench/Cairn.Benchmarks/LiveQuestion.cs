using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace Cairn.Benchmarks;

/// <summary>
/// How long after a sender sent it do followers have a record, and what do they cost the sender? Events are sent one by one,
/// each acknowledged when it is durable. Sender, Cairn and followers share the machine.
/// </summary>
sealed class LiveQuestion(Settings settings)
{
    const int Followers = 200, PerSecond = 500, Senders = 8;

    /// <summary>Stands before the moment of sending in each event's resource name.</summary>
    const string Mark = "sent-";

    int Seconds => settings.Short ? 5 : 20;

    public async Task Ask()
    {
        Report.Title($"Live: {Followers} followers at {PerSecond} records a second");
        await using var all = new Doors(settings);
        var (gateway, console, key, _) = await all.Serve("{}", "events:write,audit:read");
        using var sender = new HttpClient { BaseAddress = gateway };
        sender.DefaultRequestHeaders.Authorization = new("Bearer", key);

        await Send(sender, Seconds, PerSecond);
        var alone = await Send(sender, Seconds, PerSecond);
        var aloneAtMost = await Send(sender, Seconds, perSecond: null);

        var delays = new List<double>();
        using var leaving = new CancellationTokenSource();
        var connected = new CountdownEvent(Followers);
        var received = 0L;
        var following = Enumerable.Range(0, Followers).Select(_ => Task.Run(() => Follow(new Uri($"ws://127.0.0.1:{console.Port}/api/v1/admin/ws/audit-logs"), key, connected, delays, () => Interlocked.Increment(ref received), leaving.Token))).ToArray();
        connected.Wait();
        await Send(sender, Seconds, PerSecond);
        lock (delays) delays.Clear();
        var before = Volatile.Read(ref received);
        var followed = await Send(sender, Seconds, PerSecond);
        double[] taken;
        lock (delays) taken = [.. delays];
        var frames = Volatile.Read(ref received) - before;
        var followedAtMost = await Send(sender, Seconds, perSecond: null);
        await leaving.CancelAsync();
        await Task.WhenAll(following);

        Array.Sort(taken);
        Report.Head("", "measured", "asked", "ok?");
        Report.Row("from sending to a follower, median", Doors.Time(taken[taken.Length / 2]), "< 100 ms", Report.AtMost(taken[taken.Length / 2], 100_000));
        Report.Row("the same, 99 of 100", Doors.Time(taken[taken.Length * 99 / 100]), "", "");
        Report.Row("frames to all followers", $"{frames / (double)Seconds:#,0}/s", $"{Followers * PerSecond:#,0}/s", "");
        Report.Row("events taken, of those without followers", $"{followed.Rate:0}/s of {alone.Rate:0}/s, {Report.Ratio(followed.Rate / alone.Rate)}", "≥ 0.8", Report.AtLeast(followed.Rate / alone.Rate, 0.8));
        Report.Row("an event is acknowledged after, median", $"{Doors.Time(followed.Median)}, without followers {Doors.Time(alone.Median)}", "", "");
        Report.Row($"the same sender as fast as it can, {Senders} connections", $"{followedAtMost.Rate:#,0}/s of {aloneAtMost.Rate:#,0}/s, {Report.Ratio(followedAtMost.Rate / aloneAtMost.Rate)}", "", "");
    }

    /// <summary>Sends for some seconds. Answers how many events were acknowledged a second, and the median microseconds until one was.</summary>
    static async Task<(double Rate, double Median)> Send(HttpClient sender, int seconds, int? perSecond)
    {
        var clock = Stopwatch.StartNew();
        var (next, latencies) = (0, new List<double>());
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(_ => Task.Run(async () =>
        {
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                var turn = Interlocked.Increment(ref next);
                if (perSecond is { } rate && TimeSpan.FromSeconds((double)turn / rate) - clock.Elapsed is { Ticks: > 0 } early) await Task.Delay(early);
                var began = Stopwatch.GetTimestamp();
                using var content = new StringContent(JsonSerializer.Serialize(new { action = "workspace.started", resource = "Workspace", resourceId = "w1", resourceName = $"{Mark}{began}", actorId = "u1", actorName = "Sender" }), Encoding.UTF8, "application/json");
                using var answer = await sender.PostAsync("/api/v1/events", content);
                answer.EnsureSuccessStatusCode();
                lock (latencies) latencies.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
            }
        })));
        return (latencies.Count / clock.Elapsed.TotalSeconds, Doors.Median(latencies));
    }

    static async Task Follow(Uri url, string key, CountdownEvent connected, List<double> delays, Action count, CancellationToken cancel)
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + key);
        await socket.ConnectAsync(url, cancel);
        connected.Signal();
        var buffer = new byte[8 * 1024];
        var mark = Encoding.UTF8.GetBytes(Mark);
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult got;
                do
                {
                    got = await socket.ReceiveAsync(buffer.AsMemory(length), cancel);
                    length += got.Count;
                }
                while (!got.EndOfMessage);
                var now = Stopwatch.GetTimestamp();
                var frame = buffer.AsSpan(0, length);
                if (frame.IndexOf(mark) is not (>= 0 and var place) || !System.Buffers.Text.Utf8Parser.TryParse(frame[(place + mark.Length)..], out long sent, out _)) continue;
                count();
                var delay = Stopwatch.GetElapsedTime(sent, now).TotalMicroseconds;
                lock (delays) delays.Add(delay);
            }
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }
}
