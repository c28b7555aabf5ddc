using Cairn.Events;
using Cairn.Live;
using Cairn.Requests;
using Cairn.Storage;

namespace Cairn.Records;

/// <summary>
/// The one way in. What waits while one commit runs goes into the next, so that many senders share one flush of the disk.
/// </summary>
sealed partial class Recorder : IAsyncDisposable
{
    /// <summary>Records in one commit at most, so that the first of them does not wait long for the last.</summary>
    const int MostInBatch = 10_000;

    /// <summary>Records that may wait; beyond, appends are refused at once.</summary>
    const int MostWaiting = 100_000;

    sealed record Submission(IReadOnlyList<RequestRecord>? Requests, IReadOnlyList<EventRecord>? Events, RequestRecord? Start, TaskCompletionSource<Outcome[]> Done)
    {
        public int Count => Requests?.Count ?? Events?.Count ?? 0;
    }

    readonly ILogStore store;
    readonly ILogger<Recorder> log;
    readonly Lock turn = new();
    readonly Queue<Submission> queue = new();
    readonly TaskCompletionSource allWritten = new(TaskCreationOptions.RunContinuationsAsynchronously);
    bool isWriting, isClosed;

    const int MostWithdrawn = 10_000;

    /// <summary>
    /// Starts that were refused to who began them, and may be stored all the same; taken back with the next batch. Those
    /// beyond the most would, if they are stored, be told as interrupted after a restart. Of whoever writes.
    /// </summary>
    readonly List<string> withdrawn = [];
    int waiting;

    public Recorder(ILogStore store, ILogger<Recorder> log)
    {
        (this.store, this.log) = (store, log);
        RequestFeed = new(store.Requests.Kind);
        EventFeed = new(store.Events.Kind);
    }

    /// <summary>What was just stored, for who follows.</summary>
    public Feed<RequestRecord> RequestFeed { get; }

    public Feed<EventRecord> EventFeed { get; }

    public RecorderCounts Counts { get; } = new();

    public int Waiting => Volatile.Read(ref waiting);

    /// <summary>
    /// Records. When it returns, every <see cref="Outcome.Stored"/> and <see cref="Outcome.Duplicate"/> is durable. When it
    /// throws, nothing was acknowledged; sending the same again stores nothing twice.
    /// </summary>
    /// <exception cref="LogUnavailableException">The log cannot be written, or too much waits already.</exception>
    public Task<Outcome[]> Append(IReadOnlyList<EventRecord> events) => Submit(new(null, events, null, NewDone()));

    /// <inheritdoc cref="Append(IReadOnlyList{EventRecord})"/>
    public Task<Outcome[]> Append(IReadOnlyList<RequestRecord> requests) => Submit(new(requests, null, null, NewDone()));

    /// <summary>
    /// Notes that a request begins. When it returns, the request has a record whatever happens: the one that is appended
    /// under its id, or after a crash one that says that it was interrupted. When it throws, the request must not begin.
    /// </summary>
    /// <exception cref="LogUnavailableException">The log cannot be written, or too much waits already.</exception>
    public Task Begin(RequestRecord start) => Submit(new(null, null, start, NewDone()));

    static TaskCompletionSource<Outcome[]> NewDone() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    Task<Outcome[]> Submit(Submission submission)
    {
        if (submission is { Count: 0, Start: null }) return Task.FromResult(Array.Empty<Outcome>());
        Counts.Accept(submission.Count);
        if (Interlocked.Add(ref waiting, submission.Count) > MostWaiting || !TryQueue(submission, out var isMyTurn))
        {
            Interlocked.Add(ref waiting, -submission.Count);
            Counts.Refuse(submission.Count);
            throw new LogUnavailableException("Too many records wait to be written. Send again in a moment.");
        }
        // Who finds the log free writes at once, on its own thread: a lone sender waits for the disk and for nothing else.
        if (isMyTurn) _ = WriteRound();
        return submission.Done.Task;
    }

    bool TryQueue(Submission submission, out bool isMyTurn)
    {
        lock (turn)
        {
            isMyTurn = !isWriting && !isClosed;
            if (isClosed) return false;
            queue.Enqueue(submission);
            isWriting = true;
            return true;
        }
    }

