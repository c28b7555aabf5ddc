using Cairn.Records;
using Npgsql;

namespace Cairn.Storage.Postgres;

/// <summary>
/// Gathers what a batch adds to one rollup (or takes away when records are dropped) and writes it in the batch's
/// transaction, each touched count once.
/// </summary>
sealed class KeptCounts<T> where T : class, IRecord, new()
{
    /// <summary>The number that stands for all terms beyond <see cref="Rollup{T}.MostTerms"/>.</summary>
    public const int OtherTerms = -1;

    /// <summary>Fields in one rollup at most.</summary>
    public const int MostFields = 4;

    readonly record struct Cell(long Period, int A, int B, int C, int D)
    {
        public int this[int i] => i switch { 0 => A, 1 => B, 2 => C, _ => D };
    }

    sealed class Sum
    {
        public long Count;
        public long[] Sums = [];
        public List<int>? Bins;
        public byte[]? Histogram;
    }

    readonly Rollup<T> rollup;
    readonly Field<T>[] sums;
    readonly Field<T>? measured;
    readonly string name, add, find, remove;
    readonly Dictionary<Cell, Sum> hours = [], whole = [];
    List<(Spans Span, Cell Cell, Sum Sum)> written = [];

    public KeptCounts(LogTable<T> table, Rollup<T> rollup)
    {
        this.rollup = rollup;
        sums = rollup.Sums ? table.Kind.Sums : [];
        measured = rollup.Histogram ? table.Kind.Measured : null;
        name = table.RollupName(rollup);

        string[] keys = ["span", "period", .. rollup.Fields.Select(field => table[field].Name)];
        string[] added = ["count", .. sums.Select(field => $"\"{field.Name}\"")];
        string[] all = measured is null ? [.. keys, .. added] : [.. keys, .. added, $"\"{measured.Name}\""];
        var updates = string.Join(", ", added.Select(column => $"{column} = {name}.{column} + excluded.{column}"));
        if (measured is not null) updates += $", \"{measured.Name}\" = excluded.\"{measured.Name}\"";
        add = $"INSERT INTO {name} ({string.Join(", ", all)}) SELECT * FROM unnest({Parameters(all.Length)}) ON CONFLICT ({string.Join(", ", keys)}) DO UPDATE SET {updates}";

        var cells = $"unnest({Parameters(keys.Length)}) WITH ORDINALITY AS w ({string.Join(", ", keys)}, turn)";
        var same = string.Join(" AND ", keys.Select(key => $"{name}.{key} = w.{key}"));
        find = measured is null ? "" : $"SELECT w.turn, {name}.\"{measured.Name}\" FROM {cells} JOIN {name} ON {same}";
        remove = $"DELETE FROM {name} USING {cells} WHERE {same} AND count = 0";

        static string Parameters(int count) => string.Join(", ", Enumerable.Range(1, count).Select(number => $"${number}"));
    }

    public Rollup<T> Rollup => rollup;

    /// <param name="record">What is counted.</param>
    /// <param name="terms">Its terms, in the order of the rollup's fields.</param>
    public void Add(T record, ReadOnlySpan<int> terms)
    {
        int Term(ReadOnlySpan<int> terms, int i) => i >= rollup.Fields.Length ? 0 : terms[i] > rollup.MostTerms ? OtherTerms : terms[i];

        var hour = rollup.Spans.HasFlag(Spans.Hour) ? Span.Period(Spans.Hour, record.TimeMs) : rollup.Spans.HasFlag(Spans.Day) ? 24 * Span.Period(Spans.Day, record.TimeMs) : 0;
        var cell = new Cell(hour, Term(terms, 0), Term(terms, 1), Term(terms, 2), Term(terms, 3));
        if (!hours.TryGetValue(cell, out var sum)) hours[cell] = sum = new() { Sums = new long[sums.Length], Bins = measured is null ? null : [] };
        sum.Count++;
        for (var i = 0; i < sums.Length; i++) sum.Sums[i] += sums[i].Number!(record) ?? 0;
        if (measured is not null) sum.Bins!.Add(Histogram.Bin(measured.Number!(record) ?? 0));
    }

    /// <summary>Takes what so many records that go at once come to, to be taken from the counts of ever.</summary>
    public void AddWhole(NpgsqlDataReader row)
    {
        int Term(int i) => i >= rollup.Fields.Length ? 0 : row.GetInt32(i) > rollup.MostTerms ? OtherTerms : row.GetInt32(i);

        var cell = new Cell(0, Term(0), Term(1), Term(2), Term(3));
        if (!whole.TryGetValue(cell, out var sum)) whole[cell] = sum = new() { Sums = new long[sums.Length], Histogram = measured is null ? null : [] };
        sum.Count += row.GetInt64(rollup.Fields.Length);
        for (var i = 0; i < sums.Length; i++) sum.Sums[i] += row.GetInt64(rollup.Fields.Length + 1 + i);
        if (measured is not null) sum.Histogram = Histogram.Combine(sum.Histogram, row.GetFieldValue<byte[]>(rollup.Fields.Length + 1 + sums.Length), 1);
    }

