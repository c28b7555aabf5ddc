using System.Net.Sockets;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Npgsql;

namespace Cairn.Storage.Postgres;

/// <summary>
/// The log in a PostgreSQL that several gateways and consoles share. Appends take one lock, so that records become visible
/// in the order of their positions and a follower never misses a late commit.
/// </summary>
sealed class PostgresLogStore : ILogStore
{
    /// <summary>The channel on which a process tells the others how far the logs came.</summary>
    public const string Channel = "cairn_log";

    static readonly TimeSpan ListenAgainAfter = TimeSpan.FromMilliseconds(250);

    readonly Database database;
    readonly string directory;
    readonly TermNumbers numbers = new();
    readonly TermTexts texts = new();
    readonly RecordText<RequestRecord> startText;
    readonly SemaphoreSlim gate = new(1);
    readonly LogWriter<RequestRecord> requestWriter;
    readonly LogWriter<EventRecord> eventWriter;
    readonly PostgresLog<RequestRecord> requests;
    readonly PostgresLog<EventRecord> events;
    long erasures = -1;
    string? refusal;

    PostgresLogStore(Database database, string directory, LogTable<RequestRecord> requestTable, LogTable<EventRecord> eventTable)
    {
        (this.database, this.directory) = (database, directory);
        startText = new(requestTable.Kind);
        requestWriter = new(requestTable, numbers, texts);
        eventWriter = new(eventTable, numbers, texts);
        requests = new(this, database, requestTable, requestWriter, texts);
        events = new(this, database, eventTable, eventWriter, texts);
    }

    /// <summary>Opens the log, or makes it. When this returns, the server's settings were read back and are what durability needs.</summary>
    /// <param name="directory">Names the data directory whose requests are under way.</param>
    /// <exception cref="IOException">One line that says what is wrong and what mends it.</exception>
    public static async Task<PostgresLogStore> Open(StoreAddress address, string directory, Kind<RequestRecord> requests, Kind<EventRecord> events) => await Open(await Database.Open(address), directory, requests, events);

