using System.Net.Sockets;
using System.Reflection;
using Cairn.Hosting;
using Npgsql;

namespace Cairn.Storage.Postgres;

/// <summary>
/// The connections to one PostgreSQL database, in which Cairn has a schema of its own. Log and control store share it. What
/// fails on the way to it is a <see cref="LogUnavailableException"/>.
/// </summary>
sealed class Database : IAsyncDisposable
{
    public const string SchemaName = "cairn";

    const int OldestVersion = 15;

    /// <summary>Numbers of advisory locks: who changes the tables, appends to the log, or changes the control store.</summary>
    public const long SchemaLock = 0x43_61_69_72_6e_00, AppendLock = SchemaLock + 1, ControlLock = SchemaLock + 2;

    /// <summary>The server ended a transaction that did nothing for too long.</summary>
    const string IdleInTransaction = "25P03";

    readonly StoreAddress address;
    readonly NpgsqlDataSource source;

    int users = 1;

    Database(StoreAddress address, NpgsqlDataSource source) => (this.address, this.source) = (address, source);

    /// <summary>For one more user, who lets go of it as well.</summary>
    public Database Shared()
    {
        Interlocked.Increment(ref users);
        return this;
    }

    public string Version { get; private set; } = "";

    /// <summary>The settings of a connection, as Npgsql reads them.</summary>
    /// <exception cref="SettingException">The address has a parameter that is none.</exception>
    public static NpgsqlConnectionStringBuilder Settings(StoreAddress address)
    {
        if (!PostgresUrl.TryRead(address, searchPath: false, out var settings, out var fault)) throw new SettingException($"Setting Store has {fault}.");
        (settings.CommandTimeout, settings.KeepAlive, settings.MaxPoolSize) = (30, 10, 40);
        (settings.MaxAutoPrepare, settings.AutoPrepareMinUsages) = (200, 3);
        settings.IncludeErrorDetail = false;
        // Nothing is left behind on a connection that its next user would have to be kept from.
        settings.NoResetOnClose = true;
        // Who stops answering while it holds the lock of the log must not keep the others out.
        settings.Options = $"-c search_path={SchemaName} -c idle_in_transaction_session_timeout=10000 -c client_min_messages=warning -c jit=off";
        return settings;
    }

