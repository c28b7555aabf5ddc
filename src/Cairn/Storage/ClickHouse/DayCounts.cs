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
/// is quiet, and kept beside the records. Counts stand for their day only while all of them are there and the day has the rows and the newest block that they
/// were computed from; so they say what the records say. On a cluster there are none: a server does not know of
/// which state of another's day it was told.
/// </summary>
sealed class DayCounts<T>(ClickHouseClient client, ClickHouseAddress address, ClickHouseTable<T> table, Days<T> days, TimeProvider clock) where T : class, IRecord, new()
{
    /// <summary>How long a rollup of one day may take.</summary>
    static readonly TimeSpan CountsWithin = TimeSpan.FromMinutes(3);

    /// <summary>By then no read is under way any longer that began with counts which others took the place of, and none is being made of which nobody was told.</summary>
    static readonly TimeSpan DroppedAfter = TimeSpan.FromMinutes(20);

    /// <summary>The row that says of which state of a day there are which counts, and how many. It comes last.</summary>
    const string Head = "";

    readonly Rollup<T>[] rollups = [.. table.Kind.AllRollups.Where(rollup => rollup != table.Kind.OfSearch).Select(rollup => rollup with { Spans = Spans.Day, MostTerms = int.MaxValue })];

    // Since when each day is as it is, and since when counts belong to no day.
    readonly Dictionary<long, (Day Day, long Since)> seen = [];
    readonly Dictionary<long, long> ownerless = [];

    volatile Known? last;
    long lastMade;

    /// <param name="Form">What was counted, in words: counts of another version of Cairn are not for this one.</param>
    sealed record Counts(long Made, string Form, Day Of);

    /// <param name="Of">The list of days that this was asked with.</param>
    sealed record Known(IReadOnlyList<Day> Of, IReadOnlyList<Counts> Standing);

    public Days<T> Days => days;

    /// <summary>Each day's counts are a partition of it, so that they go without a trace.</summary>
    public string Cells => table.Name + "_counts";

    bool AreKept => address.Cluster is null;

    string Form => field ??= string.Join(' ', rollups.Select(rollup => $"{rollup.Name}({Names(rollup.Fields)}){(rollup.Sums ? $" sums({Names(table.Kind.Sums)})" : "")}{(rollup.Histogram ? $" bins({table.Kind.Measured!.Name})" : "")}"));

    static string Names(Field<T>[] fields) => string.Join(',', fields.Select(field => field.Name));

    public Task Make(CancellationToken cancel) => AreKept
        ? ClickHouseSchema.Make(client, address, Cells, [("made", "Int64"), ("rollup", "String"), ("terms", "Array(String)"), ("count", "Int64"), ("sums", "Array(Int64)"), ("bins", "Array(UInt16)"), ("bin_counts", "Array(Int64)")], "PARTITION BY made ORDER BY (rollup, terms)", "made", 1024, cancel)
        : Task.CompletedTask;

    // Reading.

    /// <summary>The rollup whose counts answer a filter and a grouping; null when only records do.</summary>
    public Rollup<T>? Covering(CountedDays counted, Filter<T> filter, Field<T>[] by, bool histogram) => counted.Made.Count == 0
        ? null
        : new Coverage<T>(rollups, [.. filter.Conditions.Select(condition => (condition.Field, condition.Any.Count > 0 ? condition.Any.Count : (int?)null))], _ => 1, 0, long.MaxValue).Find(by, sums: table.Kind.Sums.Length > 0, histogram, Spans.Day);

    /// <summary>The days wholly within a filter's time range, and wholly visible, that counts stand for. None for a text or an identity: counts do not know of those.</summary>
    /// <param name="hidesBeforeMs">Before this, records may be hidden by retention.</param>
    public async Task<CountedDays> Of(Filter<T> filter, long hidesBeforeMs, CancellationToken cancel)
    {
        if (!AreKept || filter.Identity is not null || filter.Search is not null) return CountedDays.None;
        var (fromMs, untilMs) = (Math.Max(filter.FromMs ?? long.MinValue, hidesBeforeMs), filter.UntilMs ?? long.MaxValue);
        var all = await days.All(cancel);
        var counted = (await Standing(all, cancel)).Where(counts => counts.Of.FirstMs >= fromMs && counts.Of.UntilMs <= untilMs).ToList();
        if (counted.Count == 0) return CountedDays.None;

        // What lies between them, where there is anything.
        var (newest, oldest) = (counted[0].Of, counted[^1].Of);
        var stretches = new List<string> { $"ms < {oldest.FirstMs}", $"ms >= {newest.UntilMs}" };
        var those = counted.ConvertAll(counts => counts.Of.Number).ToHashSet();
        foreach (var day in all.Where(day => day.Number > oldest.Number && day.Number < newest.Number && !those.Contains(day.Number))) stretches.Add($"(ms >= {day.FirstMs} AND ms < {day.UntilMs})");
        return new(counted.ConvertAll(counts => counts.Made), $"({string.Join(" OR ", stretches)})");
    }

    /// <summary>The counts that stand for a day now, the newest day first.</summary>
    async Task<IReadOnlyList<Counts>> Standing(IReadOnlyList<Day> all, CancellationToken cancel)
    {
        if (last is { } known && ReferenceEquals(known.Of, all)) return known.Standing;
        IReadOnlyList<Counts> standing = [];
        try
        {
            standing = [.. Standing(all, await Whole(cancel)).Where(counts => counts.Form == Form)];
        }
        catch (ClickHouseException)
        {
            // Records answer then. Who counts the days meets the same refusal, and health tells of it.
        }
        last = new(all, standing);
        return standing;
    }

