using System.Globalization;
using Cairn.Records;
using Cairn.Storage.Outbox;

namespace Cairn.Storage.ClickHouse;

/// <summary>
/// One kind's log in ClickHouse. A read first waits for what was acknowledged here before it to be delivered; then every
/// statement of it is bounded by the position up to which that is so, so that all of them see one state of what this process
/// records. What other writers record is there as it comes: their positions have no bound that this one knows, and one
/// statement may see more of them than the one before it.
/// </summary>
sealed class ClickHouseLog<T>(ClickHouseClient client, ClickHouseAddress address, ClickHouseTable<T> table, OutboxKind own, Outbox.Outbox outbox, SemaphoreSlim delivering, TimeProvider clock, Func<OutboxKind, CancellationToken, Task> settle) : ILog<T> where T : class, IRecord, new()
{
    /// <summary>Positions that a tail looks at in one read; more where the store has to look for them everywhere.</summary>
    const int MostExamined = 10_000, MostExaminedFar = 1_000_000;

    /// <summary>Rows that a window of time holds, as nearly as can be told: so many are looked at in milliseconds.</summary>
    const long RowsInWindow = 200_000;

    /// <summary>Records beyond a page that are asked for, should they share its last place.</summary>
    const int MostOfOnePlace = 4;

    const long DayMs = Span.DayMs;

    public Kind<T> Kind => table.Kind;

    public ClickHouseTable<T> Table => table;

    public OutboxKind Own => own;

    /// <summary>A cut costs one statement, however much it hides.</summary>
    public int DropsAtOnce => int.MaxValue;

    /// <summary>What the days come to.</summary>
    public DayCounts<T> Counts { get; } = new(client, address, table, new(client, address, table, own, clock), clock);

    Days<T> Days => Counts.Days;

    readonly record struct Key(long Ms, long Position);

    // Pages and single records.

    public async Task<T?> Find(string identity, CancellationToken cancel)
    {
        await settle(own, cancel);
        var found = await Load(await KeysOf(identity, own.Delivered, cancel), null, own.Delivered, cancel);
        return found.FirstOrDefault(record => Kind.Identity.Text!(record) == identity);
    }

    public async Task<Page<T>> Read(PageRequest<T> request, CancellationToken cancel)
    {
        await settle(own, cancel);
        var seen = Math.Min(own.Delivered, request.AsOf ?? long.MaxValue);
        if (await Where(request.Filter, seen, cancel) is not { } where) return new([], null);
        var total = !request.Counted ? 0 : request.AsOf is null ? await Total(request.Filter, where, cancel) : await Number($"SELECT count() FROM {table.Name} WHERE {where}", cancel);

        // 1. From where on.
        var until = request.Filter.UntilMs ?? long.MaxValue;
        if (request.Before is { } before)
        {
            var (ms, turn) = (before >> 20, before & (ClickHouseTable<T>.Turns - 1));
            until = Math.Min(until, ms + 1);
            where += $" AND ms <= {ms} AND (ms < {ms} OR bitAnd(position, {ClickHouseTable<T>.Turns - 1}) < {turn})";
        }

        // 2. The keys of the page, window by window of time; one more tells whether the list goes on.
        var keys = new List<Key>();
        var (need, skip) = (request.Limit + 1, request.Skip);
        if (skip > 0) (until, skip) = await PassOver(where, until, skip, cancel);
        foreach (var (from, end) in Windows(await Days.All(cancel), request.Filter.FromMs ?? long.MinValue, until, skip + need))
        {
            var found = await Keys($"{where} AND ms >= {from} AND ms < {end}", skip, need - keys.Count + MostOfOnePlace, cancel);
            if (skip > 0 && found.Count == 0) skip = Math.Max(0, skip - await Number($"SELECT count() FROM {table.Name} WHERE {where} AND ms >= {from} AND ms < {end}", cancel));
            else if (found.Count > 0) skip = 0;
            keys.AddRange(found);
            if (keys.Count >= need) break;
        }
        var count = Math.Min(keys.Count, request.Limit);
        while (count > 0 && count < keys.Count && Place(keys[count]) == Place(keys[count - 1])) count++;

        // 3. Their records.
        var records = await Load(keys.GetRange(0, count), request.Fields, seen, cancel);
        return new(records, keys.Count > count ? Place(keys[count - 1]) : null, total, seen);
    }

    static long Place(Key key) => Math.Max(key.Ms, 0) << 20 | (key.Position & (ClickHouseTable<T>.Turns - 1));

