using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Storage;

/// <summary>What became of a record that was appended.</summary>
enum Outcome
{
    /// <summary>It is stored and has a position.</summary>
    Stored,

    /// <summary>It was stored before, with the same content.</summary>
    Duplicate,

    /// <summary>Its identity was stored before, with other content; it is not stored.</summary>
    Conflict,

    /// <summary>More records carry this very millisecond than a log can order; it is not stored.</summary>
    Crowded,
}

/// <summary>The log cannot be written now. Nothing of what was appended is acknowledged.</summary>
sealed class LogUnavailableException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>What becomes durable together: records of both kinds, and which requests are under way.</summary>
sealed class Batch
{
    public List<RequestRecord> Requests { get; } = [];
    public List<EventRecord> Events { get; } = [];

    /// <summary>Requests that begin. A start stands until the record with its id is appended, or it is withdrawn.</summary>
    public List<RequestRecord> Starts { get; } = [];

    /// <summary>Ids of requests that did not begin after all. One that has no start is passed over.</summary>
    public List<string> Withdrawn { get; } = [];

    public int Count => Requests.Count + Events.Count;
}

sealed record BatchOutcome(Outcome[] Requests, Outcome[] Events);

/// <summary>The bulk storage: what happened, in the order of recording.</summary>
interface ILogStore : IAsyncDisposable
{
    ILog<RequestRecord> Requests { get; }

    ILog<EventRecord> Events { get; }

    /// <summary>
    /// Appends all of the batch in one transaction. When it returns, every <see cref="Outcome.Stored"/> and
    /// <see cref="Outcome.Duplicate"/> survives a crash and a power cut, stored records have their position, the starts are
    /// as durable, and a request that was appended has no start any longer.
    /// When it throws, the batch is stored wholly or not at all; appending it again stores nothing twice.
    /// </summary>
    /// <exception cref="LogUnavailableException">The log cannot be written: the disk is full, failed, or the store is away.</exception>
    Task<BatchOutcome> Append(Batch batch, CancellationToken cancel);

    /// <summary>
    /// The starts that neither a record nor a withdrawal ended, of this data directory alone: where several gateways share a
    /// store, none sees another's.
    /// </summary>
    Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel);

    /// <summary>
    /// Tells, until it is cancelled, how far the logs came (the last position of requests, and of events) whenever another
    /// process may have appended to them, and once when it begins. Returns at once where no other process can.
    /// </summary>
    Task Listen(Action<long, long> told, CancellationToken cancel) => Task.CompletedTask;

    /// <summary>How the store is, asked of the store itself.</summary>
    Task<StoreHealth> Health(CancellationToken cancel);

    /// <summary>Reads through everything that is stored. Answers the first damage found, or null; writers go on meanwhile.</summary>
    Task<string?> Damage(CancellationToken cancel);
}

/// <param name="Writable">False when appends are refused.</param>
/// <param name="Problem">Why not, and what mends it; null when all is well.</param>
/// <param name="Bytes">What the records take, counting neither free pages nor the write-ahead log.</param>
/// <param name="FreeDiskBytes">What the disk has left for it; null when the store is elsewhere.</param>
sealed record StoreHealth(string Engine, bool Writable, string? Problem, long Bytes, long? FreeDiskBytes)
{
    /// <summary>What does not work although records can be taken: a store that is away, behind an outbox; null when everything does.</summary>
    public string? Degraded { get; init; }

    /// <summary>Null for a store that has none.</summary>
    public OutboxHealth? Outbox { get; init; }
}

/// <param name="Waiting">Records that are acknowledged, safe here, and not in the store yet.</param>
/// <param name="WaitingSince">When the oldest of them was acknowledged.</param>
/// <param name="SetAside">Records that turned out, on delivery, to have another's identity with other content.</param>
/// <param name="Bytes">What the outbox takes on this machine's disk, replay window included.</param>
sealed record OutboxHealth(long Waiting, DateTimeOffset? WaitingSince, long SetAside, long Bytes);

/// <summary>One kind's log.</summary>
interface ILog<T> where T : class, IRecord, new()
{
    Kind<T> Kind { get; }

    /// <summary>The record with this identity, or null.</summary>
    Task<T?> Find(string identity, CancellationToken cancel);

    /// <summary>One piece of the log in the order of time, newest first (the position decides between equal times).</summary>
    Task<Page<T>> Read(PageRequest<T> request, CancellationToken cancel);

    /// <summary>One piece of the log in the order of recording, after a position. It tells how far it looked, whether or not anything there matched.</summary>
    Task<Tail<T>> Follow(Filter<T> filter, long after, int limit, CancellationToken cancel);

    /// <summary>The last position given; zero for an empty log.</summary>
    Task<long> LastPosition(CancellationToken cancel);

    /// <summary>Positions up to here are of other processes, which tell what is new of theirs.</summary>
    long PositionsOfOthers => 0;

    /// <summary>Exactly how many match.</summary>
    Task<long> Count(Filter<T> filter, CancellationToken cancel);

    /// <summary>Exact counts of what matches, as a whole and for every value (or combination of values) of each grouping.</summary>
    Task<Summary<T>> Summarise(Filter<T> filter, IReadOnlyList<Field<T>[]> groupings, bool percentiles, CancellationToken cancel);

    /// <summary>How many records <see cref="Drop"/> had best be asked to remove at once, so that writers do not wait long.</summary>
    int DropsAtOnce => 1_000;

    /// <summary>
    /// Removes the oldest records, at most <paramref name="limit"/>, that happened before a time. Answers how many went;
    /// when it returns they are gone durably, when it throws all or none are. Writers wait for one piece at most.
    /// </summary>
    Task<int> Drop(long beforeMs, int limit, CancellationToken cancel);

    /// <summary>
    /// Where the store keeps records in pieces of time: removes the oldest piece as a whole, when all of it happened before a
    /// time. Answers how many records went, zero when none can go so; then <see cref="Drop"/> takes them one by one.
    /// </summary>
    Task<long> DropPiece(long beforeMs, CancellationToken cancel) => Task.FromResult(0L);

    /// <summary>Erases texts that no record uses any longer. Answers how many it looked at; zero when there is nothing left to do.</summary>
    Task<int> Sweep(int limit, CancellationToken cancel);

    /// <summary>When the oldest record happened, in milliseconds; null for an empty log.</summary>
    Task<long?> OldestMs(CancellationToken cancel);
}
