using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>Finds the terms of a column that contain a text, in any case.</summary>
static class TermSearch
{
    public static TermSet Find<T>(Reader reader, LogTable<T> table, Column<T> column, string search) where T : class, IRecord, new()
    {
        var found = new TermSet();
        var beyond = column.Field.Search == Search.Index ? table.SearchTexts.Find(reader, column.Number, search, found) : 0;
        if (beyond == long.MaxValue) return found;

        var rest = reader.Statement("SELECT term, text FROM terms WHERE field = ? AND term > ?").Bind(1, column.Number).Bind(2, beyond);
        while (rest.Step())
            if (Filter<T>.Contains(column.Field, rest.Text(1), search)) found.Add(rest.Integer(0));
        return found;
    }
}
