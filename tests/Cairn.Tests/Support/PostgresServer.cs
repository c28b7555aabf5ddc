using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Npgsql;

namespace Cairn.Support;

/// <summary>A real PostgreSQL of the test's own, with its defaults, on a free port.</summary>
sealed partial class PostgresServer : IAsyncDisposable
{
    const string Programs = "/usr/lib/postgresql/15/bin", User = "postgres", Password = "a p@ss/word";
    const int Interrupt = 2, Kill = 9;

    static readonly SemaphoreSlim starting = new(1);
    static PostgresServer? shared;
    static int databases;

    readonly string directory;
    Process? process;

    PostgresServer(string directory, int port) => (this.directory, Port) = (directory, port);

    public int Port { get; }

    /// <summary>The database that every server has.</summary>
    public string Url => UrlOf("postgres");

    public string UrlOf(string database, int? port = null) => $"postgres://{User}:{Uri.EscapeDataString(Password)}@127.0.0.1:{port ?? Port}/{database}";

    /// <summary>Skips the test where PostgreSQL is not installed.</summary>
    public static void Needed()
    {
        if (!File.Exists(Path.Combine(Programs, "postgres"))) Needs.Missing("PostgreSQL 15 (the Debian package postgresql)");
        if (Environment.UserName == "root" && Needs.Run("id", "-u", "postgres") != 0) Needs.Missing("the user postgres");
    }

    /// <summary>The one that tests share; it ends with the run.</summary>
    public static async Task<PostgresServer> Shared()
    {
        Needed();
        await starting.WaitAsync();
        try
        {
            return shared ??= await Start();
        }
        finally
        {
            starting.Release();
        }
    }

    public static async ValueTask EndShared()
    {
        if (shared is not null) await shared.DisposeAsync();
    }

    /// <summary>One for a test alone, which may stop it.</summary>
    public static async Task<PostgresServer> Start()
    {
        Needed();
        var directory = Directory.CreateTempSubdirectory("cairn-postgres-").FullName;
        var secret = Path.Combine(directory, "password");
        await File.WriteAllTextAsync(secret, Password + "\n");
        if (Environment.UserName == "root") Succeeds("chown", "-R", "postgres", directory);
        Succeeds("initdb", "-D", Path.Combine(directory, "data"), "-U", User, "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync");
        var server = new PostgresServer(directory, FreePort());
        await server.Run();
        return server;
    }

    /// <summary>Starts the server, and waits until it answers.</summary>
    public async Task Run(params string[] settings)
    {
        Process Begun() => Begin("postgres", ["-D", Path.Combine(directory, "data"), "-p", $"{Port}", "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={directory}", "-c", "max_connections=300", .. settings.SelectMany(setting => new[] { "-c", setting })]);
        process = Begun();
        await Until.True(async () =>
        {
            if (process.HasExited)
            {
                // The children of one that crashed end by themselves; while one is left, the next server refuses to start.
                process.Dispose();
                process = Begun();
            }
            try
            {
                await Execute("postgres", "SELECT 1");
                return true;
            }
            catch (Exception error) when (error is NpgsqlException or SocketException)
            {
                return false;
            }
        });
    }

    /// <summary>Ends every connection and the server, in good order.</summary>
    public Task Stop() => End(Interrupt);

    /// <summary>Ends it as a crash does.</summary>
    public Task Crash() => End(Kill);

    async Task End(int signal)
    {
        if (process is null) return;
        Assert.Equal(0, Send(process.Id, signal));
        await process.WaitForExitAsync();
        process.Dispose();
        process = null;
        File.Delete(Path.Combine(directory, "data", "postmaster.pid"));
    }

    /// <summary>A fresh database, as its address.</summary>
    public async Task<string> NewDatabase()
    {
        var name = $"cairn_{Interlocked.Increment(ref databases)}";
        await Execute("postgres", $"CREATE DATABASE {name}");
        return UrlOf(name);
    }

    /// <summary>Runs a statement as the superuser, and answers the first value.</summary>
    public async Task<object?> Execute(string database, string sql)
    {
        var settings = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = Port, Username = User, Password = Password, Database = database, Pooling = false, Timeout = 5 };
        await using var connection = new NpgsqlConnection(settings.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>A connection to a database by its address.</summary>
    public static async Task<NpgsqlConnection> Connect(string url)
    {
        var address = new Uri(url);
        var login = address.UserInfo.Split(':');
        var settings = new NpgsqlConnectionStringBuilder { Host = address.Host, Port = address.Port, Username = login[0], Password = Uri.UnescapeDataString(login[1]), Database = address.AbsolutePath.Trim('/'), Pooling = false };
        var connection = new NpgsqlConnection(settings.ToString());
        await connection.OpenAsync(Client.Cancel);
        return connection;
    }

    /// <summary>Runs a statement in a database by its address.</summary>
    public static async Task Change(string url, string sql, params object?[] values)
    {
        await using var connection = await Connect(url);
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values) command.Parameters.Add(new() { Value = value ?? DBNull.Value });
        await command.ExecuteNonQueryAsync(Client.Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        Directory.Delete(directory, recursive: true);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>PostgreSQL refuses to run as root.</summary>
    static Process Begin(string program, params string[] arguments)
    {
        program = Path.IsPathRooted(program) || program == "chown" ? program : Path.Combine(Programs, program);
        var start = Environment.UserName == "root" && program != "chown"
            ? new ProcessStartInfo("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, .. arguments])
            : new ProcessStartInfo(program, arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError, start.WorkingDirectory) = (true, true, "/tmp");
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    static void Succeeds(string program, params string[] arguments)
    {
        using var process = Begin(program, arguments);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}.");
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Send(int process, int signal);
}

/// <summary>Ends with the run what tests shared.</summary>
public sealed class SharedServers : IAsyncDisposable
{
    public ValueTask DisposeAsync() => PostgresServer.EndShared();
}
