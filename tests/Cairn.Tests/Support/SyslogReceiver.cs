using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Cairn.Support;

/// <summary>One message, taken apart as RFC 5424 has it.</summary>
sealed record SyslogMessage(int Priority, string Timestamp, string Host, string App, string Process, string Kind, IReadOnlyDictionary<string, string> Named, string Text)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;
}

/// <summary>A receiver of syslog over TCP or TLS that takes nothing that is not to the letter, and breaks off when the test says so.</summary>
sealed partial class SyslogReceiver : IAsyncDisposable
{
    readonly TcpListener listener;
    readonly X509Certificate2? certificate;
    readonly List<SyslogMessage> messages = [];
    readonly CancellationTokenSource ended = new();
    readonly Task accepting;

    SyslogReceiver(X509Certificate2? certificate)
    {
        this.certificate = certificate;
        listener = new(IPAddress.Loopback, 0);
        listener.Start();
        accepting = Accept();
    }

    public static SyslogReceiver Start(X509Certificate2? certificate = null) => new(certificate);

    public Uri Url => new($"syslog+{(certificate is null ? "tcp" : "tls")}://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");

    /// <summary>How many messages the next connections read before they are broken off; 0 for as many as come.</summary>
    public int[] BreaksAfter { get; set; } = [];

    /// <summary>It reads nothing before this is done.</summary>
    public Task ReadsAfter { get; set; } = Task.CompletedTask;

    public int Connections { get; private set; }

    /// <summary>What was not as it has to be.</summary>
    public string? Fault { get; private set; }

    public IReadOnlyList<SyslogMessage> Messages
    {
        get
        {
            lock (messages) return [.. messages];
        }
    }

    async Task Accept()
    {
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(ended.Token);
                var most = Connections < BreaksAfter.Length ? BreaksAfter[Connections] : 0;
                Connections++;
                await using var plain = new NetworkStream(socket);
                await using Stream stream = certificate is null ? plain : await Secure(plain);
                if (await Read(stream, most)) continue;
                // With bytes unread, or without a goodbye: what a process that died leaves.
                socket.LingerState = new(true, 0);
                socket.Close();
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    async Task<SslStream> Secure(NetworkStream plain)
    {
        var tls = new SslStream(plain);
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, ended.Token);
        return tls;
    }

    /// <summary>True when the other side came to its end, false when it is to be broken off.</summary>
    async Task<bool> Read(Stream stream, int most)
    {
        await ReadsAfter.WaitAsync(ended.Token);
        for (var read = 0; most == 0 || read < most; read++)
        {
            var length = 0;
            for (var digits = 0; ; digits++)
            {
                var next = new byte[1];
                if (await stream.ReadAsync(next, ended.Token) == 0)
                {
                    if (digits > 0) Fault ??= "It ended within a length.";
                    return true;
                }
                if (next[0] == ' ' && digits > 0) break;
                if (!char.IsAsciiDigit((char)next[0]) || (digits == 0 && next[0] == '0') || digits > 6)
                {
                    Fault ??= $"A length has the byte {next[0]}.";
                    return false;
                }
                length = length * 10 + next[0] - '0';
            }
            var bytes = new byte[length];
            await stream.ReadExactlyAsync(bytes, ended.Token);
            if (Parse(bytes) is not { } message)
            {
                Fault ??= "Not a message: " + Encoding.UTF8.GetString(bytes);
                return false;
            }
            lock (messages) messages.Add(message);
        }
        return false;
    }

    /// <summary>Null for what is no message.</summary>
    public static SyslogMessage? Parse(byte[] bytes)
    {
        var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
        var match = Message().Match(text);
        if (!match.Success) return null;
        var named = Parameter().Matches(match.Groups["sd"].Value).ToDictionary(one => one.Groups[1].Value, one => Escaped().Replace(one.Groups[2].Value, "$1"));
        return new(int.Parse(match.Groups["pri"].Value), match.Groups["time"].Value, match.Groups["host"].Value, match.Groups["app"].Value, match.Groups["proc"].Value, match.Groups["msgid"].Value, named, match.Groups["msg"].Value);
    }

    [GeneratedRegex("""^<(?<pri>0|[1-9][0-9]{0,2})>1 (?<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z) (?<host>[!-~]{1,255}) (?<app>[!-~]{1,48}) (?<proc>[!-~]{1,128}) (?<msgid>[!-~]{1,32}) \[[^ =\]"]{1,32}(?<sd>( [^ =\]"]{1,32}="([^"\\\]]|\\["\\\]])*")*)\] (?<msg>.*)$""", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Message();

    [GeneratedRegex(""" ([^ =\]"]{1,32})="((?:[^"\\\]]|\\["\\\]])*)" """, RegexOptions.Singleline | RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Parameter();

    [GeneratedRegex("""\\(["\\\]])""")]
    private static partial Regex Escaped();

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        listener.Stop();
        await accepting;
        ended.Dispose();
    }
}
