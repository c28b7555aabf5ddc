using Cairn.Records;

namespace Cairn.Storage.ClickHouse;

/// <summary>Days whose records are answered for by counts, and where the others are.</summary>
/// <param name="Made">The names of the counts of those days.</param>
/// <param name="Rest">A condition for the records of all other days.</param>
sealed record CountedDays(IReadOnlyList<long> Made, string Rest)
{
    public static readonly CountedDays None = new([], "1");
}

/// <summary>
/// What the records of a day come to, for each combination of values that a rollup counts: computed by the engine once the day
/// is quiet, and kept beside the records. Counts stand for their day only while it has the rows and the newest block that they
/// were computed from; so they never differ from what the records say. On a cluster there are none: a server does not know of
/// which state of another's day it was told.
/// </summary>
sealed class DayCounts<T>(ClickHouseClient client, ClickHouseAddress address, ClickHouseTable<T> table, Days<T> days, TimeProvider clock) where T : class, IRecord, new()
{
    /// <summary>By then no read is under way any longer that began with counts which others took the place of, and none is being made of which nobody was told.</summary>
    static readonly TimeSpan DroppedAfter = TimeSpan.FromMinutes(10);

    readonly Rollup<T>[] rollups = [.. table.Kind.AllRollups.Where(rollup => rollup != table.Kind.OfSearch).Select(rollup => rollup with { Spans = Spans.Day, MostTerms = int.MaxValue })];

    // Since when each day is as it is, and since when counts belong to no day.
    readonly Dictionary<long, (Day Day, long Since)> seen = [];
    readonly Dictionary<long, long> ownerless = [];

    volatile Known? last;
    long lastMade;

    sealed record Counts(long Made, Day Of);

    /// <param name="Of">The list of days that this was asked with.</param>
    sealed record Known(IReadOnlyList<Day> Of, IReadOnlyList<(Day Day, long Made)> Days);

    /// <summary>The table that says of which state of a day there are which counts.</summary>
    public string Heads => table.Name + "_days";

    public string Cells => table.Name + "_counts";

    bool AreKept => address.Cluster is null;

    /// <summary>What is counted, in words: counts of another version of Cairn stand for nothing.</summary>
    string Form()
    {
        return ClickHouseTable<T>.Unhex(string.Join(' ', rollups.Select(rollup => $"{rollup.Name}({Names(rollup.Fields)}){(rollup.Sums ? $" sums({Names(table.Kind.Sums)})" : "")}{(rollup.Histogram ? $" bins({table.Kind.Measured!.Name})" : "")}")));

        static string Names(Field<T>[] fields) => string.Join(',', fields.Select(field => field.Name));
    }

    public async Task Make(CancellationToken cancel)
    {
        if (!AreKept) return;
        await ClickHouseSchema.Make(client, address, Heads, [("day", "Int64"), ("form", "String"), ("made", "Int64"), ("rows", "Int64"), ("block", "Int64")], "ORDER BY (day, form)", "day", 1024, cancel);
        // Each day's counts are a partition, so that they go without a trace.
        await ClickHouseSchema.Make(client, address, Cells, [("made", "Int64"), ("rollup", "String"), ("terms", "Array(String)"), ("count", "Int64"), ("sums", "Array(Int64)"), ("bins", "Array(UInt16)"), ("bin_counts", "Array(Int64)")], "PARTITION BY made ORDER BY (rollup, terms)", "made", 1024, cancel);
    }

    // Reading.

    /// <summary>The rollup whose counts answer a filter and a grouping; null when only records do.</summary>
    public Rollup<T>? Covering(CountedDays counted, Filter<T> filter, Field<T>[] by, bool histogram) => counted.Made.Count == 0 || filter.Identity is not null || filter.Search is not null
        ? null
        : new Coverage<T>(rollups, [.. filter.Conditions.Select(condition => (condition.Field, condition.Any.Count > 0 ? condition.Any.Count : (int?)null))], _ => 1, 0, long.MaxValue).Find(by, sums: table.Kind.Sums.Length > 0, histogram, Spans.Day);

