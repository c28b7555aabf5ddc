using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cairn.Support;

/// <summary>Stands between Cairn and PostgreSQL, and cuts a connection right after it passed a COMMIT on, so that its answer is lost.</summary>
sealed class CommitCutter : IAsyncDisposable
{
    static readonly byte[] Commit = Encoding.ASCII.GetBytes("COMMIT\0");

    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource ending = new();
    readonly int server;
    readonly Task accepting;
    int commits, cuts;

    public CommitCutter(int server)
    {
        this.server = server;
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Every so many commits one loses its answer; zero cuts none.</summary>
    public int CutEvery { get; set; }

    public int Cuts => Volatile.Read(ref cuts);

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
                var back = Pass(upstream, client, () => false);
                await Task.WhenAny(back, Pass(client, upstream, () => true));
            }
            catch (Exception end) when (end is OperationCanceledException or SocketException)
            {
                // Either side left.
            }
        }
    }

    async Task Pass(Socket from, Socket to, Func<bool> mayCut)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, ending.Token) is > 0 and var read)
            {
                var isCommit = mayCut() && buffer.AsSpan(0, read).IndexOf(Commit) >= 0;
                await to.SendAsync(buffer.AsMemory(0, read), ending.Token);
                if (!isCommit || CutEvery == 0 || Interlocked.Increment(ref commits) % CutEvery != 0) continue;
                Interlocked.Increment(ref cuts);
                return;
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
