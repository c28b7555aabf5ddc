using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cairn.Push;
using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Docs;

public sealed partial class OperationsPageTests
{
    static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs/operations.md"));

    [Fact]
    public async Task Every_metric_is_on_the_page_and_every_one_on_the_page_is_there()
    {
        // One has a target of a push, the other a store elsewhere, beside which there is an outbox.
        Assert.True(StoreAddress.TryRead(await (await PostgresServer.Shared()).NewDatabase(), out var elsewhere));
        await using var receiver = await WebhookReceiver.Start();
        await using var pushing = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url }));
        await using var remote = await CairnApp.Start(settings => settings with { Store = elsewhere });
        await pushing.PushedAll();
        var told = new[] { await Metrics(pushing), await Metrics(remote) }.SelectMany(text => Told().Matches(text)).Select(metric => metric.Groups[1].Value).Distinct().Order();
        var table = Page[Page.IndexOf("### Metrics", StringComparison.Ordinal)..];
        Assert.Equal(told, Described().Matches(table).Select(metric => metric.Groups[1].Value).Distinct().Order());

        static async Task<string> Metrics(CairnApp app) => (await app.Gateway(null).Get("/metrics")).Expect(200).Text;
    }

    [Fact]
    public async Task The_backup_of_the_page_has_all_that_was_acknowledged_before_it_and_the_event_of_every_key_in_it()
    {
        foreach (var command in new[] { "sqlite3", "curl" }) Needs.Command(command);
        using var directory = new TempDirectory();
        var (data, backup, programs) = (Path.Combine(directory.Path, "data"), Path.Combine(directory.Path, "backup"), Path.Combine(directory.Path, "programs"));
        foreach (var made in new[] { backup, programs }) Directory.CreateDirectory(made);
        await using var server = await CairnProcess.Serve(data);
        var key = server.Said("API key")["API key  ".Length..].Trim();
        using var http = new HttpClient { BaseAddress = server.Address("Gateway") };
        http.DefaultRequestHeaders.Authorization = new("Bearer", key);
        using var said = await http.PutAsJsonAsync("/api/v1/conversations/c-17", new { title = "Travel costs", owner_id = "ada@example.com", created_at = "2026-03-10T12:00:00Z" }, Client.Cancel);
        Assert.Equal(HttpStatusCode.OK, said.StatusCode);

        // Events come all the time, and after the copy of each database a key is made: whatever the order, that is between two of them.
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Client.Cancel);
        var acknowledged = 0;
        var sending = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                using var answer = await http.PostAsJsonAsync("/api/v1/events", new { action = "a.b" }, Client.Cancel);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                Interlocked.Increment(ref acknowledged);
            }
        }, Client.Cancel);
        await Until.True(() => Volatile.Read(ref acknowledged) > 20);
        var before = Volatile.Read(ref acknowledged);

        Assert.Equal(0, Needs.Run(out var real, "which", "sqlite3"));
        var between = Path.Combine(programs, "sqlite3");
        await File.WriteAllTextAsync(between, $$"""
            #!/bin/sh
            {{real.Trim()}} "$@" && curl -sf -o /dev/null --unix-socket {{data}}/cairn.sock -H 'Content-Type: application/json' -d '{"name":"between","scopes":["audit:read"]}' http://cairn/api/v1/admin/keys
            """, Client.Cancel);
        Assert.Equal(0, Needs.Run("chmod", "+x", between));
        var commands = Commands().Matches(Page).Single(block => block.Value.Contains(".backup", StringComparison.Ordinal)).Groups[1].Value
            .Replace("/var/lib/cairn", data, StringComparison.Ordinal).Replace("/backup/", backup + "/", StringComparison.Ordinal);
        Assert.Equal(0, Needs.Run("bash", "-c", $"PATH={programs}:$PATH\n{commands}"));
        await enough.CancelAsync();
        await sending;

        var copy = Assert.Single(Directory.GetDirectories(backup));
        string[] free = ["--data", copy, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0"];
        var looked = await CairnProcess.Run(["doctor", .. free]);
        Assert.Contains("sound throughout", looked.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("chmod", looked.Output, StringComparison.Ordinal);

        await using var restored = await CairnProcess.Serve(copy);
        using var reader = new HttpClient { BaseAddress = restored.Address("Console") };
        reader.DefaultRequestHeaders.Authorization = new("Bearer", key);
        Assert.Equal(0, Needs.Run(out var list, "curl", "-sf", "--unix-socket", Path.Combine(copy, "cairn.sock"), "http://cairn/api/v1/admin/keys"));
        var keys = JsonDocument.Parse(list).RootElement.EnumerateArray().Select(one => one.GetProperty("id").GetString()).ToHashSet();
        Assert.True(keys.Count > 1, list);
        await Until.True(async () => keys.IsSubsetOf((await reader.GetFromJsonAsync<JsonElement>("/api/v1/admin/audit-logs?action=api_key.created&limit=100", Client.Cancel)).GetProperty("items").EnumerateArray().Select(deed => deed.GetProperty("resourceId").GetString())));
        var events = await reader.GetFromJsonAsync<JsonElement>("/api/v1/admin/audit-logs?action=a.b&limit=1", Client.Cancel);
        Assert.InRange(events.GetProperty("total").GetInt32(), before, acknowledged);
        Assert.Equal(0, Needs.Run(out var titles, "sqlite3", Path.Combine(copy, "conversations.db"), "SELECT title FROM conversations"));
        Assert.Equal("Travel costs", titles.Trim());
    }

    [Fact]
    public async Task The_proxy_of_the_page_passes_sign_in_live_connections_and_streams_through_TLS()
    {
        Needs.Command("/usr/sbin/nginx");
        using var directory = new TempDirectory();
        int web = FreePort(), models = FreePort();
        const string email = "ada@example.com", phrase = "a proxy that is believed";
        // A backend that says a word, and the rest when it may.
        var rest = new TaskCompletionSource();
        await using var backend = await ScriptedBackend.Start();
        backend.Instead = async (context, _) =>
        {
            await ScriptedBackend.Events(context, ScriptedBackend.ChatStream[..2]);
            await rest.Task.WaitAsync(context.RequestAborted);
            await ScriptedBackend.Events(context, [.. ScriptedBackend.ChatStream[2..], "data: [DONE]\n\n"]);
        };
        await using var server = await CairnProcess.ServeWith(Path.Combine(directory.Path, "data"), ("Cairn__Gateway__Backends__0__Url", backend.Url.OriginalString), ("Cairn__Admin__Email", email), ("Cairn__Admin__Password", phrase),
            ("Cairn__Console__PublicUrl", $"https://localhost:{web}"), ("Cairn__TrustedProxies", "127.0.0.1"));
        await using var nginx = await Nginx.Start(directory.Path, Block().Match(Page).Groups[1].Value, web, models, server);

        // Someone whose address is not the proxy's signs in; the cookie is for TLS alone.
        using var handler = new SocketsHttpHandler { CookieContainer = new(), SslOptions = { RemoteCertificateValidationCallback = nginx.IsItsOwn }, ConnectCallback = FromElsewhere };
        using var http = new HttpClient(handler) { BaseAddress = new($"https://localhost:{web}") };
        http.DefaultRequestHeaders.Add("Origin", $"https://localhost:{web}");
        using var signedIn = await http.PostAsJsonAsync("/api/auth/login", new { email, password = phrase }, Client.Cancel);
        Assert.Equal(HttpStatusCode.OK, signedIn.StatusCode);
        Assert.Contains(signedIn.Headers.GetValues("Set-Cookie"), cookie => cookie.StartsWith("__Host-", StringComparison.Ordinal) && cookie.Contains("secure", StringComparison.OrdinalIgnoreCase));
        var login = await http.GetFromJsonAsync<JsonElement>("/api/v1/admin/audit-logs?action=auth.login&limit=1&search=", Client.Cancel);
        Assert.Equal("127.0.0.2", login.GetProperty("items")[0].GetProperty("ip").GetString());

        using var live = new ClientWebSocket();
        live.Options.Cookies = handler.CookieContainer;
        live.Options.SetRequestHeader("Origin", $"https://localhost:{web}");
        live.Options.RemoteCertificateValidationCallback = nginx.IsItsOwn;
        await live.ConnectAsync(new($"wss://localhost:{web}/api/v1/admin/ws/audit-logs"), Client.Cancel);
        var frame = await live.ReceiveAsync(new byte[64 * 1024], Client.Cancel);
        Assert.True(frame.Count > 0);

        var key = server.Said("API key")["API key  ".Length..].Trim();
        using var call = new HttpRequestMessage(HttpMethod.Post, $"https://localhost:{models}/v1/chat/completions") { Content = JsonContent.Create(new { model = "llama-3", stream = true, messages = new[] { new { role = "user", content = "Good day" } } }) };
        call.Headers.Authorization = new("Bearer", key);
        using var answer = await http.SendAsync(call, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Client.Cancel));
        // The first word is here while the backend still speaks: no record has been written yet.
        Assert.StartsWith("data: ", await lines.ReadLineAsync(Client.Cancel));
        Assert.Equal(0, (await http.GetFromJsonAsync<JsonElement>("/api/system/audit-logs?model=llama-3", Client.Cancel)).GetArrayLength());
        rest.SetResult();
        Assert.Contains("data: [DONE]", await lines.ReadToEndAsync(Client.Cancel));
        await Until.True(async () => (await http.GetFromJsonAsync<JsonElement>("/api/system/audit-logs?model=llama-3&status=success", Client.Cancel)).GetArrayLength() == 1);
    }

    static async ValueTask<Stream> FromElsewhere(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex("^(cairn_[a-z_]+)", RegexOptions.Multiline)]
    private static partial Regex Told();

    [GeneratedRegex("`(cairn_[a-z_]+)`")]
    private static partial Regex Described();

    [GeneratedRegex("^```sh\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Commands();

    [GeneratedRegex("^```nginx\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    /// <summary>The page's configuration with ports, a certificate and paths of this test's.</summary>
    sealed partial class Nginx : IAsyncDisposable
    {
        readonly System.Diagnostics.Process process;
        readonly byte[] certificate;

        Nginx(System.Diagnostics.Process process, byte[] certificate) => (this.process, this.certificate) = (process, certificate);

        public static async Task<Nginx> Start(string directory, string page, int web, int models, CairnProcess server)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            var (pem, pemKey) = (Path.Combine(directory, "proxy.pem"), Path.Combine(directory, "proxy.key"));
            await File.WriteAllTextAsync(pem, certificate.ExportCertificatePem(), Client.Cancel);
            await File.WriteAllTextAsync(pemKey, key.ExportPkcs8PrivateKeyPem(), Client.Cancel);

            var second = page.IndexOf("listen 443 ssl", page.IndexOf("listen 443 ssl", StringComparison.Ordinal) + 1, StringComparison.Ordinal);
            var http = (page[..second].Replace("listen 443 ssl", $"listen 127.0.0.1:{web} ssl", StringComparison.Ordinal) + page[second..].Replace("listen 443 ssl", $"listen 127.0.0.1:{models} ssl", StringComparison.Ordinal))
                .Replace("cairn.example.com;", "localhost;", StringComparison.Ordinal).Replace("models.example.com;", "localhost;", StringComparison.Ordinal)
                .Replace("http://localhost:10242", server.Address("Console").OriginalString, StringComparison.Ordinal).Replace("http://localhost:10243", server.Address("Gateway").OriginalString, StringComparison.Ordinal);
            http = Certificates().Replace(http, match => match.Groups[1].Value + (match.Groups[1].Value.Contains("_key", StringComparison.Ordinal) ? pemKey : pem) + ";");
            var file = Path.Combine(directory, "nginx.conf");
            await File.WriteAllTextAsync(file, $$"""
                daemon off;
                worker_processes 1;
                pid {{directory}}/nginx.pid;
                error_log {{directory}}/nginx.log;
                events {}
                http {
                access_log off;
                client_body_temp_path {{directory}}/body; proxy_temp_path {{directory}}/proxy; fastcgi_temp_path {{directory}}/fastcgi; uwsgi_temp_path {{directory}}/uwsgi; scgi_temp_path {{directory}}/scgi;
                {{http}}
                }
                """, Client.Cancel);
            var nginx = new Nginx(System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/usr/sbin/nginx", ["-c", file, "-e", Path.Combine(directory, "nginx.log")]))!, certificate.RawData);
            await Until.True(async () =>
            {
                if (nginx.process.HasExited) Assert.Fail(await File.ReadAllTextAsync(Path.Combine(directory, "nginx.log"), Client.Cancel));
                using var socket = new TcpClient();
                try
                {
                    await socket.ConnectAsync(IPAddress.Loopback, models, Client.Cancel);
                    return true;
                }
                catch (SocketException)
                {
                    return false;
                }
            });
            return nginx;
        }

        public bool IsItsOwn(object sender, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors) => shown is not null && shown.GetRawCertData().AsSpan().SequenceEqual(certificate);

        public async ValueTask DisposeAsync()
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
            process.Dispose();
        }

        [GeneratedRegex("(ssl_certificate(?:_key)? )[^;]+;")]
        private static partial Regex Certificates();
    }
}
