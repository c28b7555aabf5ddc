using System.Buffers;
using System.Globalization;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Storage.Outbox;

/// <summary>
/// A log whose store may be away. While it is there it is written to directly: an acknowledgement is its commit, and duplicates
/// are told at once. While it is away records and starts wait in an outbox on this machine; when it is back they are delivered
/// in their order, and only then is it written to directly again, so that nothing overtakes them. Whether a record had
/// arrived before its answer was lost, the store tells by its identity.
/// </summary>
sealed class BridgedLogStore : ILogStore
{
    /// <summary>What is delivered as one commit, in bytes of records.</summary>
    const long MostInDelivery = 4 << 20;

    /// <summary>With no more than so many waiting, who appends may be kept waiting for their delivery.</summary>
    const long Few = 2_000;

    static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(1);

    readonly ILogStore store;
    readonly Outbox outbox;
    readonly TimeProvider clock;
    readonly RecordText<RequestRecord> requestText;
    readonly RecordText<EventRecord> eventText;

    /// <summary>Held by who appends, and by the courier while it makes sure that nothing waits any longer.</summary>
    readonly SemaphoreSlim appending = new(1);

    readonly SemaphoreSlim errands = new(0);
    readonly CancellationTokenSource stopping = new();
    readonly List<string> withdrawn = [];
    readonly Task running;
    StoreHealth lastHealth = new("", true, null, 0, null);
    volatile string? away;
    bool disposed;

    BridgedLogStore(ILogStore store, Outbox outbox, bool hasWaiting, TimeProvider clock)
    {
        (this.store, this.outbox, this.clock) = (store, outbox, clock);
        (requestText, eventText) = (new(store.Requests.Kind), new(store.Events.Kind));
        if (hasWaiting) Away("Records that were taken while the store was away are on their way to it.");
        running = Task.Run(Run);
    }

    /// <summary>Puts an outbox beside a store, which it owns from then on. What waited when this process last ended is delivered before anything else.</summary>
    /// <param name="directory">The data directory, which this process has.</param>
    public static async Task<BridgedLogStore> Open(string directory, ILogStore store, TimeProvider clock)
    {
        var outbox = new Outbox(directory, "waiting.db", store.Requests.Kind, 0);
        try
        {
            var starts = await outbox.Unfinished(CancellationToken.None);
            return new(store, outbox, Waiting(outbox) > 0 || starts.Count > 0, clock);
        }
        catch
        {
            outbox.Dispose();
            throw;
        }
    }

    public ILog<RequestRecord> Requests => store.Requests;

    public ILog<EventRecord> Events => store.Events;

    public Task Listen(Action<long, long> told, CancellationToken cancel) => store.Listen(told, cancel);

    static long Waiting(Outbox outbox) => outbox.Kinds.Sum(kind => kind.Last - kind.Delivered);

    long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    // Taking.

    public async Task<BatchOutcome> Append(Batch batch, CancellationToken cancel)
    {
        await appending.WaitAsync(cancel);
        try
        {
            if (away is null)
            {
                try
                {
                    return await store.Append(batch, cancel);
                }
                catch (LogUnavailableException gone)
                {
                    // It may have arrived all the same, and is then a duplicate when it comes again.
                    Away(gone.Message);
                }
            }
            await Keep(batch, cancel);
            return new(new Outcome[batch.Requests.Count], new Outcome[batch.Events.Count]);
        }
        finally
        {
            appending.Release();
        }
    }

    void Away(string why)
    {
        away = why;
        errands.Release();
    }

