using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cairn.Client;

/// <summary>
/// Records what people do. Events go to Cairn in the background, many at a time and in order; while it is away they wait on disk.
/// One for an application, for as long as it runs; disposing it delivers, or keeps on disk, what still waits.
/// </summary>
public sealed partial class Audit : IAsyncDisposable
{
    readonly CairnOptions options;
    readonly ILogger log;
    readonly Delivery delivery;
    readonly Channel<byte[]> queue;
    readonly CancellationTokenSource hurrying = new();
    readonly Task work;
    Spool? spool;
    long recorded, delivered, refused, lost;
    volatile bool isStopped;
    bool isAway;

    public Audit(CairnOptions options, ILogger<Audit>? log = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (this.options, this.log, delivery) = (options, log ?? NullLogger<Audit>.Instance, new(options));
        queue = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(options.MaxQueued) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        work = Task.Run(Work);
    }

    public AuditCounts Counts
    {
        get
        {
            // An event is counted as recorded first, so this is read last: nothing can have become of more events than there are.
            var (done, no, gone) = (Interlocked.Read(ref delivered), Interlocked.Read(ref refused), Interlocked.Read(ref lost));
            var all = Interlocked.Read(ref recorded);
            return new(all, done, all - done - no - gone, no, gone);
        }
    }

    /// <inheritdoc cref="Record(NewEvent)"/>
    public void Record(string action, Actor? actor = null, Resource? resource = null, Outcome outcome = Outcome.Success, JsonObject? metadata = null) =>
        Record(new NewEvent(action) { Actor = actor, Resource = resource, Outcome = outcome, Metadata = metadata });

    /// <summary>
    /// Records an event. It returns at once and never throws; what cannot be delivered is counted and told of. With
    /// <see cref="CairnOptions.Strict"/> it waits instead until the event is on Cairn's disk, and throws when it is not.
    /// </summary>
    /// <exception cref="CairnException">In strict mode: the event is not in the log.</exception>
    public void Record(NewEvent recorded)
    {
        if (options.Strict)
        {
            RecordAsync(recorded).GetAwaiter().GetResult();
            return;
        }
        Interlocked.Increment(ref this.recorded);
        byte[] line;
        try
        {
            line = EventJson.Write(AuditContext.Complete(recorded, options));
        }
        catch (Exception bad)
        {
            // What the application gives and does for an event (metadata, ActorOf) can fail in any way.
            Refuse(recorded?.Action ?? "", "It is no event: " + bad.Message);
            return;
        }
        if (!queue.Writer.TryWrite(line)) Lose(line, isStopped ? "It was recorded after the end." : "More events wait in memory than MaxQueued allows.");
    }

    /// <summary>Records an event that must not go unrecorded: when it returns, Cairn has it on disk.</summary>
    /// <exception cref="CairnException">Cairn does not have it, or does not say so.</exception>
    public async Task RecordAsync(NewEvent recorded, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        byte[] line;
        try
        {
            line = EventJson.Write(AuditContext.Complete(recorded, options));
        }
        catch (Exception bad)
        {
            throw new CairnException($"The event {recorded.Action} cannot be written: {bad.Message}", bad);
        }
        Interlocked.Increment(ref this.recorded);
        Delivered sent;
        try
        {
            sent = await delivery.Send([line], cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref lost);
            throw;
        }
        if (sent.TryAgainIn is not null)
        {
            Interlocked.Increment(ref lost);
            throw new CairnException(sent.Problem!);
        }
        if (sent.Refused is [var (_, why), ..])
        {
            Interlocked.Increment(ref refused);
            throw new CairnException($"Cairn refuses the event {recorded.Action}: {why}");
        }
        Interlocked.Increment(ref delivered);
    }

