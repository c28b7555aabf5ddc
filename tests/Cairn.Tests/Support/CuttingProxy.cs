using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cairn.Support;

/// <summary>Stands between Cairn and a server, and cuts inserts where a test says.</summary>
sealed class CuttingProxy : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource stopping = new();
    readonly int target;
    readonly Task accepting;
    int cuts;

    public CuttingProxy(int target)
    {
        this.target = target;
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>After how many bytes of its request an insert into a table is cut; null lets it through, and a number beyond its length takes the answer away.</summary>
    public Func<string, int?> CutAfter { get; set; } = _ => null;

    /// <summary>How many were cut.</summary>
    public int Cuts => Volatile.Read(ref cuts);

    async Task Accept()
    {
        try
        {
            while (true) _ = Serve(await listener.AcceptTcpClientAsync(stopping.Token));
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    async Task Serve(TcpClient client)
    {
        using var _ = client;
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, target, stopping.Token);
            await using NetworkStream from = client.GetStream(), to = server.GetStream();
            var buffer = new byte[16 * 1024];
            var length = await from.ReadAsync(buffer, stopping.Token);
            var line = Encoding.ASCII.GetString(buffer, 0, Math.Min(length, 300)).Split("HTTP/1.1")[0];
            var most = line.Contains("INSERT", StringComparison.Ordinal) ? CutAfter(Uri.UnescapeDataString(line)) : null;
            var answers = most is null ? to.CopyToAsync(from, stopping.Token) : to.ReadExactlyAsync(new byte[1], stopping.Token).AsTask();
            for (var sent = 0; length > 0; length = await from.ReadAsync(buffer, stopping.Token))
            {
                if (most is { } limit && sent + length > limit)
                {
                    await to.WriteAsync(buffer.AsMemory(0, limit - sent), stopping.Token);
                    server.Client.Shutdown(SocketShutdown.Send);
                    Interlocked.Increment(ref cuts);
                    return;
                }
                await to.WriteAsync(buffer.AsMemory(0, length), stopping.Token);
                sent += length;
                if (most is null) continue;
                // All was sent, as far as can be told: the server has answered, and nobody hears it.
                if (await Task.WhenAny(answers, from.ReadAsync(Array.Empty<byte>(), stopping.Token).AsTask()) == answers)
                {
                    Interlocked.Increment(ref cuts);
                    return;
                }
            }
            await answers;
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // One side left.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        listener.Dispose();
        await accepting;
        stopping.Dispose();
    }
}