    /// <summary>Days that lie wholly among what is skipped are counted instead of walked.</summary>
    async Task<(long Until, long Skip)> PassOver(string where, long until, long skip, CancellationToken cancel)
    {
        foreach (var (day, count) in Pairs(await client.Query($"SELECT intDiv(ms, {DayMs}) AS day, toInt64(count()) FROM {table.Name} WHERE {where} AND ms < {until} GROUP BY day ORDER BY day DESC FORMAT RowBinary", cancel)))
        {
            if (skip < count) return (Math.Min(until, (day + 1) * DayMs), skip);
            (until, skip) = (day * DayMs, skip - count);
        }
        return (until, skip);
    }

    /// <summary>
    /// Stretches of time from the newest to the oldest, cut so that each holds a bounded number of rows if they lie evenly within a day. They leave nothing
    /// out, so that a day that came since the days were asked for lies in one of them.
    /// </summary>
    static IEnumerable<(long From, long End)> Windows(IReadOnlyList<Day> days, long from, long until, long least)
    {
        const long beyond = 1L << 50;
        (from, var end) = (Math.Max(from, -beyond), Math.Min(until, beyond));
        var wanted = Math.Max(RowsInWindow, 2 * least);
        for (var i = 0; i < days.Count && end > from;)
        {
            var (day, rows) = (days[i], days[i].Rows);
            if (end <= day.FirstMs)
            {
                i++;
                continue;
            }
            if (rows > wanted)
            {
                // Within the day in growing steps; what is looked for may lie far from its end.
                for (var length = Math.Max(1_000, DayMs * wanted / rows); end > Math.Max(from, day.FirstMs); length *= 4)
                {
                    var start = Math.Max(Math.Max(from, day.FirstMs), Math.Min(end, day.UntilMs) - length);
                    yield return (start, end);
                    end = start;
                }
                i++;
                continue;
            }
            var next = i + 1;
            for (var sum = rows; next < days.Count && (sum += days[next].Rows) <= wanted;) next++;
            var first = next < days.Count ? Math.Max(from, days[next].UntilMs) : from;
            yield return (first, end);
            (end, i) = (first, next);
            wanted *= 4;
        }
        if (end > from) yield return (from, end);
    }

    async Task<List<Key>> Keys(string where, long skip, int limit, CancellationToken cancel)
    {
        var found = await Ask("");
        // A row that came twice and is not merged away yet takes no other's place.
        if (found.Count == limit && found.Distinct().Count() < limit) found = await Ask("LIMIT 1 BY ms, position ");
        return [.. found.Distinct()];

        async Task<List<Key>> Ask(string once)
        {
            var sql = $"SELECT ms, position FROM {table.Name} WHERE {where} ORDER BY ms DESC, bitAnd(position, {ClickHouseTable<T>.Turns - 1}) DESC, position DESC {once}LIMIT {skip}, {limit} FORMAT RowBinary";
            return Pairs(await client.Query(sql, cancel)).ConvertAll(pair => new Key(pair.First, pair.Second));
        }
    }

    /// <summary>Where the records of an identity are, or of one that shares its hash.</summary>
    async Task<List<Key>> KeysOf(string identity, long seen, CancellationToken cancel)
    {
        var sql = $"SELECT DISTINCT ms, position FROM {table.Ids} WHERE hash = {ClickHouseTable<T>.Hash(identity)} AND {Seen(seen)} FORMAT RowBinary";
        return [.. Pairs(await client.Query(sql, cancel)).Where(pair => !own.Hides(pair.First, pair.Second)).Select(pair => new Key(pair.First, pair.Second))];
    }

    /// <summary>What the store has under these hashes, whatever was delivered meanwhile.</summary>
    public async Task<List<(ulong Hash, long Ms, long Position)>> Known(IReadOnlyCollection<ulong> hashes, CancellationToken cancel)
    {
        var bytes = await client.Query($"SELECT DISTINCT hash, ms, position FROM {table.Ids} WHERE hash IN ({string.Join(',', hashes)}) FORMAT RowBinary", cancel);
        var known = new List<(ulong, long, long)>();
        for (var rows = new RowReader(bytes); !rows.AtEnd;) known.Add(((ulong)rows.Number(), rows.Number(), rows.Number()));
        known.RemoveAll(one => own.Hides(one.Item2, one.Item3));
        return known;
    }

    public Task<List<T>> Load(IEnumerable<(long Ms, long Position)> keys, CancellationToken cancel) => Load([.. keys.Select(key => new Key(key.Ms, key.Position))], [], long.MaxValue, cancel);

