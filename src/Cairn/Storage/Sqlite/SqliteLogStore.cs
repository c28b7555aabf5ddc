using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Storage.Sqlite;

/// <summary>The embedded store: the log of this machine, in one <see cref="RecordFile"/>.</summary>
sealed class SqliteLogStore : ILogStore
{
    readonly RecordFile file;
    readonly TermNumbers numbers;
    readonly TermTexts texts = new();
    readonly TermTexts writerTexts = new();
    readonly LogWriter<RequestRecord> requestWriter;
    readonly LogWriter<EventRecord> eventWriter;
    readonly Starts starts;

    SqliteLogStore(string path, Kind<RequestRecord> requests, Kind<EventRecord> events)
    {
        file = new(path, "log", "The log", Forget);
        var writer = file.Writer;
        writer.Run("BEGIN IMMEDIATE");
        var requestTable = new LogTable<RequestRecord>(writer, requests);
        var eventTable = new LogTable<EventRecord>(writer, events);
        writer.Run("COMMIT");

        numbers = new(writer);
        var own = new Reader(writer);
        requestWriter = new(writer, requestTable, numbers, new(requestTable, (field, term) => writerTexts.Text(own, field, term)));
        eventWriter = new(writer, eventTable, numbers, new(eventTable, (field, term) => writerTexts.Text(own, field, term)));
        starts = new(writer, requests);
        Sweeper = new(writer, numbers, texts);

        Requests = new SqliteLog<RequestRecord>(this, file, requestTable, texts);
        Events = new SqliteLog<EventRecord>(this, file, eventTable, texts);
    }

    /// <summary>Opens the log in a directory, or makes it.</summary>
    public static SqliteLogStore Open(string directory, Kind<RequestRecord> requests, Kind<EventRecord> events) => new(Path.Combine(directory, "log.db"), requests, events);

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
        starts.Note(batch);
        return outcome;
    }, cancel);

    public Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel) => file.Read(reader => starts.Read(reader.Connection), cancel);

    /// <inheritdoc cref="RecordFile.Write"/>
    public Task<TResult> Write<TResult>(Func<TResult> change, CancellationToken cancel) => file.Write(change, cancel);

    void Forget()
    {
        requestWriter.Forget();
        eventWriter.Forget();
        starts.Forget();
        numbers.Forget();
        writerTexts.Forget();
    }

    public async Task<StoreHealth> Health(CancellationToken cancel)
    {
        var bytes = await file.Read(RecordFile.Bytes, cancel);
        var problem = file.Problem;
        return new("sqlite " + Sqlite3.Version, problem is null, problem, bytes, file.FreeDiskBytes);
    }

    public Task<string?> Damage(CancellationToken cancel) => file.Damage(cancel);

    public ValueTask DisposeAsync()
    {
        file.Dispose();
        return ValueTask.CompletedTask;
    }
}
