using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>Erases texts whose last record was dropped, so that a name does not outlive what it was recorded for.</summary>
sealed class Sweeper(Connection writer, TermNumbers numbers, TermTexts texts)
{
    readonly Statement forget = writer.Prepare("DELETE FROM orphans WHERE field = ? AND term = ?");
    readonly Statement find = writer.Prepare("SELECT text FROM terms WHERE field = ? AND term = ?");
    readonly Statement erase = writer.Prepare("DELETE FROM terms WHERE field = ? AND term = ?");
    readonly Statement eraseLetters = writer.Prepare("INSERT INTO term_letters (term_letters, rowid, text) VALUES ('delete', ?, ?)");

    public int Sweep<T>(LogTable<T> table, int limit) where T : class, IRecord, new()
    {
        var columns = table.Columns.Where(column => column.IsTerm).ToDictionary(column => column.Number);
        var orphans = new List<(Column<T> Column, long Term)>();
        using (var list = writer.Prepare($"SELECT field, term FROM orphans WHERE field IN ({string.Join(", ", columns.Keys)}) ORDER BY field, term LIMIT {limit}"))
            while (list.Step()) orphans.Add((columns[(int)list.Integer(0)], list.Integer(1)));
        if (orphans.Count == 0) return 0;

        using var used = writer.Prepare($"SELECT 1 FROM {table.Name}_index WHERE {table.Name}_index MATCH ? LIMIT 1");
        foreach (var (column, term) in orphans)
        {
            forget.Bind(1, column.Number).Bind(2, term).Run();
            var isUsed = used.Bind(1, column.Token(term)).Step();
            used.Reset();
            if (isUsed || !find.Bind(1, column.Number).Bind(2, term).Step()) continue;

            var text = find.Text(0);
            find.Reset();
            numbers.Forget(column.Number, text);
            erase.Bind(1, column.Number).Bind(2, term).Run();
            if (column.Field.Search == Search.Index) eraseLetters.Bind(1, TermNumbers.LettersRow(column.Number, term)).Bind(2, TermNumbers.Fold(text)).Run();
            texts.Forget(column.Number, term);
        }
        return orphans.Count;
    }
}