    /// <param name="fields">What is asked for; null for all that there is to know.</param>
    async Task<List<T>> Load(List<Key> keys, IReadOnlyList<Field<T>>? fields, long seen, CancellationToken cancel)
    {
        if (keys.Count == 0) return [];
        var sql = $"SELECT {table.ReadList} FROM {table.Name} WHERE ms >= {keys.Min(key => key.Ms)} AND ms <= {keys.Max(key => key.Ms)} AND (ms, position) IN ({string.Join(',', keys.Select(key => $"({key.Ms},{key.Position})"))}) FORMAT RowBinary";
        var found = new Dictionary<Key, T>();
        foreach (var record in Records(await client.Query(sql, cancel))) found[new(record.TimeMs, record.Position)] = record;
        // Retention may have dropped a day since the keys were read.
        List<T> records = [.. keys.Where(found.ContainsKey).Select(key => found[key])];
        if (fields is null || fields.Any(field => field.Name == "resourceExists")) await MarkGone(records, seen, cancel);
        return records;
    }

    List<T> Records(byte[] bytes)
    {
        var records = new List<T>();
        for (var rows = new RowReader(bytes); !rows.AtEnd;) records.Add(table.Read(ref rows));
        return records;
    }

    async Task MarkGone(List<T> records, long seen, CancellationToken cancel)
    {
        if (!table.HasFates) return;
        var subjects = records.Select(record => (Record: record, Kind.Fate(record)?.Subject)).Where(one => one.Subject is not null).Select(one => (one.Record, Hash: ClickHouseTable<T>.Hash(one.Subject!))).ToList();
        if (subjects.Count == 0) return;
        var sql = $"SELECT subject, toInt64(argMax(ends, turn)), argMax(ms, turn), argMax(position, turn) FROM {table.Fates} WHERE subject IN ({string.Join(',', subjects.Select(one => one.Hash).Distinct())}) AND {Seen(seen)} GROUP BY subject FORMAT RowBinary";
        var gone = new HashSet<ulong>();
        for (var rows = new RowReader(await client.Query(sql, cancel)); !rows.AtEnd;)
        {
            var (subject, ends, ms, position) = ((ulong)rows.Number(), rows.Number() != 0, rows.Number(), rows.Number());
            if (ends && !own.Hides(ms, position)) gone.Add(subject);
        }
        foreach (var (record, hash) in subjects) record.SubjectExists = !gone.Contains(hash);
    }

    // In the order of recording.

    public Task<long> LastPosition(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Task.FromResult(own.Last);
    }

    public long PositionsOfOthers => own.First;

    /// <summary>What this writer recorded: each writer's records have an order of their own.</summary>
    public async Task<Tail<T>> Follow(Filter<T> filter, long after, int limit, CancellationToken cancel)
    {
        await settle(own, cancel);
        after = Math.Max(after, own.First);
        var seen = own.Delivered;
        if (after >= seen) return new([], after);
        var last = Math.Min(seen, after + MostExamined);
        var times = await outbox.Times(own, after, last, cancel);
        if (times is null) last = Math.Min(seen, after + MostExaminedFar);
        if (await Where(filter, seen, cancel) is not { } where) return new([], last);
        if (times is var (least, most)) where += $" AND ms >= {least} AND ms <= {most}";

        var found = Records(await client.Query($"SELECT {table.ReadList} FROM {table.Name} WHERE {where} AND position > {after} AND position <= {last} ORDER BY position LIMIT {limit} FORMAT RowBinary", cancel));
        if (found.Count == limit) last = found[^1].Position;
        // Rows that came twice and are not merged away yet.
        found = [.. found.DistinctBy(record => record.Position)];
        await MarkGone(found, seen, cancel);
        return new(found, last) { Unused = await outbox.Asides(own, after, last, cancel) };
    }

    // Numbers over many.

    public async Task<long> Count(Filter<T> filter, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        await settle(own, cancel);
        return await Where(filter, own.Delivered, cancel) is { } where ? await Total(filter, where, cancel) : 0;
    }

    /// <summary>How many match a filter: of counted days by their counts, of the others by their rows.</summary>
    async Task<long> Total(Filter<T> filter, string where, CancellationToken cancel)
    {
        var counted = await Counts.Of(filter, HidesBeforeMs, cancel);
        return Counts.Covering(counted, filter, [], histogram: false) is { } rollup
            ? await Number($"SELECT sum(n) FROM (SELECT toInt64(count()) AS n FROM {table.Name} WHERE {where} AND {counted.Rest} UNION ALL SELECT toInt64(sum(count)) AS n FROM {Counts.From(rollup, counted, filter)})", cancel)
            : await Number($"SELECT count() FROM {table.Name} WHERE {where}", cancel);
    }

