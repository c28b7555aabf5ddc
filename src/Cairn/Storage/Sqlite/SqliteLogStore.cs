using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Storage.Sqlite;

/// <summary>
/// The embedded store: one file, one writer that also checkpoints, several readers. After the operating system fails to
/// write or to flush, nothing is acknowledged until a restart: a later flush would answer OK for data that is gone.
/// </summary>
sealed class SqliteLogStore : ILogStore
{
    /// <summary>Pages of the write-ahead log after which it is moved into the database. Larger means fewer, longer moves.</summary>
    const int CheckpointAfterPages = 8_000;

    readonly string file;
    readonly Connection writer;
    readonly Readers readers;
    readonly SemaphoreSlim gate = new(1);
    readonly TermNumbers numbers;
    readonly TermTexts texts = new();
    readonly TermTexts writerTexts = new();
    readonly LogWriter<RequestRecord> requestWriter;
    readonly LogWriter<EventRecord> eventWriter;
    readonly Starts starts;
    readonly Statement begin, commit;
    readonly (string Path, FileIdentity? Identity)[] opened;
    string? failure;
    string? refusal;
    bool disposed;

    SqliteLogStore(string file, Kind<RequestRecord> requests, Kind<EventRecord> events)
    {
        this.file = file;
        writer = Connection.OpenWriter(file);
        Schema.Apply(writer, "log");

        writer.Run("BEGIN IMMEDIATE");
        var requestTable = new LogTable<RequestRecord>(writer, requests);
        var eventTable = new LogTable<EventRecord>(writer, events);
        writer.Run("COMMIT");

        numbers = new(writer);
        var own = new Reader(writer);
        requestWriter = new(writer, requestTable, numbers, new(requestTable, (field, term) => writerTexts.Text(own, field, term)));
        eventWriter = new(writer, eventTable, numbers, new(eventTable, (field, term) => writerTexts.Text(own, field, term)));
        starts = new(writer, requests);
        (begin, commit) = (writer.Prepare("BEGIN IMMEDIATE"), writer.Prepare("COMMIT"));
        Sweeper = new(writer, numbers, texts);
        opened = [.. new[] { file, file + "-wal" }.Select(path => (path, Durable.Identity(path)))];

        readers = new(file);
        Requests = new SqliteLog<RequestRecord>(this, readers, requestTable, texts);
        Events = new SqliteLog<EventRecord>(this, readers, eventTable, texts);
    }

    /// <summary>Opens the log in a directory, or makes it. When this returns, the file's journal and flushing were read back and are what durability needs.</summary>
    public static SqliteLogStore Open(string directory, Kind<RequestRecord> requests, Kind<EventRecord> events)
    {
        var file = Path.Combine(directory, "log.db");
        var isNew = !File.Exists(file);
        var store = new SqliteLogStore(file, requests, events);
        if (isNew) Durable.SyncDirectory(directory);
        return store;
    }

    public ILog<RequestRecord> Requests { get; }

    public ILog<EventRecord> Events { get; }

    public Sweeper Sweeper { get; }

    public LogWriter<T> Writer<T>(SqliteLog<T> log) where T : class, IRecord, new() =>
        ReferenceEquals(log, Requests) ? (LogWriter<T>)(object)requestWriter : (LogWriter<T>)(object)eventWriter;

    public Task<BatchOutcome> Append(Batch batch, CancellationToken cancel) => Write(() =>
    {
        var outcome = new BatchOutcome(new Outcome[batch.Requests.Count], new Outcome[batch.Events.Count]);
        if (batch.Requests.Count > 0) requestWriter.Append(batch.Requests, outcome.Requests);
        if (batch.Events.Count > 0) eventWriter.Append(batch.Events, outcome.Events);
        starts.Append(batch.Starts);
        foreach (var record in batch.Requests) starts.Remove(record.RequestId);
        foreach (var requestId in batch.Withdrawn) starts.Remove(requestId);
        return outcome;
    }, cancel);

    public Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel) => readers.Read(reader => starts.Read(reader.Connection), cancel);

    /// <summary>Runs a change as one transaction. When it returns, the change is durable; when it throws, nothing of it is stored.</summary>
    public async Task<TResult> Write<TResult>(Func<TResult> change, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel);
        try
        {
            failure ??= WhyNotOurs();
            if (failure is not null) throw new LogUnavailableException(failure);
            TResult result;
            try
            {
                begin.Run();
                result = change();
                commit.Run();
            }
            catch (SqliteException refused)
            {
                Undo();
                if (refused.IsLasting) failure = $"The log cannot be written since {DateTimeOffset.UtcNow:u} ({refused.Message}). Check the disk, then restart Cairn.";
                refusal = failure ?? (refused.IsFull ? "The disk is full. Free some space; writing goes on by itself." : null);
                throw new LogUnavailableException(refusal ?? refused.Message, refused);
            }
            catch
            {
                Undo();
                throw;
            }
            refusal = null;
            Checkpoint();
            return result;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>What is written to a file that has lost its name is gone with this process, however well it was flushed.</summary>
    string? WhyNotOurs()
    {
        foreach (var (path, identity) in opened)
            if (Durable.Identity(path) != identity) return $"{Path.GetFileName(path)} was removed or replaced while Cairn ran. Put back the file that was there, or restore a backup, then restart Cairn.";
        return null;
    }

    void Undo()
    {
        requestWriter.Forget();
        eventWriter.Forget();
        starts.Forget();
        numbers.Forget();
        writerTexts.Forget();
        if (!writer.InTransaction) return;
        try
        {
            writer.Run("ROLLBACK");
        }
        catch (SqliteException error)
        {
            failure = $"The log could not undo a failed write ({error.Message}). Check the disk, then restart Cairn.";
        }
    }

    /// <summary>What was committed is durable in the write-ahead log already, so a full disk here refuses nothing.</summary>
    void Checkpoint()
    {
        if (writer.WriteAheadPages < CheckpointAfterPages) return;
        try
        {
            // Readers that follow one another can keep the log from ever beginning anew; once it is long they are waited for.
            writer.Checkpoint(restart: writer.WriteAheadPages > 8 * CheckpointAfterPages);
        }
        catch (SqliteException error) when (error.IsFull)
        {
            refusal = "The disk is full. Free some space; writing goes on by itself.";
        }
        catch (SqliteException error) when (error.IsLasting)
        {
            failure = $"The log could not be moved into its database ({error.Message}). Check the disk, then restart Cairn.";
        }
    }

    public async Task<StoreHealth> Health(CancellationToken cancel)
    {
        var bytes = await readers.Read(reader =>
            (reader.Connection.Number("PRAGMA page_count") - reader.Connection.Number("PRAGMA freelist_count")) * reader.Connection.Number("PRAGMA page_size"), cancel);
        var problem = failure ?? refusal;
        return new("sqlite " + Sqlite3.Version, problem is null, problem, bytes, new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(file))!).AvailableFreeSpace);
    }

    public Task<string?> Damage(CancellationToken cancel) => readers.Read(reader =>
    {
        using var check = reader.Connection.Prepare("PRAGMA quick_check(1)");
        var found = check.Step() ? check.Text(0) : "nothing was answered";
        return found == "ok" ? null : found;
    }, cancel);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, true)) return;
        await gate.WaitAsync();
        readers.Dispose();
        // Closing would move the write-ahead log into the database and remove it, on the word of a disk that is not believed any
        // longer. Left open it stays as it is, and the next start takes up from there.
        if (failure is not null) return;
        if (!writer.InTransaction) Checkpoint();
        writer.Dispose();
        gate.Dispose();
    }
}
