using System.Collections.Concurrent;

namespace Cairn.Storage.Sqlite;

/// <summary>A connection that only reads, with its prepared statements.</summary>
sealed class Reader(Connection connection) : IDisposable
{
    const int MostStatements = 256;

    readonly Dictionary<string, Statement> statements = new(StringComparer.Ordinal);

    public Connection Connection => connection;

    /// <summary>The statement of this text, kept for the next time.</summary>
    public Statement Statement(string sql) => statements.TryGetValue(sql, out var statement) ? statement : statements[sql] = connection.Prepare(sql);

    /// <summary>The one number that a statement of this text answers.</summary>
    public long Number(string sql) => Statement(sql).Number();

    /// <summary>Lets go of statements when there are many. Only between reads: within one, any of them may stand on a row.</summary>
    public void Trim()
    {
        if (statements.Count <= MostStatements) return;
        foreach (var old in statements.Values) old.Dispose();
        statements.Clear();
    }

    public void Dispose() => connection.Dispose();
}

/// <summary>
/// The readers of one database. A read is one short transaction: it sees one state of the log and ends before anything is
/// sent to anyone, so that no slow client keeps the write-ahead log from being checkpointed.
/// </summary>
/// <param name="open">Opens a reader; Cairn's own when absent.</param>
/// <param name="areKept">False closes each after its read, so that a file of somebody else's may be replaced at any time.</param>
sealed class Readers(string file, Func<string, Connection>? open = null, bool areKept = true) : IDisposable
{
    const int Most = 8;

    readonly ConcurrentBag<Reader> idle = [];
    readonly SemaphoreSlim free = new(Most);

    public async Task<TResult> Read<TResult>(Func<Reader, TResult> read, CancellationToken cancel)
    {
        await free.WaitAsync(cancel);
        try
        {
            if (!idle.TryTake(out var reader)) reader = new((open ?? Connection.OpenReader)(file));
            var sound = false;
            try
            {
                using var interrupt = cancel.UnsafeRegister(static connection => ((Connection)connection!).Interrupt(), reader.Connection);
                reader.Trim();
                reader.Statement("BEGIN").Run();
                var result = read(reader);
                reader.Statement("COMMIT").Run();
                sound = areKept;
                return result;
            }
            catch (SqliteException interrupted) when (interrupted.IsInterrupt && cancel.IsCancellationRequested)
            {
                throw new OperationCanceledException("The read was no longer wanted.", interrupted, cancel);
            }
            finally
            {
                if (sound) idle.Add(reader);
                else reader.Dispose();
            }
        }
        finally
        {
            free.Release();
        }
    }

    public void Dispose()
    {
        while (idle.TryTake(out var reader)) reader.Dispose();
        free.Dispose();
    }
}
