using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>Answers "how many" from kept counts where they cover what is asked, and from rows for the rest.</summary>
sealed class Totals<T>(Reader reader, LogTable<T> table, Plan<T> plan) where T : class, IRecord, new()
{
    readonly Coverage<T> coverage = new(table.Rollups, [.. plan.Terms.Select(term => (term.Column.Field, term.HasAny ? term.Any.Length : (int?)null))], field => LastTerm(reader, table[field]), SortKey.Ms(plan.FirstKey), plan.UntilKey == long.MaxValue ? long.MaxValue : SortKey.Ms(plan.UntilKey));

    /// <summary>Terms of a search up to which each is looked up; beyond, all counts of the searched fields are gone through.</summary>
    const int MostLookups = 1_000;

    public long Count()
    {
        if (plan.Nothing) return 0;
        if (plan.SearchTerms.Count > 0 && CountSearch() is { } found) return found;

        var rollup = Covering([], sums: false, histogram: false);
        if (rollup is null) return plan.Count(reader, plan.FirstKey, plan.UntilKey);

        var total = 0L;
        foreach (var piece in coverage.Stretches(rollup))
            total += piece.Span == 0 ? plan.Count(reader, FirstKey(piece), UntilKey(piece)) : CountCells(rollup, piece);
        return total;
    }

    /// <summary>Each grouping's accumulator, and what of it rows must give.</summary>
    sealed class Tally(Field<T>[] by, Rollup<T>? rollup)
    {
        public Field<T>[] By => by;
        public Rollup<T>? Rollup => rollup;
        public Dictionary<(long, long, long, long), (long Count, long[] Sums)> Groups { get; } = [];

        public void Add((long, long, long, long) key, long count, ReadOnlySpan<long> sums)
        {
            if (!Groups.TryGetValue(key, out var group)) group = (0, new long[sums.Length]);
            for (var i = 0; i < sums.Length; i++) group.Sums[i] += sums[i];
            Groups[key] = (group.Count + count, group.Sums);
        }
    }

    public Summary<T> Summarise(IReadOnlyList<Field<T>[]> groupings, bool percentiles, Func<int, long, string> text)
    {
        percentiles &= table.Kind.Measured is not null;
        Tally[] tallies = [new([], Covering([], sums: true, histogram: percentiles)), .. groupings.Select(by => new Tally(by, Covering(by, sums: true, histogram: false)))];
        var histogram = percentiles ? new Histogram() : null;

        if (!plan.Nothing)
        {
            // 1. What counts cover.
            foreach (var tally in tallies.Where(tally => tally.Rollup is not null))
                foreach (var piece in coverage.Stretches(tally.Rollup!).Where(piece => piece.Span != 0))
                    SumCells(tally, piece, tally == tallies[0] ? histogram : null);

            // 2. What they do not: everything for some, the ragged ends for the others.
            var covered = tallies.Where(tally => tally.Rollup is not null).ToArray();
            if (covered.Length > 0)
                foreach (var piece in coverage.Stretches(covered[0].Rollup!).Where(piece => piece.Span == 0))
                    SumRows(covered, FirstKey(piece), UntilKey(piece), covered.Contains(tallies[0]) ? histogram : null);
            var uncovered = tallies.Where(tally => tally.Rollup is null).ToArray();
            if (uncovered.Length > 0) SumRows(uncovered, plan.FirstKey, plan.UntilKey, uncovered.Contains(tallies[0]) ? histogram : null);
        }

        var (count, sums) = tallies[0].Groups.TryGetValue(default, out var whole) ? whole : (0, new long[table.Kind.Sums.Length]);
        return new(count, sums, [.. tallies.Skip(1).Select(tally => Named(tally, text))], histogram);
    }

    List<Group> Named(Tally tally, Func<int, long, string> text)
    {
        string? Name(int i, long term) => term == 0 ? null : text(table[tally.By[i]].Number, term);
        return
        [
            .. tally.Groups
                .Where(pair => pair.Value.Count > 0)
                .OrderByDescending(pair => pair.Value.Count).ThenBy(pair => pair.Key)
                .Select(pair =>
                {
                    long[] terms = [pair.Key.Item1, pair.Key.Item2, pair.Key.Item3, pair.Key.Item4];
                    return new Group([.. tally.By.Select((_, i) => Name(i, terms[i]))], pair.Value.Count, pair.Value.Sums);
                }),
        ];
    }

    Rollup<T>? Covering(Field<T>[] by, bool sums, bool histogram, Spans? spans = null) => plan.OnlyTerms ? coverage.Find(by, sums && table.Kind.Sums.Length > 0, histogram, spans) : null;

    static long LastTerm(Reader reader, Column<T> column)
    {
        var find = reader.Statement("SELECT coalesce(max(term), 0) FROM terms WHERE field = ?").Bind(1, column.Number);
        find.Step();
        var last = find.Integer(0);
        find.Reset();
        return last;
    }

