using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Cairn.Benchmarks;

/// <summary>A ClickHouse of its own for as long as it is not disposed.</summary>
sealed class ClickHouse : IAsyncDisposable
{
    readonly string folder;
    readonly Process server;

    ClickHouse(string folder, Process server, int port) => (this.folder, this.server, Port) = (folder, server, port);

    public int Port { get; }

    /// <summary>Null where ClickHouse is not installed.</summary>
    public static async Task<ClickHouse?> TryStart()
    {
        const string program = "/usr/sbin/clickhouse-server";
        if (!File.Exists(program)) return null;
        var folder = Directory.CreateTempSubdirectory("cairn-bench-clickhouse-").FullName;
        var (port, native) = (FreePort(), FreePort());
        await File.WriteAllTextAsync(Path.Combine(folder, "users.xml"), "<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>");
        await File.WriteAllTextAsync(Path.Combine(folder, "config.xml"), $"""
            <yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/errors</errorlog></logger>
            <http_port>{port}</http_port><tcp_port>{native}</tcp_port><listen_host>127.0.0.1</listen_host><path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
            <users_config>{folder}/users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>268435456</mark_cache_size></yandex>
            """);
        Directory.CreateDirectory(Path.Combine(folder, "data"));
        Directory.CreateDirectory(Path.Combine(folder, "tmp"));
        var server = Process.Start(new ProcessStartInfo(program, ["--config-file=" + Path.Combine(folder, "config.xml")]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        server.OutputDataReceived += (_, _) => { };
        server.ErrorDataReceived += (_, _) => { };
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();
        var started = new ClickHouse(folder, server, port);
        using var http = new HttpClient();
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(50))
        {
            try
            {
                using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/ping"));
                if (answer.IsSuccessStatusCode) return started;
            }
            catch (HttpRequestException) when (clock.Elapsed < TimeSpan.FromSeconds(60) && !server.HasExited)
            {
                // Not yet.
            }
        }
    }

    static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (!server.HasExited)
        {
            server.Kill();
            await server.WaitForExitAsync();
        }
        server.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
