using System.Net.WebSockets;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Live;

/// <summary>One live connection: a cursor that moves along the log as fast as its reader reads.</summary>
sealed class Follower<T>(WebSocket socket, ILog<T> log, Feed<T> feed, Filter<T> filter, string format, TimeProvider clock) where T : class, IRecord, new()
{
    const int FirstRecords = 100, MostAtOnce = 200;

    /// <summary>What comes so soon after something else goes together, so that many followers of a busy log cost its writer little.</summary>
    static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20);

    readonly Frames<T> frames = feed.Frames[format];
    long lastSent = clock.GetTimestamp();

    /// <param name="after">Where a former connection ended; null for the newest records and what follows.</param>
    /// <param name="ended">Rings when the right to follow ends.</param>
    /// <param name="stopping">Rings when Cairn stops, or the connection is gone.</param>
    public async Task Run(long? after, CancellationToken ended, CancellationToken stopping)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(ended, stopping);
        var listening = FollowerSocket.Listen(socket, gone);
        try
        {
            var place = after ?? await SendNewest(gone.Token);
            while (true)
            {
                // Asked for before reading: what is stored in between rings it.
                var next = feed.Next;
                if (!feed.TryRead(filter, place, MostAtOnce, out var tail)) tail = await log.Follow(filter, place, MostAtOnce, gone.Token);
                foreach (var record in tail.Records) await Send(record, gone.Token);
                if (tail.Examined > place)
                {
                    place = tail.Examined;
                    if (tail.Records.Count < MostAtOnce) await Task.Delay(Gathering, gone.Token);
                    continue;
                }
                if (!await Rings(next, gone.Token))
                {
                    await socket.SendAsync(FollowerSocket.Ping, WebSocketMessageType.Text, true, gone.Token);
                    lastSent = clock.GetTimestamp();
                }
            }
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
            // The reader left, or may no longer read: both are a way to end.
        }
        catch (WebSocketException)
        {
            // The connection broke; its reader comes back with its cursor.
        }
        finally
        {
            await FollowerSocket.Close(socket, ended.IsCancellationRequested, stopping.IsCancellationRequested, listening);
        }
    }

    /// <summary>Waits for the bell; false when nothing was sent for as long as a quiet connection may be.</summary>
    async Task<bool> Rings(Task next, CancellationToken cancel)
    {
        var left = FollowerSocket.PingAfter - clock.GetElapsedTime(lastSent);
        if (left <= TimeSpan.Zero) return false;
        try
        {
            await next.WaitAsync(left, clock, cancel);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>The newest matching records, as far as this process tells of them, in the order of the log. Answers the position that everything after is still to be sent.</summary>
    async Task<long> SendNewest(CancellationToken cancel)
    {
        var last = await log.LastPosition(cancel);
        var page = await log.Read(new(filter, FirstRecords), cancel);
        foreach (var record in page.Records.Where(record => record.Position > log.PositionsOfOthers && record.Position <= last).OrderBy(record => record.Position)) await Send(record, cancel);
        return last;
    }

    async Task Send(T record, CancellationToken cancel)
    {
        await socket.SendAsync(frames.Of(record), WebSocketMessageType.Text, true, cancel);
        lastSent = clock.GetTimestamp();
    }
}
