using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Cairn.Support;

/// <summary>Stands between Cairn and a server, and cuts inserts where a test says.</summary>
sealed partial class InsertCutter : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource stopping = new();
    readonly int target;
    readonly Task accepting;
    int cuts;

    public InsertCutter(int target)
    {
        this.target = target;
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>After how many bytes of its request an insert is cut; null lets it through, and a number beyond its length takes the answer away.</summary>
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

            // 1. The head of the first request says what it is, and how long. Inserts have a connection each.
            var buffer = new byte[64 * 1024];
            var have = 0;
            var head = -1;
            while (head < 0)
            {
                var read = await from.ReadAsync(buffer.AsMemory(have), stopping.Token);
                if (read == 0) return;
                have += read;
                head = buffer.AsSpan(0, have).IndexOf("\r\n\r\n"u8);
            }
            var text = Encoding.ASCII.GetString(buffer, 0, head + 4);
            var line = Uri.UnescapeDataString(text.Split("HTTP/1.1")[0]);
            var cut = line.Contains("INSERT", StringComparison.Ordinal) ? CutAfter(line) : null;
            if (cut is null)
            {
                await to.WriteAsync(buffer.AsMemory(0, have), stopping.Token);
                await Task.WhenAll(from.CopyToAsync(to, stopping.Token).ContinueWith(_ => server.Client.Shutdown(SocketShutdown.Send), TaskScheduler.Default), to.CopyToAsync(from, stopping.Token));
                return;
            }

            // 2. What the server gets of it, and whether it comes to answering. Nobody hears the answer.
            var whole = head + 4 + int.Parse(ContentLength().Match(text).Groups[1].Value);
            var most = Math.Min(whole, cut.Value);
            for (var sent = 0; ;)
            {
                await to.WriteAsync(buffer.AsMemory(0, Math.Min(have, most - sent)), stopping.Token);
                sent += have;
                if (sent >= most) break;
                have = await from.ReadAsync(buffer, stopping.Token);
            }
            Interlocked.Increment(ref cuts);
            if (most == whole) await to.ReadExactlyAsync(new byte[1], stopping.Token);
            else server.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
            // One side left.
        }
    }

    [GeneratedRegex(@"\r\nContent-Length: (\d+)\r\n", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ContentLength();

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        listener.Dispose();
        await accepting;
        stopping.Dispose();
    }
}
