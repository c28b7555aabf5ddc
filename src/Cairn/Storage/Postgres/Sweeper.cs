using Cairn.Records;

namespace Cairn.Storage.Postgres;

/// <summary>Erases texts whose last record was dropped, so that a name does not outlive what it was recorded for.</summary>
static class Sweeper
{
    public static async Task<int> Sweep<T>(Transaction transaction, LogTable<T> table, int limit) where T : class, IRecord, new()
    {
        // Identities of months that went as a whole.
        var firstMs = (await table.OldestPartition(transaction))?.FirstMs ?? long.MaxValue;
        var left = (await transaction.Run(new Sql($"DELETE FROM {table.Name}_identity WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table.Name}_identity WHERE time < $1 LIMIT $2))", firstMs, limit)))[0];

        var columns = table.Columns.Where(column => column.IsTerm).ToDictionary(column => column.Number);
        var orphans = new List<(int Field, int Term)>();
        await transaction.Each(new("SELECT field, term FROM orphans WHERE field = ANY($1) ORDER BY field, term LIMIT $2", columns.Keys.ToArray(), limit), row => orphans.Add((row.GetInt32(0), row.GetInt32(1))));
        if (orphans.Count == 0) return left;

        foreach (var group in orphans.GroupBy(orphan => orphan.Field, orphan => orphan.Term))
        {
            var column = columns[group.Key];
            // By the index, by the kept counts, or, of a field with few values, by the records.
            var counted = column.Field.IsIndexed ? null : table.Rollups.FirstOrDefault(rollup => rollup.Fields.Contains(column.Field) && rollup.Spans.HasFlag(Spans.Ever) && rollup.MostTerms == int.MaxValue);
            var isUsed = counted is null
                ? $"SELECT FROM {table.Name} WHERE {column.Name} = o.term AND {column.Name} <> 0"
                : $"SELECT FROM {table.RollupName(counted)} WHERE span = {(int)Spans.Ever} AND period = 0 AND {column.Name} = o.term";
            await transaction.Run(
                new("DELETE FROM orphans WHERE field = $1 AND term = ANY($2)", column.Number, group.ToArray()),
                new($"DELETE FROM terms t USING unnest($2) AS o (term) WHERE t.field = $1 AND t.term = o.term AND NOT EXISTS ({isUsed})", column.Number, group.ToArray()));
        }
        // Whoever knows numbers by text must not go on writing those that were erased.
        await transaction.Run("UPDATE logs SET erasures = erasures + 1");
        return orphans.Count + left;
    }
}
