using System.Globalization;
using Cairn.Access;
using Cairn.Storage;

namespace Cairn.Push;

/// <summary>
/// Pushes the log to one target: a cursor that moves along it, as a live tail does. The place in the log moves only when
/// what lies before it is known to have arrived, so everything arrives at least once, each log in its order.
/// </summary>
sealed class Pusher(PushTarget target, IPushConnection connection, IReadOnlyList<PushSource> sources, IControlStore control, SelfAudit audit, TimeProvider clock, ILogger<Pusher> log)
{
    /// <summary>A target that has been failing for so long is told by an event.</summary>
    public static readonly TimeSpan LongFailure = TimeSpan.FromHours(1);

    /// <summary>Where another process pushes, or the store is away, it is asked again after this.</summary>
    static readonly TimeSpan LooksAgainAfter = TimeSpan.FromSeconds(2);

    /// <summary>Attempts are at first a second apart, then twice as long each time; a target that refuses is tried as seldom at once.</summary>
    static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1), LongestWait = TimeSpan.FromMinutes(5);

    /// <summary>So many calls in a row that were taken let twice as many records go together again.</summary>
    const int GrowsAfter = 20;

    /// <summary>Records that were removed unsent are told by an event at most so often.</summary>
    static readonly TimeSpan TellsRemovedEvery = TimeSpan.FromHours(1);

    /// <summary>What is recorded so soon after something else goes together.</summary>
    static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(200);

    /// <summary>Without news: how long until what is under way is asked about, until a place behind records of no interest is stored, and until the log is looked at all the same.</summary>
    static readonly TimeSpan AsksAfter = TimeSpan.FromMilliseconds(200), StoresAfter = TimeSpan.FromSeconds(5), LooksAfter = TimeSpan.FromSeconds(30);

    /// <summary>What the source gave up to a position; how many records of it were sent, and how many were gone.</summary>
    sealed record UnderWay(PushSource Source, long Until, int Records, long Gone);

    readonly Queue<UnderWay> underWay = new();
    PushState stored = new(target.Name, 0, 0, 0), reached = new(target.Name, 0, 0, 0);
    long storedAt, sent, failures;
    DateTimeOffset? removedToldAt;

    /// <summary>Why the last attempt of this process failed, in Cairn's own words; null while all is well.</summary>
    string? failure;

    /// <summary>How many records go together; fewer after a target found them too many, and more again after so many calls that it took.</summary>
    int attempts, most = target.BatchRecords, trying, taken;

    public PushTarget Target => target;

    public IReadOnlyList<PushSource> Sources => sources;

    /// <summary>This process, and no other, pushes to the target now.</summary>
    public bool IsHere { get; private set; }

    /// <summary>Records that arrived, and attempts that failed, since the start of this process.</summary>
    public long Sent => Volatile.Read(ref sent);

    public long Failures => Volatile.Read(ref failures);

    /// <summary>Why nothing can be pushed at all, such as a store that is away; null while all is well.</summary>
    public string? Trouble { get; private set; }

    /// <summary>To be called before anything is recorded: what is recorded behind a place that is too far on would never be sent.</summary>
    public async Task SetBack(CancellationToken cancel)
    {
        try
        {
            await using var hold = await Hold(cancel);
            if (hold is not null && await control.FindPush(target.Name, cancel) is { } found) await SetBack(found, cancel);
        }
        catch (LogUnavailableException away)
        {
            // Who pushes looks again, before it does.
            PushLog.CannotPush(log, away, target.Name);
        }
    }

    public async Task Run(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await using var hold = await Hold(stopping);
                Trouble = null;
                if (hold is not null) await Push(hold, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // Whatever it is, the place in the log is where it was, and the other targets go on.
                if (Trouble != error.Message) PushLog.CannotPush(log, error, target.Name);
                Trouble = error.Message;
            }
            finally
            {
                IsHere = false;
            }
            await Task.Delay(LooksAgainAfter, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    Task<Hold?> Hold(CancellationToken cancel) => control.TryHold("push." + target.Name, cancel);

    async Task Push(Hold hold, CancellationToken cancel)
    {
        stored = reached = await control.FindPush(target.Name, cancel) is { } found ? await SetBack(found, cancel) : await Begin(cancel);
        GoBack();
        IsHere = true;
        try
        {
            while (await hold.IsHeld(cancel))
            {
                try
                {
                    await Round(cancel);
                }
                catch (PushFailedException failed)
                {
                    await WaitAfter(failed, cancel);
                }
            }
        }
        finally
        {
            // What the other side had read by now need not be sent again.
            await TakeArrived(await connection.Close(inOrder: true), isWell: false);
            underWay.Clear();
        }
    }

    async Task<PushState> Begin(CancellationToken cancel)
    {
        var first = new PushState(target.Name, 0, 0, 0);
        foreach (var source in sources) first = With(first, source, await source.FirstPlace(target.FromBeginning, cancel));
        if (!await control.SavePush(first, null, cancel)) throw Moved();
        return first with { Version = 1 };
    }

    /// <summary>A place beyond the end of its log is of one that an older log was restored in place of. It becomes the end, and that is told.</summary>
    async Task<PushState> SetBack(PushState found, CancellationToken cancel)
    {
        var next = found;
        var lacking = new List<(string, string?)>();
        foreach (var source in sources)
        {
            var (place, last) = (PlaceOf(found, source), await source.LastPosition(cancel));
            if (place <= last) continue;
            next = With(next, source, last);
            lacking.Add((source.Kind + "s", (place - last).ToString(CultureInfo.InvariantCulture)));
        }
        if (lacking.Count == 0) return found;
        PushLog.SetBack(log, target.Name);
        var notice = audit.Notice(By.Cairn, Told("audit.push_set_back", [.. lacking]));
        if (!await control.SavePush(next, notice, CancellationToken.None)) throw Moved();
        await audit.Deliver(notice);
        return next with { Version = next.Version + 1 };
    }

    /// <summary>Everything that is not known to have arrived is to be sent again.</summary>
    void GoBack()
    {
        underWay.Clear();
        reached = stored;
        foreach (var source in sources) source.Place = PlaceOf(stored, source);
    }

    static long PlaceOf(PushState state, PushSource source) => source.Kind == "event" ? state.Events : state.Requests;

    static PushState With(PushState state, PushSource source, long place) => source.Kind == "event" ? state with { Events = place } : state with { Requests = place };

    async Task Round(CancellationToken cancel)
    {
        // Asked for before reading: what is recorded in between rings it.
        Task next = Task.WhenAny(sources.Select(source => source.Next));

        // 1. What there is of each log.
        var (hasMoved, isFull) = (false, false);
        foreach (var source in sources)
        {
            var parcel = await source.Take(most, target.BatchBytes, cancel);
            if (parcel.Until == source.Place) continue;
            hasMoved = true;
            isFull |= parcel.Items.Count == 0 || parcel.Items.Count == most || parcel.Bytes >= target.BatchBytes;
            await Send(source, parcel, cancel);
        }

        // 2. What is known to have arrived.
        await TakeArrived(connection.Arrived(), isWell: true);

        // 3. Until there is more.
        if (isFull) return;
        if (hasMoved) await Task.Delay(Gathering, cancel);
        else await next.WaitAsync(underWay.Any(one => one.Records > 0) ? AsksAfter : stored != reached ? StoresAfter : LooksAfter, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancel.ThrowIfCancellationRequested();
    }

    async Task Send(PushSource source, Parcel parcel, CancellationToken cancel)
    {
        var gone = parcel.Gone;
        if (parcel.GoneFirst > 0 && underWay.Count == 0)
        {
            // What is gone cannot arrive any more, whether or not the target is there to take what follows.
            await Store(With(reached, source, source.Place + parcel.PassedFirst) with { Removed = reached.Removed + parcel.GoneFirst });
            gone -= parcel.GoneFirst;
        }
        if (parcel.Items.Count > 0)
        {
            source.RepeatUntil = parcel.Until;
            trying = parcel.Items.Count;
            await connection.Send(parcel, cancel);
            // What follows waits for the disk, which a thread that looks after sockets must not do.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            source.RepeatUntil = null;
        }
        underWay.Enqueue(new(source, parcel.Until, parcel.Items.Count, gone));
        source.Place = parcel.Until;
    }

    /// <summary>Moves the place in the log over so many parcels that arrived.</summary>
    /// <param name="isWell">Nothing failed meanwhile. A place that only passed over records of no interest may then be stored later.</param>
    async Task TakeArrived(int parcels, bool isWell)
    {
        var (records, gone) = (0L, 0L);
        while (underWay.TryPeek(out var one) && (one.Records == 0 || parcels-- > 0))
        {
            underWay.Dequeue();
            (records, gone) = (records + one.Records, gone + one.Gone);
            reached = With(reached, one.Source, one.Until) with { Removed = reached.Removed + one.Gone };
        }
        if (stored == reached || (isWell && records + gone == 0 && Environment.TickCount64 - storedAt < StoresAfter.TotalMilliseconds)) return;

        if (records > 0)
        {
            Interlocked.Add(ref sent, records);
            reached = reached with { SucceededAt = clock.GetUtcNow() };
        }
        if (records > 0 && isWell)
        {
            if (stored.FailingSince is not null) PushLog.GoesOn(log, target.Name);
            (attempts, failure) = (0, null);
            if (most < target.BatchRecords && ++taken >= GrowsAfter) (most, taken) = (Math.Min(target.BatchRecords, 2 * most), 0);
            reached = reached with { FailingSince = null, Problem = null, IsRefused = false, IsTold = false };
        }
        await Store(reached);
    }

    async Task WaitAfter(PushFailedException failed, CancellationToken cancel)
    {
        await TakeArrived(await connection.Close(inOrder: false), isWell: false);
        GoBack();
        if (failed.IsTooLarge)
        {
            (most, taken) = (Math.Max(1, trying / 2), 0);
            foreach (var source in sources) source.RepeatUntil = null;
            return;
        }

        var wait = failed.IsRefused ? LongestWait : FirstWait * Math.Pow(2, Math.Min(attempts++, 16));
        if (wait > LongestWait) wait = LongestWait;
        // Targets that failed together do not come back together.
        wait *= 0.75 + Random.Shared.NextDouble() / 2;
        var waiting = Task.Delay(wait > failed.RetryAfter ? wait : failed.RetryAfter, clock, cancel);

        failure = failed.Message;
        if (stored.FailingSince is null) PushLog.Fails(log, target.Name, failure);
        await Store(stored with
        {
            FailingSince = stored.FailingSince ?? clock.GetUtcNow(),
            Problem = failed.Said is { } said ? $"{failure}: {said}" : failure,
            IsRefused = failed.IsRefused,
        });
        Interlocked.Increment(ref failures);
        await waiting;
    }

    /// <summary>Stores how the target stands, and tells by an event what people must know.</summary>
    /// <exception cref="LogUnavailableException">It is not stored; what arrived is sent again.</exception>
    async Task Store(PushState next)
    {
        var now = clock.GetUtcNow();
        Deed? deed = null;
        if (next.Removed > next.RemovedTold && !(now - removedToldAt < TellsRemovedEvery))
        {
            deed = Told("audit.push_skipped", ("records", (next.Removed - next.RemovedTold).ToString()));
            next = next with { RemovedTold = next.Removed };
            removedToldAt = now;
        }
        else if (failure is not null && next is { FailingSince: { } since, IsTold: false } && now - since >= LongFailure)
        {
            deed = Told("audit.push_stalled", ("since", Records.Iso.Text(since.ToUnixTimeMilliseconds())), ("problem", failure));
            next = next with { IsTold = true };
        }
        var notice = deed is null ? null : audit.Notice(By.Cairn, deed);
        if (!await control.SavePush(next, notice, CancellationToken.None)) throw Moved();
        stored = reached = next with { Version = next.Version + 1 };
        storedAt = Environment.TickCount64;
        if (notice is not null) await audit.Deliver(notice);
    }

    Deed Told(string action, params (string, string?)[] texts) => new(action, "AuditLog", null, target.Name) { Outcome = "failure", Metadata = Deed.Of([("target", target.Address), .. texts]) };

    LogUnavailableException Moved() => new($"Another process took over pushing to {target.Name}.");
}

static partial class PushLog
{
    [LoggerMessage(LogLevel.Warning, "Pushing to {Target} fails, and is tried again: {Why}")]
    public static partial void Fails(ILogger log, string target, string why);

    [LoggerMessage(LogLevel.Information, "Pushing to {Target} goes on")]
    public static partial void GoesOn(ILogger log, string target);

    [LoggerMessage(LogLevel.Warning, "The place of {Target} lies beyond the end of the log, which must be an older one that was restored; it is set back to the end")]
    public static partial void SetBack(ILogger log, string target);

    [LoggerMessage(LogLevel.Error, "Nothing can be pushed to {Target}; it is tried again")]
    public static partial void CannotPush(ILogger log, Exception error, string target);
}