    /// <summary>Before this, retention may hide some of what a day holds.</summary>
    long HidesBeforeMs => own.Cuts.Length == 0 ? long.MinValue : own.Cuts.Max(cut => cut.Ms) + 1;

    public async Task<Summary<T>> Summarise(Filter<T> filter, IReadOnlyList<Field<T>[]> groupings, bool percentiles, CancellationToken cancel)
    {
        await settle(own, cancel);
        // Of everything, when nothing else is asked for: every record is in one group of each grouping, so that one of them is the whole.
        var tallies = groupings.Count > 0 ? groupings.Select(by => new Tally(by)).ToList() : [new Tally([])];
        var measured = percentiles && Kind.Measured is not null ? new Histogram() : null;
        if (await Where(filter, own.Delivered, cancel) is { } where)
        {
            // One statement for all of it; what is counted for the durations adds nothing up.
            var counted = await Counts.Of(filter, HidesBeforeMs, cancel);
            var parts = tallies.SelectMany((tally, i) => Parts(i, tally.By)).ToList();
            if (measured is not null) parts.AddRange(MeasuredParts());
            for (var rows = new RowReader(await client.Query(string.Join(" UNION ALL ", parts) + " FORMAT RowBinary", cancel)); !rows.AtEnd;)
            {
                var number = (int)rows.Number();
                var values = new string?[rows.Byte()];
                for (var i = 0; i < values.Length; i++) values[i] = ClickHouseTable<T>.ReadText(ref rows);
                var count = rows.Number();
                var added = new long[Kind.Sums.Length];
                for (var i = 0; i < added.Length; i++) added[i] = rows.Number();
                if (number < 0) measured!.Add(int.Parse(values[0]!, CultureInfo.InvariantCulture), count);
                else tallies[number].Add(values, count, added);
            }

            IEnumerable<string> Parts(int number, Field<T>[] by)
            {
                var sums = string.Concat(Kind.Sums.Select(field => $", toInt64(ifNull(sum({table.Column(field)}), 0))"));
                var rollup = Counts.Covering(counted, filter, by, histogram: false);
                yield return Grouped(number, by.Select(table.Column), $"toInt64(count()){sums}", $"{table.Name} WHERE {where}{(rollup is null ? "" : " AND " + counted.Rest)}");
                if (rollup is null) yield break;
                var keptSums = string.Concat(Kind.Sums.Select((_, i) => $", toInt64(sum(sums[{i + 1}]))"));
                yield return Grouped(number, by.Select(field => DayCounts<T>.Term(rollup, field)), $"toInt64(sum(count)){keptSums}", Counts.From(rollup, counted, filter));
            }

            IEnumerable<string> MeasuredParts()
            {
                var noSums = string.Concat(Kind.Sums.Select(_ => ", toInt64(0)"));
                var rollup = Counts.Covering(counted, filter, [], histogram: true);
                yield return $"SELECT toInt64(-1), [toString(measured_bin)], toInt64(count()){noSums} FROM {table.Name} WHERE {where}{(rollup is null ? "" : " AND " + counted.Rest)} GROUP BY measured_bin";
                if (rollup is not null) yield return $"SELECT toInt64(-1), [toString(bin)], toInt64(sum(n)){noSums} FROM (SELECT bin, n FROM (SELECT bins, bin_counts FROM {Counts.From(rollup, counted, filter)}) ARRAY JOIN bins AS bin, bin_counts AS n) GROUP BY bin";
            }
        }
        var groups = tallies.ConvertAll(tally => tally.Groups());
        return new(groups[0].Sum(group => group.Count), [.. Kind.Sums.Select((_, i) => groups[0].Sum(group => group.Sums[i]))], [.. groups.GetRange(0, groupings.Count)], measured);

        static string Grouped(int number, IEnumerable<string> by, string selected, string from)
        {
            var columns = string.Join(", ", by);
            return $"SELECT toInt64({number}), {(columns == "" ? "emptyArrayString()" : $"[{columns}]")}, {selected} FROM {from}{(columns == "" ? "" : $" GROUP BY {columns}")}";
        }
    }

    /// <summary>The groups of a grouping, of which rows and counts each tell a part.</summary>
    sealed class Tally(Field<T>[] by)
    {
        readonly Dictionary<string, Group> groups = new(StringComparer.Ordinal);