    /// <summary>The same in a database that is open already, which the log lets go of at its end, or here when it fails.</summary>
    public static async Task<PostgresLogStore> Open(Database database, string directory, Kind<RequestRecord> requests, Kind<EventRecord> events)
    {
        try
        {
            var (requestTable, eventTable) = await database.Write(async transaction =>
            {
                await transaction.Run($"SELECT pg_advisory_xact_lock({Database.SchemaLock})");
                return (await LogTable<RequestRecord>.Open(transaction, requests), await LogTable<EventRecord>.Open(transaction, events));
            }, CancellationToken.None);
            return new(database, directory, requestTable, eventTable);
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    public ILog<RequestRecord> Requests => requests;

    public ILog<EventRecord> Events => events;

    public async Task<BatchOutcome> Append(Batch batch, CancellationToken cancel)
    {
        var outcome = new BatchOutcome(new Outcome[batch.Requests.Count], new Outcome[batch.Events.Count]);
        await Change(async transaction =>
        {
            // 1. What has to be known of what is stored.
            var asked = requestWriter.Begin(batch.Requests, outcome.Requests).Concat(eventWriter.Begin(batch.Events, outcome.Events)).ToList();
            var unknown = new HashSet<(int Field, string Text)>();
            requestWriter.Number(unknown);
            eventWriter.Number(unknown);
            if (unknown.Count > 0) asked.Add((TermNumbers.Look(unknown), numbers.Found));
            await transaction.Ask(asked);

            // 2. What of it is new.
            await requestWriter.Compare(transaction);
            await eventWriter.Compare(transaction);

            // 3. Rows, 4. counts, 5. everything else.
            await requestWriter.Copy(transaction);
            await eventWriter.Copy(transaction);
            await transaction.Ask([.. requestWriter.PrepareCounts(1), .. eventWriter.PrepareCounts(1)]);
            await transaction.Run([.. numbers.Write(), .. requestWriter.Write(), .. eventWriter.Write(), .. Starts(batch), .. Tell()]);
            return 0;
        }, cancel);
        return outcome;
    }

    IEnumerable<Sql> Starts(Batch batch)
    {
        if (batch.Starts.Count > 0)
            yield return new("INSERT INTO starts (request_id, directory, record) SELECT id, $1, record FROM unnest($2, $3) AS s (id, record) ON CONFLICT DO NOTHING",
                directory, batch.Starts.Select(start => start.RequestId).ToArray(), batch.Starts.Select(start => startText.Write(start).ToArray()).ToArray());
        string[] ended = [.. batch.Requests.Select(record => record.RequestId), .. batch.Withdrawn];
        if (ended.Length > 0) yield return new("DELETE FROM starts WHERE request_id = ANY($1)", ended);
    }

    IEnumerable<Sql> Tell()
    {
        if (requestWriter.HasNew || eventWriter.HasNew) yield return new("SELECT pg_notify($1, $2)", Channel, $"{requestWriter.LastPosition} {eventWriter.LastPosition}");
    }

    /// <summary>
    /// Runs a change of the log as one transaction, alone among all processes. When it returns, the change is durable; when
    /// it throws, it is made wholly or not at all.
    /// </summary>
    public async Task<TResult> Change<TResult>(Func<Transaction, Task<TResult>> change, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel);
        try
        {
            var result = await Attempt(change, cancel);
            refusal = null;
            return result;
        }
        catch (PostgresException strange) when (strange.SqlState.StartsWith("22", StringComparison.Ordinal))
        {
            // Something in a record, and not the store, is at fault.
            throw new InvalidDataException($"The store does not take a record: {strange.MessageText}.", strange);
        }
        catch (Exception error) when (error is NpgsqlException or SocketException or TimeoutException)
        {
            refusal = database.Why(error);
            throw new LogUnavailableException(refusal, error);
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Removes the oldest month as a whole, when all of it is before a time. Answers how many records went; zero when none could go so.</summary>
    public async Task<long> DropMonth<T>(LogTable<T> table, long beforeMs, CancellationToken cancel) where T : class, IRecord, new()
    {
        try
        {
            while (true)
            {
                // What takes long is done beside the writers: reading the month, in counts of its own. They wait for its removal alone.
                var dropping = new LogWriter<T>(table, numbers, texts);
                if (await database.Write(transaction => dropping.OldestMonth(transaction.WithoutHurry(), beforeMs), cancel) is not { } month) return 0;
                await gate.WaitAsync(cancel);
                try
                {
                    if (!await Attempt(transaction => dropping.Drop(transaction, month), cancel, again: false)) return 0;
                }
                finally
                {
                    gate.Release();
                }
                if (month.Rows > 0) return month.Rows;
            }
        }
        catch (PostgresException busy) when (busy.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.UndefinedTable)
        {
            // Somebody reads it, and it goes record by record, or an hour later; or another process dropped it just now.
            return 0;
        }
        catch (LogUnavailableException gone) when (gone.InnerException is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable })
        {
            // The same, while this one read it.
            return 0;
        }
        catch (Exception error) when (error is NpgsqlException or SocketException or TimeoutException)
        {
            throw new LogUnavailableException(database.Why(error), error);
        }
    }

    public async Task<int> Sweep<T>(LogTable<T> table, int limit, CancellationToken cancel) where T : class, IRecord, new()
    {
        var found = await database.Read(transaction => Sweeper.Find(transaction.WithoutHurry(), table, limit), cancel);
        return await Change(transaction => Sweeper.Sweep(transaction, table, found, limit), cancel);
    }

    /// <param name="again">Makes the change once more, on another connection, when the first one broke before it was made.</param>
    async Task<TResult> Attempt<TResult>(Func<Transaction, Task<TResult>> change, CancellationToken cancel, bool again = true)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            var (committing, transactionId) = (false, "");
            TResult result = default!;
            try
            {
                await using var connection = await database.Connect(cancel);
                await using var begun = await connection.BeginTransactionAsync(cancel);
                var transaction = new Transaction(connection, begun, cancel);
                transactionId = await Begin(transaction);
                result = await change(transaction);
                committing = true;
                await begun.CommitAsync(CancellationToken.None);
                return Committed(result);
            }
            catch (Exception error) when (Database.IsAway(error) && isFirst)
            {
                Forget();
                database.Forget();
                // The answer to the commit was lost. The server knows what became of it, once it can be asked.
                if (committing && await IsCommitted(transactionId)) return Committed(result);
                if (!again) throw;
            }
            catch
            {
                Forget();
                throw;
            }
        }
    }

    /// <summary>Takes the lock, and sees to it that memory is what is stored. Answers the transaction's name.</summary>
    async Task<string> Begin(Transaction transaction)
    {
        var (id, durable, told) = ("", "", 0L);
        var lastTerms = new List<(int, int)>();
        await transaction.Ask(
            (new($"SELECT pg_advisory_xact_lock({Database.AppendLock})"), _ => { }),
            (new("SELECT kind, last_position, erasures, current_setting('synchronous_commit'), pg_current_xact_id()::text FROM logs"), row =>
            {
                if (row.GetString(0) == requests.Kind.Name) requestWriter.LastPosition = row.GetInt64(1);
                else eventWriter.LastPosition = row.GetInt64(1);
                (told, durable, id) = (row.GetInt64(2), row.GetString(3), row.GetString(4));
            }),
            (new("SELECT number, last_term FROM fields"), row => lastTerms.Add((row.GetInt32(0), row.GetInt32(1)))));
        if (Database.Unsafe(durable, "on") is { } why) throw new LogUnavailableException(refusal = $"The store {why}");
        if (told != erasures)
        {
            Forget();
            requestWriter.ForgetPartitions();
            eventWriter.ForgetPartitions();
            requests.SearchTexts.Forget();
            events.SearchTexts.Forget();
            texts.Forget();
            erasures = told;
        }
        numbers.Begin(lastTerms);
        return id;
    }