    async Task Keep(Batch batch, CancellationToken cancel)
    {
        // A position is what the store gives.
        foreach (var record in batch.Requests) record.Position = 0;
        foreach (var record in batch.Events) record.Position = 0;
        var (requests, events) = (outbox.Kinds[0], outbox.Kinds[1]);
        await outbox.Write(() =>
        {
            if (batch.Requests.Count > 0) outbox.Append(requests, Packed(requests, requestText, batch.Requests), Now);
            if (batch.Events.Count > 0) outbox.Append(events, Packed(events, eventText, batch.Events), Now);
            outbox.Starts.Note(batch);
            return true;
        }, cancel);
        requests.Last += batch.Requests.Count;
        events.Last += batch.Events.Count;
        withdrawn.AddRange(batch.Withdrawn);
    }

    /// <summary>Records as they wait: each on a line of its own.</summary>
    static Piece Packed<T>(OutboxKind kind, RecordText<T> text, List<T> records) where T : class, IRecord, new()
    {
        var lines = new ArrayBufferWriter<byte>(records.Count * 512);
        foreach (var record in records)
        {
            lines.Write(text.Write(record));
            lines.Write("\n"u8);
        }
        return new(kind.Last + 1, kind.Last + records.Count, records.Min(record => record.TimeMs), records.Max(record => record.TimeMs), false, [], [], lines.WrittenSpan.ToArray());
    }

    static IEnumerable<ReadOnlyMemory<byte>> Lines(Piece piece)
    {
        for (var rest = (ReadOnlyMemory<byte>)piece.Rows; rest.Length > 0;)
        {
            var end = rest.Span.IndexOf((byte)'\n');
            yield return rest[..end];
            rest = rest[(end + 1)..];
        }
    }

    // Delivering.

