using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>Makes records of rows that were selected as <c>key, position, fields in the row</c>.</summary>
sealed class Rows<T>(LogTable<T> table, Func<int, long, string> text) where T : class, IRecord, new()
{
    /// <param name="statement">It stands on the row.</param>
    /// <param name="fields">In which places of <see cref="LogTable{T}.InRow"/> the selected columns are; null when all were selected.</param>
    public T Read(Statement statement, int[]? fields)
    {
        var record = new T { Position = statement.Integer(1), Place = statement.Integer(0) };
        var ms = SortKey.Ms(record.Place);
        table.Kind.Time.SetNumber!(record, ms);
        var count = fields?.Length ?? table.InRow.Length;
        for (var i = 0; i < count; i++)
        {
            var column = table.InRow[fields?[i] ?? i];
            if (statement.IsNull(2 + i)) continue;
            if (column.IsTerm) column.Field.SetText!(record, text(column.Number, statement.Integer(2 + i)));
            else if (column.Field.IsText) column.Field.SetText!(record, Pack.Read(statement, 2 + i));
            else column.Field.SetNumber!(record, statement.Integer(2 + i) + (column.Field.Type == FieldType.Time ? ms : 0));
        }
        return record;
    }
}
