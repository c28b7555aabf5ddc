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
    /// <summary>From when on a call takes long, and after which time a spool that could not be written is tried again.</summary>
    const int SlowAfterMs = 1_000, KeepAgainAfterMs = 1_000;

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

    /// <summary>
    /// Brings events to Cairn, and to disk what cannot go there soon. It waits for nothing else while a call is under way: what is recorded
    /// meanwhile is gathered for the next one, and goes to disk, behind what the call carries, when it is much or the call takes long.
    /// </summary>
    async Task Work()
    {
        var gathered = new List<byte[]>();
        var gatheredBytes = 0L;
        Parcel? parcel = null;
        Task<Delivered?>? call = null;
        Task<bool>? recordedMore = null;
        var patience = TimeSpan.Zero;
        long tryAt = 0, slowAt = 0, keepAt = 0, lookAt = 0;
        var found = 0;
        var told = new HashSet<string>();
        try
        {
            spool = Spool.Open(options.Spool, options.MaxSpoolBytes, (path, why) =>
            {
                if (told.Add(path)) LogNoFile(path, why);
            });
            Look();
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            LogNoSpool(options.Spool, unusable);
        }

        while (true)
        {
            // 1. What a call came to.
            if (call is { IsCompleted: true })
            {
                Settle(parcel!, await call.ConfigureAwait(false));
                call = null;
            }

            // 2. What is on disk and could not be read before, or was left by another process since.
            if (!isStopped && Environment.TickCount64 >= lookAt) Look();

            // 3. What was recorded meanwhile.
            while (!IsFull() && queue.Reader.TryRead(out var line))
            {
                gathered.Add(line);
                gatheredBytes += line.Length;
            }

            // 4. To Cairn while it takes events: what waits longest goes first.
            if (call is null && Environment.TickCount64 >= tryAt && !hurrying.IsCancellationRequested)
            {
                parcel ??= Next();
                if (parcel is not null) (call, slowAt) = (Send(parcel), Environment.TickCount64 + SlowAfterMs);
            }

            // 5. To disk what cannot go there soon, behind what waits.
            if (IsInMemory() && Environment.TickCount64 >= KeepAt() && !TryKeep() && hurrying.IsCancellationRequested && call is null) LoseAll();

            // 6. The end: what could not be delivered is on disk, where the next process finds it.
            var isEnded = queue.Reader.Completion.IsCompleted;
            if (isEnded && call is null && !IsInMemory() && (spool is null or { Files: 0 } || hurrying.IsCancellationRequested || isAway)) break;

            await Wait(isEnded).ConfigureAwait(false);
        }

        bool IsFull() => gathered.Count >= Delivery.MostEvents || gatheredBytes >= Delivery.MostBytes;

        bool IsInMemory() => gathered.Count > 0 || parcel is { File: null };

        // When what is in memory goes to disk: at once when it cannot go to Cairn now, or not next, or is too much; else when the call takes long.
        long KeepAt()
        {
            if (hurrying.IsCancellationRequested) return 0;
            var isNext = spool is null || spool.Files == (parcel?.File is { Lines: > 0 } ? 1 : 0);
            return call is null || !isNext || IsFull() ? keepAt : Math.Max(slowAt, keepAt);
        }

        Parcel? Next()
        {
            while (spool?.Oldest is { } file)
            {
                var lines = spool.Read(file, out var gone);
                for (var i = 0; i < gone; i++) Lose([], $"It was in {file.Path} and is gone from there.");
                if (lines is not null) return new(lines, file);
            }
            if (gathered.Count == 0) return null;
            var next = new Parcel([.. gathered], null);
            Empty();
            return next;
        }

        void Look()
        {
            lookAt = Environment.TickCount64 + (long)options.LookEvery.TotalMilliseconds;
            spool?.TryAgain();
            spool?.TakeOver();
            Interlocked.Add(ref recorded, (spool?.Found ?? 0) - found);
            found = spool?.Found ?? 0;
        }

        void Empty()
        {
            gathered.Clear();
            gatheredBytes = 0;
        }

        async Task<Delivered?> Send(Parcel parcel)
        {
            try
            {
                return await delivery.Send(parcel.Lines, hurrying.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        void Settle(Parcel sent, Delivered? came)
        {
            if (came is { TryAgainIn: null })
            {
                if (isAway) LogBack(options.Url);
                (isAway, patience, tryAt, parcel) = (false, TimeSpan.Zero, 0, null);
                if (sent.File is not null) spool!.Remove(sent.File);
                foreach (var (index, why) in came.Refused) Refuse(EventJson.Text(sent.Lines[index]), why);
                Interlocked.Add(ref delivered, sent.Lines.Count - came.Refused.Count);
                return;
            }
            if (came is { TryAgainIn: { } wait })
            {
                patience = patience == TimeSpan.Zero ? wait : TimeSpan.FromTicks(Math.Min(2 * Math.Max(patience.Ticks, wait.Ticks), options.LongestPause.Ticks));
                tryAt = Environment.TickCount64 + (long)patience.TotalMilliseconds;
                if (!isAway) LogAway(came.Problem!);
                isAway = true;
            }
            if (sent.File is not null) PutDown(sent, sent.File);
        }

        // It is on disk, from where it is taken anew.
        void PutDown(Parcel kept, SpoolFile file)
        {
            foreach (var line in kept.Lines.Skip(file.Lines)) Lose(line, NoRoom);
            parcel = null;
        }

        // True when nothing of it has to be held in memory any longer.
        bool TryKeep()
        {
            try
            {
                if (spool is not null)
                {
                    if (parcel is { File: null })
                    {
                        parcel.File = spool.AppendFile(parcel.Lines);
                        if (call is null) PutDown(parcel, parcel.File);
                    }
                    foreach (var line in gathered.Skip(spool.Append(gathered))) Lose(line, NoRoom);
                    Empty();
                    keepAt = 0;
                    return true;
                }
            }
            catch (Exception full) when (full is IOException or UnauthorizedAccessException)
            {
                if (keepAt == 0) LogNoSpool(options.Spool, full);
            }
            keepAt = Environment.TickCount64 + KeepAgainAfterMs;
            return false;
        }

        void LoseAll()
        {
            foreach (var line in (parcel?.Lines ?? []).Concat(gathered)) Lose(line, "The application ended, Cairn was away, and the spool could not be written.");
            Empty();
            parcel = null;
        }

        // Nothing to do until the call ends, something is recorded, or it is time for something.
        async Task Wait(bool isEnded)
        {
            var until = isStopped ? long.MaxValue : lookAt;
            if (call is null && (spool is { Files: > 0 } || IsInMemory())) until = Math.Min(until, tryAt);
            if (IsInMemory()) until = Math.Min(until, KeepAt());
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(hurrying.Token);
            var signals = new List<Task>();
            if (call is not null) signals.Add(call);
            // A call that is cut off ends at once.
            if (call is null || !hurrying.IsCancellationRequested)
            {
                signals.Add(Task.Delay(until == long.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Max(1, until - Environment.TickCount64)), enough.Token));
                if (!isEnded && !IsFull()) signals.Add(recordedMore ??= queue.Reader.WaitToReadAsync().AsTask());
            }
            await Task.WhenAny(signals).ConfigureAwait(false);
            if (recordedMore is { IsCompleted: true }) recordedMore = null;
            await enough.CancelAsync().ConfigureAwait(false);
        }
    }

    const string NoRoom = "The spool is as large as MaxSpoolBytes allows.";

    /// <summary>Events that go in one call: those that wait longest.</summary>
    sealed class Parcel(IReadOnlyList<byte[]> lines, SpoolFile? file)
    {
        public IReadOnlyList<byte[]> Lines => lines;

        /// <summary>Where they are on disk, as many as there was room for; null while they are in memory only.</summary>
        public SpoolFile? File { get; set; } = file;
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

    [LoggerMessage(LogLevel.Error, "{Path} cannot be read or removed; it is tried again now and then")]
    partial void LogNoFile(string path, Exception error);

    [LoggerMessage(LogLevel.Error, "The spool {Directory} cannot be written; while Cairn is away events wait in memory only")]
    partial void LogNoSpool(string directory, Exception error);
}