    async Task Work()
    {
        var batch = new List<byte[]>();
        var patience = TimeSpan.Zero;
        var tryAt = 0L;
        try
        {
            spool = Spool.Open(options.Spool, options.MaxSpoolBytes);
            Interlocked.Add(ref recorded, spool.Found);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            LogNoSpool(options.Spool, unusable);
        }

        while (true)
        {
            // 1. What waits longest goes first.
            while (spool is { IsEmpty: false } && Environment.TickCount64 >= tryAt && !hurrying.IsCancellationRequested)
            {
                var oldest = spool.Oldest();
                if (!await TrySend(oldest).ConfigureAwait(false)) break;
                spool.RemoveOldest();
            }

            // 2. What was recorded meanwhile: to Cairn while it takes events, else behind what waits.
            if (batch.Count == 0)
                for (var bytes = 0; batch.Count < Delivery.MostEvents && bytes < Delivery.MostBytes && queue.Reader.TryRead(out var line); bytes += line.Length) batch.Add(line);
            if (batch.Count > 0)
            {
                var mayTry = Environment.TickCount64 >= tryAt && !hurrying.IsCancellationRequested;
                if ((spool is not { IsEmpty: false } && mayTry && await TrySend(batch).ConfigureAwait(false)) || TryKeep(batch)) batch.Clear();
                if (batch.Count == 0) continue;
            }
            else if (queue.Reader.Completion.IsCompleted)
            {
                // 3. The end: what could not be delivered is on disk, where the next process finds it.
                if (spool is null or { IsEmpty: true } || hurrying.IsCancellationRequested || isAway) break;
                continue;
            }

            await Wait().ConfigureAwait(false);
            if (hurrying.IsCancellationRequested && batch.Count > 0)
            {
                foreach (var line in batch) Lose(line, "The application ended, Cairn was away, and the spool could not be written.");
                batch.Clear();
            }
        }

        async Task<bool> TrySend(IReadOnlyList<byte[]> lines)
        {
            Delivered sent;
            try
            {
                sent = await delivery.Send(lines, hurrying.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return false;
            }
            if (sent.TryAgainIn is { } wait)
            {
                patience = patience == TimeSpan.Zero ? wait : TimeSpan.FromTicks(Math.Min(2 * Math.Max(patience.Ticks, wait.Ticks), options.LongestPause.Ticks));
                tryAt = Environment.TickCount64 + (long)patience.TotalMilliseconds;
                if (!isAway) LogAway(sent.Problem!);
                isAway = true;
                return false;
            }
            if (isAway) LogBack(options.Url);
            (isAway, patience, tryAt) = (false, TimeSpan.Zero, 0);
            foreach (var (index, why) in sent.Refused) Refuse(EventJson.Text(lines[index]), why);
            Interlocked.Add(ref delivered, lines.Count - sent.Refused.Count);
            return true;
        }

        // Nothing to do until something is recorded, or Cairn may be back.
        async Task Wait()
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(hurrying.Token);
            if (spool is { IsEmpty: false } || batch.Count > 0) enough.CancelAfter(TimeSpan.FromMilliseconds(Math.Max(20, tryAt - Environment.TickCount64)));
            try
            {
                if (batch.Count > 0) await Task.Delay(Timeout.Infinite, enough.Token).ConfigureAwait(false);
                else if (!await queue.Reader.WaitToReadAsync(enough.Token).ConfigureAwait(false) && spool is { IsEmpty: false } && !isAway) return;
            }
            catch (OperationCanceledException)
            {
                // It is time to try again.
            }
        }
    }

    /// <summary>True when nothing of it has to be held in memory any longer.</summary>
    bool TryKeep(List<byte[]> batch)
    {
        if (spool is null) return false;
        try
        {
            var kept = spool.Append(batch);
            foreach (var line in batch.Skip(kept)) Lose(line, "The spool is as large as MaxSpoolBytes allows.");
            return true;
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            LogNoSpool(options.Spool, full);
            return false;
        }
    }

    void Refuse(string text, string why)
    {
        Interlocked.Increment(ref refused);
        LogRefused(why);
        Tell(text, why);
    }

    void Lose(byte[] line, string why)
    {
        if (Interlocked.Increment(ref lost) is 1 or 100 or 10_000 or 1_000_000) LogLost(Interlocked.Read(ref lost), why);
        Tell(EventJson.Text(line), why);
    }

    void Tell(string text, string why)
    {
        try
        {
            options.OnUndelivered?.Invoke(new(text, why));
        }
        catch (Exception failed)
        {
            // Whoever wanted to be told fails on their own account, not on that of who recorded.
            LogTold(failed);
        }
    }

    /// <summary>Takes no more, delivers what waits, and keeps on disk what cannot be delivered within a time.</summary>
    public async Task Stop(CancellationToken hurry)
    {
        isStopped = true;
        queue.Writer.TryComplete();
        using var registration = hurry.UnsafeRegister(static one => ((CancellationTokenSource)one!).Cancel(), hurrying);
        await work.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(options.Timeout);
        await Stop(patience.Token).ConfigureAwait(false);
        spool?.Dispose();
        delivery.Dispose();
        hurrying.Dispose();
    }

    [LoggerMessage(LogLevel.Warning, "{Problem} Events wait on disk until it does.")]
    partial void LogAway(string problem);

    [LoggerMessage(LogLevel.Information, "Cairn at {Url} takes events again")]
    partial void LogBack(Uri url);

    [LoggerMessage(LogLevel.Error, "Cairn refuses an event: {Why}")]
    partial void LogRefused(string why);

    [LoggerMessage(LogLevel.Error, "{Count} events are lost: {Why}")]
    partial void LogLost(long count, string why);

    [LoggerMessage(LogLevel.Error, "OnUndelivered failed")]
    partial void LogTold(Exception error);

    [LoggerMessage(LogLevel.Error, "The spool {Directory} cannot be written; while Cairn is away events wait in memory only")]
    partial void LogNoSpool(string directory, Exception error);
}
