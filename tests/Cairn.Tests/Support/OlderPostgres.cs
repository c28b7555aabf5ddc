using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cairn.Support;

/// <summary>Stands between Cairn and PostgreSQL, and lets the server say that it is of an earlier version than it is.</summary>
sealed class OlderPostgres : IAsyncDisposable
{
    /// <summary>How the server begins to say its version, when somebody comes in.</summary>
    static readonly byte[] Says = Encoding.ASCII.GetBytes("server_version\0");

    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource ending = new();
    readonly int server;
    readonly byte[] version;
    readonly Task accepting;

    /// <param name="version">Two digits.</param>
    public OlderPostgres(int server, string version)
    {
        (this.server, this.version) = (server, Encoding.ASCII.GetBytes(version));
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

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
            await upstream.ConnectAsync(IPAddress.Loopback, server);
            await Task.WhenAny(Pass(client, upstream), Pass(upstream, client));
        }
    }

    async Task Pass(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, ending.Token) is > 0 and var read)
            {
                if (buffer.AsSpan(0, read).IndexOf(Says) is >= 0 and var at) version.CopyTo(buffer, at + Says.Length);
                await to.SendAsync(buffer.AsMemory(0, read), ending.Token);
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