    static long FirstKey(Stretch rows) => SortKey.First(rows.First);

    static long UntilKey(Stretch rows) => rows.Until == long.MaxValue ? long.MaxValue : SortKey.First(rows.Until);

    /// <summary>The counts of a piece that the filter asks for: SQL from FROM on, with its values.</summary>
    (string Sql, List<long> Values) Cells(Rollup<T> rollup, Stretch piece)
    {
        // Each period is looked up by itself, so that of one user's days not everybody's are read.
        var sql = $" FROM {table.RollupName(rollup)} WHERE span = ? AND period IN (SELECT period FROM {table.Name}_by_all WHERE span = ? AND period >= ? AND period < ?)";
        List<long> values = [(long)piece.Span, (long)piece.Span, piece.First, piece.Until];
        if (piece.Span == Spans.Ever) (sql, values) = ($" FROM {table.RollupName(rollup)} WHERE span = ? AND period = ?", [(long)Spans.Ever, 0]);
        foreach (var term in plan.Terms)
        {
            if (term.HasAny) In("IN", term.Any);
            if (term.None.Length > 0) In("NOT IN", term.None);

            void In(string operation, long[] terms)
            {
                sql += $" AND {term.Column.Name} {operation} ({string.Join(", ", terms.Select(_ => "?"))})";
                values.AddRange(terms);
            }
        }
        return (sql, values);
    }

    Statement Ask(string select, (string Sql, List<long> Values) cells, string rest = "")
    {
        var statement = reader.Statement(select + cells.Sql + rest);
        for (var i = 0; i < cells.Values.Count; i++) statement.Bind(1 + i, cells.Values[i]);
        return statement;
    }

    long CountCells(Rollup<T> rollup, Stretch piece)
    {
        var sum = Ask("SELECT coalesce(sum(count), 0)", Cells(rollup, piece));
        sum.Step();
        var count = sum.Integer(0);
        sum.Reset();
        return count;
    }

    void SumCells(Tally tally, Stretch piece, Histogram? histogram)
    {
        var rollup = tally.Rollup!;
        var cells = Cells(rollup, piece);
        var by = tally.By.Select(field => table[field].Name).ToArray();
        var sums = rollup.Sums ? table.Kind.Sums : [];
        string[] selected = [.. by, "sum(count)", .. sums.Select(field => $"sum(\"{field.Name}\")")];

        Span<long> terms = stackalloc long[Cell.MostFields];
        Span<long> added = stackalloc long[sums.Length];
        var walk = Ask($"SELECT {string.Join(", ", selected)}", cells, by.Length > 0 ? $" GROUP BY {string.Join(", ", by)}" : "");
        while (walk.Step())
        {
            if (walk.IsNull(by.Length)) continue;
            terms.Clear();
            for (var i = 0; i < by.Length; i++) terms[i] = walk.Integer(i);
            for (var i = 0; i < added.Length; i++) added[i] = walk.Integer(by.Length + 1 + i);
            tally.Add((terms[0], terms[1], terms[2], terms[3]), walk.Integer(by.Length), added);
        }

        if (histogram is null) return;
        var bins = Ask($"SELECT \"{table.Kind.Measured!.Name}\"", cells);
        while (bins.Step()) histogram.Add(bins.Bytes(0));
    }

    void SumRows(Tally[] tallies, long first, long until, Histogram? histogram)
    {
        var sums = table.Kind.Sums;
        var fields = tallies.SelectMany(tally => tally.By).Distinct().ToArray();
        string[] columns = ["key", .. fields.Select(field => table[field].Name), .. sums.Select(field => $"\"{field.Name}\""), .. histogram is null ? [] : new[] { $"\"{table.Kind.Measured!.Name}\"" }];
        var places = tallies.Select(tally => tally.By.Select(field => 1 + Array.IndexOf(fields, field)).ToArray()).ToArray();
        var selected = string.Join(", ", columns);

        Span<long> added = stackalloc long[sums.Length];
        Span<long> terms = stackalloc long[Cell.MostFields];
        if (plan.Match is null && !plan.LooksAtRows)
        {
            var walk = reader.Statement($"SELECT {selected} FROM {table.Name} WHERE key >= ? AND key < ?{plan.Where}").Bind(1, first).Bind(2, until);
            plan.Bind(walk, 3);
            while (walk.Step()) AddRow(walk, added, terms);
        }
        else
        {
            var row = reader.Statement($"SELECT {selected} FROM {table.Name} WHERE key = ?");
            foreach (var key in plan.Keys(reader, first, until, 0, long.MaxValue))
            {
                row.Bind(1, key).Step();
                AddRow(row, added, terms);
                row.Reset();
            }
        }

        void AddRow(Statement row, Span<long> added, Span<long> terms)
        {
            for (var i = 0; i < added.Length; i++) added[i] = row.Integer(1 + fields.Length + i);
            for (var t = 0; t < tallies.Length; t++)
            {
                terms.Clear();
                for (var i = 0; i < places[t].Length; i++) terms[i] = row.Integer(places[t][i]);
                tallies[t].Add((terms[0], terms[1], terms[2], terms[3]), 1, added);
            }
            histogram?.Add(row.Integer(columns.Length - 1));
        }
    }

