using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Cairn.Events;
using Cairn.Records;
using Npgsql;
using NpgsqlTypes;

namespace Cairn.Benchmarks;

/// <summary>A PostgreSQL of its own, with its defaults, for as long as it is not disposed: the peer of events that come one by one.</summary>
sealed class Postgres : IAsyncDisposable
{
    readonly string folder;
    readonly Process server;
    readonly Kind<EventRecord> kind = Tables.Kind<EventRecord>();
    NpgsqlConnection[] connections = [];
    NpgsqlCommand[] inserts = [];

    Postgres(string folder, Process server) => (this.folder, this.server) = (folder, server);

    public string Version { get; private set; } = "";

    int port;

    /// <summary>A database, as Cairn's setting Store names it.</summary>
    public string UrlOf(string database) => $"postgres://postgres@127.0.0.1:{port}/{database}";

    public Task Execute(string sql, string database = "postgres") => Ask(sql, database);

    public async Task<long> Number(string sql, string database) => (long)(await Ask(sql, database))!;

    async Task<object?> Ask(string sql, string database)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connections[0].ConnectionString) { Database = database, CommandTimeout = 600 }.ToString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>Null where PostgreSQL is not installed.</summary>
    public static async Task<Postgres?> TryStart(int clients)
    {
        const string installed = "/usr/lib/postgresql";
        if (!Directory.Exists(installed)) return null;
        var programs = Directory.EnumerateDirectories(installed).OrderBy(one => double.TryParse(Path.GetFileName(one), CultureInfo.InvariantCulture, out var version) ? version : 0).Select(one => Path.Combine(one, "bin")).LastOrDefault();
        if (programs is null || !File.Exists(Path.Combine(programs, "initdb"))) return null;

        var folder = Directory.CreateTempSubdirectory("cairn-bench-postgres-").FullName;
        var data = Path.Combine(folder, "data");
        if (Environment.IsPrivilegedProcess) await Run("chown", ["postgres", folder]);
        await Run(Path.Combine(programs, "initdb"), ["-D", data, "-A", "trust", "-U", "postgres"], asPostgres: true);

        var port = FreePort();
        var server = Begin(Path.Combine(programs, "postgres"), ["-D", data, "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={folder}", "-c", "synchronous_commit=on"], asPostgres: true);
        var postgres = new Postgres(folder, server);
        try
        {
            await postgres.Connect(port, clients);
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
        return postgres;
    }

    async Task Connect(int port, int clients)
    {
        var source = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = port, Username = "postgres", Database = "postgres", Pooling = false }.ToString();
        this.port = port;
        var clock = Stopwatch.StartNew();
        connections = [.. Enumerable.Range(0, clients).Select(_ => new NpgsqlConnection(source))];
        while (true)
        {
            try
            {
                await connections[0].OpenAsync();
                break;
            }
            catch (NpgsqlException) when (clock.Elapsed < TimeSpan.FromSeconds(30) && !server.HasExited)
            {
                await Task.Delay(100);
            }
        }
        foreach (var connection in connections.Skip(1)) await connection.OpenAsync();

        Version = "PostgreSQL " + connections[0].PostgreSqlVersion;
        var columns = string.Join(", ", kind.Stored.Select(field => $"\"{field.Name}\" {(field.IsText ? "text" : "bigint")}{(field == kind.Identity ? " PRIMARY KEY" : "")}"));
        var indexes = string.Concat(NaiveTable<EventRecord>.Indexes(kind).Select(column => $"; CREATE INDEX ON events (\"{column}\")"));
        await using (var create = new NpgsqlCommand($"CREATE TABLE events ({columns}){indexes}", connections[0])) await create.ExecuteNonQueryAsync();

        inserts = [.. connections.Select(connection =>
        {
            var insert = new NpgsqlCommand($"INSERT INTO events VALUES ({string.Join(", ", kind.Stored.Select((_, i) => $"${1 + i}"))})", connection);
            foreach (var field in kind.Stored) insert.Parameters.Add(new() { NpgsqlDbType = field.IsText ? NpgsqlDbType.Text : NpgsqlDbType.Bigint });
            insert.Prepare();
            return insert;
        })];
    }

    /// <summary>One insert, committed when it returns.</summary>
    public Task Append(EventRecord record, int client)
    {
        var insert = inserts[client];
        for (var i = 0; i < kind.Stored.Length; i++)
            insert.Parameters[i].Value = (kind.Stored[i].IsText ? kind.Stored[i].Text!(record) : (object?)kind.Stored[i].Number!(record)) ?? DBNull.Value;
        return insert.ExecuteNonQueryAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var insert in inserts) await insert.DisposeAsync();
        foreach (var connection in connections) await connection.DisposeAsync();
        if (!server.HasExited)
        {
            // The fast shutdown: its own signal, to the one process that was started here.
            var first = await File.ReadAllLinesAsync(Path.Combine(folder, "data", "postmaster.pid"));
            await Run("kill", ["-INT", first[0]]);
            await server.WaitForExitAsync();
        }
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
    static Process Begin(string program, string[] arguments, bool asPostgres)
    {
        var start = asPostgres && Environment.IsPrivilegedProcess
            ? new ProcessStartInfo("runuser", ["-u", "postgres", "--", program, .. arguments])
            : new ProcessStartInfo(program, arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    static async Task Run(string program, string[] arguments, bool asPostgres = false)
    {
        using var process = Begin(program, arguments, asPostgres);
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
    }
}
