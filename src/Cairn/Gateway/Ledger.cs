using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;

namespace Cairn.Gateway;

/// <summary>
/// What the gateway owes the log: each request's start before a backend sees it, and its record once it ended. Records are
/// written off the answer's path, many in one commit; while the log cannot be written they are kept and tried again.
/// </summary>
sealed partial class Ledger : IAsyncDisposable
{
    /// <summary>How long the first of many records waits for the others. A commit for each would stand in the way of starts.</summary>
    static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(20), Patience = TimeSpan.FromSeconds(1);

    const int MostInBatch = 2_000;

    /// <summary>Records kept while the log cannot be written. Beyond, requests are refused, or served and counted as lost.</summary>
    const int MostKept = 10_000;

    readonly Recorder recorder;
    readonly GatewaySettings settings;
    readonly Func<string, Task> tellGap;
    readonly TimeProvider clock;
    readonly ILogger<Ledger> log;
    readonly Channel<RequestRecord> ended = Channel.CreateUnbounded<RequestRecord>(new() { SingleReader = true });
    readonly CancellationTokenSource stopping = new();
    readonly Task worker;

    int waiting;
    bool isFailing;
    long refused, unstarted, lost;
    long gapFromMs, gapUnstarted, gapLost;
    readonly Lock gap = new();

    /// <param name="tellGap">Records, as an event, that requests went unrecorded; takes what is known of it as JSON.</param>
    public Ledger(Recorder recorder, GatewaySettings settings, Func<string, Task> tellGap, TimeProvider clock, ILogger<Ledger> log)
    {
        (this.recorder, this.settings, this.tellGap, this.clock, this.log) = (recorder, settings, tellGap, clock, log);
        worker = Task.Run(Work);
    }

    /// <summary>Records that wait to be written.</summary>
    public int Waiting => Volatile.Read(ref waiting);

    /// <summary>Calls that were refused because the log could not be written.</summary>
    public long Refused => Volatile.Read(ref refused);

    /// <summary>Calls that were served though their start could not be written.</summary>
    public long Unstarted => Volatile.Read(ref unstarted);

    /// <summary>Calls that were served and have no record.</summary>
    public long Lost => Volatile.Read(ref lost);

    /// <summary>Whether the log took what it was last given.</summary>
    public bool IsFailing => Volatile.Read(ref isFailing);

    /// <summary>True while every request would be refused.</summary>
    public bool Refuses => IsFailing && settings.OnAuditFailure == OnAuditFailure.Refuse;

    /// <summary>
    /// Notes that a request begins. True when it may go to its backend: its start is durable, or need not be. False when it must be refused.
    /// </summary>
    public async ValueTask<bool> Begin(RequestRecord start)
    {
        if (Refuses) return Refuse();
        if (settings.Record == RecordAt.End)
        {
            if (IsFailing) NoteGap(unstarted: 1, lost: 0);
            return true;
        }
        try
        {
            await recorder.Begin(start);
            return true;
        }
        catch (Exception error)
        {
            if (settings.OnAuditFailure == OnAuditFailure.Refuse) return Refuse();
            LogUnstarted(error);
            NoteGap(unstarted: 1, lost: 0);
            return true;
        }
    }

    /// <summary>Counts a request that is refused.</summary>
    public bool Refuse()
    {
        Interlocked.Increment(ref refused);
        return false;
    }

    /// <summary>Takes a request's record, which is written soon. Where the log cannot take it for long, it is counted as lost.</summary>
    public void End(RequestRecord record)
    {
        if (Interlocked.Increment(ref waiting) <= MostKept || !IsFailing)
        {
            if (ended.Writer.TryWrite(record)) return;
        }
        Interlocked.Decrement(ref waiting);
        NoteGap(unstarted: 0, lost: 1);
    }

    /// <summary>Records what an earlier process began and did not end, each as interrupted.</summary>
    public void TakeOver(IReadOnlyList<RequestRecord> unfinished)
    {
        foreach (var start in unfinished) End(start);
    }

    async Task Work()
    {
        var batch = new List<RequestRecord>();
        while (await ended.Reader.WaitToReadAsync())
        {
            await Pause(Gathering);
            while (batch.Count < MostInBatch && ended.Reader.TryRead(out var record)) batch.Add(record);
            await Write(batch);
            batch.Clear();
        }
    }

    async Task Write(List<RequestRecord> batch)
    {
        // A record that the log refuses for its own sake must not keep the others out.
        var pieces = new Stack<List<RequestRecord>>([batch]);
        while (pieces.TryPop(out var piece))
        {
            try
            {
                var outcomes = await recorder.Append(piece);
                Volatile.Write(ref isFailing, false);
                Interlocked.Add(ref waiting, -piece.Count);
                var missing = outcomes.Count(outcome => outcome is Outcome.Conflict or Outcome.Crowded);
                if (missing > 0) NoteGap(unstarted: 0, lost: missing);
                await TellGap();
            }
            catch (IOException) when (!stopping.IsCancellationRequested)
            {
                Volatile.Write(ref isFailing, true);
                pieces.Push(piece);
                await Pause(Patience);
            }
            catch (Exception error) when (piece.Count == 1 || error is IOException)
            {
                LogLost(error, piece.Count);
                Interlocked.Add(ref waiting, -piece.Count);
                NoteGap(unstarted: 0, lost: piece.Count);
            }
            catch (Exception)
            {
                foreach (var record in piece) pieces.Push([record]);
            }
        }
    }

    async Task Pause(TimeSpan time)
    {
        if (stopping.IsCancellationRequested) return;
        await Task.Delay(time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    void NoteGap(int unstarted, int lost)
    {
        Interlocked.Add(ref this.unstarted, unstarted);
        Interlocked.Add(ref this.lost, lost);
        lock (gap)
        {
            if (gapUnstarted + gapLost == 0) gapFromMs = clock.GetUtcNow().ToUnixTimeMilliseconds();
            gapUnstarted += unstarted;
            gapLost += lost;
        }
    }

    /// <summary>Marks, once the log can be written again, that requests were served while it could not.</summary>
    public async Task TellGap()
    {
        long from, unstartedNow, lostNow;
        lock (gap) (from, unstartedNow, lostNow) = (gapFromMs, gapUnstarted, gapLost);
        if (unstartedNow + lostNow == 0 || IsFailing) return;
        try
        {
            await tellGap(Describe(from, unstartedNow, lostNow));
        }
        catch (IOException)
        {
            return;
        }
        lock (gap)
        {
            gapUnstarted -= unstartedNow;
            gapLost -= lostNow;
        }
    }

    string Describe(long from, long unstarted, long lost)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("from", Iso.Text(from));
            writer.WriteString("until", Iso.Text(clock.GetUtcNow().ToUnixTimeMilliseconds()));
            writer.WriteNumber("servedWithoutStart", unstarted);
            writer.WriteNumber("lost", lost);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    /// <summary>Writes what was taken. What cannot be written now has its start in the log, and is told as interrupted after the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        ended.Writer.TryComplete();
        await worker;
        stopping.Dispose();
    }

    [LoggerMessage(LogLevel.Error, "A request was served without its start in the log")]
    private partial void LogUnstarted(Exception error);

    [LoggerMessage(LogLevel.Error, "{Count} requests were served and have no record: the log did not take them")]
    private partial void LogLost(Exception error, int count);
}