    /// <summary>
    /// How many records one of the searched fields matches, without looking at them: from the counts of the searched fields
    /// together. Null when the filter asks for more than the search.
    /// </summary>
    long? CountSearch()
    {
        if (plan.Terms.Count > 0 || plan.Filter.Conditions.Count > 0 || plan.SearchesIdentity || plan.FirstKey > 0 || plan.UntilKey < long.MaxValue) return null;
        if (table.SearchCounts is not { } counts) return null;
        var rollup = counts.Rollup;
        var sets = rollup.Fields.Select(field => plan.SearchTerms.FirstOrDefault(pair => pair.Column.Field == field).Terms ?? TermSet.None).ToArray();

        // A few terms of the field that the counts are sorted by are looked up.
        if (sets.Skip(1).All(set => set.Count == 0) && sets[0].Count <= MostLookups) return CountEach(rollup, sets[0]);
        if (counts.Sum(reader, sets) is { } sum) return sum;

        var total = 0L;
        var all = reader.Statement($"SELECT {string.Join(", ", rollup.Fields.Select(field => table[field].Name))}, count FROM {table.RollupName(rollup)} WHERE span = 1 AND period = 0");
        while (all.Step())
        {
            for (var i = 0; i < sets.Length; i++)
            {
                if (!sets[i].Contains(all.Integer(i))) continue;
                total += all.Integer(sets.Length);
                break;
            }
        }
        return total;
    }

    long CountEach(Rollup<T> rollup, TermSet terms)
    {
        var total = 0L;
        var one = reader.Statement($"SELECT sum(count) FROM {table.RollupName(rollup)} WHERE span = 1 AND period = 0 AND {table[rollup.Fields[0]].Name} = ?");
        foreach (var term in terms.Each())
        {
            one.Bind(1, term).Step();
            total += one.Integer(0);
            one.Reset();
        }
        return total;
    }

    /// <summary>
    /// For a page far down the list: passes over whole days and hours by their counts. Answers the key below which the rest
    /// of the way is walked, and how many matches that rest has to pass over.
    /// </summary>
    public (long Until, long Skip) PassOver(long skip)
    {
        const int worthwhile = 2_000;
        var until = plan.UntilKey;
        if (skip < worthwhile || plan.Nothing) return (until, skip);
        var rollup = Covering([], sums: false, histogram: false, Spans.All);
        if (rollup is null) return (until, skip);

        // 1. The hour that the range ends in.
        var untilMs = until == long.MaxValue ? SortKey.MaxMs - SortKey.MaxMs % Span.DayMs : SortKey.Ms(until);
        if (!Pass(SortKey.First(untilMs / Span.HourMs * Span.HourMs))) return (until, skip);

        // 2. The hours of that day, 3. whole days, 4. the hours of the day in which the place is.
        var hour = untilMs / Span.HourMs;
        var day = hour / 24;
        var firstMs = SortKey.Ms(plan.FirstKey);
        if (!PassPeriods(Spans.Hour, day * 24, hour)) return (until, skip);
        if (!PassPeriods(Spans.Day, (firstMs + Span.DayMs - 1) / Span.DayMs, day)) PassPeriods(Spans.Hour, SortKey.Ms(until) / Span.HourMs - 24, SortKey.Ms(until) / Span.HourMs);
        return (until, skip);

        bool Pass(long first)
        {
            if (first >= until) return true;
            var count = plan.Count(reader, first, until);
            if (count > skip) return false;
            (skip, until) = (skip - count, first);
            return true;
        }

        bool PassPeriods(Spans span, long first, long last)
        {
            var length = span == Spans.Day ? Span.DayMs : Span.HourMs;
            first = Math.Max(first, (firstMs + length - 1) / length);
            if (first >= last) return true;
            var walk = Ask("SELECT period, sum(count)", Cells(rollup, new(span, first, last)), " GROUP BY period ORDER BY period DESC");
            while (walk.Step())
            {
                var end = SortKey.First((walk.Integer(0) + 1) * length);
                if (walk.Integer(1) > skip)
                {
                    until = Math.Min(until, end);
                    walk.Reset();
                    return false;
                }
                (skip, until) = (skip - walk.Integer(1), SortKey.First(walk.Integer(0) * length));
            }
            until = Math.Min(until, SortKey.First(first * length));
            return true;
        }
    }
}
