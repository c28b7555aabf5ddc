using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>
/// Writes one kind's records. Every call runs inside the transaction of who calls; after a rollback <see cref="Forget"/>
/// brings memory back to what is stored.
/// </summary>
sealed class LogWriter<T> where T : class, IRecord, new()
{
    readonly Connection writer;
    readonly LogTable<T> table;
    readonly TermNumbers terms;
    readonly Rows<T> rows;
    readonly KeptCounts<T>[] counts;
    readonly int[][] countedColumns;
    readonly Statement insert, index, unindex, findByIdentity, findTurn, oldest, delete, end, begin, deleteGone, orphan;

    readonly List<(long Key, int Start, int Length)> entries = [];
    byte[] tokens = new byte[64 * 1024];
    int tokensLength;
    long lastPosition = -1;
    long newestMs = -1;
    long turn;

    public LogWriter(Connection writer, LogTable<T> table, TermNumbers terms, Rows<T> rows)
    {
        (this.writer, this.table, this.terms, this.rows) = (writer, table, terms, rows);
        counts = [.. table.Rollups.Select(rollup => new KeptCounts<T>(writer, table, rollup))];
        countedColumns = [.. table.Rollups.Select(rollup => rollup.Fields.Select(field => Array.IndexOf(table.InRow, table[field])).ToArray())];

        var columns = string.Concat(table.InRow.Select(column => ", " + column.Name));
        var values = string.Concat(Enumerable.Repeat(", ?", table.InRow.Length));
        insert = writer.Prepare($"INSERT INTO {table.Name} (key, position{columns}) VALUES (?, ?{values}) ON CONFLICT (\"{table.Kind.Identity.Name}\") DO NOTHING");
        index = writer.Prepare($"INSERT INTO {table.Name}_index (rowid, tokens) VALUES (?, ?)");
        unindex = writer.Prepare($"INSERT INTO {table.Name}_index ({table.Name}_index, rowid, tokens) VALUES ('delete', ?, ?)");
        findByIdentity = writer.Prepare($"SELECT key, position{columns} FROM {table.Name} WHERE \"{table.Kind.Identity.Name}\" = ?");
        findTurn = writer.Prepare($"SELECT max(key) FROM {table.Name} WHERE key < ?");
        oldest = writer.Prepare($"SELECT key, position{columns} FROM {table.Name} WHERE key < ? ORDER BY key LIMIT ?");
        delete = writer.Prepare($"DELETE FROM {table.Name} WHERE key = ?");
        end = writer.Prepare($"INSERT INTO {table.Name}_gone (subject, key) VALUES (?, ?) ON CONFLICT DO UPDATE SET key = excluded.key");
        begin = writer.Prepare($"DELETE FROM {table.Name}_gone WHERE subject = ?");
        deleteGone = writer.Prepare($"DELETE FROM {table.Name}_gone WHERE key = ?");
        orphan = writer.Prepare("INSERT OR IGNORE INTO orphans (field, term) VALUES (?, ?)");
    }

    public long LastPosition => lastPosition >= 0 ? lastPosition : lastPosition = writer.Number(table.LastPosition);

    public void Append(List<T> records, Outcome[] outcomes)
    {
        Span<long> numbers = stackalloc long[table.InRow.Length];
        for (var i = 0; i < records.Count; i++)
        {
            outcomes[i] = Append(records[i], numbers);
            if (outcomes[i] == Outcome.Stored) Count(records[i], numbers);
        }
        WriteIndex(index);
        foreach (var kept in counts) kept.Write(1);
    }

    Outcome Append(T record, Span<long> numbers)
    {
        var key = NextKey(record.TimeMs);
        if (key < 0) return CompareWithStored(record) ?? Outcome.Crowded;

        insert.Bind(1, key).Bind(2, LastPosition + 1);
        for (var i = 0; i < numbers.Length; i++)
        {
            var column = table.InRow[i];
            numbers[i] = 0;
            if (column.Field.IsText)
            {
                var text = column.Field.Text!(record);
                if (text is null) insert.BindNull(3 + i);
                else if (column.IsTerm) insert.Bind(3 + i, numbers[i] = terms.Number(column.Number, text));
                else Pack.Bind(insert, 3 + i, text);
            }
            else
            {
                var number = column.Field.Number!(record);
                // A second time is kept as its distance from the first: a few bytes less in every record.
                if (column.Field.Type == FieldType.Time) number -= record.TimeMs;
                insert.Bind(3 + i, number);
            }
        }
        insert.Run();

        if (writer.Changes == 0)
            return CompareWithStored(record) ?? throw new InvalidDataException("A record was refused as known and is not there; the database is damaged.");

        Took(record.TimeMs);
        record.Position = ++lastPosition;
        AddTokens(key, record, numbers);
        if (table.Kind.Fate(record) is { } fate)
        {
            if (fate.Ends) end.Bind(1, fate.Subject).Bind(2, key).Run();
            else if (fate.Begins) begin.Bind(1, fate.Subject).Run();
            record.SubjectExists = !fate.Ends;
        }
        return Outcome.Stored;
    }

