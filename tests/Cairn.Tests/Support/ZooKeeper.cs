using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cairn.Support;

/// <summary>A real ZooKeeper as a process of its own, by which ClickHouse servers agree on their replicas.</summary>
sealed class ZooKeeper : IAsyncDisposable
{
    const string Program = "/usr/share/java/zookeeper.jar";

    readonly TempDirectory directory = new();
    readonly Process process;

    ZooKeeper(int port)
    {
        Port = port;
        process = Process.Start(new ProcessStartInfo("java", ["-Xmx128m", "-Dzookeeper.admin.enableServer=false", "-Dzookeeper.4lw.commands.whitelist=srvr", "-cp", Program, "org.apache.zookeeper.server.ZooKeeperServerMain", $"{port}", directory.Path])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Port { get; }

    public static async Task<ZooKeeper> Start()
    {
        Needs.Command("java");
        if (!File.Exists(Program)) Needs.Missing("ZooKeeper (the Debian package libzookeeper-java)");
        var server = new ZooKeeper(ClickHouseServer.FreePort());
        await Until.True(() =>
        {
            Assert.False(server.process.HasExited, "ZooKeeper does not start.");
            return server.Answers();
        });
        return server;
    }

    async Task<bool> Answers()
    {
        try
        {
            // Asked while it still starts, it may take the question and never answer; it has a mode once it serves.
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port, late.Token);
            await client.GetStream().WriteAsync("srvr"u8.ToArray(), late.Token);
            using var answer = new StreamReader(client.GetStream(), Encoding.ASCII);
            return (await answer.ReadToEndAsync(late.Token)).Contains("Mode:");
        }
        catch (Exception away) when (away is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
        process.Dispose();
        directory.Dispose();
    }
}
