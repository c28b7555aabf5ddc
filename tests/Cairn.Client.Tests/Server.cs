using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Cairn.Support;

namespace Cairn.Client;

/// <summary>A real Cairn that keeps its address while it comes and goes.</summary>
sealed class Server : IAsyncDisposable
{
    const string FirstKey = "API key  ";

    readonly TempDirectory directory = new();
    readonly int port = FreePort();
    readonly HttpClient reader = new();
    CairnProcess? process;

    string Data => Path.Combine(directory.Path, "data");

    public string Key { get; private set; } = "";

    public Uri Url => new($"http://127.0.0.1:{port}");

    /// <summary>Where a sender's events wait, gone with the test.</summary>
    public string Spool => Path.Combine(directory.Path, "spool");

    public static async Task<Server> Start()
    {
        var server = new Server();
        await server.Return();
        // A first start prints a key that may do everything a key can.
        server.Key = server.process!.Said(FirstKey)[FirstKey.Length..];
        server.reader.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Key);
        return server;
    }

    /// <summary>A sender's, which notices soon that Cairn, or a file, is back.</summary>
    public CairnOptions Options => new() { Url = Url, Key = Key, Spool = Spool, LongestPause = TimeSpan.FromSeconds(2), LookEvery = TimeSpan.FromMilliseconds(200) };

    public async Task Return()
    {
        process = CairnProcess.Start("serve", "--data", Data, "--gateway", $"http://127.0.0.1:{port}", "--console", "http://127.0.0.1:0");
        await process.Line(line => line.StartsWith("Press", StringComparison.Ordinal));
    }

    public async Task Kill()
    {
        await process!.Kill();
        await process.DisposeAsync();
        process = null;
    }

    /// <summary>From now on calls are neither answered nor refused.</summary>
    public void Suspend() => Assert.Equal(0, Needs.Run("kill", "-STOP", $"{process!.Id}"));

    public void Resume() => Assert.Equal(0, Needs.Run("kill", "-CONT", $"{process!.Id}"));

    /// <summary>The files in which a sender's events wait, the oldest first.</summary>
    public string[] Files => Directory.Exists(Spool) ? [.. Directory.EnumerateFiles(Spool, "*.ndjson").Order(StringComparer.Ordinal)] : [];

    /// <summary>How many events wait on disk.</summary>
    public int Spooled => Files.Sum(path => File.ReadAllBytes(path).Count(one => one == '\n'));

    /// <summary>All events of one resource type, the oldest first.</summary>
    public async Task<List<JsonElement>> Events(string type = "Workspace")
    {
        var all = new List<JsonElement>();
        for (var cursor = ""; ;)
        {
            var page = JsonDocument.Parse(await reader.GetStringAsync(new Uri(process!.Address("Console"), $"/api/v1/admin/audit-logs?resource={type}&limit=100{cursor}"), TestContext.Current.CancellationToken)).RootElement;
            all.AddRange(page.GetProperty("items").EnumerateArray());
            if (page.GetProperty("nextCursor").GetString() is not { } next) break;
            cursor = "&cursor=" + next;
        }
        all.Reverse();
        return all;
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        if (process is not null) await process.DisposeAsync();
        reader.Dispose();
        directory.Dispose();
    }
}