    async Task Run()
    {
        try
        {
            while (true)
            {
                await errands.WaitAsync(stopping.Token);
                while (away is not null && !await TryReturn()) await Task.Delay(TryAgainAfter, clock, stopping.Token);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What waits is delivered after the next start.
        }
    }

    async Task<bool> TryReturn()
    {
        try
        {
            // 1. Most of what waits, while more may come.
            while (Waiting(outbox) > Few) await Deliver(stopping.Token);

            // 2. The last of it, while nothing can; then the way is free. Not before the store took something: while one that does not
            // answer is asked, nobody is kept waiting.
            await store.Append(new Batch(), stopping.Token);
            await appending.WaitAsync(stopping.Token);
            try
            {
                while (Waiting(outbox) > 0) await Deliver(stopping.Token);
                await DeliverStarts(stopping.Token);
                away = null;
            }
            finally
            {
                appending.Release();
            }
            return true;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception error)
        {
            // It stands in health until it succeeds; what waits is safe meanwhile.
            away = error is IOException ? error.Message : $"Delivery fails: {error}";
            return false;
        }
    }

    async Task Deliver(CancellationToken cancel)
    {
        await Deliver(outbox.Kinds[0], requestText, records => Batch(records, []), outcome => outcome.Requests, cancel);
        await Deliver(outbox.Kinds[1], eventText, records => Batch([], records), outcome => outcome.Events, cancel);
    }

    static Batch Batch(IEnumerable<RequestRecord> requests, IEnumerable<EventRecord> events)
    {
        var batch = new Batch();
        batch.Requests.AddRange(requests);
        batch.Events.AddRange(events);
        return batch;
    }

    /// <summary>Delivers the oldest of what waits of one kind. What cannot be stored for its own sake is set aside.</summary>
    async Task Deliver<T>(OutboxKind kind, RecordText<T> text, Func<IEnumerable<T>, Batch> pack, Func<BatchOutcome, Outcome[]> of, CancellationToken cancel) where T : class, IRecord, new()
    {
        if (kind.Last == kind.Delivered) return;
        var pieces = await outbox.Pieces(kind, kind.Delivered, kind.Last, MostInDelivery, cancel);
        if (pieces.Count == 0) throw new InvalidDataException("The outbox lacks records that wait; its file is damaged.");
        var lines = pieces.SelectMany(Lines).ToArray();
        var asides = new List<Aside>();
        try
        {
            Note(0, await Send(lines));
        }
        catch (InvalidDataException) when (lines.Length > 1)
        {
            for (var i = 0; i < lines.Length; i++)
            {
                try
                {
                    Note(i, await Send([lines[i]]));
                }
                catch (InvalidDataException)
                {
                    Note(i, [Outcome.Conflict]);
                }
            }
        }
        catch (InvalidDataException)
        {
            Note(0, [Outcome.Conflict]);
        }

        var last = pieces[^1].Last;
        try
        {
            await outbox.Write(() =>
            {
                outbox.Mark(kind, last, asides, Now);
                return outbox.Forget(kind, long.MaxValue, int.MaxValue);
            }, cancel);
        }
        catch (LogUnavailableException) when (asides.Count == 0)
        {
            // A full disk: that it is in the store need not be noted, because delivered once more it would be a duplicate.
        }
        kind.Delivered = last;

        async Task<Outcome[]> Send(ReadOnlyMemory<byte>[] some) => of(await store.Append(pack(some.Select(line => text.Read(line.Span))), cancel));

        void Note(int first, Outcome[] outcomes)
        {
            for (var i = 0; i < outcomes.Length; i++)
                if (outcomes[i] is Outcome.Conflict or Outcome.Crowded) asides.Add(new(pieces[0].First + first + i, lines[first + i].ToArray()));
        }
    }

    /// <summary>Requests that are still under way, and those that did not begin after all.</summary>
    async Task DeliverStarts(CancellationToken cancel)
    {
        var batch = new Batch();
        batch.Starts.AddRange(await outbox.Unfinished(cancel));
        batch.Withdrawn.AddRange(withdrawn);
        if (batch.Starts.Count + batch.Withdrawn.Count == 0) return;
        await store.Append(batch, cancel);
        if (batch.Starts.Count > 0)
        {
            await outbox.Write(() =>
            {
                foreach (var start in batch.Starts) outbox.Starts.Remove(start.RequestId);
                return true;
            }, cancel);
        }
        withdrawn.Clear();
    }

    // Asking.

    public async Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel)
    {
        // In this order: what is delivered meanwhile ends its start in the store.
        var ended = new HashSet<string>(StringComparer.Ordinal);
        var kind = outbox.Kinds[0];
        for (var after = kind.Delivered; after < kind.Last;)
        {
            var pieces = await outbox.Pieces(kind, after, kind.Last, MostInDelivery, cancel);
            if (pieces.Count == 0) break;
            foreach (var line in pieces.SelectMany(Lines)) ended.Add(requestText.Read(line.Span).RequestId);
            after = pieces[^1].Last;
        }
        var here = await outbox.Unfinished(cancel);
        return [.. here.Concat(await store.Unfinished(cancel)).DistinctBy(start => start.RequestId).Where(start => !ended.Contains(start.RequestId))];
    }

    public async Task<StoreHealth> Health(CancellationToken cancel)
    {
        if (away is null)
        {
            lastHealth = await store.Health(cancel);
            // It was found away before anything was sent to it.
            if (!lastHealth.Writable) Away(lastHealth.Problem ?? "The store takes nothing.");
        }
        var waiting = await outbox.Health(cancel);
        if (away is not { } why) return lastHealth with { Outbox = waiting };
        return lastHealth with
        {
            Writable = outbox.Problem is null,
            Problem = outbox.Problem,
            FreeDiskBytes = outbox.FreeDiskBytes,
            Degraded = $"{why} {waiting.Waiting.ToString(CultureInfo.InvariantCulture)} records wait here until it is back; lists and exports have to wait as well.",
            Outbox = waiting,
        };
    }

    public async Task<string?> Damage(CancellationToken cancel) => await outbox.Damage(cancel) ?? await store.Damage(cancel);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, true)) return;
        await stopping.CancelAsync();
        await running;
        outbox.Dispose();
        await store.DisposeAsync();
        appending.Dispose();
        errands.Dispose();
        stopping.Dispose();
    }
}
