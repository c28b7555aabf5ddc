using System.Net.WebSockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.Channels;
using Cairn.Export;
using Cairn.Live;
using Cairn.Records;

namespace Cairn.Requests.Remote;

/// <summary>
/// One live connection to the console, fed by the live connections to its gateways. A frame's cursor holds the place in each of
/// them. What a gateway sends waits in its own connection while the reader of this one is slow.
/// </summary>
sealed class RemoteFollower(WebSocket socket, IReadOnlyList<RemoteGateway> gateways, string filter, string format, TimeProvider clock, ILogger log)
{
    const int FirstRecords = 100, MostFrameBytes = 1024 * 1024, MostWaiting = 16;

    static readonly TimeSpan Settles = TimeSpan.FromMilliseconds(250), ComesBackAfter = TimeSpan.FromSeconds(5);

    /// <summary>A frame of a gateway; without data it tells that the gateway is gone, or back.</summary>
    readonly record struct Incoming(int From, JsonElement? Data, string Cursor, bool IsBack = false)
    {
        public bool IsAway => Data is null && !IsBack;
    }

    readonly Action<Utf8JsonWriter, JsonElement> write = WriterOf(format);
    readonly string[] cursors = [.. gateways.Select(_ => "")];
    readonly bool[] isAway = new bool[gateways.Count];

    /// <summary>What a gateway sent passes as it is, or is written anew in another format.</summary>
    static Action<Utf8JsonWriter, JsonElement> WriterOf(string format)
    {
        if (format == Formats.Jsonl) return (writer, data) => data.WriteTo(writer);
        var record = RequestFields.Kind.ObjectWriter(format);
        return (writer, data) => record(writer, RemoteRecord.Read(JsonMarshal.GetRawUtf8Value(data)));
    }

    public async Task Run(string[]? after, CancellationToken ended, CancellationToken stopping)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(ended, stopping);
        var listening = FollowerSocket.Listen(socket, gone);
        after?.CopyTo(cursors, 0);
        var incoming = Channel.CreateBounded<Incoming>(MostWaiting);
        var feeds = gateways.Select((_, i) => Feed(i, incoming.Writer, gone.Token)).ToArray();
        var isLost = false;
        try
        {
            if (after is null) await SendNewest(incoming.Reader, gone.Token);
            while (!gone.IsCancellationRequested)
            {
                if (await Next(incoming.Reader, gone.Token) is not { } frame)
                {
                    await socket.SendAsync(FollowerSocket.Ping, WebSocketMessageType.Text, true, gone.Token);
                    continue;
                }
                await Pass(frame, gone.Token);
                if (isLost = isAway.All(away => away)) break;
            }
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
            // The reader left, or may no longer read.
        }
        catch (WebSocketException)
        {
            // The connection broke; its reader comes back with its cursor.
        }
        finally
        {
            await gone.CancelAsync();
            await Task.WhenAll(feeds);
            await FollowerSocket.Close(socket, ended.IsCancellationRequested, stopping.IsCancellationRequested || isLost, listening);
        }
    }

    /// <summary>The next frame; null when nothing came for as long as a quiet connection may be.</summary>
    async Task<Incoming?> Next(ChannelReader<Incoming> incoming, CancellationToken cancel)
    {
        try
        {
            await incoming.WaitToReadAsync(cancel).AsTask().WaitAsync(FollowerSocket.PingAfter, clock, cancel);
            return await incoming.ReadAsync(cancel);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    /// <summary>The newest of all gateways, oldest first: what each sends at the beginning, gathered until they pause.</summary>
    async Task SendNewest(ChannelReader<Incoming> incoming, CancellationToken cancel)
    {
        var first = new List<Incoming>();
        while (first.Count < FirstRecords * gateways.Count)
        {
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            pause.CancelAfter(Settles);
            try
            {
                first.Add(await incoming.ReadAsync(pause.Token));
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                break;
            }
        }
        var records = first.Where(frame => frame.Data is not null).OrderBy(frame => frame.Data!.Value.GetProperty("timestamp").GetString(), StringComparer.Ordinal).ToList();
        foreach (var passed in records.SkipLast(FirstRecords)) cursors[passed.From] = passed.Cursor;
        // Where a gateway had nothing, everything that it will have is new.
        for (var i = 0; i < cursors.Length; i++)
            if (cursors[i].Length == 0) cursors[i] = Cursor.ForTail(RequestFields.Kind.Name, 0);
        foreach (var frame in records.TakeLast(FirstRecords)) await Pass(frame, cancel);
        foreach (var change in first.Where(frame => frame.Data is null)) await Pass(change, cancel);
    }

    async Task Pass(Incoming frame, CancellationToken cancel)
    {
        isAway[frame.From] = frame.IsAway;
        if (frame.IsBack) return;
        if (frame.Data is { } data)
        {
            cursors[frame.From] = frame.Cursor;
            await Send(writer =>
            {
                writer.WriteString("type", "log");
                writer.WritePropertyName("data");
                write(writer, data);
                writer.WriteString("cursor", RemoteCursor.Write('T', cursors));
            }, cancel);
            return;
        }
        await Send(writer =>
        {
            writer.WriteString("type", "error");
            writer.WriteString("message", gateways.Count == 1 ? RemoteRequests.NotAvailable : $"{RemoteRequests.NotAvailable}: {gateways[frame.From].Name}");
        }, cancel);
    }

    async Task Send(Action<Utf8JsonWriter> write, CancellationToken cancel) => await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes(RecordJson.Text(writer =>
    {
        writer.WriteStartObject();
        write(writer);
        writer.WriteEndObject();
    })), WebSocketMessageType.Text, true, cancel);

    /// <summary>Follows one gateway for as long as the reader stays, coming back to it where it broke off.</summary>
    async Task Feed(int from, ChannelWriter<Incoming> incoming, CancellationToken cancel)
    {
        var place = cursors[from];
        var isKnownAway = false;
        try
        {
            while (true)
            {
                try
                {
                    using var upstream = await gateways[from].Follow(place.Length > 0 ? $"{filter}&after={place}" : filter, cancel);
                    if (isKnownAway) await incoming.WriteAsync(new(from, null, place, IsBack: true), cancel);
                    isKnownAway = false;
                    while (await Receive(upstream, cancel) is { } frame)
                    {
                        using (frame)
                        {
                            if (frame.RootElement.GetProperty("type").GetString() != "log") continue;
                            place = frame.RootElement.GetProperty("cursor").GetString()!;
                            await incoming.WriteAsync(new(from, frame.RootElement.GetProperty("data").Clone(), place), cancel);
                        }
                    }
                }
                catch (Exception away) when (away is GatewayAwayException or WebSocketException or JsonException)
                {
                    RemoteLog.GatewayAway(log, away.Message);
                }
                if (!isKnownAway) await incoming.WriteAsync(new(from, null, place), cancel);
                isKnownAway = true;
                await Task.Delay(ComesBackAfter, clock, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The reader is gone.
        }
    }

    static async Task<JsonDocument?> Receive(WebSocket upstream, CancellationToken cancel)
    {
        var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var read = await upstream.ReceiveAsync(buffer.AsMemory(), cancel);
            if (read.MessageType == WebSocketMessageType.Close) return null;
            bytes.Write(buffer, 0, read.Count);
            if (bytes.Length > MostFrameBytes) throw new WebSocketException("A gateway's frame is too large.");
            if (read.EndOfMessage) return JsonDocument.Parse(bytes.ToArray());
        }
    }
}