    /// <summary>What the record is to the one that is stored under its identity; null when there is none.</summary>
    Outcome? CompareWithStored(T record)
    {
        Pack.Bind(findByIdentity, 1, table.Kind.Identity.Text!(record));
        if (!findByIdentity.Step()) return null;
        var stored = rows.Read(findByIdentity, null);
        findByIdentity.Reset();
        record.Position = stored.Position;
        return table.Kind.IsRepeat(stored, record) ? Outcome.Duplicate : Outcome.Conflict;
    }

    /// <summary>The next free turn of a millisecond; -1 when there is none.</summary>
    long NextKey(long ms)
    {
        var first = SortKey.First(ms);
        if (ms == newestMs) return turn < SortKey.Turns ? first + turn : -1;
        if (ms > newestMs && newestMs >= 0) return first;

        findTurn.Bind(1, first + SortKey.Turns);
        var last = findTurn.Step() && !findTurn.IsNull(0) ? findTurn.Integer(0) : -1;
        findTurn.Reset();
        if (last < first) return first;
        return last + 1 < first + SortKey.Turns ? last + 1 : -1;
    }

    void Took(long ms)
    {
        if (ms == newestMs) turn++;
        else if (newestMs < 0)
        {
            var newest = writer.Number($"SELECT coalesce(max(key), 0) FROM {table.Name}");
            newestMs = SortKey.Ms(newest);
            turn = (newest & (SortKey.Turns - 1)) + 1;
        }
        else if (ms > newestMs) (newestMs, turn) = (ms, 1);
    }

    void AddTokens(long key, T record, ReadOnlySpan<long> numbers)
    {
        var most = table.Indexed.Length * 32;
        if (tokens.Length - tokensLength < most) Array.Resize(ref tokens, Math.Max(tokens.Length * 2, tokens.Length + most));
        var line = new Utf8Line(tokens.AsSpan(tokensLength));
        for (var i = 0; i < numbers.Length; i++)
        {
            var column = table.InRow[i];
            if (!column.Field.IsIndexed || column.Field == table.Kind.Identity) continue;
            if (column.IsTerm)
            {
                if (numbers[i] == 0 && column.Field.AbsentName is null) continue;
                column.AppendToken(ref line, numbers[i]);
            }
            else if (column.Field.Text!(record) is { } text) line.Append(column.Token(text));
            else continue;
            line.Append(" ");
        }
        entries.Add((key, tokensLength, line.Length));
        tokensLength += line.Length;
    }

    void Count(T record, ReadOnlySpan<long> numbers)
    {
        Span<long> counted = stackalloc long[Cell.MostFields];
        for (var i = 0; i < counts.Length; i++)
        {
            var columns = countedColumns[i];
            for (var j = 0; j < columns.Length; j++) counted[j] = numbers[columns[j]];
            counts[i].Add(record, counted[..columns.Length]);
        }
    }

    /// <summary>In ascending order of rowid, which is what lets the index gather a whole batch before it writes.</summary>
    void WriteIndex(Statement statement)
    {
        entries.Sort(static (a, b) => a.Key.CompareTo(b.Key));
        foreach (var (key, start, length) in entries) statement.Bind(1, key).BindUtf8(2, tokens.AsSpan(start, length)).Run();
        entries.Clear();
        tokensLength = 0;
    }

    public int Drop(long beforeMs, int limit)
    {
        var last = LastPosition;
        var dropped = new List<(long Key, T Record, long[] Numbers)>();
        oldest.Bind(1, SortKey.First(beforeMs)).Bind(2, limit);
        while (oldest.Step())
        {
            var numbers = new long[table.InRow.Length];
            for (var i = 0; i < numbers.Length; i++)
                if (table.InRow[i].IsTerm) numbers[i] = oldest.IntegerOrNull(2 + i) ?? 0;
            dropped.Add((oldest.Integer(0), rows.Read(oldest, null), numbers));
        }

        var orphans = new HashSet<(int Field, long Term)>();
        foreach (var (key, record, numbers) in dropped)
        {
            AddTokens(key, record, numbers);
            Count(record, numbers);
            delete.Bind(1, key).Run();
            deleteGone.Bind(1, key).Run();
            for (var i = 0; i < numbers.Length; i++)
                if (numbers[i] > 0) orphans.Add((table.InRow[i].Number, numbers[i]));
        }
        WriteIndex(unindex);
        foreach (var kept in counts) kept.Write(-1);
        foreach (var (field, term) in orphans) orphan.Bind(1, field).Bind(2, term).Run();

        // The last position must outlive its record: no later record may get it again.
        if (dropped.Count > 0) writer.Run($"INSERT INTO positions (kind, value) VALUES ('{table.Name}', {last}) ON CONFLICT DO UPDATE SET value = excluded.value");
        newestMs = -1;
        return dropped.Count;
    }

    /// <summary>After a rollback nothing that this call gathered was stored.</summary>
    public void Forget()
    {
        entries.Clear();
        tokensLength = 0;
        lastPosition = newestMs = -1;
        foreach (var kept in counts) kept.Forget();
    }
}
