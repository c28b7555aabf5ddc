using Cairn.Records;
using Npgsql;

namespace Cairn.Storage.Postgres;

/// <summary>What a batch adds to one rollup, or takes away when records are dropped, written in the batch's transaction.</summary>
sealed class KeptCounts<T> where T : class, IRecord, new()
{
    readonly Rollup<T> rollup;
    readonly Gathering<T> gathered;
    readonly Field<T>[] sums;
    readonly Field<T>? measured;
    readonly string name, add, find, remove;
    readonly Dictionary<Cell, CellSum> whole = [];
    List<(Spans Span, Cell Cell, CellSum Sum)> written = [];

    public KeptCounts(LogTable<T> table, Rollup<T> rollup)
    {
        (this.rollup, gathered) = (rollup, new(table.Kind, rollup));
        (sums, measured) = (gathered.Sums, gathered.Measured);
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

    /// <inheritdoc cref="Gathering{T}.Add"/>
    public void Add(T record, ReadOnlySpan<long> terms) => gathered.Add(record, terms);

    /// <summary>Takes what so many records that go at once come to, to be taken from the counts of ever.</summary>
    public void AddWhole(NpgsqlDataReader row)
    {
        var cell = Cell.Of(0, [.. rollup.Fields.Select((_, i) => gathered.Counted(row.GetInt32(i)))]);
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
        // In one order for all processes, and the same within a page of the table.
        written = [.. gathered.Take(), .. Gathering<T>.InOrder(whole).Select(pair => (Spans.Ever, pair.Key, pair.Value))];
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
            sql.Value(written.Select(one => (int)one.Cell[place]).ToArray());
        }
        return sql;
    }

    public void Forget()
    {
        gathered.Forget();
        written = [];
    }

}
