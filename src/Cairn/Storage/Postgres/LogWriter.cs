using Cairn.Records;
using Npgsql;
using NpgsqlTypes;

namespace Cairn.Storage.Postgres;

/// <summary>
/// Writes one kind's records, in steps that share trips to the server with the other kind's. Every step runs inside the
/// transaction of who calls, under the lock of the log; after a rollback <see cref="Forget"/> brings memory back to what is stored.
/// </summary>
sealed class LogWriter<T> where T : class, IRecord, new()
{
    readonly LogTable<T> table;
    readonly TermNumbers terms;
    readonly TermTexts texts;
    readonly KeptCounts<T>[] counts;
    readonly int[][] countedColumns;
    readonly string copy;
    readonly NpgsqlDbType[] types;

    /// <summary>Partitions that are known to be there.</summary>
    readonly HashSet<string> partitions = new(StringComparer.Ordinal);
    readonly HashSet<string> made = new(StringComparer.Ordinal);

    // Of the batch under way.
    List<T> records = [];
    Outcome[] outcomes = [];
    byte[][] keys = [];

    /// <summary>A number for each column of each record: of its text, zero for none, -1 while it has none.</summary>
    int[] numbers = [];
    readonly Dictionary<string, (long Time, long Position)> stored = new(StringComparer.Ordinal);
    readonly List<int> kept = [];
    readonly Dictionary<string, (byte[] Key, bool Ends, T Record)> fates = new(StringComparer.Ordinal);
    long lastPosition;

    public LogWriter(LogTable<T> table, TermNumbers terms, TermTexts texts)
    {
        (this.table, this.terms, this.texts) = (table, terms, texts);
        counts = [.. table.Rollups.Select(rollup => new KeptCounts<T>(table, rollup))];
        countedColumns = [.. table.Rollups.Select(rollup => rollup.Fields.Select(field => Array.IndexOf(table.Columns, table[field])).ToArray())];
        copy = $"COPY {table.Name} (time, position{string.Concat(table.Columns.Select(column => ", " + column.Name))}) FROM STDIN (FORMAT BINARY)";
        types = [.. table.Columns.Select(column => column.IsTerm ? NpgsqlDbType.Integer : column.Field.IsText ? NpgsqlDbType.Text : NpgsqlDbType.Bigint)];
    }

    public long LastPosition { get => lastPosition; set => lastPosition = value; }

    /// <summary>Step 1: takes the records. Answers what has to be asked before they can be compared.</summary>
    public IEnumerable<(Sql, Action<NpgsqlDataReader>)> Begin(List<T> records, Outcome[] outcomes)
    {
        (this.records, this.outcomes) = (records, outcomes);
        stored.Clear();
        kept.Clear();
        fates.Clear();
        made.Clear();
        keys = [.. records.Select(record => LogTable<T>.IdentityKey(table.Kind.Identity.Text!(record)!))];
        if (records.Count == 0) yield break;
        yield return (new Sql($"SELECT identity, time, position FROM {table.Name}_identity WHERE identity = ANY($1)", keys), row => stored[Convert.ToHexString(row.GetFieldValue<byte[]>(0))] = (row.GetInt64(1), row.GetInt64(2)));
    }

    /// <summary>Looks up the numbers of the records' repeated texts, and gathers those that are not known.</summary>
    public void Number(HashSet<(int Field, string Text)> unknown)
    {
        if (numbers.Length < records.Count * table.Columns.Length) numbers = new int[records.Count * table.Columns.Length];
        var at = 0;
        foreach (var record in records)
            foreach (var column in table.Columns)
            {
                var text = column.IsTerm ? column.Field.Text!(record) : null;
                if (!terms.TryGet(column.Number, text, out numbers[at++])) unknown.Add((column.Number, text!));
            }
    }