    /// <summary>The days wholly within a time range, and wholly visible, that counts stand for.</summary>
    /// <param name="hidesBeforeMs">Before this, records may be hidden by retention.</param>
    public async Task<CountedDays> Of(Filter<T> filter, long hidesBeforeMs, CancellationToken cancel)
    {
        if (!AreKept) return CountedDays.None;
        var (fromMs, untilMs) = (Math.Max(filter.FromMs ?? long.MinValue, hidesBeforeMs), filter.UntilMs ?? long.MaxValue);
        var all = await days.All(cancel);
        var counted = (await Standing(all, cancel)).Where(one => one.Day.FirstMs >= fromMs && one.Day.UntilMs <= untilMs).ToList();
        if (counted.Count == 0) return CountedDays.None;

        // What lies between them, where there is anything.
        var stretches = new List<string> { $"ms < {counted[^1].Day.FirstMs}", $"ms >= {counted[0].Day.UntilMs}" };
        var those = counted.ConvertAll(one => one.Day.Number).ToHashSet();
        foreach (var day in all)
            if (!those.Contains(day.Number) && day.Number > counted[^1].Day.Number && day.Number < counted[0].Day.Number) stretches.Add($"(ms >= {day.FirstMs} AND ms < {day.UntilMs})");
        return new(counted.ConvertAll(one => one.Made), $"({string.Join(" OR ", stretches)})");
    }

    /// <summary>The days that counts stand for now, the newest first.</summary>
    async Task<IReadOnlyList<(Day Day, long Made)>> Standing(IReadOnlyList<Day> all, CancellationToken cancel)
    {
        if (last is { } known && ReferenceEquals(known.Of, all)) return known.Days;
        var heads = await ReadHeads(cancel);
        (Day, long)[] standing = [.. all.Where(day => heads.TryGetValue(day.Number, out var counts) && counts.Of == day).Select(day => (day, heads[day.Number].Made))];
        last = new(all, standing);
        return standing;
    }

    async Task<Dictionary<long, Counts>> ReadHeads(CancellationToken cancel)
    {
        var heads = new Dictionary<long, Counts>();
        var sql = $"SELECT day, max(made), argMax(rows, made), argMax(block, made) FROM {Heads} WHERE form = {Form()} GROUP BY day FORMAT RowBinary";
        for (var rows = new RowReader(await client.Query(sql, cancel)); !rows.AtEnd;)
        {
            var (day, made) = (rows.Number(), rows.Number());
            heads[day] = new(made, new(day, rows.Number(), rows.Number()));
        }
        return heads;
    }

    /// <summary>The table, and the condition, under which a rollup's counts of some days are found that a filter is about.</summary>
    public string From(Rollup<T> rollup, CountedDays counted, Filter<T> filter)
    {
        var terms = new List<string> { $"made IN ({string.Join(',', counted.Made)})", $"rollup = '{rollup.Name}'" };
        foreach (var (field, any, none) in filter.Conditions)
        {
            if (any.Count > 0) terms.Add($"{Term(rollup, field)} IN ({ClickHouseTable<T>.Values(field, any)})");
            if (none.Count > 0) terms.Add($"{Term(rollup, field)} NOT IN ({ClickHouseTable<T>.Values(field, none)})");
        }
        return $"{Cells} WHERE {string.Join(" AND ", terms)}";
    }

    public static string Term(Rollup<T> rollup, Field<T> field) => $"terms[{Array.IndexOf(rollup.Fields, field) + 1}]";

    // Making.