    /// <summary>Connects, looks whether the server keeps what it says that it keeps, and brings the schema up to this program.</summary>
    /// <exception cref="IOException">One line that says what is wrong and what mends it, without the password.</exception>
    public static async Task<Database> Open(StoreAddress address)
    {
        var settings = Settings(address);
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ToString());
        builder.EnableArrays().EnableTransportSecurity();
        var database = new Database(address, builder.Build());
        try
        {
            await database.Check();
            await database.ApplyScripts();
            return database;
        }
        catch (Exception error)
        {
            await database.DisposeAsync();
            if (error is NpgsqlException or SocketException or TimeoutException) throw new IOException(database.Why(error), error);
            throw;
        }
    }

    async Task Check()
    {
        await using var connection = await source.OpenConnectionAsync();
        Version = $"postgres {connection.PostgreSqlVersion.Major}.{connection.PostgreSqlVersion.Minor}";
        if (connection.PostgreSqlVersion.Major < OldestVersion) throw new IOException($"The store {address} is PostgreSQL {connection.PostgreSqlVersion.Major}; Cairn needs {OldestVersion} or later.");
        await using var ask = new NpgsqlCommand("SELECT current_setting('synchronous_commit'), current_setting('fsync'), pg_is_in_recovery(), current_setting('server_encoding')", connection);
        await using var reader = await ask.ExecuteReaderAsync();
        await reader.ReadAsync();
        if (Unsafe(reader.GetString(0), reader.GetString(1)) is { } danger) throw new IOException($"The store {address} {danger}");
        if (reader.GetBoolean(2)) throw new IOException($"The store {address} is a standby, which takes no records; give the address of the primary.");
        if (reader.GetString(3) != "UTF8") throw new IOException($"The store {address} has the encoding {reader.GetString(3)}; make a database with ENCODING 'UTF8'.");
    }

    /// <summary>Why a server with these settings cannot be believed when it says that a commit is durable; null when it can.</summary>
    public static string? Unsafe(string synchronousCommit, string fsync) =>
        synchronousCommit == "off" ? "has synchronous_commit=off, with which a crash loses records that were acknowledged; set it to on."
        : fsync == "off" ? "has fsync=off, with which a power cut loses records that were acknowledged; set it to on."
        : null;

    /// <summary>What went wrong, in one line that a person can act on.</summary>
    public string Why(Exception error) => error switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } => $"The store {address} refuses this user or password. Correct the setting Store (or PGPASSWORD).",
        PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } => $"The store {address} has no such database. Make it with: createdb {address.Database}",
        PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } => $"The store {address} does not let user {address.User ?? "of this name"} do what Cairn needs. Run there: GRANT CREATE ON DATABASE \"{address.Database}\" TO \"{address.User}\" (and let it own the schema {SchemaName}).",
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } => $"The store {address} has no connection left. Raise its max_connections.",
        PostgresException { SqlState: PostgresErrorCodes.DiskFull } => $"The disk of the store {address} is full. Free some space; writing goes on by itself.",
        PostgresException refused => $"The store {address} refuses: {refused.MessageText} ({refused.SqlState}).",
        NpgsqlException { InnerException: SocketException socket } => $"The store {address} does not answer: {socket.Message}. Is it running, and is the address right?",
        SocketException socket => $"The store {address} does not answer: {socket.Message}. Is it running, and is the address right?",
        TimeoutException or NpgsqlException { InnerException: TimeoutException } => $"The store {address} does not answer in time.",
        NpgsqlException { InnerException: System.Security.Authentication.AuthenticationException tls } => $"The store {address} and Cairn do not agree on TLS: {tls.Message}",
        _ => $"The store {address} does not answer: {error.Message}",
    };

    /// <summary>True when the way to the server failed, so that it may not know either what it did.</summary>
    public static bool IsAway(Exception error) => error is NpgsqlException { IsTransient: true } or NpgsqlException { InnerException: IOException or SocketException or TimeoutException }
        || error is PostgresException { SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or IdleInTransaction };

    public async Task<NpgsqlConnection> Connect(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return await source.OpenConnectionAsync(cancel);
    }

    /// <summary>After the server went away: the connections that wait to be used are dead.</summary>
    public void Forget() => source.Clear();

    /// <summary>Asks, all in one state of the database.</summary>
    /// <param name="keep">Keeps tables from being dropped meanwhile, where what is asked of them must fit what is asked of others.</param>
    public Task<TResult> Read<TResult>(Func<Transaction, Task<TResult>> read, CancellationToken cancel, Sql? keep = null) => Do(async (connection, _) =>
    {
        var transaction = new Transaction(connection, null, cancel, keep);
        var result = await read(transaction);
        await transaction.End();
        return result;
    }, cancel);

    /// <summary>Changes, wholly or not at all.</summary>
    /// <param name="isMade">Whether, by its result, the change is made; absent, it always is.</param>
    public Task<TResult> Write<TResult>(Func<Transaction, Task<TResult>> write, CancellationToken cancel, Func<TResult, bool>? isMade = null) => Do(async (connection, commits) =>
    {
        await using var begun = await connection.BeginTransactionAsync(cancel);
        var result = await write(new(connection, begun, cancel));
        if (isMade is not null && !isMade(result)) return result;
        commits();
        await begun.CommitAsync(CancellationToken.None);
        return result;
    }, cancel);

    /// <param name="work">Says when it begins to commit: from then on it is not done again.</param>
    async Task<TResult> Do<TResult>(Func<NpgsqlConnection, Action, Task<TResult>> work, CancellationToken cancel)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            var committing = false;
            try
            {
                await using var connection = await Connect(cancel);
                return await work(connection, () => committing = true);
            }
            catch (Exception error) when (isFirst && !committing && IsAway(error))
            {
                // The server was restarted and this connection was of before: a new one may do.
                Forget();
            }
            catch (Exception error) when (error is NpgsqlException or SocketException or TimeoutException)
            {
                throw new LogUnavailableException(Why(error), error);
            }
        }
    }

    /// <summary>Applies the numbered scripts, each once, by one process while the others wait. A script is never edited after a release.</summary>
    async Task ApplyScripts()
    {
        var assembly = typeof(Database).Assembly;
        var scripts = assembly.GetManifestResourceNames().Where(name => name.StartsWith("postgres-", StringComparison.Ordinal) && name.EndsWith(".sql", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();

        await using var connection = await source.OpenConnectionAsync();
        await using var begun = await connection.BeginTransactionAsync();
        var transaction = new Transaction(connection, begun, CancellationToken.None);
        await transaction.Run($"SELECT pg_advisory_xact_lock({SchemaLock})");
        var (hasSchema, hasTables, isOurs) = (false, false, false);
        await transaction.Each(new("""
            SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1),
                   EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm', 'f')),
                   to_regclass($1 || '.scripts') IS NOT NULL
            """, SchemaName), row => (hasSchema, hasTables, isOurs) = (row.GetBoolean(0), row.GetBoolean(1), row.GetBoolean(2)));
        if (hasTables && !isOurs) throw new IOException($"The store {address} has a schema '{SchemaName}' with tables that are not Cairn's. Give Cairn a database of its own.");
        if (!hasSchema) await transaction.Run($"CREATE SCHEMA {SchemaName}");
        if (!isOurs) await transaction.Run("CREATE TABLE scripts (number int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())");

        var applied = (int)await transaction.Number(new("SELECT coalesce(max(number), 0)::bigint FROM scripts"));
        if (applied > scripts.Length) throw new IOException($"The store {address} was written by a newer Cairn (schema {applied}, this program knows {scripts.Length}); run that version.");
        for (var number = applied; number < scripts.Length; number++)
        {
            await using (var script = new NpgsqlCommand(Text(assembly, scripts[number]), connection, begun)) await script.ExecuteNonQueryAsync();
            await transaction.Run(new Sql("INSERT INTO scripts (number) VALUES ($1)", number + 1));
        }
        await begun.CommitAsync();
    }

    static string Text(Assembly assembly, string name)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    public ValueTask DisposeAsync() => Interlocked.Decrement(ref users) == 0 ? source.DisposeAsync() : ValueTask.CompletedTask;
}
