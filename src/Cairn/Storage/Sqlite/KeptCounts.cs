using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>
/// Gathers what a batch adds to one rollup (or takes away when records are dropped) and writes it in the batch's
/// transaction, each touched count once.
/// </summary>
sealed class KeptCounts<T> where T : class, IRecord, new()
{
    /// <summary>The number that stands for all terms beyond <see cref="Rollup{T}.MostTerms"/>.</summary>
    public const long OtherTerms = -1;

    /// <summary>Fields in one rollup at most.</summary>
    public const int MostFields = 4;

    readonly record struct Cell(long Hour, long A, long B, long C, long D);

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
    readonly int fields;
    readonly Statement add, remove;
    readonly Statement? findHistogram;
    readonly Dictionary<Cell, Sum> hours = [];

    public KeptCounts(Connection writer, LogTable<T> table, Rollup<T> rollup)
    {
        this.rollup = rollup;
        sums = rollup.Sums ? table.Kind.Sums : [];
        measured = rollup.Histogram ? table.Kind.Measured : null;
        fields = rollup.Fields.Length;

        var name = table.RollupName(rollup);
        var keys = string.Join(", ", rollup.Fields.Select(field => table[field].Name));
        var where = "span = ? AND period = ?" + string.Concat(rollup.Fields.Select(field => $" AND {table[field].Name} = ?"));
        string[] added = ["count", .. sums.Select(field => $"\"{field.Name}\"")];
        var updates = string.Join(", ", added.Select(column => $"{column} = {column} + excluded.{column}"));
        if (measured is not null) updates += $", \"{measured.Name}\" = excluded.\"{measured.Name}\"";
        var values = string.Join(", ", Enumerable.Repeat("?", 2 + fields + added.Length + (measured is null ? 0 : 1)));

        add = writer.Prepare($"INSERT INTO {name} VALUES ({values}) ON CONFLICT DO UPDATE SET {updates}");
        remove = writer.Prepare($"DELETE FROM {name} WHERE {where} AND count = 0");
        findHistogram = measured is null ? null : writer.Prepare($"SELECT \"{measured.Name}\" FROM {name} WHERE {where}");
    }

    /// <param name="record">What is counted.</param>
    /// <param name="terms">Its terms, in the order of the rollup's fields.</param>
    public void Add(T record, ReadOnlySpan<long> terms)
    {
        long Term(ReadOnlySpan<long> terms, int i) => i >= fields ? 0 : terms[i] > rollup.MostTerms ? OtherTerms : terms[i];

        var hour = rollup.Spans.HasFlag(Spans.Hour) ? Span.Period(Spans.Hour, record.TimeMs) : 0;
        var cell = new Cell(hour, Term(terms, 0), Term(terms, 1), Term(terms, 2), Term(terms, 3));
        if (!hours.TryGetValue(cell, out var sum)) hours[cell] = sum = new() { Sums = new long[sums.Length], Bins = measured is null ? null : [] };
        sum.Count++;
        for (var i = 0; i < sums.Length; i++) sum.Sums[i] += sums[i].Number!(record) ?? 0;
        if (measured is not null) sum.Bins!.Add(Histogram.Bin(measured.Number!(record) ?? 0));
    }

    /// <param name="sign">1 for records that were appended, -1 for records that were dropped.</param>
    public void Write(int sign)
    {
        if (hours.Count == 0) return;
        foreach (var sum in hours.Values)
            if (sum.Bins is not null) sum.Histogram = Histogram.Of(sum.Bins);

        foreach (var span in Span.Each.Where(span => rollup.Spans.HasFlag(span)))
        {
            foreach (var (cell, sum) in Widen(span).OrderBy(pair => pair.Key.Hour).ThenBy(pair => pair.Key.A).ThenBy(pair => pair.Key.B).ThenBy(pair => pair.Key.C).ThenBy(pair => pair.Key.D))
                Write(span, cell, sum, sign);
        }
        hours.Clear();
    }

    public void Forget() => hours.Clear();

    Dictionary<Cell, Sum> Widen(Spans span)
    {
        if (span == Spans.Hour) return hours;
        var wide = new Dictionary<Cell, Sum>();
        foreach (var (cell, sum) in hours)
        {
            var wider = cell with { Hour = Span.Period(span, cell.Hour * Span.HourMs) };
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

    void Write(Spans span, Cell cell, Sum sum, int sign)
    {
        var histogram = sum.Histogram;
        if (findHistogram is not null)
        {
            BindCell(findHistogram, span, cell);
            if (findHistogram.Step())
            {
                histogram = Histogram.Combine(findHistogram.Bytes(0), histogram, sign);
                findHistogram.Reset();
            }
        }

        var next = BindCell(add, span, cell);
        add.Bind(next++, sign * sum.Count);
        foreach (var value in sum.Sums) add.Bind(next++, sign * value);
        if (histogram is not null) add.BindBlob(next, histogram);
        add.Run();

        if (sign > 0) return;
        BindCell(remove, span, cell);
        remove.Run();
    }

    int BindCell(Statement statement, Spans span, Cell cell)
    {
        statement.Bind(1, (long)span).Bind(2, cell.Hour);
        if (fields > 0) statement.Bind(3, cell.A);
        if (fields > 1) statement.Bind(4, cell.B);
        if (fields > 2) statement.Bind(5, cell.C);
        if (fields > 3) statement.Bind(6, cell.D);
        return 3 + fields;
    }
}
