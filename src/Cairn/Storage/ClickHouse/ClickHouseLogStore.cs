using System.Globalization;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage.Outbox;

namespace Cairn.Storage.ClickHouse;

/// <summary>
/// A log in ClickHouse, behind an outbox. ClickHouse answers before what it was sent is safe, and knows neither positions nor
/// identities that may be there once only; the outbox gives positions, acknowledges, and delivers in order and in large blocks.
/// </summary>
sealed class ClickHouseLogStore : ILogStore
{
    /// <summary>Identities of what waits that are held in memory; of more than these, duplicates are found when they are delivered.</summary>
    const int MostKnown = 1_000_000;

    readonly ClickHouseClient client;
    readonly ClickHouseAddress address;
    readonly Outbox.Outbox outbox;
    readonly TimeProvider clock;
    readonly Courier courier;
    readonly ClickHouseLog<RequestRecord> requests;
    readonly ClickHouseLog<EventRecord> events;
    readonly SemaphoreSlim appending = new(1), counting = new(1);
    readonly Dictionary<ulong, long>[] known = [[], []];
    readonly bool[] knownIsWhole = [true, true];
    readonly CancellationTokenSource stopping = new();
    readonly CourierPace pace;
    Task countsDays = Task.CompletedTask;
    string version = "";

    /// <summary>Why days could not be counted; null when they could.</summary>
    volatile string? uncounted;
    long bytes, lastTurn;
    bool disposed;

    ClickHouseLogStore(ClickHouseAddress address, Outbox.Outbox outbox, Kind<RequestRecord> requestKind, Kind<EventRecord> eventKind, CourierPace pace, TimeProvider clock)
    {
        (this.address, this.outbox, this.pace, this.clock) = (address, outbox, pace, clock);
        client = new(address);
        var delivering = new SemaphoreSlim(1);
        requests = new(client, address, new(requestKind), outbox.Kinds[0], outbox, delivering, clock, Settle);
        events = new(client, address, new(eventKind), outbox.Kinds[1], outbox, delivering, clock, Settle);
        courier = new(client, outbox, delivering, [new Route<RequestRecord>(requests, client, address, outbox), new Route<EventRecord>(events, client, address, outbox)], pace, clock, Delivered);
    }