    /// <summary>Step 2: tells new records from those that are stored, and numbers the new ones.</summary>
    public async Task Compare(Transaction transaction)
    {
        if (records.Count == 0) return;
        var rows = new Dictionary<long, T>();
        if (stored.Count > 0)
        {
            var found = new Rows<T>(table, texts);
            var (times, positions) = (stored.Values.Select(place => place.Time).ToArray(), stored.Values.Select(place => place.Position).ToArray());
            // The bounds let the server pass over the months that none of them is in.
            await transaction.Each(new($"SELECT {found.Selected} FROM {table.Name} WHERE time >= $3 AND time <= $4 AND (time, position) IN (SELECT * FROM unnest($1, $2))", times, positions, times.Min(), times.Max()), row => found.Take(row));
            await found.Name(transaction);
            foreach (var row in found.Records) rows[row.Position] = row;
        }

        var first = new Dictionary<string, T>(StringComparer.Ordinal);
        for (var i = 0; i < records.Count; i++)
        {
            var record = records[i];
            var key = Convert.ToHexString(keys[i]);
            if (first.TryGetValue(key, out var known) || (stored.TryGetValue(key, out var place) && rows.TryGetValue(place.Position, out known)))
            {
                outcomes[i] = table.Kind.IsRepeat(known, record) ? Outcome.Duplicate : Outcome.Conflict;
                record.Position = known.Position;
                continue;
            }
            // The identity of a record that was dropped with its whole month may still be there; it is free.
            outcomes[i] = Outcome.Stored;
            record.Position = ++lastPosition;
            first[key] = record;
            kept.Add(i);
            if (table.Kind.Fate(record) is { } fate)
            {
                if (fate.Ends || fate.Begins) fates[fate.Subject] = (LogTable<T>.SubjectKey(fate.Subject), fate.Ends, record);
                record.SubjectExists = !fate.Ends;
            }
        }
    }

    public bool HasNew => kept.Count > 0;

    /// <summary>Step 3: the rows and their identities. Counts are gathered on the way.</summary>
    public async Task Copy(Transaction transaction)
    {
        if (kept.Count == 0) return;
        foreach (var partition in kept.Select(i => table.Partition(records[i].TimeMs)).DistinctBy(partition => partition.Name))
        {
            if (partitions.Contains(partition.Name)) continue;
            var isThere = false;
            await transaction.Each(new("SELECT to_regclass($1) IS NOT NULL", partition.Name), row => isThere = row.GetBoolean(0));
            if (!isThere) await transaction.Run(table.Make(partition));
            made.Add(partition.Name);
        }

        await using (var writer = await transaction.Connection.BeginBinaryImportAsync(copy, transaction.Cancel))
        {
            foreach (var i in kept)
            {
                var record = records[i];
                await writer.StartRowAsync(transaction.Cancel);
                await writer.WriteAsync(record.TimeMs, NpgsqlDbType.Bigint, transaction.Cancel);
                await writer.WriteAsync(record.Position, NpgsqlDbType.Bigint, transaction.Cancel);
                var first = i * table.Columns.Length;
                for (var c = 0; c < table.Columns.Length; c++)
                {
                    var column = table.Columns[c];
                    if (column.IsTerm)
                    {
                        if (numbers[first + c] < 0) numbers[first + c] = terms.Number(column.Number, column.Field.Text!(record)!);
                        await writer.WriteAsync(numbers[first + c], NpgsqlDbType.Integer, transaction.Cancel);
                    }
                    else if (column.Field.IsText)
                    {
                        if (column.Field.Text!(record) is { } text) await writer.WriteAsync(text, types[c], transaction.Cancel);
                        else await writer.WriteNullAsync(transaction.Cancel);
                    }
                    else if (column.Field.Number!(record) is { } number) await writer.WriteAsync(number, types[c], transaction.Cancel);
                    else await writer.WriteNullAsync(transaction.Cancel);
                }
                Count(record, numbers.AsSpan(first, table.Columns.Length));
            }
            await writer.CompleteAsync(transaction.Cancel);
        }

        // Where no identity is there already, of a record that went with its month, nothing has to be looked for.
        if (stored.Count > 0) return;
        await using var identities = await transaction.Connection.BeginBinaryImportAsync($"COPY {table.Name}_identity (identity, time, position) FROM STDIN (FORMAT BINARY)", transaction.Cancel);
        foreach (var i in kept)
        {
            await identities.StartRowAsync(transaction.Cancel);
            await identities.WriteAsync(keys[i], NpgsqlDbType.Bytea, transaction.Cancel);
            await identities.WriteAsync(records[i].TimeMs, NpgsqlDbType.Bigint, transaction.Cancel);
            await identities.WriteAsync(records[i].Position, NpgsqlDbType.Bigint, transaction.Cancel);
        }
        await identities.CompleteAsync(transaction.Cancel);
    }

