using System.Text;
using Cairn.Records;

namespace Cairn.Storage.Postgres;

/// <summary>Answers "how many" from kept counts where they cover what is asked, and from rows for the rest.</summary>
sealed class Totals<T>(Plan<T> plan) where T : class, IRecord, new()
{
    readonly LogTable<T> table = plan.Table;
    readonly Coverage<T> coverage = new(plan.Table.Rollups, [.. plan.Terms.Select(term => (term.Column.Field, term.HasAny ? term.Any.Length : (int?)null))], field => plan.LastTerms.GetValueOrDefault(plan.Table[field].Number), plan.FirstMs, plan.UntilMs);

    /// <summary>How many there are, as an expression of a statement: the parts that kept counts know, and the rows of the rest.</summary>
    public string Count(Sql sql)
    {
        if (plan.Nothing) return "0::bigint";
        if (plan.OnlySearch && table.Kind.OfSearch is { } searched) return CountSearch(sql, searched);
        var rollup = Covering([], sums: false, histogram: false);
        if (rollup is null) return CountRows(sql, plan.FirstMs, plan.UntilMs);
        var parts = coverage.Stretches(rollup).Select(piece => piece.Span == 0 ? CountRows(sql, piece.First, piece.Until) : $"({From(sql, rollup, piece, "coalesce(sum(count), 0)::bigint", "")})").ToArray();
        return parts.Length == 0 ? "0::bigint" : string.Join(" + ", parts);
    }

    string CountRows(Sql sql, long firstMs, long untilMs) => $"(SELECT count(*) FROM {table.Name}{plan.Where(sql, firstMs, untilMs)})";

    /// <summary>From the counts of the searched fields together: how many records one of the searched fields matches.</summary>
    string CountSearch(Sql sql, Rollup<T> rollup)
    {
        var ways = plan.Found.Select(found => $"{found.Column.Name} = ANY({sql.Value(found.Terms)})").ToArray();
        return $"(SELECT coalesce(sum(count), 0)::bigint FROM {table.RollupName(rollup)} WHERE span = {(int)Spans.Ever} AND period = 0 AND ({string.Join(" OR ", ways)}))";
    }

    /// <summary>Each grouping's accumulator.</summary>
    sealed class Tally(Field<T>[] by, Rollup<T>? rollup)
    {
        public Field<T>[] By => by;
        public Rollup<T>? Rollup => rollup;
        public Dictionary<(int, int, int, int), (long Count, long[] Sums)> Groups { get; } = [];

        public void Add(Npgsql.NpgsqlDataReader row, int sums)
        {
            int Term(int i) => i < by.Length ? row.GetInt32(i) : 0;
            var key = (Term(0), Term(1), Term(2), Term(3));
            if (!Groups.TryGetValue(key, out var group)) group = (0, new long[sums]);
            for (var i = 0; i < sums; i++) group.Sums[i] += row.GetInt64(by.Length + 1 + i);
            Groups[key] = (group.Count + row.GetInt64(by.Length), group.Sums);
        }
    }

    public async Task<Summary<T>> Summarise(Transaction transaction, IReadOnlyList<Field<T>[]> groupings, bool percentiles, TermTexts texts)
    {
        percentiles &= table.Kind.Measured is not null;
        Tally[] tallies = [new([], Covering([], sums: true, histogram: percentiles)), .. groupings.Select(by => new Tally(by, Covering(by, sums: true, histogram: false)))];
        var histogram = percentiles ? new Histogram() : null;
        var questions = new List<(Sql, Action<Npgsql.NpgsqlDataReader>)>();
        IReadOnlyDictionary<(int Field, int Term), string> named = new Dictionary<(int, int), string>();
        if (!plan.Nothing)
        {
            foreach (var tally in tallies)
            {
                var measures = tally == tallies[0] ? histogram : null;
                foreach (var piece in tally.Rollup is null ? [new Stretch(0, plan.FirstMs, plan.UntilMs)] : coverage.Stretches(tally.Rollup))
                {
                    questions.Add((Sum(tally, piece), row => tally.Add(row, table.Kind.Sums.Length)));
                    if (measures is not null) questions.Add(Measure(tally.Rollup, piece, measures));
                }
            }
            await transaction.Ask(questions);
            named = await texts.Find(transaction, tallies.SelectMany(tally => tally.Groups.Keys.SelectMany(key => tally.By.Select((field, i) => (table[field].Number, Term(key, i))))).Where(term => term.Item2 > 0));
        }

        var (count, sums) = tallies[0].Groups.TryGetValue(default, out var whole) ? whole : (0, new long[table.Kind.Sums.Length]);
        return new(count, sums, [.. tallies.Skip(1).Select(tally => Named(tally, named))], histogram);
    }