    /// <summary>Of each form and day the newest.</summary>
    static IEnumerable<Counts> Standing(IReadOnlyList<Day> all, ILookup<Day, Counts> whole) =>
        all.SelectMany(day => whole[day].GroupBy(counts => counts.Form).Select(same => same.MaxBy(counts => counts.Made)!));

    /// <summary>Counts of which nothing is missing, by the state that they are of.</summary>
    async Task<ILookup<Day, Counts>> Whole(CancellationToken cancel)
    {
        var rowsOf = (await days.Partitions(Cells, cancel)).ToDictionary(partition => partition.Number, partition => partition.Rows);
        var found = new List<Counts>();
        for (var rows = new RowReader(await client.Query($"SELECT made, terms[1], count, sums[1], sums[2], sums[3] FROM {Cells} WHERE rollup = '{Head}' FORMAT RowBinary", cancel)); !rows.AtEnd;)
        {
            var (made, form, cells) = (rows.Number(), rows.Text(), rows.Number());
            var counts = new Counts(made, form, new(rows.Number(), rows.Number(), rows.Number()));
            if (rowsOf.TryGetValue(made, out var there) && there == cells + 1) found.Add(counts);
        }
        return found.ToLookup(counts => counts.Of);
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
    /// Counts each day that did not change for so long and whose counts do not stand. Answers how many days that were. A day that cannot be counted keeps
    /// no other from it, unless the server does not answer; it is tried again after as long, and the first failure is thrown at the end. Not for two at once.
    /// </summary>
    /// <param name="quiet">Longer than a delivery takes, so that counts have nothing that a reader is not shown yet.</param>
    /// <param name="leastRows">A day of fewer records is as soon read as its counts are.</param>
    public async Task<int> Keep(TimeSpan quiet, long leastRows, CancellationToken cancel)
    {
        if (!AreKept) return 0;
        var all = await days.All(cancel);
        var whole = await Whole(cancel);
        foreach (var gone in seen.Keys.Except(all.Select(day => day.Number)).ToList()) seen.Remove(gone);
        var made = 0;
        IOException? refused = null;
        foreach (var day in all)
        {
            if (!seen.TryGetValue(day.Number, out var before) || before.Day != day) seen[day.Number] = before = (day, clock.GetTimestamp());
            if (day.Rows < leastRows || clock.GetElapsedTime(before.Since) < quiet || whole[day].Any(counts => counts.Form == Form)) continue;
            try
            {
                await Count(day, cancel);
                made++;
            }
            catch (IOException why)
            {
                seen[day.Number] = (day, clock.GetTimestamp());
                refused ??= why;
                // Without an answer there is none for the next day either; and the server may be at this one still.
                if (why is LogUnavailableException) break;
            }
        }
        await DropOthers(Standing(all, made > 0 ? await Whole(cancel) : whole).Select(counts => counts.Made).ToHashSet(), cancel);
        last = null;
        return refused is null ? made : throw refused;
    }

    /// <summary>
    /// The day is as it was, or newer: in a newer state it has another block or fewer rows, and then what is counted here stands for nothing.
    /// What says that the counts are there comes last, and how many there are: counts of which some are missing stand for nothing.
    /// </summary>
    async Task Count(Day day, CancellationToken cancel)
    {
        const string columns = "made, rollup, terms, count, sums, bins, bin_counts";
        // The name of these counts, which nobody else's have, whatever the clocks say.
        var made = lastMade = Math.Max(clock.GetUtcNow().ToUnixTimeMilliseconds() << 20 | (uint)Random.Shared.Next(1 << 20), lastMade + 1);
        // Of one host and never a second time: what was not answered may have been stored.
        var host = client.Host;
        foreach (var rollup in rollups) await client.Query($"INSERT INTO {Cells} ({columns}) {CellsOf(rollup, day, made)}", cancel, host, within: CountsWithin);
        var cells = (await days.Partitions(Cells, cancel)).Single(partition => partition.Number == made).Rows;
        await client.Query($"INSERT INTO {Cells} ({columns}) SELECT toInt64({made}), '{Head}', [{ClickHouseTable<T>.Unhex(Form)}], toInt64({cells}), [toInt64({day.Number}), toInt64({day.Rows}), toInt64({day.Block})], emptyArrayUInt16(), emptyArrayInt64()", cancel, host);
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

    /// <summary>Drops counts that stand for no day: it changed or is gone, newer ones took their place, or they were never finished.</summary>
    async Task DropOthers(HashSet<long> standing, CancellationToken cancel)
    {
        var others = (await days.Partitions(Cells, cancel)).Select(partition => partition.Number).Where(made => !standing.Contains(made)).ToHashSet();
        foreach (var made in ownerless.Keys.Where(made => !others.Contains(made)).ToList()) ownerless.Remove(made);
        foreach (var made in others)
        {
            if (ownerless.TryAdd(made, clock.GetTimestamp()) || clock.GetElapsedTime(ownerless[made]) < DroppedAfter) continue;
            await days.Drop(Cells, made, cancel);
            ownerless.Remove(made);
        }
    }
}
