using Cairn.Records;

namespace Cairn.Storage.Postgres;

/// <summary>Erases texts whose last record was dropped, so that a name does not outlive what it was recorded for.</summary>
static class Sweeper
{
    /// <param name="Seen">Terms that dropped records had, by field.</param>
    /// <param name="Unused">Those that no record up to the last one had any longer.</param>
    public sealed record Orphans(long LastPosition, Dictionary<int, int[]> Seen, Dictionary<int, int[]> Unused);

    /// <summary>Looks for users of what may be erased, beside the writers: for the last of a field without an index, the whole log is read.</summary>
    public static async Task<Orphans> Find<T>(Transaction transaction, LogTable<T> table, int limit) where T : class, IRecord, new()
    {
        var columns = table.Columns.Where(column => column.IsTerm).ToDictionary(column => column.Number);
        var (last, seen) = (0L, new List<(int Field, int Term)>());
        await transaction.Ask(
            (new("SELECT last_position FROM logs WHERE kind = $1", table.Name), row => last = row.GetInt64(0)),
            (new("SELECT field, term FROM orphans WHERE field = ANY($1) ORDER BY field, term LIMIT $2", columns.Keys.ToArray(), limit), row => seen.Add((row.GetInt32(0), row.GetInt32(1)))));

        var found = new Orphans(last, seen.GroupBy(orphan => orphan.Field, orphan => orphan.Term).ToDictionary(group => group.Key, group => group.ToArray()), []);
        foreach (var (field, terms) in found.Seen)
        {
            var column = columns[field];
            // By the index, by the kept counts, or, of a field with few values, by the records.
            var counted = column.Field.IsIndexed ? null : table.Rollups.FirstOrDefault(rollup => rollup.Fields.Contains(column.Field) && rollup.Spans.HasFlag(Spans.Ever) && rollup.MostTerms == int.MaxValue);
            var isUsed = counted is null
                ? $"SELECT FROM {table.Name} WHERE {column.Name} = o.term AND {column.Name} <> 0"
                : $"SELECT FROM {table.RollupName(counted)} WHERE span = {(int)Spans.Ever} AND period = 0 AND {column.Name} = o.term";
            var unused = new List<int>();
            await transaction.Each(new($"SELECT term FROM unnest($1) AS o (term) WHERE NOT EXISTS ({isUsed})", terms), row => unused.Add(row.GetInt32(0)));
            found.Unused[field] = [.. unused];
        }
        return found;
    }

    /// <summary>Erases what was found, but for what records have that came since.</summary>
    public static async Task<int> Sweep<T>(Transaction transaction, LogTable<T> table, Orphans found, int limit) where T : class, IRecord, new()
    {
        // Identities of months that went as a whole.
        var firstMs = (await table.OldestPartition(transaction))?.FirstMs ?? long.MaxValue;
        var left = (await transaction.Run(new Sql($"DELETE FROM {table.Name}_identity WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table.Name}_identity WHERE time < $1 LIMIT $2))", firstMs, limit)))[0];
        if (found.Seen.Count == 0) return left;

        foreach (var column in table.Columns.Where(column => found.Seen.ContainsKey(column.Number)))
        {
            await transaction.Run(
                new("DELETE FROM orphans WHERE field = $1 AND term = ANY($2)", column.Number, found.Seen[column.Number]),
                new($"DELETE FROM terms t USING unnest($2) AS o (term) WHERE t.field = $1 AND t.term = o.term AND NOT EXISTS (SELECT FROM {table.Name} WHERE position > $3 AND {column.Name} = o.term)",
                    column.Number, found.Unused[column.Number], found.LastPosition));
        }
        // Whoever knows numbers by text must not go on writing those that were erased.
        await transaction.Run("UPDATE logs SET erasures = erasures + 1");
        return found.Seen.Values.Sum(terms => terms.Length) + left;
    }
}
