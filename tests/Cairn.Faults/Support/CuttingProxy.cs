using System.Net;
using System.Net.Sockets;

namespace Cairn.Faults;

/// <summary>A network between two that breaks: it passes bytes on, and cuts connections after random ones, on either way.</summary>
sealed class CuttingProxy : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource stopping = new();
    readonly Random random;
    readonly double share;
    readonly int most;
    readonly Task work;
    int cuts;

    /// <param name="share">Of connections that are cut.</param>
    /// <param name="most">Bytes after which, at most.</param>
    public CuttingProxy(int seed, double share, int most)
    {
        (random, this.share, this.most) = (new(seed), share, most);
        listener.Start();
        work = Accept();
    }

    /// <summary>Where it leads; may change as its server is started anew.</summary>
    public Uri? Target { get; set; }

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    public int Cuts => Volatile.Read(ref cuts);

    /// <summary>False lets every new connection pass whole.</summary>
    public bool IsCutting { get; set; } = true;

    async Task Accept()
    {
        var open = new List<Task>();
        try
        {
            while (true)
            {
                var client = await listener.AcceptSocketAsync(stopping.Token);
                open.RemoveAll(one => one.IsCompleted);
                open.Add(Pass(client));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(open);
        }
    }

    async Task Pass(Socket client)
    {
        using (client)
        using (var server = new Socket(SocketType.Stream, ProtocolType.Tcp))
        using (var over = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token))
        {
            try
            {
                client.NoDelay = server.NoDelay = true;
                await server.ConnectAsync(Target!.Host, Target.Port, over.Token);
                // Most calls are small: half of the cuts fall into the first bytes of either way.
                var (there, back, hard) = Plan();
                var ways = new[] { Copy(client, server, there, hard, over), Copy(server, client, back, hard, over) };
                await Task.WhenAll(ways);
            }
            catch (Exception broken) when (broken is SocketException or OperationCanceledException)
            {
                // One of the two has gone; so does the other.
            }
        }
    }

    (long There, long Back, bool Hard) Plan()
    {
        lock (random)
        {
            if (!IsCutting || random.NextDouble() >= share) return (long.MaxValue, long.MaxValue, false);
            var after = random.Next(2) == 0 ? random.Next(600) : random.Next(most);
            return random.Next(2) == 0 ? (after, long.MaxValue, random.Next(2) == 0) : (long.MaxValue, after, random.Next(2) == 0);
        }
    }

    async Task Copy(Socket from, Socket to, long cutAfter, bool hard, CancellationTokenSource over)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            for (var passed = 0L; await from.ReceiveAsync(buffer, over.Token) is > 0 and var read; passed += read)
            {
                var length = (int)Math.Min(read, cutAfter - passed);
                await to.SendAsync(buffer.AsMemory(0, length), over.Token);
                if (length == read) continue;
                Interlocked.Increment(ref cuts);
                // Without a word, or with one.
                if (hard) from.LingerState = to.LingerState = new(true, 0);
                break;
            }
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await work;
        listener.Dispose();
        stopping.Dispose();
    }
}
