using System.Net;
using System.Net.Sockets;

namespace Cairn.Support;

/// <summary>Stands between Cairn and a server, and sees what passes.</summary>
abstract class Proxy : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource ending = new();
    readonly int server;
    readonly Task accepting;

    protected Proxy(int server)
    {
        this.server = server;
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Looks at what is about to pass, and may change it. False cuts the connection once it has passed.</summary>
    protected abstract bool Sees(Span<byte> bytes, bool isForServer);

    async Task Accept()
    {
        try
        {
            while (true) _ = Serve(await listener.AcceptSocketAsync(ending.Token));
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    async Task Serve(Socket client)
    {
        using var upstream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using (client)
        {
            try
            {
                await upstream.ConnectAsync(IPAddress.Loopback, server, ending.Token);
                await Task.WhenAny(Pass(client, upstream, isForServer: true), Pass(upstream, client, isForServer: false));
            }
            catch (Exception end) when (end is OperationCanceledException or SocketException)
            {
                // Either side left.
            }
        }
    }

    async Task Pass(Socket from, Socket to, bool isForServer)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, ending.Token) is > 0 and var read)
            {
                var goesOn = Sees(buffer.AsSpan(0, read), isForServer);
                await to.SendAsync(buffer.AsMemory(0, read), ending.Token);
                if (!goesOn) return;
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Either side left.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Stop();
        await accepting;
        ending.Dispose();
    }
}