    void Count(T record, ReadOnlySpan<int> numbers)
    {
        Span<long> counted = stackalloc long[Cell.MostFields];
        for (var i = 0; i < counts.Length; i++)
        {
            var columns = countedColumns[i];
            for (var j = 0; j < columns.Length; j++) counted[j] = numbers[columns[j]];
            counts[i].Add(record, counted[..columns.Length]);
        }
    }

    /// <summary>Step 4: what has to be asked before the counts can be written.</summary>
    public IEnumerable<(Sql, Action<NpgsqlDataReader>)> PrepareCounts(int sign) => counts.Select(kept => kept.Prepare(sign)).OfType<(Sql, Action<NpgsqlDataReader>)>();

    /// <summary>Step 5: everything else that the batch changes.</summary>
    public IEnumerable<Sql> Write()
    {
        if (kept.Count == 0) yield break;
        if (stored.Count > 0) yield return new($"INSERT INTO {table.Name}_identity SELECT * FROM unnest($1, $2, $3) ON CONFLICT (identity) DO UPDATE SET time = excluded.time, position = excluded.position",
            kept.Select(i => keys[i]).ToArray(), kept.Select(i => records[i].TimeMs).ToArray(), kept.Select(i => records[i].Position).ToArray());
        foreach (var sql in counts.SelectMany(one => one.Write(1))) yield return sql;

        var (ended, begun) = (fates.Values.Where(fate => fate.Ends).ToArray(), fates.Values.Where(fate => !fate.Ends).Select(fate => fate.Key).ToArray());
        if (ended.Length > 0)
            yield return new($"INSERT INTO {table.Name}_gone SELECT * FROM unnest($1, $2, $3) ON CONFLICT (subject) DO UPDATE SET time = excluded.time, position = excluded.position",
                ended.Select(fate => fate.Key).ToArray(), ended.Select(fate => fate.Record.TimeMs).ToArray(), ended.Select(fate => fate.Record.Position).ToArray());
        if (begun.Length > 0) yield return new($"DELETE FROM {table.Name}_gone WHERE subject = ANY($1)", begun);
        yield return new("UPDATE logs SET last_position = $2, fates = fates + $3 WHERE kind = $1", table.Name, lastPosition, fates.Count > 0 ? 1L : 0L);
    }

    /// <summary>Removes the oldest records before a time, at most so many.</summary>
    public async Task<int> Drop(Transaction transaction, long beforeMs, int limit)
    {
        var rows = new Rows<T>(table, texts);
        var dropped = new List<int[]>();
        await transaction.Each(new($"SELECT {rows.Selected} FROM {table.Name} WHERE time < $1 ORDER BY time, position LIMIT $2", beforeMs, limit), row =>
        {
            rows.Take(row);
            dropped.Add([.. rows.Columns.Select((column, i) => column.IsTerm ? row.GetInt32(2 + i) : 0)]);
        });
        if (dropped.Count == 0) return 0;

        var orphans = new HashSet<(int Field, int Term)>();
        for (var i = 0; i < dropped.Count; i++)
        {
            Count(rows.Records[i], dropped[i]);
            for (var c = 0; c < dropped[i].Length; c++)
                if (dropped[i][c] > 0) orphans.Add((table.Columns[c].Number, dropped[i][c]));
        }
        await transaction.Ask([.. PrepareCounts(-1)]);

        // They are the first of the list, so that the last of them bounds them all.
        var last = rows.Records[^1];
        var identities = rows.Records.Select(record => LogTable<T>.IdentityKey(table.Kind.Identity.Text!(record)!)).ToArray();
        await transaction.Run(
        [
            new($"DELETE FROM {table.Name} WHERE time <= $1 AND (time, position) <= ($1, $2)", last.TimeMs, last.Position),
            new($"DELETE FROM {table.Name}_identity WHERE identity = ANY($1)", identities),
            new($"DELETE FROM {table.Name}_gone WHERE (time, position) <= ($1, $2)", last.TimeMs, last.Position),
            new("UPDATE logs SET fates = fates + 1 WHERE kind = $1", table.Name),
            .. counts.SelectMany(one => one.Write(-1)),
            new("INSERT INTO orphans SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING", orphans.Select(orphan => orphan.Field).ToArray(), orphans.Select(orphan => orphan.Term).ToArray()),
        ]);
        return dropped.Count;
    }