    TResult Committed<TResult>(TResult result)
    {
        numbers.Committed();
        requestWriter.Committed();
        eventWriter.Committed();
        return result;
    }

    void Forget()
    {
        numbers.Forget();
        requestWriter.Forget();
        eventWriter.Forget();
    }

    async Task<bool> IsCommitted(string transactionId)
    {
        await using var connection = await database.Connect(CancellationToken.None);
        while (true)
        {
            await using var ask = new NpgsqlCommand("SELECT pg_xact_status($1::xid8)", connection) { Parameters = { new NpgsqlParameter<string> { TypedValue = transactionId } } };
            switch (await ask.ExecuteScalarAsync())
            {
                case "committed": return true;
                case "in progress": break;
                default: return false;
            }
            // The server has not noticed yet that nobody listens; the lock is free when it has.
            await using var wait = new NpgsqlCommand($"SELECT pg_advisory_lock({Database.AppendLock}), pg_advisory_unlock({Database.AppendLock})", connection);
            await wait.ExecuteNonQueryAsync();
        }
    }

    public async Task Listen(Action<long, long> told, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await using var connection = await database.Connect(cancel);
                connection.Notification += (_, notification) =>
                {
                    if (notification.Payload.Split(' ') is [var request, var ev]) told(long.Parse(request), long.Parse(ev));
                };
                await using (var listen = new NpgsqlCommand($"LISTEN {Channel}", connection)) await listen.ExecuteNonQueryAsync(cancel);
                // What came while nobody listened.
                told(await requests.LastPosition(cancel), await events.LastPosition(cancel));
                while (true) await connection.WaitAsync(cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception away) when (away is NpgsqlException or IOException or SocketException or TimeoutException)
            {
                database.Forget();
                await Task.Delay(ListenAgainAfter, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    public Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel) => database.Read<IReadOnlyList<RequestRecord>>(async transaction =>
    {
        var found = new List<RequestRecord>();
        await transaction.Each(new("SELECT record FROM starts WHERE directory = $1 ORDER BY request_id", directory), row => found.Add(startText.Read(row.GetFieldValue<byte[]>(0))));
        return found;
    }, cancel);

    public async Task<StoreHealth> Health(CancellationToken cancel)
    {
        try
        {
            return new(database.Version, refusal is null, refusal, await database.Read(Bytes, cancel), null);
        }
        catch (LogUnavailableException away)
        {
            return new(database.Version, false, away.Message, 0, null);
        }
    }

    async Task<long> Bytes(Transaction transaction) =>
        await transaction.Number(new("SELECT coalesce(sum(pg_table_size(c.oid) + pg_indexes_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND relkind = 'r'", Database.SchemaName))
        - await requests.Table.Unused(transaction) - await events.Table.Unused(transaction);

    public async Task<string?> Damage(CancellationToken cancel) =>
        await database.Read(transaction => Damage(transaction, requests.Table), cancel, requests.Table.Keep) ?? await database.Read(transaction => Damage(transaction, events.Table), cancel, events.Table.Keep);

    /// <summary>Reads every row, and compares what is kept beside them.</summary>
    static async Task<string?> Damage<T>(Transaction transaction, LogTable<T> table) where T : class, IRecord, new()
    {
        var (rows, named, counted) = (0L, 0L, 0L);
        await transaction.Ask(
            (new($"SELECT count(*), count(i.identity) FROM {table.Name} r LEFT JOIN {table.Name}_identity i ON i.time = r.time AND i.position = r.position"), row => (rows, named) = (row.GetInt64(0), row.GetInt64(1))),
            (new($"SELECT coalesce(sum(count), 0)::bigint FROM {table.Name}_by_all WHERE span = {(int)Spans.Ever}"), row => counted = row.GetInt64(0)));
        return named != rows ? $"{rows - named} of {rows} {table.Name} records have no entry for their identity"
            : counted != rows ? $"there are {rows} {table.Name} records, and the kept counts say {counted}"
            : null;
    }

    public async ValueTask DisposeAsync()
    {
        await gate.WaitAsync();
        requests.SearchTexts.Dispose();
        events.SearchTexts.Dispose();
        await database.DisposeAsync();
        gate.Dispose();
    }
}