        public Field<T>[] By => by;

        public List<Group> Groups() => [.. groups.Values.Where(group => group.Count > 0).OrderByDescending(group => group.Count)];

        public void Add(string?[] values, long count, long[] sums)
        {
            var key = string.Join('\0', values.Select(value => value is null ? "-" : "+" + value));
            if (groups.TryGetValue(key, out var group)) (count, sums) = (count + group.Count, [.. sums.Zip(group.Sums, (one, other) => one + other)]);
            groups[key] = new(values, count, sums);
        }
    }

    public async Task<long?> OldestMs(CancellationToken cancel)
    {
        await settle(own, cancel);
        var visible = Visible(own.Delivered);
        // At last without a day: the first one may have come since they were asked for.
        foreach (var within in (await Days.All(cancel)).Reverse().Select(day => $" AND ms >= {day.FirstMs} AND ms < {day.UntilMs}").Append(""))
        {
            var found = await client.Text($"SELECT count(), min(ms) FROM {table.Name} WHERE {visible}{within}", cancel);
            if (found.Split('\t') is [not "0", var oldest]) return long.Parse(oldest, CultureInfo.InvariantCulture);
        }
        return null;
    }

    // Retention.

    public async Task<int> Drop(long beforeMs, int limit, CancellationToken cancel)
    {
        await settle(own, cancel);
        var seen = own.Delivered;
        var where = $"{Visible(seen)} AND ms < {beforeMs}";
        var count = await Number($"SELECT count() FROM {table.Name} WHERE {where}", cancel);
        if (count == 0) return 0;
        var cut = new Cut(beforeMs, long.MinValue, seen);
        if (count > limit)
        {
            // None is there when another process removed some meanwhile; then all of them go.
            foreach (var next in Pairs(await client.Query($"SELECT ms, position FROM {table.Name} WHERE {where} ORDER BY ms, position LIMIT {limit}, 1 FORMAT RowBinary", cancel)))
                (cut, count) = (new(next.First, next.Second, seen), limit);
        }
        own.Cuts = await outbox.Write(() => outbox.Append(own, cut), cancel);
        // While nothing is under way: a record that is may belong to a day that nobody sees anything of.
        await delivering.WaitAsync(cancel);
        try
        {
            await DropDays(cancel);
        }
        finally
        {
            delivering.Release();
        }
        return (int)Math.Min(count, int.MaxValue);
    }

    /// <summary>Nothing is left in a table of texts: there is none.</summary>
    public Task<int> Sweep(int limit, CancellationToken cancel) => Task.FromResult(0);

    /// <summary>Drops the days of which nobody sees anything any longer.</summary>
    async Task DropDays(CancellationToken cancel)
    {
        var cutMs = own.Cuts.Max(cut => cut.Ms);
        foreach (var day in (await Days.All(cancel)).Reverse().TakeWhile(day => day.UntilMs <= cutMs))
        {
            if (await Number($"SELECT count() FROM {table.Name} WHERE ms >= {day.FirstMs} AND ms < {day.UntilMs} AND ({NotCut()})", cancel) == 0) await Days.Drop(table.Name, day.Number, cancel);
        }
        const long monthMs = 30 * DayMs;
        foreach (var month in (await Days.Partitions(table.Ids, cancel)).Select(partition => partition.Number).Where(month => (month + 1) * monthMs <= cutMs))
        {
            if (await Number($"SELECT count() FROM {table.Ids} WHERE ms >= {month * monthMs} AND ms < {(month + 1) * monthMs} AND ({NotCut()})", cancel) == 0) await Days.Drop(table.Ids, month, cancel);
        }
    }

    /// <summary>What the records take. Those that retention hides until their day goes are taken to take the average.</summary>
    public async Task<double> Bytes(CancellationToken cancel)
    {
        var (parts, suffix) = address.Cluster is { } cluster ? ($"cluster('{cluster}', system.parts)", "_local") : ("system.parts", "");
        var names = string.Join(", ", new[] { table.Name, table.Ids, table.Fates, Counts.Cells }.Select(name => $"'{name}{suffix}'"));
        var all = await Number($"SELECT toInt64(sum(bytes_on_disk)) FROM {parts} WHERE database = '{address.Database}' AND table IN ({names}) AND active", cancel);
        if (own.Cuts.Length == 0 || all == 0) return all;
        var hidden = await Number($"SELECT count() FROM {table.Name} WHERE ms <= {own.Cuts.Max(cut => cut.Ms)} AND NOT ({NotCut()})", cancel);
        return hidden == 0 ? all : all * (1 - hidden / (double)await Number($"SELECT count() FROM {table.Name}", cancel));
    }

