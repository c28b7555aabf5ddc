using System.Collections.Frozen;

namespace Cairn.Records;

/// <param name="Before">The list cursor's place: only what comes after it in the list.</param>
/// <param name="Skip">How many matching records to pass over first.</param>
/// <param name="Fields">The fields that are needed; null for all.</param>
/// <param name="Counted">Count all that match as well, in the same state of the log.</param>
/// <param name="AsOf">A counted page's <see cref="Page{T}.AsOf"/>: without what was recorded since, so that the page may be a shorter one. Of several processes over one ClickHouse, without what this one recorded since.</param>
sealed record PageRequest<T>(Filter<T> Filter, int Limit, long? Before = null, long Skip = 0, IReadOnlyList<Field<T>>? Fields = null, bool Counted = false, long? AsOf = null) where T : class, IRecord, new();

/// <param name="Next">The place to read on from; null at the end of the list.</param>
/// <param name="Total">How many match in all, where that was asked for.</param>
/// <param name="AsOf">The state of the log in which they were counted.</param>
sealed record Page<T>(IReadOnlyList<T> Records, long? Next, long Total = 0, long AsOf = 0);

/// <param name="Examined">Every record up to this position was looked at.</param>
sealed record Tail<T>(IReadOnlyList<T> Records, long Examined)
{
    /// <summary>Positions among those that were looked at which never had a record, as far as that is still known.</summary>
    public IReadOnlySet<long> Unused { get; init; } = FrozenSet<long>.Empty;
}

/// <summary>How many, with the sums of the kind's <see cref="Kind{T}.Sums"/>, for one combination of values. An absent value is null.</summary>
sealed record Group(string?[] Values, long Count, long[] Sums);

/// <param name="Groups">One list for each grouping that was asked for, largest count first.</param>
/// <param name="Measured">How the kind's <see cref="Kind{T}.Measured"/> field is spread; null when not asked for.</param>
sealed record Summary<T>(long Count, long[] Sums, IReadOnlyList<Group>[] Groups, Histogram? Measured)
{
    /// <summary>Null when not asked for or nothing matches.</summary>
    public Percentiles? Percentiles => Measured?.Percentiles();
}

sealed record Percentiles(long P50, long P95, long P99);
