using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Cairn.Support;

/// <summary>A PostgreSQL of its own, with its own durability, for one test class. Where none is installed the test is skipped.</summary>
sealed class PostgresServer : IAsyncDisposable
{
    const string Installed = "/usr/lib/postgresql", User = "cairn", Password = "a secret word";

    readonly string folder, programs;
    readonly int port;
    Process server;
    int databases;

    PostgresServer(string folder, string programs, int port, Process server) => (this.folder, this.programs, this.port, this.server) = (folder, programs, port, server);

    /// <summary>The first database, as settings write it.</summary>
    public string Url => UrlOf("postgres");

    string UrlOf(string database) => $"postgres://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{port}/{database}?sslmode=disable";

    public static async Task<PostgresServer> Start()
    {
        var programs = Directory.Exists(Installed) ? Directory.EnumerateDirectories(Installed).OrderBy(one => int.TryParse(Path.GetFileName(one), out var version) ? version : 0).Select(one => Path.Combine(one, "bin")).LastOrDefault(one => File.Exists(Path.Combine(one, "initdb"))) : null;
        if (programs is null) Needs.Missing("PostgreSQL (the package postgresql-15)");

        var folder = Directory.CreateTempSubdirectory("cairn-test-postgres-").FullName;
        var password = Path.Combine(folder, "password");
        await File.WriteAllTextAsync(password, Password);
        if (Environment.IsPrivilegedProcess) Assert.Equal(0, Needs.Run("chown", "-R", "postgres", folder));
        using (var made = Begin(Path.Combine(programs!, "initdb"), "-D", Path.Combine(folder, "data"), "-A", "scram-sha-256", "-U", User, "--pwfile", password, "-E", "UTF8", "--locale", "C.UTF-8"))
        {
            await made.WaitForExitAsync();
            Assert.Equal(0, made.ExitCode);
        }
        var port = FreePort();
        var server = new PostgresServer(folder, programs!, port, Serve(folder, programs!, port));
        await server.Answers();
        return server;
    }

    static Process Serve(string folder, string programs, int port) =>
        Begin(Path.Combine(programs, "postgres"), "-D", Path.Combine(folder, "data"), "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={folder}", "-c", "fsync=on");

    Task Answers() => Until.True(async () =>
    {
        Assert.False(server.HasExited);
        try
        {
            await using var connection = await Connect(Url);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    });

    /// <summary>An empty database. Answers its address.</summary>
    public async Task<string> NewDatabase()
    {
        var name = $"test{Interlocked.Increment(ref databases)}";
        await Run(Url, $"CREATE DATABASE {name}");
        return UrlOf(name);
    }

    public static async Task<NpgsqlConnection> Connect(string url)
    {
        var parsed = new Uri(url);
        var login = parsed.UserInfo.Split(':');
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = parsed.Host,
            Port = parsed.Port,
            Username = login[0],
            Password = Uri.UnescapeDataString(login[1]),
            Database = parsed.AbsolutePath.Trim('/'),
            Pooling = false,
            SslMode = SslMode.Disable,
        }.ToString());
        await connection.OpenAsync(Client.Cancel);
        return connection;
    }

    public static async Task Run(string url, string sql, params object?[] values)
    {
        await using var connection = await Connect(url);
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values) command.Parameters.Add(new() { Value = value ?? DBNull.Value });
        await command.ExecuteNonQueryAsync(Client.Cancel);
    }

    /// <summary>Stops it: whoever is connected is cut off.</summary>
    public async Task Stop()
    {
        if (server.HasExited) return;
        var first = await File.ReadAllLinesAsync(Path.Combine(folder, "data", "postmaster.pid"));
        Needs.Run("kill", "-INT", first[0]);
        await server.WaitForExitAsync();
    }

    public async Task StartAgain()
    {
        await Stop();
        server.Dispose();
        server = Serve(folder, programs, port);
        await Answers();
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        server.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>PostgreSQL refuses to run as root.</summary>
    static Process Begin(string program, params string[] arguments)
    {
        var start = Environment.IsPrivilegedProcess ? new ProcessStartInfo("runuser", ["-u", "postgres", "--", program, .. arguments]) : new ProcessStartInfo(program, arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
