using System.Runtime.InteropServices;
using System.Text;

namespace Cairn.Storage.Sqlite;

/// <summary>SQLite said no. <see cref="Code"/> is its extended result code.</summary>
sealed class SqliteException(int code, string message) : IOException($"SQLite: {message} ({code})")
{
    public int Code => code;

    public bool IsFull => (Code & 0xff) == Sqlite3.Full;

    /// <summary>
    /// The operating system failed to write or to flush, or the file is not what it was. What was thought written may be
    /// gone, and a second flush would answer OK all the same.
    /// </summary>
    public bool IsLasting => (Code & 0xff) is 8 or 10 or 11 or 14 or 26;

    public bool IsInterrupt => (Code & 0xff) == Sqlite3.Interrupt;
}

/// <summary>One SQLite connection, used by one thread at a time.</summary>
sealed unsafe class Connection : IDisposable
{
    readonly nint handle;
    readonly List<Statement> statements = [];
    readonly int* frames = (int*)NativeMemory.AllocZeroed(sizeof(int));

    Connection(nint handle) => this.handle = handle;

    /// <summary>
    /// The connection that writes and the only one that checkpoints (SQLite before 3.51.3 can corrupt a write-ahead log when two do).
    /// When this returns, journal mode and flushing were read back from SQLite and are what durability needs.
    /// </summary>
    public static Connection OpenWriter(string file)
    {
        var connection = Open(file, Sqlite3.OpenReadWrite | Sqlite3.OpenCreate);
        connection.Run("PRAGMA page_size = 4096");
        connection.Run("PRAGMA journal_mode = WAL");
        connection.Run("PRAGMA synchronous = FULL");
        connection.Run("PRAGMA wal_autocheckpoint = 0");
        connection.Run("PRAGMA cache_size = -131072");
        connection.Run("PRAGMA temp_store = MEMORY");
        connection.Run("PRAGMA trusted_schema = OFF");
        connection.Require("PRAGMA journal_mode", "wal");
        connection.Require("PRAGMA synchronous", "2");
        Sqlite3.CountFrames(connection.handle, connection.frames);
        return connection;
    }

    /// <summary>A connection that cannot write and never checkpoints.</summary>
    public static Connection OpenReader(string file)
    {
        var connection = Open(file, Sqlite3.OpenReadWrite);
        connection.Run("PRAGMA query_only = ON");
        connection.Run("PRAGMA wal_autocheckpoint = 0");
        connection.Run("PRAGMA cache_size = -32768");
        connection.Run("PRAGMA temp_store = MEMORY");
        connection.Require("PRAGMA query_only", "1");
        return connection;
    }

    /// <summary>A connection to a database that is not Cairn's: it cannot write, does not checkpoint, and trusts nothing that the file says of itself.</summary>
    public static Connection OpenForeign(string file)
    {
        var connection = Open(file, Sqlite3.OpenReadOnly);
        try
        {
            connection.Run("PRAGMA query_only = ON");
            connection.Run("PRAGMA trusted_schema = OFF");
            connection.Run("PRAGMA temp_store = MEMORY");
            connection.Require("PRAGMA query_only", "1");
            Functions.AddTo(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Makes a function known by a name to the statements of this connection.</summary>
    public void Add(ReadOnlySpan<byte> name, int arguments, delegate* unmanaged[Cdecl]<nint, int, nint*, void> function)
    {
        fixed (byte* start = name) Check(Sqlite3.CreateFunction(handle, start, arguments, function));
    }

    static Connection Open(string file, int flags)
    {
        var code = Sqlite3.Open(file, out var handle, flags | Sqlite3.OpenNoMutex, 0);
        var connection = new Connection(handle);
        if (code != Sqlite3.Ok)
        {
            var failure = connection.Failure();
            connection.Dispose();
            throw failure;
        }
        _ = Sqlite3.BusyTimeout(handle, 5_000);
        return connection;
    }

    void Require(string pragma, string expected)
    {
        using var statement = Prepare(pragma);
        var found = statement.Step() ? statement.Text(0) : "nothing";
        if (found != expected) throw new IOException($"SQLite answers {pragma} with '{found}' where '{expected}' is needed; the file system of the data directory may not support it.");
    }

    /// <summary>Runs statements that bind nothing and answer nothing that matters.</summary>
    public void Run(string sql)
    {
        var bytes = Encoding.UTF8.GetBytes(sql);
        fixed (byte* start = bytes)
        {
            for (var next = start; next < start + bytes.Length;)
            {
                Check(Sqlite3.Prepare(handle, next, (int)(start + bytes.Length - next), 0, out var statement, out next));
                if (statement == 0) continue;
                int code;
                do code = Sqlite3.Step(statement); while (code == Sqlite3.Row);
                var failure = code == Sqlite3.Done ? null : Failure();
                _ = Sqlite3.Finalize(statement);
                if (failure is not null) throw failure;
            }
        }
    }

    /// <summary>A statement that lives as long as the connection, or until it is disposed.</summary>
    public Statement Prepare(string sql)
    {
        var bytes = Encoding.UTF8.GetBytes(sql);
        fixed (byte* start = bytes)
        {
            Check(Sqlite3.Prepare(handle, start, bytes.Length, Sqlite3.PreparePersistent, out var prepared, out _));
            var statement = new Statement(this, prepared);
            statements.Add(statement);
            return statement;
        }
    }

    public long Number(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Integer(0) : 0;
    }

    public int Changes => Sqlite3.Changes(handle);

    public bool InTransaction => Sqlite3.GetAutocommit(handle) == 0;

    /// <summary>Pages in the write-ahead log after the last commit of this connection.</summary>
    public int WriteAheadPages => *frames;

    /// <summary>Moves the write-ahead log into the database as far as no reader stands in the way.</summary>
    /// <param name="restart">Waits for readers, so that the log begins anew.</param>
    public void Checkpoint(bool restart)
    {
        var code = Sqlite3.Checkpoint(handle, 0, restart ? Sqlite3.CheckpointRestart : Sqlite3.CheckpointPassive, out _, out _);
        if (code != Sqlite3.Ok && code != Sqlite3.Busy) throw Failure();
        *frames = 0;
    }

    /// <summary>Makes what runs on this connection end with <see cref="SqliteException.IsInterrupt"/>. May be called from any thread.</summary>
    public void Interrupt() => Sqlite3.InterruptAll(handle);

    public void Check(int code)
    {
        if (code != Sqlite3.Ok) throw Failure();
    }

    public SqliteException Failure() =>
        new(Sqlite3.ExtendedError(handle), Marshal.PtrToStringUTF8((nint)Sqlite3.ErrorMessage(handle)) ?? "unknown error");

    public void Forget(Statement statement) => statements.Remove(statement);

    public void Dispose()
    {
        foreach (var statement in statements.ToArray()) statement.Dispose();
        _ = Sqlite3.Close(handle);
        NativeMemory.Free(frames);
    }
}
