using Cairn.Records;
using Npgsql;

namespace Cairn.Storage.Postgres;

/// <summary>Makes records of rows that were selected as <c>time, position, columns</c>, and names their terms once all are there.</summary>
sealed class Rows<T>(LogTable<T> table, TermTexts texts, Column<T>[]? columns = null) where T : class, IRecord, new()
{
    readonly List<(T Record, Column<T> Column, int Term)> unnamed = [];

    public Column<T>[] Columns { get; } = columns ?? table.Columns;

    public string Selected => $"time, position{string.Concat(Columns.Select(column => ", " + column.Name))}";

    public List<T> Records { get; } = [];

    public T Take(NpgsqlDataReader row)
    {
        var record = new T { Position = row.GetInt64(1) };
        record.Place = record.Position;
        table.Kind.Time.SetNumber!(record, row.GetInt64(0));
        for (var i = 0; i < Columns.Length; i++)
        {
            var column = Columns[i];
            if (column.IsTerm)
            {
                if (row.GetInt32(2 + i) is not (> 0 and var term)) continue;
                if (texts.TryGet(column.Number, term, out var text)) column.Field.SetText!(record, text);
                else unnamed.Add((record, column, term));
            }
            else if (row.IsDBNull(2 + i)) continue;
            else if (column.Field.IsText) column.Field.SetText!(record, row.GetString(2 + i));
            else column.Field.SetNumber!(record, row.GetInt64(2 + i));
        }
        Records.Add(record);
        return record;
    }

    /// <summary>False while <see cref="Name"/> has something to ask.</summary>
    public bool AreNamed => unnamed.Count == 0;

    public async Task Name(Transaction transaction)
    {
        if (unnamed.Count == 0) return;
        var named = await texts.Find(transaction, unnamed.Select(one => (one.Column.Number, one.Term)));
        foreach (var (record, column, term) in unnamed) column.Field.SetText!(record, named[(column.Number, term)]);
        unnamed.Clear();
    }
}