    /// <summary>Writes what waits. What came meanwhile is the next round's, on another thread, so that no sender writes for others for long.</summary>
    async Task WriteRound()
    {
        var taken = new List<Submission>();
        lock (turn)
        {
            for (var records = 0; records < MostInBatch && queue.TryDequeue(out var submission); records += Math.Max(1, submission.Count)) taken.Add(submission);
        }
        await Write(taken);
        lock (turn)
        {
            isWriting = queue.Count > 0;
            if (!isWriting && isClosed) allWritten.TrySetResult();
            if (!isWriting) return;
        }
        ThreadPool.UnsafeQueueUserWorkItem(static recorder => _ = recorder.WriteRound(), this, preferLocal: false);
    }

    async Task Write(List<Submission> submissions)
    {
        var batch = new Batch();
        foreach (var submission in submissions)
        {
            if (submission.Start is { } start) batch.Starts.Add(start);
            else if (submission.Requests is { } requests) batch.Requests.AddRange(requests);
            else batch.Events.AddRange(submission.Events!);
        }
        batch.Withdrawn.AddRange(withdrawn);

        BatchOutcome outcome;
        try
        {
            outcome = await store.Append(batch, CancellationToken.None);
        }
        catch (Exception error) when (submissions.Count > 1 && error is not LogUnavailableException)
        {
            // One sender's record must not fail another's.
            foreach (var submission in submissions) await Write([submission]);
            return;
        }
        catch (Exception error)
        {
            LogRefused(error, batch.Count);
            Interlocked.Add(ref waiting, -batch.Count);
            Counts.Refuse(batch.Count);
            withdrawn.AddRange(batch.Starts.Take(MostWithdrawn - withdrawn.Count).Select(start => start.RequestId));
            foreach (var submission in submissions) submission.Done.SetException(error);
            return;
        }

        withdrawn.Clear();
        Interlocked.Add(ref waiting, -batch.Count);
        Counts.Write(batch, outcome);
        RequestFeed.Publish(Stored(batch.Requests, outcome.Requests));
        EventFeed.Publish(Stored(batch.Events, outcome.Events));

        var (request, ev) = (0, 0);
        foreach (var submission in submissions)
        {
            var part = submission.Requests is not null ? outcome.Requests.AsSpan(request, submission.Count) : outcome.Events.AsSpan(ev, submission.Count);
            if (submission.Requests is not null) request += submission.Count;
            else ev += submission.Count;
            submission.Done.SetResult(part.ToArray());
        }
    }

    static List<T> Stored<T>(List<T> records, Outcome[] outcomes) where T : class, IRecord
    {
        var stored = new List<T>(records.Count);
        for (var i = 0; i < records.Count; i++)
            // What waits for a store that is away has no position yet; who follows is told when the store has it.
            if (outcomes[i] == Outcome.Stored && records[i].Position > 0) stored.Add(records[i]);
        return stored;
    }

    /// <summary>Takes nothing more, and writes what was taken.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (turn)
        {
            isClosed = true;
            if (!isWriting) return;
        }
        await allWritten.Task;
    }

    [LoggerMessage(LogLevel.Error, "{Count} records were refused: the log could not be written")]
    private partial void LogRefused(Exception error, int count);
}

/// <summary>What became of everything that came in since the start. Accepted is written, waiting or failed; nothing else.</summary>
sealed class RecorderCounts
{
    long accepted, refused, commits, requests, events, duplicates, conflicts;

    public long Accepted => Volatile.Read(ref accepted);
    public long Refused => Volatile.Read(ref refused);
    public long Commits => Volatile.Read(ref commits);
    public long Requests => Volatile.Read(ref requests);
    public long Events => Volatile.Read(ref events);
    public long Written => Requests + Events;
    public long Duplicates => Volatile.Read(ref duplicates);
    public long Conflicts => Volatile.Read(ref conflicts);

    public void Accept(int count) => Interlocked.Add(ref accepted, count);

    public void Refuse(int count) => Interlocked.Add(ref refused, count);

    public void Write(Batch batch, BatchOutcome outcome)
    {
        Interlocked.Increment(ref commits);
        if (batch.Count == 0) return;
        Interlocked.Add(ref requests, outcome.Requests.Count(one => one == Outcome.Stored));
        Interlocked.Add(ref events, outcome.Events.Count(one => one == Outcome.Stored));
        Interlocked.Add(ref duplicates, outcome.Requests.Concat(outcome.Events).Count(one => one == Outcome.Duplicate));
        Interlocked.Add(ref conflicts, outcome.Requests.Concat(outcome.Events).Count(one => one is Outcome.Conflict or Outcome.Crowded));
    }
}