    /// <summary>Asks for what records of some days come to: of counts by day where they are kept, or else of the records.</summary>
    public Sql AskWhole(LogTable<T> table, string partition, long firstDay, long untilDay)
    {
        string[] fields = [.. rollup.Fields.Select(field => table[field].Name)];
        if (IsByDay)
            return new($"SELECT {string.Join(", ", [.. fields, "count", .. sums.Select(field => $"\"{field.Name}\""), .. measured is null ? [] : new[] { $"\"{measured.Name}\"" }])} FROM {name} WHERE span = {(int)Spans.Day} AND period >= $1 AND period < $2", firstDay, untilDay);
        return new($"SELECT {string.Join(", ", [.. fields, "count(*)"])} FROM {partition}{(fields.Length > 0 ? $" GROUP BY {string.Join(", ", fields)}" : "")}");
    }

    /// <summary>Whether days are counted, which then stand for their records.</summary>
    public bool IsByDay => rollup.Spans.HasFlag(Spans.Day);

    /// <summary>Removes the counts of days that are gone.</summary>
    public Sql RemoveDays(long firstDay, long untilDay) =>
        new($"DELETE FROM {name} WHERE (span = {(int)Spans.Day} AND period >= $1 AND period < $2) OR (span = {(int)Spans.Hour} AND period >= $1 * 24 AND period < $2 * 24)", firstDay, untilDay);

    /// <summary>Ends the gathering. Answers the question that has to be asked before the counts are written, if any.</summary>
    public (Sql Question, Action<NpgsqlDataReader> Row)? Prepare(int sign)
    {
        written = [];
        foreach (var sum in hours.Values)
            if (sum.Bins is not null) sum.Histogram = Histogram.Of(sum.Bins);
        // In one order for all processes, and the same within a page of the table.
        foreach (var span in Span.Each.Where(span => rollup.Spans.HasFlag(span)))
            foreach (var (cell, sum) in Widen(span).OrderBy(pair => pair.Key.Period).ThenBy(pair => pair.Key.A).ThenBy(pair => pair.Key.B).ThenBy(pair => pair.Key.C).ThenBy(pair => pair.Key.D))
                written.Add((span, cell, sum));
        foreach (var (cell, sum) in whole.OrderBy(pair => pair.Key.A).ThenBy(pair => pair.Key.B).ThenBy(pair => pair.Key.C).ThenBy(pair => pair.Key.D)) written.Add((Spans.Ever, cell, sum));
        hours.Clear();
        whole.Clear();
        if (measured is null || written.Count == 0) return null;
        return (Keyed(find), row =>
        {
            var sum = written[(int)row.GetInt64(0) - 1].Sum;
            sum.Histogram = Histogram.Combine(row.GetFieldValue<byte[]>(1), sum.Histogram, sign);
        });
    }

    /// <param name="sign">1 for records that were appended, -1 for records that were dropped.</param>
    public IEnumerable<Sql> Write(int sign)
    {
        if (written.Count == 0) yield break;
        var sql = Keyed(add);
        sql.Value(written.Select(one => sign * one.Sum.Count).ToArray());
        for (var i = 0; i < sums.Length; i++)
        {
            var place = i;
            sql.Value(written.Select(one => sign * one.Sum.Sums[place]).ToArray());
        }
        if (measured is not null) sql.Value(written.Select(one => one.Sum.Histogram!).ToArray());
        yield return sql;
        if (sign < 0) yield return Keyed(remove);
    }

    Sql Keyed(string text)
    {
        var sql = new Sql(text);
        sql.Value(written.Select(one => (int)one.Span).ToArray());
        sql.Value(written.Select(one => one.Cell.Period).ToArray());
        for (var i = 0; i < rollup.Fields.Length; i++)
        {
            var place = i;
            sql.Value(written.Select(one => one.Cell[place]).ToArray());
        }
        return sql;
    }

    public void Forget()
    {
        hours.Clear();
        written = [];
    }

    public void ForgetWhole() => whole.Clear();

    Dictionary<Cell, Sum> Widen(Spans span)
    {
        if (span == Spans.Hour) return hours;
        var wide = new Dictionary<Cell, Sum>();
        foreach (var (cell, sum) in hours)
        {
            var wider = cell with { Period = Span.Period(span, cell.Period * Span.HourMs) };
            if (!wide.TryGetValue(wider, out var total))
            {
                wide[wider] = new() { Count = sum.Count, Sums = [.. sum.Sums], Histogram = sum.Histogram };
                continue;
            }
            total.Count += sum.Count;
            for (var i = 0; i < sums.Length; i++) total.Sums[i] += sum.Sums[i];
            if (measured is not null) total.Histogram = Histogram.Combine(total.Histogram, sum.Histogram, 1);
        }
        return wide;
    }
}