    /// <summary>What was found of a month that may go as a whole.</summary>
    public sealed record Month(string Partition, long FirstMs, long UntilMs, long Rows, long LastPosition);

    /// <summary>The oldest month, when all of it is before a time; null when there is none. Its names are noted, to be erased if nothing else has them.</summary>
    public async Task<Month?> OldestMonth(Transaction transaction, long beforeMs)
    {
        if (await table.OldestPartition(transaction) is not { } oldest || oldest.UntilMs > beforeMs) return null;
        var (rows, last) = (0L, 0L);
        await transaction.Each(new($"SELECT count(*), coalesce(max(position), 0) FROM {oldest.Name}"), row => (rows, last) = (row.GetInt64(0), row.GetInt64(1)));
        // What reads every record is read before the lock is taken.
        foreach (var kept in counts.Where(kept => !kept.IsByDay)) await transaction.Each(kept.AskWhole(table, oldest.Name, 0, 0), kept.AddWhole);
        await transaction.Run(table.Columns.Where(column => column.IsTerm).Select(column => new Sql($"INSERT INTO orphans SELECT DISTINCT {column.Number}, {column.Name} FROM {oldest.Name} WHERE {column.Name} <> 0 ON CONFLICT DO NOTHING")));
        return new(oldest.Name, oldest.FirstMs, oldest.UntilMs, rows, last);
    }

    /// <summary>Removes a month as a whole; false when records came to it meanwhile.</summary>
    public async Task<bool> Drop(Transaction transaction, Month month)
    {
        var (firstDay, untilDay) = (Span.Period(Spans.Day, month.FirstMs), Span.Period(Spans.Day, month.UntilMs));
        // Who reads the table just now is not waited for long, because writers wait here.
        await transaction.Run("SET LOCAL lock_timeout = '2s'");
        var (rows, last) = (0L, 0L);
        await transaction.Ask(
            (new($"SELECT coalesce(sum(count), 0)::bigint FROM {table.Name}_by_all WHERE span = {(int)Spans.Day} AND period >= $1 AND period < $2", firstDay, untilDay), row => rows = row.GetInt64(0)),
            (new($"SELECT coalesce(max(position), 0) FROM {month.Partition}"), row => last = row.GetInt64(0)));
        if (rows != month.Rows || last != month.LastPosition) return false;

        foreach (var kept in counts.Where(kept => kept.IsByDay)) await transaction.Each(kept.AskWhole(table, month.Partition, firstDay, untilDay), kept.AddWhole);
        await transaction.Ask([.. PrepareCounts(-1)]);
        await transaction.Run(
        [
            .. counts.SelectMany(kept => kept.Write(-1)),
            .. counts.Where(kept => kept.IsByDay).Select(kept => kept.RemoveDays(firstDay, untilDay)),
            new($"DELETE FROM {table.Name}_gone WHERE time >= $1 AND time < $2", month.FirstMs, month.UntilMs),
            new($"DROP TABLE {month.Partition}"),
            new("UPDATE logs SET erasures = erasures + 1, fates = fates + 1"),
        ]);
        return true;
    }

    public void Committed() => partitions.UnionWith(made);

    /// <summary>After a rollback nothing that this batch gathered was stored.</summary>
    public void Forget()
    {
        foreach (var kept in counts) kept.Forget();
        made.Clear();
    }

    /// <summary>After another process removed partitions.</summary>
    public void ForgetPartitions() => partitions.Clear();
}
