using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>Erases texts whose last record was dropped, so that a name does not outlive what it was recorded for.</summary>
sealed class Sweeper(Connection writer, TermNumbers numbers, TermTexts texts)
{
    readonly Statement forget = writer.Prepare("DELETE FROM orphans WHERE field = ? AND term = ?");
    readonly Statement find = writer.Prepare("SELECT text FROM terms WHERE field = ? AND term = ?");
    readonly Statement erase = writer.Prepare("DELETE FROM terms WHERE field = ? AND term = ?");

    public int Sweep<T>(LogTable<T> table, int limit) where T : class, IRecord, new()
    {
        var columns = table.Columns.Where(column => column.IsTerm).ToDictionary(column => column.Number);
        var orphans = new List<(Column<T> Column, long Term)>();
        using (var list = writer.Prepare($"SELECT field, term FROM orphans WHERE field IN ({string.Join(", ", columns.Keys)}) ORDER BY field, term LIMIT {limit}"))
            while (list.Step()) orphans.Add((columns[(int)list.Integer(0)], list.Integer(1)));
        if (orphans.Count == 0) return 0;

        foreach (var group in orphans.GroupBy(orphan => orphan.Column, orphan => orphan.Term))
        {
            var used = Used(table, group.Key, group.ToList());
            foreach (var term in group)
            {
                forget.Bind(1, group.Key.Number).Bind(2, term).Run();
                if (!used.Contains(term)) Erase(table, group.Key, term);
            }
        }
        return orphans.Count;
    }

    void Erase<T>(LogTable<T> table, Column<T> column, long term) where T : class, IRecord, new()
    {
        if (!find.Bind(1, column.Number).Bind(2, term).Step()) return;
        var text = find.Text(0);
        find.Reset();
        numbers.Forget(column.Number, text);
        erase.Bind(1, column.Number).Bind(2, term).Run();
        table.SearchTexts.Forget(column.Number);
        texts.Forget(column.Number, term);
    }

    /// <summary>Which of a column's terms some record still has: by the index, by the kept counts, or, of a field with few values, by the records.</summary>
    HashSet<long> Used<T>(LogTable<T> table, Column<T> column, List<long> terms) where T : class, IRecord, new()
    {
        var counted = table.Rollups.FirstOrDefault(rollup => rollup.Fields.Contains(column.Field) && rollup.Spans.HasFlag(Spans.Ever) && rollup.MostTerms == int.MaxValue);
        if (!column.Field.IsIndexed && counted is not null)
        {
            var used = new HashSet<long>();
            using var list = writer.Prepare($"SELECT DISTINCT {column.Name} FROM {table.RollupName(counted)} WHERE span = 1 AND period = 0 AND {column.Name} IN ({string.Join(", ", terms)})");
            while (list.Step()) used.Add(list.Integer(0));
            return used;
        }

        using var one = writer.Prepare(column.Field.IsIndexed
            ? $"SELECT 1 FROM {table.Name}_index WHERE {table.Name}_index MATCH ? LIMIT 1"
            : $"SELECT 1 FROM {table.Name} WHERE {column.Name} = ? LIMIT 1");
        return [.. terms.Where(IsUsed)];

        bool IsUsed(long term)
        {
            if (column.Field.IsIndexed) one.Bind(1, column.Token(term));
            else one.Bind(1, term);
            var found = one.Step();
            one.Reset();
            return found;
        }
    }
}