    static int Term((int, int, int, int) key, int i) => i switch { 0 => key.Item1, 1 => key.Item2, 2 => key.Item3, _ => key.Item4 };

    List<Group> Named(Tally tally, IReadOnlyDictionary<(int Field, int Term), string> named) =>
    [
        .. tally.Groups
            .Where(pair => pair.Value.Count > 0)
            .OrderByDescending(pair => pair.Value.Count).ThenBy(pair => pair.Key)
            .Select(pair => new Group([.. tally.By.Select((field, i) => Term(pair.Key, i) is > 0 and var term ? named[(table[field].Number, term)] : null)], pair.Value.Count, pair.Value.Sums)),
    ];

    Sql Sum(Tally tally, Stretch piece)
    {
        var by = tally.By.Select(field => table[field].Name).ToArray();
        var group = by.Length > 0 ? $" GROUP BY {string.Join(", ", by)}" : "";
        var sql = new Sql();
        if (tally.Rollup is { } rollup && piece.Span != 0)
            return sql.Append(From(sql, rollup, piece, string.Join(", ", [.. by, "coalesce(sum(count), 0)::bigint", .. table.Kind.Sums.Select(field => $"coalesce(sum(\"{field.Name}\"), 0)::bigint")]), group));
        string[] selected = [.. by, "count(*)", .. table.Kind.Sums.Select(field => $"coalesce(sum(\"{field.Name}\"), 0)::bigint")];
        return sql.Append($"SELECT {string.Join(", ", selected)} FROM {table.Name}{plan.Where(sql, piece.First, piece.Until)}{group}");
    }

    (Sql, Action<Npgsql.NpgsqlDataReader>) Measure(Rollup<T>? rollup, Stretch piece, Histogram histogram)
    {
        var measured = $"\"{table.Kind.Measured!.Name}\"";
        var sql = new Sql();
        if (rollup is not null && piece.Span != 0) return (sql.Append(From(sql, rollup, piece, measured, "")), row => histogram.Add(row.GetFieldValue<byte[]>(0)));
        return (sql.Append($"SELECT coalesce({measured}, 0), count(*) FROM {table.Name}{plan.Where(sql, piece.First, piece.Until)} GROUP BY 1"), row => histogram.Add(Histogram.Bin(row.GetInt64(0)), row.GetInt64(1)));
    }

    Rollup<T>? Covering(Field<T>[] by, bool sums, bool histogram) => plan.OnlyTerms ? coverage.Find(by, sums && table.Kind.Sums.Length > 0, histogram) : null;

    /// <summary>Asks the counts of a piece that the filter is about.</summary>
    string From(Sql sql, Rollup<T> rollup, Stretch piece, string selected, string rest)
    {
        var text = new StringBuilder($"SELECT {selected} FROM {table.RollupName(rollup)} WHERE span = {(int)piece.Span}");
        if (piece.Span == Spans.Ever) text.Append(" AND period = 0");
        else if (rollup.Fields.Length == 0 || !plan.Terms.Exists(term => term.HasAny && term.Column.Field == rollup.Fields[0])) text.Append($" AND period >= {sql.Value(piece.First)} AND period < {sql.Value(piece.Until)}");
        // Each period is looked up by itself, so that of one user's days not everybody's are read.
        else text.Append($" AND period = ANY(ARRAY(SELECT period FROM {table.Name}_by_all WHERE span = {(int)piece.Span} AND period >= {sql.Value(piece.First)} AND period < {sql.Value(piece.Until)}))");
        foreach (var term in plan.Terms)
        {
            if (term.HasAny) text.Append($" AND {term.Column.Name} = {(term.Any.Length == 1 ? sql.Value(term.Any[0]) : $"ANY({sql.Value(term.Any)})")}");
            if (term.None.Length > 0) text.Append($" AND {term.Column.Name} <> ALL({sql.Value(term.None)})");
        }
        return text.Append(rest).ToString();
    }
}