    /// <summary>
    /// Opens the log, and makes its tables where they are not yet. A store that is away keeps nobody from starting, once it
    /// was spoken to; one that answers and is not what it should be does.
    /// </summary>
    /// <exception cref="IOException">With what is wrong and what mends it, on one line.</exception>
    public static async Task<ClickHouseLogStore> Open(
        string directory, ClickHouseAddress address, Kind<RequestRecord> requests, Kind<EventRecord> events, TimeProvider clock, CourierPace? pace = null, CancellationToken cancel = default)
    {
        var outbox = new Outbox.Outbox(directory, "outbox.db", requests, address.Writer);
        var store = new ClickHouseLogStore(address, outbox, requests, events, pace ?? new() { Replay = address.Replay }, clock);
        try
        {
            try
            {
                await store.Prepare(cancel);
            }
            catch (LogUnavailableException away) when (!outbox.IsNew)
            {
                store.courier.Away(away.Message, () => store.Prepare(CancellationToken.None));
            }
            catch (ClickHouseException refused)
            {
                throw new IOException($"ClickHouse at {address} cannot be used: {refused.Message} Correct Store, or the rights of '{address.User}'.", refused);
            }
            await store.RememberWaiting(cancel);
            store.courier.Start();
            store.countsDays = Task.Run(store.CountDays, CancellationToken.None);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    async Task Prepare(CancellationToken cancel)
    {
        version = await ClickHouseSchema.Check(client, address, cancel);
        await ClickHouseSchema.Make(client, address, requests.Table, cancel);
        await ClickHouseSchema.Make(client, address, events.Table, cancel);
        await requests.Counts.Make(cancel);
        await events.Counts.Make(cancel);
        var id = outbox.IsNew ? Guid.NewGuid().ToString("N") : outbox.Id;
        await ClickHouseSchema.TakeWriter(client, address, id, cancel);
        await outbox.Begin(id, [await Last(requests), await Last(events)], Now, cancel);

        Task<long> Last<T>(ClickHouseLog<T> log) where T : class, IRecord, new() =>
            client.Number($"SELECT max(position) FROM {log.Table.Name} WHERE position > {log.Own.First} AND position <= {log.Own.End}", cancel);
    }

    long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    public ILog<RequestRecord> Requests => requests;

    public ILog<EventRecord> Events => events;

    /// <summary>Looks now whether the store has everything that the replay window says it should have, and sends what it lacks. Answers how many records that were.</summary>
    public Task<long> Refill(CancellationToken cancel) => courier.Refill(cancel);

    /// <inheritdoc cref="DayCounts{T}.Keep"/>
    public async Task<int> KeepCounts(TimeSpan quiet, long leastRows, CancellationToken cancel)
    {
        await counting.WaitAsync(cancel);
        try
        {
            return await requests.Counts.Keep(quiet, leastRows, cancel) + await events.Counts.Keep(quiet, leastRows, cancel);
        }
        finally
        {
            counting.Release();
        }
    }

    async Task CountDays()
    {
        while (true)
        {
            await Task.Delay(pace.CountEvery, clock, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stopping.IsCancellationRequested) return;
            if (courier.Problem is not null) continue;
            try
            {
                await KeepCounts(pace.CountAfter, pace.CountFrom, stopping.Token);
                uncounted = null;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // It stands in health until a round succeeds; records answer meanwhile.
                uncounted = error is IOException ? error.Message : $"Counting fails: {error}";
            }
        }
    }

    // Appending.

    /// <param name="Fresh">What is stored, with the positions it gets.</param>
    sealed record Sorted<T>(Outcome[] Outcomes, List<T> Fresh, Dictionary<string, T> ByIdentity, Piece? Piece);

    public async Task<BatchOutcome> Append(Batch batch, CancellationToken cancel)
    {
        await appending.WaitAsync(cancel);
        try
        {
            cancel.ThrowIfCancellationRequested();
            var sortedRequests = await Sort(requests, batch.Requests, cancel);
            var sortedEvents = await Sort(events, batch.Events, cancel);
            await outbox.Write(() =>
            {
                if (sortedRequests.Piece is { } one) outbox.Append(requests.Own, one, Now);
                if (sortedEvents.Piece is { } other) outbox.Append(events.Own, other, Now);
                outbox.Starts.Note(batch);
                return true;
            }, cancel);
            Took(requests, sortedRequests);
            Took(events, sortedEvents);
            return new(sortedRequests.Outcomes, sortedEvents.Outcomes);
        }
        finally
        {
            appending.Release();
        }
    }

    /// <summary>Says of each record what becomes of it, and packs what is new.</summary>
    async Task<Sorted<T>> Sort<T>(ClickHouseLog<T> log, List<T> records, CancellationToken cancel) where T : class, IRecord, new()
    {
        var sorted = new Sorted<T>(new Outcome[records.Count], [], new(StringComparer.Ordinal), null);
        if (records.Count == 0) return sorted;
        var (kind, table) = (log.Kind, log.Table);
        var hashes = records.ConvertAll(table.Hash);

        // 1. What was stored before: among what waits, and in the store. In this order, because what waits is delivered meanwhile.
        var allWaitingIsKnown = knownIsWhole[log.Own.Number];
        foreach (var stored in await FindWaiting(log, hashes, cancel)) sorted.ByIdentity.TryAdd(kind.Identity.Text!(stored)!, stored);
        var isChecked = false;
        if (courier.Problem is null)
        {
            try
            {
                var keys = await log.Known([.. hashes.Distinct()], cancel);
                if (keys.Count > 0)
                    foreach (var stored in await log.Load(keys.Select(key => (key.Ms, key.Position)), cancel)) sorted.ByIdentity.TryAdd(kind.Identity.Text!(stored)!, stored);
                isChecked = allWaitingIsKnown;
            }
            catch (Exception error) when (error is LogUnavailableException or ClickHouseException)
            {
                courier.Suspect(error.Message);
            }
        }

        // 2. One after the other.
        for (var i = 0; i < records.Count; i++)
        {
            var identity = kind.Identity.Text!(records[i])!;
            if (!sorted.ByIdentity.TryAdd(identity, records[i])) sorted.Outcomes[i] = kind.IsRepeat(sorted.ByIdentity[identity], records[i]) ? Outcome.Duplicate : Outcome.Conflict;
            else sorted.Fresh.Add(records[i]);
        }
        for (var i = 0; i < records.Count; i++)
            if (sorted.Outcomes[i] != Outcome.Stored) records[i].Position = sorted.ByIdentity[kind.Identity.Text!(records[i])!].Position;
        if (sorted.Fresh.Count == 0) return sorted;

        // 3. The new ones as they are delivered.
        var (rows, ids, fates) = (new RowWriter(sorted.Fresh.Count * 256), new RowWriter(sorted.Fresh.Count * 24), new RowWriter(64));
        var (first, position) = (log.Own.Last + 1, log.Own.Last);
        foreach (var record in sorted.Fresh)
        {
            table.Write(rows, record, ++position);
            WriteId(ids, table.Hash(record), record.TimeMs, position);
            if (kind.Fate(record) is { } fate && (fate.Ends || fate.Begins)) WriteFate(fates, fate, record.TimeMs, position);
        }
        return sorted with { Piece = new(first, position, sorted.Fresh.Min(record => record.TimeMs), sorted.Fresh.Max(record => record.TimeMs), isChecked, ids.Written.ToArray(), fates.Written.ToArray(), rows.Written.ToArray()) };
    }

    static void WriteId(RowWriter row, ulong hash, long ms, long position)
    {
        row.Number(hash);
        row.Number(ms);
        row.Number(position);
    }

    void WriteFate(RowWriter row, Fate fate, long ms, long position)
    {
        // Things are spoken of through several writers; whose word is the last is told by the clock, and within one writer by the order.
        lastTurn = Math.Max(Now << 20, lastTurn + 1);
        row.Number(ClickHouseTable<EventRecord>.Hash(fate.Subject));
        row.Number(lastTurn);
        row.Number(ms);
        row.Number(position);
        row.Byte(fate.Ends ? (byte)1 : (byte)0);
    }

    void Took<T>(ClickHouseLog<T> log, Sorted<T> sorted) where T : class, IRecord, new()
    {
        if (sorted.Piece is not { } piece) return;
        var position = piece.First;
        foreach (var record in sorted.Fresh)
        {
            record.Position = position++;
            if (log.Kind.Fate(record) is { } fate) record.SubjectExists = !fate.Ends;
        }
        // Together: whether all that waits is known is told by the last position.
        lock (known[log.Own.Number])
        {
            Remember(log.Own, piece);
            log.Own.Last = piece.Last;
        }
        courier.Wake();
    }

    /// <summary>Those of the records that wait which have one of these hashes.</summary>
    async Task<List<T>> FindWaiting<T>(ClickHouseLog<T> log, List<ulong> hashes, CancellationToken cancel) where T : class, IRecord, new()
    {
        var positions = new SortedSet<long>();
        var waiting = known[log.Own.Number];
        lock (waiting)
            foreach (var hash in hashes)
                if (waiting.TryGetValue(hash, out var position)) positions.Add(position);

        var found = new List<T>();
        while (positions.Count > 0)
        {
            // A piece at a time: one call's records lie together.
            var pieces = await outbox.Pieces(log.Own, positions.Min - 1, positions.Min, 1, cancel);
            if (pieces.Count == 0) throw new InvalidDataException("The outbox lacks a record that waits; its file is damaged.");
            found.AddRange(Route<T>.Rows(log.Table, pieces[0]).Where(row => positions.Contains(row.Record.Position)).Select(row => row.Record));
            positions.RemoveWhere(position => position <= pieces[0].Last);
        }
        return found;
    }

    async Task RememberWaiting(CancellationToken cancel)
    {
        foreach (var kind in outbox.Kinds)
            for (var after = kind.Delivered; after < kind.Last;)
            {
                var pieces = await outbox.Pieces(kind, after, kind.Last, 16 << 20, cancel);
                foreach (var piece in pieces) Remember(kind, piece);
                after = pieces[^1].Last;
            }
    }

    void Remember(OutboxKind kind, Piece piece)
    {
        var waiting = known[kind.Number];
        lock (waiting)
        {
            if (waiting.Count >= MostKnown) knownIsWhole[kind.Number] = false;
            if (!knownIsWhole[kind.Number]) return;
            for (var ids = new RowReader(piece.Ids); !ids.AtEnd;)
            {
                var (hash, _, position) = ((ulong)ids.Number(), ids.Number(), ids.Number());
                waiting.TryAdd(hash, position);
            }
        }
    }

    /// <summary>What was delivered is found in the store.</summary>
    void Delivered(OutboxKind kind, Piece piece)
    {
        var waiting = known[kind.Number];
        lock (waiting)
        {
            for (var ids = new RowReader(piece.Ids); !ids.AtEnd;)
            {
                var (hash, _, position) = ((ulong)ids.Number(), ids.Number(), ids.Number());
                if (waiting.TryGetValue(hash, out var one) && one == position) waiting.Remove(hash);
            }
            if (piece.Last == kind.Last) knownIsWhole[kind.Number] = true;
        }
    }

    // Reading.

    /// <summary>Waits until what was acknowledged here before is delivered, as far as that is to be had soon.</summary>
    Task Settle(OutboxKind kind, CancellationToken cancel) => courier.Settle(kind, cancel);

    /// <summary>Waits for the courier to come back from its next round, whether or not it could deliver.</summary>
    public Task Settle(CancellationToken cancel) => courier.NextRound.WaitAsync(cancel);

    public Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel) => outbox.Unfinished(cancel);

    public async Task<StoreHealth> Health(CancellationToken cancel)
    {
        var away = courier.Problem;
        try
        {
            bytes = (long)(await requests.Bytes(cancel) + await events.Bytes(cancel));
        }
        catch (Exception error) when (error is LogUnavailableException or ClickHouseException)
        {
            away ??= error.Message;
        }
        var health = await outbox.Health(cancel);
        if (away is not null) away = $"{away} {health.Waiting.ToString(CultureInfo.InvariantCulture)} records wait here until it is back; lists and exports have to wait as well.";
        else if (uncounted is { } why) away = $"Some days cannot be counted, so that statistics read their records. {why}";
        return new($"clickhouse {(version == "" ? "(not seen yet)" : version)}", outbox.Problem is null, outbox.Problem, bytes, outbox.FreeDiskBytes) { Degraded = away, Outbox = health };
    }

    public async Task<string?> Damage(CancellationToken cancel)
    {
        if (await outbox.Damage(cancel) is { } damage) return damage;
        return await requests.Damage(cancel) ?? await events.Damage(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, true)) return;
        await stopping.CancelAsync();
        await countsDays;
        await courier.DisposeAsync();
        outbox.Dispose();
        client.Dispose();
        appending.Dispose();
        counting.Dispose();
        stopping.Dispose();
    }
}
