using System.Text.Json;
using Cairn.Access;
using Cairn.Conversations.Sources;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Retention;

/// <summary>What one run removed, or would remove.</summary>
/// <param name="Held">Why it removed nothing although it should, or why it would wait; null when nothing holds it.</param>
sealed record RetentionRun(DateTimeOffset At, long Requests, long Events, bool IsDry, string? Held)
{
    public long Conversations { get; init; }
}

/// <summary>
/// Removes what is older than the settings keep, at start and every hour, and the oldest records beyond the size limit. It works
/// in small pieces, between which writers go on.
/// </summary>
sealed class RetentionWorker(Settings settings, ILogStore log, IControlStore control, BuiltIn conversations, SelfAudit audit, ClockWatch watch, TimeProvider clock) : IDisposable
{
    public static readonly TimeSpan Every = TimeSpan.FromHours(1);

    /// <summary>When a run that could not be made is tried again.</summary>
    static readonly TimeSpan AfterFailure = TimeSpan.FromMinutes(1);

    const int TermsInPiece = 500;
    const string LastRunSetting = "retention.last";

    /// <summary>A run that nobody asked for stops to be confirmed when it would remove more than this of a log: then the clock is the likelier reason.</summary>
    const double SuspiciousShare = 0.5;

    const long SuspiciousRows = 1_000;

    /// <summary>A clock that went further ahead than this at once is not believed until someone confirms it.</summary>
    static readonly TimeSpan SuspiciousJump = TimeSpan.FromDays(1);

    readonly SemaphoreSlim running = new(1);
    DateTimeOffset? next;
    string? held, lastRun;

    public async Task RunWhenDue(CancellationToken cancel)
    {
        // A next run that is further off than runs are apart was set by a clock that has been set back since.
        if (next is { } due && clock.GetUtcNow() is var now && now < due && due - now <= Every) return;
        try
        {
            await Run(By.Cairn, isDry: false, confirmed: false, cancel);
        }
        catch (IOException)
        {
            next = clock.GetUtcNow() + AfterFailure;
            throw;
        }
    }

    /// <param name="by">Who asked for it; nobody when its hour came.</param>
    /// <param name="isDry">Counts, and removes nothing.</param>
    /// <param name="confirmed">Removes however much it is.</param>
    public async Task<RetentionRun> Run(By by, bool isDry, bool confirmed, CancellationToken cancel)
    {
        await running.WaitAsync(cancel);
        try
        {
            // Before anything is called old.
            await watch.Look(cancel);
            var now = clock.GetUtcNow();
            var health = await log.Health(cancel);

            // 1. What is too old, by the settings.
            var requests = await Aged(log.Requests, settings.RequestDays, now, cancel);
            var events = await Aged(log.Events, settings.EventDays, now, cancel);
            var untouchedSince = settings.ConversationDays == 0 ? 0 : now.AddDays(-settings.ConversationDays).ToUnixTimeMilliseconds();
            var (untouched, all) = untouchedSince == 0 ? (0, 0) : await conversations.CountBefore(untouchedSince, cancel);

            // 2. What does not fit, oldest first, whichever kind it is.
            if (settings.MaxBytes > 0 && health.Bytes > settings.MaxBytes) (requests, events) = await Oversized(requests, events, health.Bytes, cancel);

            if (confirmed && !isDry && watch.Ahead > TimeSpan.Zero) await watch.Confirm(cancel);
            var suspicion = confirmed ? null : await Suspicion(requests, events, untouched, cancel) ?? Suspicion(untouched, all, "conversations");
            if (isDry) return new(now, requests.Rows, events.Rows, true, suspicion) { Conversations = untouched };
            var wasHeld = held is not null;
            held = suspicion;
            if (held is not null)
            {
                next = now + Every;
                var stopped = new RetentionRun(now, 0, 0, false, held);
                if (!wasHeld) await audit.Record(by, Told(stopped), cancel);
                return stopped;
            }

            // 3. Piece by piece.
            var run = new RetentionRun(now, await Remove(log.Requests, requests, cancel), await Remove(log.Events, events, cancel), false, null) { Conversations = await Remove(untouched, untouchedSince, cancel) };
            await Sweep(log.Requests, cancel);
            await Sweep(log.Events, cancel);

            next = now + Every;
            await control.SaveSetting(LastRunSetting, RecordJson.Text(writer => Write(writer, run)), cancel);
            if (run.Requests + run.Events + run.Conversations > 0 || by != By.Cairn)
                await audit.Record(by, Told(run), cancel);
            return run;
        }
        finally
        {
            running.Release();
        }
    }

    /// <summary>The oldest rows of a log: so many, and all from before a time.</summary>
    readonly record struct Oldest(long Rows, long BeforeMs);

    static async Task<Oldest> Aged<T>(ILog<T> one, int days, DateTimeOffset now, CancellationToken cancel) where T : class, IRecord, new()
    {
        if (days == 0) return new(0, long.MaxValue);
        var before = now.AddDays(-days).ToUnixTimeMilliseconds();
        return new(await one.Count(new() { UntilMs = before }, cancel), before);
    }