    /// <summary>Reads every column of every day; the engine compares what it reads with its checksums. Null when all is well.</summary>
    public async Task<string?> Damage(CancellationToken cancel)
    {
        foreach (var day in await Days.All(cancel))
        {
            try
            {
                await client.Query($"SELECT sum(cityHash64({table.ColumnList})) FROM {table.Name} WHERE ms >= {day.FirstMs} AND ms < {day.UntilMs}", cancel);
            }
            catch (ClickHouseException damage)
            {
                return $"{table.Name}, day {DateTimeOffset.FromUnixTimeMilliseconds(day.FirstMs):yyyy-MM-dd}: {damage.Message}";
            }
        }
        return null;
    }

    // Conditions.

    Task<long> Number(string sql, CancellationToken cancel) => client.Number(sql, cancel);

    static List<(long First, long Second)> Pairs(byte[] bytes)
    {
        var pairs = new List<(long, long)>();
        for (var rows = new RowReader(bytes); !rows.AtEnd;) pairs.Add((rows.Number(), rows.Number()));
        return pairs;
    }

    /// <summary>What other writers wrote, and of this one's what was delivered when the read began.</summary>
    string Seen(long seen) => seen >= own.End ? "1" : own.First == 0 ? $"(position <= {seen} OR position > {own.End})" : $"(position <= {seen} OR position > {own.End} OR position <= {own.First})";

    public string NotCut() => own.Cuts.Length == 0 ? "1" : string.Join(" AND ", own.Cuts.Select(cut =>
        cut.Position == long.MinValue ? $"(ms >= {cut.Ms} OR (position > {cut.Through} AND position <= {own.End}))"
        : $"(ms > {cut.Ms} OR (ms = {cut.Ms} AND position >= {cut.Position}) OR (position > {cut.Through} AND position <= {own.End}))"));

    public string Visible(long seen) => own.Cuts.Length == 0 ? Seen(seen) : $"{Seen(seen)} AND {NotCut()}";

    /// <summary>A filter as a condition; null when nothing can match.</summary>
    async Task<string?> Where(Filter<T> filter, long seen, CancellationToken cancel)
    {
        var terms = new List<string> { Visible(seen) };
        if (filter.FromMs is { } from) terms.Add($"ms >= {from}");
        if (filter.UntilMs is { } until) terms.Add($"ms < {until}");
        if (filter.Identity is { } identity)
        {
            var keys = await KeysOf(identity, seen, cancel);
            if (keys.Count == 0) return null;
            terms.Add($"ms IN ({string.Join(',', keys.Select(key => key.Ms))}) AND position IN ({string.Join(',', keys.Select(key => key.Position))}) AND {table.Column(Kind.Identity)} = {ClickHouseTable<T>.Literal(identity)}");
        }
        foreach (var (field, any, none) in filter.Conditions)
        {
            if (any.Count > 0) terms.Add($"{table.Column(field)} IN ({ClickHouseTable<T>.Values(field, any)})");
            if (none.Count > 0) terms.Add($"{table.Column(field)} NOT IN ({ClickHouseTable<T>.Values(field, none)})");
        }
        if (filter.Search is { } search)
        {
            var asked = ClickHouseTable<T>.Unhex(search.ToUpperInvariant());
            var ways = new List<string>();
            foreach (var field in Kind.Stored.Where(field => field.Search is not Search.None))
            {
                if (field.Search is Search.Index or Search.Identity)
                {
                    ways.Add($"position({ClickHouseTable<T>.InOneCase(field)}, {asked}) > 0");
                    continue;
                }
                var found = new List<string>();
                for (var rows = new RowReader(await client.Query($"SELECT DISTINCT {table.Column(field)} FROM {table.Name} WHERE {string.Join(" AND ", terms)} FORMAT RowBinary", cancel)); !rows.AtEnd;)
                    if (ClickHouseTable<T>.ReadText(ref rows) is { } value && Filter<T>.Contains(field, value, search)) found.Add(ClickHouseTable<T>.Literal(value));
                if (found.Count > 0) ways.Add($"{table.Column(field)} IN ({string.Join(", ", found)})");
            }
            if (ways.Count == 0) return null;
            terms.Add($"({string.Join(" OR ", ways)})");
        }
        return string.Join(" AND ", terms);
    }
}
