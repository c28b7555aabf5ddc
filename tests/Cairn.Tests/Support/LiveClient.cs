using System.Net.WebSockets;
using System.Text.Json;

namespace Cairn.Support;

/// <summary>Someone who follows a log.</summary>
sealed class LiveClient : IAsyncDisposable
{
    readonly ClientWebSocket socket = new();

    /// <summary>Opens a connection as a program does, with its key and without an Origin; or as a browser does, with its cookies and the Origin of its page.</summary>
    public static async Task<LiveClient> Open(Client who, string path, string? origin = null)
    {
        var client = new LiveClient();
        if (who.CookieHeader is { } cookies) client.socket.Options.SetRequestHeader("Cookie", cookies);
        if (origin is not null) client.socket.Options.SetRequestHeader("Origin", origin);
        if (who.Key is not null) client.socket.Options.SetRequestHeader("Authorization", "Bearer " + who.Key);
        await client.socket.ConnectAsync(new UriBuilder(new Uri(who.Http.BaseAddress!, path)) { Scheme = "ws" }.Uri, Client.Cancel);
        return client;
    }

    /// <summary>The next frame; null when the other side closed.</summary>
    public async Task<JsonElement?> Next()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Client.Cancel);
        patience.CancelAfter(TimeSpan.FromSeconds(20));
        var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer, patience.Token);
            if (read.MessageType == WebSocketMessageType.Close) return null;
            bytes.Write(buffer, 0, read.Count);
            if (read.EndOfMessage) return JsonDocument.Parse(bytes.ToArray()).RootElement;
        }
    }

    /// <summary>The next records, as many as are expected.</summary>
    public async Task<List<JsonElement>> Records(int count)
    {
        var records = new List<JsonElement>();
        while (records.Count < count)
        {
            var frame = await Next() ?? throw new InvalidOperationException($"The connection closed after {records.Count} records: {socket.CloseStatusDescription}");
            if (frame.GetProperty("type").GetString() == "log") records.Add(frame);
        }
        return records;
    }

    public WebSocketCloseStatus? ClosedAs => socket.CloseStatus;

    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }
}