    /// <summary>
    /// Counts each day that did not change for so long and whose counts do not stand. Answers how many days that were. When nothing came to
    /// a day for longer than a delivery takes, all that is in it is delivered for every reader, whatever position a read is bounded by.
    /// </summary>
    /// <param name="leastRows">A day of fewer records is as soon read as its counts are.</param>
    public async Task<int> Keep(TimeSpan quiet, long leastRows, CancellationToken cancel)
    {
        if (!AreKept) return 0;
        var all = await days.All(cancel);
        var heads = await ReadHeads(cancel);
        foreach (var gone in seen.Keys.Except(all.Select(day => day.Number)).ToList()) seen.Remove(gone);
        var made = 0;
        foreach (var day in all)
        {
            if (!seen.TryGetValue(day.Number, out var before) || before.Day != day) seen[day.Number] = before = (day, clock.GetTimestamp());
            if (day.Rows < leastRows || clock.GetElapsedTime(before.Since) < quiet || (heads.TryGetValue(day.Number, out var counts) && counts.Of == day)) continue;
            await Count(day, cancel);
            made++;
        }
        if (made > 0) heads = await ReadHeads(cancel);
        await DropOthers(all, heads, cancel);
        last = null;
        return made;
    }

    /// <summary>
    /// The day is as it was, or newer: in a newer state it has another block or fewer rows, and then what is counted here stands for nothing.
    /// What says that the counts are there comes last; counts that are there in part belong to nobody.
    /// </summary>
    async Task Count(Day day, CancellationToken cancel)
    {
        var made = lastMade = Math.Max(clock.GetUtcNow().ToUnixTimeMilliseconds() << 20 | (uint)Random.Shared.Next(1 << 20), lastMade + 1);
        foreach (var rollup in rollups) await client.Query($"INSERT INTO {Cells} (made, rollup, terms, count, sums, bins, bin_counts) {CellsOf(rollup, day, made)}", cancel);
        await client.Query($"INSERT INTO {Heads} (day, form, made, rows, block) SELECT toInt64({day.Number}), {Form()}, toInt64({made}), toInt64({day.Rows}), toInt64({day.Block})", cancel);
    }

    string CellsOf(Rollup<T> rollup, Day day, long made)
    {
        string[] by = [.. rollup.Fields.Select(table.Column)];
        Field<T>[] sums = rollup.Sums ? table.Kind.Sums : [];
        string[] inner = [.. by, .. rollup.Histogram ? ["measured_bin"] : Array.Empty<string>()];
        var added = string.Concat(sums.Select((field, i) => $", toInt64(ifNull(sum({table.Column(field)}), 0)) AS sum{i}"));
        var cells = $"SELECT {string.Concat(inner.Select(column => column + ", "))}toInt64(count()) AS n{added} FROM {table.Name} WHERE ms >= {day.FirstMs} AND ms < {day.UntilMs}{Grouped(inner)}";
        return $"SELECT toInt64({made}), '{rollup.Name}', {List("String", by)}, toInt64(sum(n)), {List("Int64", [.. sums.Select((_, i) => $"toInt64(sum(sum{i}))")])}, {(rollup.Histogram ? "groupArray(measured_bin), groupArray(n)" : "emptyArrayUInt16(), emptyArrayInt64()")} FROM ({cells}){Grouped(by)}";

        static string Grouped(string[] columns) => columns.Length == 0 ? "" : " GROUP BY " + string.Join(", ", columns);

        static string List(string type, string[] items) => items.Length == 0 ? $"emptyArray{type}()" : $"[{string.Join(", ", items)}]";
    }

    /// <summary>Drops the counts of days that are gone, those that newer ones took the place of, and what was never finished.</summary>
    async Task DropOthers(IReadOnlyList<Day> all, Dictionary<long, Counts> heads, CancellationToken cancel)
    {
        var standing = all.Where(day => heads.ContainsKey(day.Number)).Select(day => heads[day.Number].Made).ToHashSet();
        foreach (var made in (await days.Partitions(Cells, cancel)).Select(counts => counts.Number).Where(made => !standing.Contains(made)))
        {
            if (ownerless.TryAdd(made, clock.GetTimestamp()) || clock.GetElapsedTime(ownerless[made]) < DroppedAfter) continue;
            await days.Drop(Cells, made, cancel);
            ownerless.Remove(made);
        }
    }
}
