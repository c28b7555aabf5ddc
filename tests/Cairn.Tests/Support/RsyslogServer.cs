using System.Diagnostics;

namespace Cairn.Support;

/// <summary>A real rsyslog with a configuration of its own, on a free port, which writes what it took into a file.</summary>
sealed class RsyslogServer : IAsyncDisposable
{
    const string Program = "/usr/sbin/rsyslogd";

    readonly TempDirectory directory = new();
    readonly TestAuthority? authority;
    Process? process;

    RsyslogServer(TestAuthority? authority) => this.authority = authority;

    public int Port { get; } = PostgresServer.FreePort();

    public Uri Url => new($"syslog+{(authority is null ? "tcp" : "tls")}://127.0.0.1:{Port}");

    string Output => Path.Combine(directory.Path, "taken.log");

    /// <summary>What it took, each as <c>priority|app|kind|structured data|message</c>.</summary>
    public string[] Lines
    {
        get
        {
            if (!File.Exists(Output)) return [];
            using var reader = new StreamReader(new FileStream(Output, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            var text = reader.ReadToEnd();
            return text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    public string[] Messages => [.. Lines.Select(line => line.Split('|', 5)[4])];

    /// <param name="authority">Takes TLS alone, from who shows a certificate of this authority; null takes TCP.</param>
    public static async Task<RsyslogServer> Start(TestAuthority? authority = null)
    {
        if (!File.Exists(Program)) Needs.Missing("rsyslog (the Debian packages rsyslog and rsyslog-gnutls)");
        var server = new RsyslogServer(authority);
        var certificate = authority?.Issue();
        await File.WriteAllTextAsync(Path.Combine(server.directory.Path, "rsyslog.conf"), $$"""
            global(workDirectory="{{server.directory.Path}}" maxMessageSize="128k" net.enableDNS="off"
            {{(authority is null ? "" : $"""defaultNetstreamDriverCAFile="{authority.CertificateFile}" defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{certificate}" """)}})
            module(load="imtcp" {{(authority is null ? "" : """streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/certvalid" """)}})
            input(type="imtcp" address="127.0.0.1" port="{{server.Port}}")
            template(name="whole" type="string" string="%pri%|%app-name%|%msgid%|%structured-data%|%msg%\n")
            action(type="omfile" file="{{server.Output}}" template="whole")
            """);
        await server.Run();
        return server;
    }

    public async Task Run()
    {
        var start = new ProcessStartInfo(Program, ["-n", "-f", Path.Combine(directory.Path, "rsyslog.conf"), "-i", Path.Combine(directory.Path, "pid")]) { RedirectStandardError = true, RedirectStandardOutput = true };
        process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        await Until.True(async () =>
        {
            Assert.False(process.HasExited, "rsyslog ended before it answered.");
            try
            {
                using var probe = new System.Net.Sockets.TcpClient();
                await probe.ConnectAsync("127.0.0.1", Port, Client.Cancel);
                return true;
            }
            catch (System.Net.Sockets.SocketException)
            {
                return false;
            }
        });
    }

    /// <summary>Ends it as a person does, or as a crash does.</summary>
    public async Task Stop(bool asCrash = false)
    {
        if (process is null) return;
        if (asCrash) process.Kill();
        else Assert.Equal(0, Needs.Run("kill", "-TERM", $"{process.Id}"));
        await process.WaitForExitAsync();
        process.Dispose();
        process = null;
        File.Delete(Path.Combine(directory.Path, "pid"));
    }

    public async ValueTask DisposeAsync()
    {
        await Stop(asCrash: true);
        directory.Dispose();
    }
}
