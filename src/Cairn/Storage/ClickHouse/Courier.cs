using Cairn.Storage.Outbox;

namespace Cairn.Storage.ClickHouse;

/// <summary>How soon and how often the courier goes.</summary>
sealed record CourierPace
{
    /// <summary>What waits is delivered after this long, many records in one block. A reader does not wait for it: it sends the courier at once.</summary>
    public TimeSpan DeliverAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>So many waiting records are a block's worth: nothing is gained by waiting for more.</summary>
    public long Plenty { get; init; } = 100_000;

    /// <summary>The least time between two deliveries, however often readers ask: each makes new files in the store.</summary>
    public TimeSpan LeastPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a reader waits for what is under way; then it sees what was delivered.</summary>
    public TimeSpan ReadsWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long what was delivered is kept.</summary>
    public TimeSpan Replay { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How often the store is asked whether it still has it.</summary>
    public TimeSpan VerifyEvery { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often it is looked for days to count, how long one has to be as it is, and how many records it has to have.</summary>
    public TimeSpan CountEvery { get; init; } = TimeSpan.FromMinutes(1);

    public TimeSpan CountAfter { get; init; } = TimeSpan.FromMinutes(10);

    public long CountFrom { get; init; } = 1_000;

    /// <summary>How often a store that is away is tried.</summary>
    public TimeSpan TryAgainAfter { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// Brings what waits in the outbox to ClickHouse: in order, once each. Which block is under way is noted before it is sent; when
/// the answer is lost, with the connection, the server or this process, the server is first asked whether it still works on it, and then
/// which positions of it are there, and the others are sent. Should a row come twice all the same, the table's engine merges it away.
/// </summary>
sealed class Courier(
    ClickHouseClient client, Outbox.Outbox outbox, SemaphoreSlim delivering, Route[] routes, CourierPace pace, TimeProvider clock, Action<OutboxKind, Piece> delivered) : IAsyncDisposable
{
    /// <summary>What one block holds at most, in bytes of rows: some hundred thousand records.</summary>
    const long MostInBlock = 64 << 20;

    /// <summary>How long the server may go on with a block whose answer was lost.</summary>
    static readonly TimeSpan WorksOnWithin = TimeSpan.FromMinutes(3), AskAgainAfter = TimeSpan.FromMilliseconds(100);

    readonly CancellationTokenSource stopping = new();
    readonly Bell more = new(clock), urgent = new(clock), rounds = new(clock);
    Func<Task>? prepare;
    Task running = Task.CompletedTask;
    volatile string? problem;
    DateTimeOffset verifiedAt = DateTimeOffset.MinValue;
    long lastRound;

    /// <summary>The block that was sent again last, until it is known that no server works on it any longer.</summary>
    string? refill;

    /// <summary>Why the store cannot be delivered to; null while it can.</summary>
    public string? Problem => problem;

    /// <summary>The store was away when this began.</summary>
    /// <param name="whenBack">What has to be done first when it is back.</param>
    public void Away(string why, Func<Task> whenBack) => (problem, prepare) = (why, whenBack);

    /// <summary>Someone else could not reach the store.</summary>
    public void Suspect(string why)
    {
        problem = why;
        urgent.Ring();
        more.Ring();
    }

    /// <summary>Ends with the next round, be it that it delivered or that it failed.</summary>
    public Task NextRound => HasWork || problem is not null ? rounds.Next : Task.CompletedTask;

    public void Start() => running = Task.Run(Run);

    public void Wake() => more.Ring();

    bool HasWork => outbox.Kinds.Any(kind => kind.Last > kind.Delivered || kind.Attempt is not null);

    /// <summary>Returns when everything that was acknowledged before is delivered, when the store is away, or when it takes long.</summary>
    public async Task Settle(OutboxKind kind, CancellationToken cancel)
    {
        var last = kind.Last;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(pace.ReadsWait);
        while (kind.Delivered < last && problem is null)
        {
            // Asked for before looking again: a round that ends in between rings it.
            var next = rounds.Next;
            if (kind.Delivered >= last || problem is not null) return;
            urgent.Ring();
            try
            {
                await next.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    async Task Run()
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await Wait();
                await Round(stopping.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // It stands in health until a round succeeds; what waits is safe meanwhile.
                problem = error is IOException ? error.Message : $"Delivery fails: {error}";
                rounds.Ring();
            }
        }
    }

    /// <summary>Until there is something to do.</summary>
    async Task Wait()
    {
        if (problem is not null)
        {
            await Task.Delay(pace.TryAgainAfter, clock, stopping.Token);
            return;
        }
        while (true)
        {
            var (soon, come) = (urgent.Next, more.Next);
            var verifyIn = verifiedAt + pace.VerifyEvery - clock.GetUtcNow();
            if (verifyIn <= TimeSpan.Zero || problem is not null) return;
            if (!HasWork)
            {
                await Any(come, verifyIn);
                continue;
            }
            if (outbox.Kinds.Sum(kind => kind.Last - kind.Delivered) < pace.Plenty && !urgent.HasRungSince(lastRound))
            {
                var left = pace.DeliverAfter - clock.GetElapsedTime(lastRound);
                if (left > TimeSpan.Zero) await Any(soon, left);
            }
            var pause = pace.LeastPause - clock.GetElapsedTime(lastRound);
            if (pause > TimeSpan.Zero) await Task.Delay(pause, clock, stopping.Token);
            return;
        }

        async Task Any(Task bell, TimeSpan most)
        {
            try
            {
                await bell.WaitAsync(most, clock, stopping.Token);
            }
            catch (TimeoutException)
            {
                // It is time.
            }
        }
    }

    async Task Round(CancellationToken cancel)
    {
        lastRound = clock.GetTimestamp();
        if (prepare is { } first)
        {
            await first();
            prepare = null;
        }
        else if (problem is not null) await client.Query("SELECT 1", cancel);

        var wasAway = problem is not null;
        foreach (var route in routes) await Deliver(route, cancel);
        problem = null;
        rounds.Ring();

        // A store that was away may have lost what it had answered for.
        if (!wasAway && clock.GetUtcNow() < verifiedAt + pace.VerifyEvery) return;
        await Refill(cancel);
        await Forget(cancel);
    }

    async Task Deliver(Route route, CancellationToken cancel)
    {
        var kind = route.Kind;
        while (kind.Attempt is not null || kind.Last > kind.Delivered)
        {
            await delivering.WaitAsync(cancel);
            try
            {
                var last = kind.Attempt?.Last ?? kind.Last;
                var pieces = await outbox.Pieces(kind, kind.Delivered, last, kind.Attempt is null ? MostInBlock : long.MaxValue, cancel);
                var asides = new List<Aside>();
                if (kind.Attempt is { } lost)
                {
                    await WaitUntilOver(lost.Query, cancel);
                    await Send(route, pieces, await route.Missing(pieces, cancel), asides, cancel);
                }
                else if (pieces.TrueForAll(piece => piece.Checked)) await Send(route, pieces, null, asides, cancel);
                else await Send(route, pieces, route.All(pieces), asides, cancel);

                last = pieces[^1].Last;
                await outbox.Write(() =>
                {
                    outbox.Mark(kind, last, asides, clock.GetUtcNow().ToUnixTimeMilliseconds());
                    return true;
                }, cancel);
                (kind.Attempt, kind.Delivered) = (null, last);
                foreach (var piece in pieces) delivered(kind, piece);
            }
            finally
            {
                delivering.Release();
            }
        }
    }

    /// <param name="rows">Null for all, as they are.</param>
    async Task Send(Route route, List<Piece> pieces, Unsent? rows, List<Aside> asides, CancellationToken cancel)
    {
        // 1. Records of whom it could not be told whether the store knows them.
        if (rows is not null) asides.AddRange(await rows.SortOut(cancel));

        // 2. That they are under way is noted before they are.
        var attempt = new Attempt(pieces[^1].Last, Guid.NewGuid().ToString("N"));
        await outbox.Write(() =>
        {
            outbox.Append(route.Kind, attempt);
            return true;
        }, cancel);
        route.Kind.Attempt = attempt;

        // 3. Where identities are and what became of things may be said twice; records may not.
        await Task.WhenAll(
            Insert(route.Table, route.Columns, rows?.Rows ?? pieces.Select(piece => (ReadOnlyMemory<byte>)piece.Rows), attempt.Query, cancel),
            InsertRest(route, pieces, asides.Select(aside => aside.Position).ToHashSet(), cancel));
    }

    async Task InsertRest(Route route, List<Piece> pieces, HashSet<long> asides, CancellationToken cancel)
    {
        await Insert(route.Ids, Route.IdColumns, pieces.Select(piece => (ReadOnlyMemory<byte>)piece.Ids), null, cancel);
        if (route.HasFates) await Insert(route.Fates, Route.FateColumns, Route.FatesOf(pieces, asides), null, cancel);
    }

    async Task Insert(string table, string columns, IEnumerable<ReadOnlyMemory<byte>> parts, string? query, CancellationToken cancel)
    {
        List<ReadOnlyMemory<byte>> filled = [.. parts.Where(part => part.Length > 0)];
        if (filled.Count > 0) await client.Insert(table, columns, filled, query ?? Guid.NewGuid().ToString("N"), cancel);
    }

    /// <summary>Until no server works any longer on a block whose answer was lost.</summary>
    async Task WaitUntilOver(string query, CancellationToken cancel)
    {
        var since = clock.GetTimestamp();
        foreach (var host in client.Hosts)
        {
            while (await IsRunning(host))
            {
                if (clock.GetElapsedTime(since) > WorksOnWithin) throw new LogUnavailableException($"ClickHouse at {host.Authority} works on one block for more than {WorksOnWithin.TotalMinutes:0} minutes.");
                await Task.Delay(AskAgainAfter, clock, cancel);
            }
        }

        async Task<bool> IsRunning(Uri host)
        {
            try
            {
                return await client.Text($"SELECT count() FROM system.processes WHERE query_id = '{query}' OR initial_query_id = '{query}'", cancel, host) != "0";
            }
            catch (LogUnavailableException) when (client.Hosts.Count > 1)
            {
                // What is on a server that is away ended with it; that one at least answers is seen by what follows.
                return false;
            }
        }
    }

    /// <summary>Compares what was delivered within the replay window with what the store has, and sends what it lacks. Answers how many records that were.</summary>
    public async Task<long> Refill(CancellationToken cancel)
    {
        var sent = 0L;
        foreach (var route in routes)
        {
            await delivering.WaitAsync(cancel);
            try
            {
                if (route.Kind.Attempt is not null) continue;
                if (refill is not null) await WaitUntilOver(refill, cancel);
                foreach (var (after, last) in await route.Lacking(cancel))
                {
                    for (var place = after; place < last;)
                    {
                        var pieces = await outbox.Pieces(route.Kind, place, last, MostInBlock, cancel);
                        if (pieces.Count == 0) break;
                        var missing = await route.Missing(pieces, cancel);
                        sent += missing.Rows.Count;
                        await Insert(route.Table, route.Columns, missing.Rows, refill = Guid.NewGuid().ToString("N"), cancel);
                        refill = null;
                        await InsertRest(route, pieces, await outbox.Asides(route.Kind, pieces[0].First - 1, pieces[^1].Last, cancel), cancel);
                        place = pieces[^1].Last;
                    }
                }
            }
            finally
            {
                delivering.Release();
            }
        }
        verifiedAt = clock.GetUtcNow();
        return sent;
    }

    /// <summary>What was delivered longer ago than the replay window.</summary>
    async Task Forget(CancellationToken cancel)
    {
        const int piecesAtOnce = 100;
        var before = (clock.GetUtcNow() - pace.Replay).ToUnixTimeMilliseconds();
        foreach (var kind in outbox.Kinds)
            while (await outbox.Write(() => outbox.Forget(kind, before, piecesAtOnce), cancel) == piecesAtOnce) { }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await running;
        stopping.Dispose();
    }
}

/// <summary>Rings for everyone who asked before.</summary>
sealed class Bell(TimeProvider clock)
{
    TaskCompletionSource next = New();
    long rungAt = long.MinValue;

    public Task Next => Volatile.Read(ref next).Task;

    public bool HasRungSince(long timestamp) => Volatile.Read(ref rungAt) >= timestamp;

    public void Ring()
    {
        Volatile.Write(ref rungAt, clock.GetTimestamp());
        Interlocked.Exchange(ref next, New()).SetResult();
    }

    static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