    /// <summary>
    /// As many of the oldest records as take what is over the limit, every record taking the average. The time before
    /// which they happened is found by halving.
    /// </summary>
    async Task<(Oldest Requests, Oldest Events)> Oversized(Oldest requests, Oldest events, long bytes, CancellationToken cancel)
    {
        var everything = await log.Requests.Count(Filter<Requests.RequestRecord>.Everything, cancel) + await log.Events.Count(Filter<Events.EventRecord>.Everything, cancel);
        if (everything == 0) return (requests, events);
        var remove = (long)Math.Ceiling((bytes - settings.MaxBytes) / (bytes / (double)everything));
        if (remove <= requests.Rows + events.Rows) return (requests, events);

        var (low, high) = (0L, clock.GetUtcNow().AddDays(2).ToUnixTimeMilliseconds());
        while (high - low > 1)
        {
            var middle = low + (high - low) / 2;
            if (await Before(middle) >= remove) high = middle;
            else low = middle;
        }
        var requestRows = await log.Requests.Count(new() { UntilMs = high }, cancel);
        var eventRows = await log.Events.Count(new() { UntilMs = high }, cancel);
        // Of the last millisecond only as many go as are needed.
        var over = requestRows + eventRows - remove;
        var spared = Math.Min(over, eventRows);
        return (
            requestRows - (over - spared) > requests.Rows ? new(requestRows - (over - spared), high) : requests,
            eventRows - spared > events.Rows ? new(eventRows - spared, high) : events);

        async Task<long> Before(long ms) =>
            await log.Requests.Count(new() { UntilMs = ms }, cancel) + await log.Events.Count(new() { UntilMs = ms }, cancel);
    }

    async Task<string?> Suspicion(Oldest requests, Oldest events, long untouched, CancellationToken cancel)
    {
        if (watch.Ahead > SuspiciousJump && requests.Rows + events.Rows + untouched > 0)
            return $"This machine's clock went {watch.Ahead.TotalDays:0} days ahead at once, and {requests.Rows} requests, {events.Rows} events and {untouched} conversations would go. If it is right, run 'cairn prune --confirm'.";
        return await Of(log.Requests, requests, "requests") ?? await Of(log.Events, events, "events");

        async Task<string?> Of<T>(ILog<T> one, Oldest oldest, string name) where T : class, IRecord, new()
        {
            return oldest.Rows < SuspiciousRows ? null : Suspicion(oldest.Rows, await one.Count(Filter<T>.Everything, cancel), name);
        }
    }

    static string? Suspicion(long old, long all, string name) => old >= SuspiciousRows && old > all * SuspiciousShare
        ? $"{old} of {all} {name} would go at once. If this machine's clock is right, run 'cairn prune --confirm'."
        : null;

    static async Task<long> Remove<T>(ILog<T> one, Oldest oldest, CancellationToken cancel) where T : class, IRecord, new()
    {
        var removed = 0L;
        while (removed < oldest.Rows)
        {
            // Of the last millisecond not all may have to go.
            if (await one.DropPiece(oldest.BeforeMs - 1, cancel) is not (> 0 and var whole)) break;
            removed += whole;
        }
        while (removed < oldest.Rows)
        {
            var piece = await one.Drop(oldest.BeforeMs, (int)Math.Min(one.DropsAtOnce, oldest.Rows - removed), cancel);
            if (piece == 0) break;
            removed += piece;
        }
        return removed;
    }

    async Task<long> Remove(long untouched, long sinceMs, CancellationToken cancel)
    {
        var removed = 0L;
        while (removed < untouched && await conversations.DropOne(sinceMs, cancel)) removed++;
        if (removed > 0) await conversations.Forget(cancel);
        return removed;
    }

    static async Task Sweep<T>(ILog<T> one, CancellationToken cancel) where T : class, IRecord, new()
    {
        while (await one.Sweep(TermsInPiece, cancel) > 0) { }
    }

    /// <summary>The settings, the last run and the next.</summary>
    public async Task<RetentionState> State(CancellationToken cancel)
    {
        try
        {
            lastRun = await control.FindSetting(LastRunSetting, cancel);
        }
        catch (LogUnavailableException)
        {
            // Health is asked for just when the store is away; what was known before is told.
        }
        return new(settings, lastRun, next, held);
    }

    public void Dispose() => running.Dispose();

    static void Write(Utf8JsonWriter writer, RetentionRun run) => RetentionState.Write(writer, run);

    static Deed Told(RetentionRun run) => new("audit.retention_ran", "AuditLog", null, null) { Metadata = RecordJson.Text(writer => Write(writer, run)) };
}

/// <summary>How retention stands, as the console shows it.</summary>
sealed record RetentionState(Settings Settings, string? LastRun, DateTimeOffset? NextRun, string? Held)
{
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteNumber("requestDays", Settings.RequestDays);
        writer.WriteNumber("eventDays", Settings.EventDays);
        writer.WriteNumber("conversationDays", Settings.ConversationDays);
        writer.WriteNumber("maxBytes", Settings.MaxBytes);
        writer.WritePropertyName("lastRun");
        if (LastRun is null) writer.WriteNullValue();
        else writer.WriteRawValue(LastRun);
        writer.WriteString("nextRun", NextRun is { } at ? Iso.Text(at.ToUnixTimeMilliseconds()) : null);
        writer.WriteString("held", Held);
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, RetentionRun run)
    {
        writer.WriteStartObject();
        writer.WriteString("at", Iso.Text(run.At.ToUnixTimeMilliseconds()));
        writer.WriteNumber("requests", run.Requests);
        writer.WriteNumber("events", run.Events);
        writer.WriteNumber("conversations", run.Conversations);
        writer.WriteBoolean("dryRun", run.IsDry);
        if (run.Held is not null) writer.WriteString("held", run.Held);
        writer.WriteEndObject();
    }
}
