using System.Net.Sockets;
using System.Text;
using Cairn.Support;

namespace Cairn.Hosting;

/// <summary>What comes over the wire that no well-behaved client sends.</summary>
public sealed class WireTests
{
    /// <summary>Sends bytes as they are and reads what is answered until the other side closes.</summary>
    static async Task<string> Speak(Uri to, string bytes)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(to.Host, to.Port, Client.Cancel);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(bytes), Client.Cancel);
        using var answer = new MemoryStream();
        try
        {
            await stream.CopyToAsync(answer, Client.Cancel);
        }
        catch (IOException)
        {
            // Reset by the other side after its answer.
        }
        return Encoding.Latin1.GetString(answer.ToArray());
    }

    [Fact]
    public async Task Requests_that_another_server_could_read_otherwise_are_refused()
    {
        await using var app = await CairnApp.Start();
        var key = app.Sender.Key;
        const string body = """{"action":"a.b"}""";
        string Post(string length) => $"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nConnection: close\r\n{length}\r\n\r\n{body}";
        Assert.StartsWith("HTTP/1.1 200", await Speak(app.Host.GatewayUrl!, Post("Content-Length: 16")), StringComparison.Ordinal);

        foreach (var length in new[] { "Content-Length: +16", "Content-Length: -16", "Content-Length: 0x10", "Content-Length: 16, 16", "Content-Length: 16\r\nContent-Length: 17", "Content-Length: 1 6", "Content-Length: 99999999999999999999", "Content-Length : 16", "Content-Length:", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: xchunked" })
        {
            var answer = await Speak(app.Host.GatewayUrl!, Post(length));
            Assert.True(answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 501", StringComparison.Ordinal), $"{length}: {answer}");
        }
        foreach (var bytes in new[]
        {
            "GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n", "GET /healthz HTTP/1.1\r\nHost: x\nConnection: close\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\n", "GET /healthz\r\n\r\n", "GET /healthz HTTP/1.1\r\n\r\n",
            "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", "\0\0\0\r\n\r\n", "GET /health z HTTP/1.1\r\nHost: x\r\n\r\n",
        })
        {
            // What is incomplete to the server waits for its rest; more makes it say what it thinks.
            var answer = await Speak(app.Host.GatewayUrl!, bytes + "\r\n\r\n");
            Assert.True(answer.StartsWith("HTTP/1.1 400", StringComparison.Ordinal), $"{bytes}: {answer}");
        }
        Assert.Equal(1, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task Headers_beyond_32_KiB_are_refused()
    {
        await using var app = await CairnApp.Start();
        string Get(int length) => $"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: {new string('x', length)}\r\n\r\n";
        Assert.StartsWith("HTTP/1.1 200", await Speak(app.Host.GatewayUrl!, Get(30 * 1024)), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 431", await Speak(app.Host.GatewayUrl!, Get(33 * 1024)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sender_that_breaks_off_is_not_half_believed()
    {
        await using var app = await CairnApp.Start();
        var lines = string.Join('\n', Enumerable.Repeat("""{"action":"a.b"}""", 100));
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(app.Host.GatewayUrl!.Host, app.Host.GatewayUrl.Port, Client.Cancel);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {app.Sender.Key}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {lines.Length + 100}\r\n\r\n{lines}"), Client.Cancel);
        }
        await app.Send("""{"action":"a.c"}""");
        Assert.Equal(1, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task What_is_not_there_is_a_problem_with_the_headers_of_every_answer()
    {
        await using var app = await CairnApp.Start();
        foreach (var client in new[] { app.Gateway(), app.Console(), app.Owner, app.Reader })
            foreach (var path in new[] { "/nothing", "/admin", "/api/v1/admin/audit-logs/a/b", "/..%2f..%2fetc/passwd", "/<script>", "/healthz/x" })
            {
                var answer = (await client.Get(path)).Expect(404);
                Assert.Equal(("application/problem+json", "nosniff", "no-referrer", (string?)null), (answer.Header("Content-Type"), answer.Header("X-Content-Type-Options"), answer.Header("Referrer-Policy"), answer.Header("Server")));
                Assert.DoesNotContain("script", answer.Text, StringComparison.Ordinal);
            }
    }
}
