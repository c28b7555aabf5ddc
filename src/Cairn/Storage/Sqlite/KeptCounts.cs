using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>What a batch adds to one rollup, or takes away when records are dropped, written in the batch's transaction.</summary>
sealed class KeptCounts<T> where T : class, IRecord, new()
{
    readonly Gathering<T> gathered;
    readonly int fields;
    readonly Statement add, remove;
    readonly Statement? findHistogram;

    public KeptCounts(Connection writer, LogTable<T> table, Rollup<T> rollup)
    {
        gathered = new(table.Kind, rollup);
        var (sums, measured) = (gathered.Sums, gathered.Measured);
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

    /// <inheritdoc cref="Gathering{T}.Add"/>
    public void Add(T record, ReadOnlySpan<long> terms) => gathered.Add(record, terms);

    /// <param name="sign">1 for records that were appended, -1 for records that were dropped.</param>
    public void Write(int sign)
    {
        foreach (var (span, cell, sum) in gathered.Take()) Write(span, cell, sum, sign);
    }

    public void Forget() => gathered.Forget();

    void Write(Spans span, Cell cell, CellSum sum, int sign)
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
        statement.Bind(1, (long)span).Bind(2, cell.Period);
        for (var i = 0; i < fields; i++) statement.Bind(3 + i, cell[i]);
        return 3 + fields;
    }
}
