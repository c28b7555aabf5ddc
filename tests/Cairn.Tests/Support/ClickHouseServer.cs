using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Cairn.Storage;
using Cairn.Storage.ClickHouse;

namespace Cairn.Support;

/// <summary>A real ClickHouse as a process of its own, on free ports, in a directory of its own.</summary>
sealed class ClickHouseServer : IAsyncDisposable
{
    public const string User = "cairn", Password = "p@ss:wörd/?";

    readonly TempDirectory directory = new();
    readonly HttpClient http = new();
    Process? process;

    ClickHouseServer(int port, int nativePort) => (Port, NativePort) = (port, nativePort);

    public int Port { get; }

    public int NativePort { get; }

    /// <summary>The one that CAIRN_TEST_CLICKHOUSE names, as tests/chdb offers it; null when it names none.</summary>
    public static ClickHouseServer? Named() => Environment.GetEnvironmentVariable("CAIRN_TEST_CLICKHOUSE") is { Length: > 0 } port ? new(int.Parse(port), 0) : null;

    /// <param name="ports">Its own two ports; taken by <see cref="FreePort"/> where others must know them before it starts.</param>
    /// <param name="more">What its configuration has besides.</param>
    public static async Task<ClickHouseServer> Start((int Http, int Native)? ports = null, string more = "")
    {
        Needs.Command("clickhouse-server");
        var (port, nativePort) = ports ?? (FreePort(), FreePort());
        var server = new ClickHouseServer(port, nativePort);
        var path = server.directory.Path;
        var escaped = System.Security.SecurityElement.Escape(Password);
        await File.WriteAllTextAsync(Path.Combine(path, "users.xml"), $"""
            <yandex><profiles><default/><looking><readonly>1</readonly></looking></profiles><quotas><default/></quotas><users>
              <cairn><password>{escaped}</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></cairn>
              <guest><password>{escaped}</password><networks><ip>127.0.0.1</ip></networks><profile>looking</profile><quota>default</quota></guest>
              <default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default>
            </users></yandex>
            """);
        await File.WriteAllTextAsync(Path.Combine(path, "config.xml"), $"""
            <yandex>
              <logger><level>warning</level><log>{path}/log</log><errorlog>{path}/errors</errorlog></logger>
              <http_port>{port}</http_port><tcp_port>{nativePort}</tcp_port><listen_host>127.0.0.1</listen_host><interserver_http_port>{FreePort()}</interserver_http_port><interserver_http_host>127.0.0.1</interserver_http_host>
              <path>{path}/data/</path><tmp_path>{path}/tmp/</tmp_path><users_config>{path}/users.xml</users_config>
              <default_profile>default</default_profile><default_database>default</default_database><mark_cache_size>67108864</mark_cache_size><keep_alive_timeout>3</keep_alive_timeout>
              {more}
            </yandex>
            """);
        Directory.CreateDirectory(Path.Combine(path, "data"));
        Directory.CreateDirectory(Path.Combine(path, "tmp"));
        await server.Begin();
        return server;
    }

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    /// <summary>Starts it again, where it was.</summary>
    public async Task Begin()
    {
        process = Process.Start(new ProcessStartInfo("clickhouse-server", ["--config-file=" + Path.Combine(directory.Path, "config.xml")]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory.Path })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Until.True(async () =>
        {
            if (process.HasExited) Assert.Fail("ClickHouse does not start: " + await File.ReadAllTextAsync(Path.Combine(directory.Path, "errors")));
            return await Answers();
        });
    }

    async Task<bool> Answers()
    {
        try
        {
            using var answer = await http.GetAsync(new Uri($"http://127.0.0.1:{Port}/ping"));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Ends it at once, with whatever it was doing.</summary>
    public async Task Kill()
    {
        process!.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>Runs a statement as an administrator of the server would.</summary>
    public async Task<string> Run(string sql)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{Port}/") { Content = new StringContent(sql, Encoding.UTF8) };
        request.Headers.Add("X-ClickHouse-User", "default");
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? text.TrimEnd('\n') : throw new InvalidOperationException(text);
    }

    /// <summary>How Cairn is told of one of its databases.</summary>
    public string Url(string database, string options = "", int? port = null) => $"clickhouse://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{port ?? Port}/{database}{options}";

    public static ClickHouseAddress Address(string url)
    {
        Assert.True(StoreAddress.TryRead(url, out var store));
        Assert.True(ClickHouseAddress.TryRead(store, out var address, out var fault), fault);
        return address;
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false }) await Kill();
        process?.Dispose();
        http.Dispose();
        directory.Dispose();
    }
}

/// <summary>One server for a class of tests, each of which has a database of its own.</summary>
public sealed class SharedClickHouse : IAsyncDisposable
{
    readonly SemaphoreSlim gate = new(1);
    ClickHouseServer? server;

    internal async Task<ClickHouseServer> Server()
    {
        await gate.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            return server ??= ClickHouseServer.Named() ?? await ClickHouseServer.Start();
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>A database that is empty.</summary>
    internal async Task<string> Database()
    {
        var name = $"log_{Guid.NewGuid():N}";
        await (await Server()).Run($"CREATE DATABASE {name}");
        return name;
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null) await server.DisposeAsync();
        gate.Dispose();
    }
}
