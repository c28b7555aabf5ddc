using System.Net.WebSockets;

namespace Cairn.Live;

/// <summary>How every live connection listens, stays and ends.</summary>
static class FollowerSocket
{
    public static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(30);

    static readonly TimeSpan GoodbyeAfter = TimeSpan.FromSeconds(2);

    public static readonly byte[] Ping = """{"type":"ping"}"""u8.ToArray();

    /// <summary>Reads what the other side says, which is nothing but that it leaves. A read is never given up: that would break the connection off without a word.</summary>
    public static async Task Listen(WebSocket socket, CancellationTokenSource gone)
    {
        var buffer = new byte[256];
        try
        {
            while ((await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)).MessageType != WebSocketMessageType.Close) { }
        }
        catch (Exception error) when (error is WebSocketException or OperationCanceledException or InvalidOperationException)
        {
            // Broken off without a word: as good as closed.
        }
        await gone.CancelAsync();
    }

    /// <summary>Says goodbye, waits a moment for the other side's, and ends the connection either way.</summary>
    public static async Task Close(WebSocket socket, bool refused, bool stopped, Task listening)
    {
        using var patience = new CancellationTokenSource(GoodbyeAfter);
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                var (status, why) = refused ? (WebSocketCloseStatus.PolicyViolation, "access ended")
                    : stopped ? (WebSocketCloseStatus.EndpointUnavailable, "the server stops")
                    : (WebSocketCloseStatus.NormalClosure, "");
                await socket.CloseOutputAsync(status, why, patience.Token);
            }
            await listening.WaitAsync(patience.Token);
        }
        catch (Exception error) when (error is WebSocketException or OperationCanceledException)
        {
            socket.Abort();
        }
        await listening;
    }
}
