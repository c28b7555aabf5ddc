using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>One kind's log in SQLite. Reads go through the readers of its file; what writes goes through the store's one writer.</summary>
sealed class SqliteLog<T>(SqliteLogStore store, RecordFile file, LogTable<T> table, TermTexts texts) : ILog<T> where T : class, IRecord, new()
{
    /// <summary>Rows that a tail looks at in one read.</summary>
    const int MostExamined = 10_000;

    readonly string columns = string.Concat(table.InRow.Select(column => ", " + column.Name));
    readonly bool hasFates = table.Kind.Fields.Any(field => field.Name == "resourceExists");

    public Kind<T> Kind => table.Kind;

    public Task<T?> Find(string identity, CancellationToken cancel) => file.Read(reader =>
    {
        return table.FindKey(reader, identity) is { } key ? Load(reader, [key], null).SingleOrDefault() : null;
    }, cancel);

    public Task<Page<T>> Read(PageRequest<T> request, CancellationToken cancel) => file.Read(reader =>
    {
        var plan = new Plan<T>(reader, table, request.Filter);
        var (until, skip) = (request.Before ?? long.MaxValue, request.Skip);
        var totals = new Totals<T>(reader, table, plan);
        var (total, asOf) = request.Counted ? (totals.Count(), reader.Number(table.LastPosition)) : (0, 0);
        if (request.Before is null) (until, skip) = totals.PassOver(skip);
        // One more than asked for tells whether the list goes on.
        List<long> keys = [.. plan.Keys(reader, plan.FirstKey, Math.Min(until, plan.UntilKey), skip, request.Limit + 1L)];
        var more = keys.Count > request.Limit;
        if (more) keys.RemoveAt(request.Limit);
        var records = Load(reader, keys, request.Fields);
        if (request.AsOf is { } state) records.RemoveAll(record => record.Position > state);
        return new Page<T>(records, more ? keys[^1] : null, total, asOf);
    }, cancel);

    public Task<Tail<T>> Follow(Filter<T> filter, long after, int limit, CancellationToken cancel) => file.Read(reader =>
    {
        var rows = Rows(reader);
        var found = new List<T>();
        var examined = after;
        var walk = reader.Statement($"SELECT key, position{columns} FROM {table.Name} WHERE position > ? ORDER BY position LIMIT ?").Bind(1, after).Bind(2, MostExamined);
        while (found.Count < limit && walk.Step())
        {
            examined = walk.Integer(1);
            var record = rows.Read(walk, null);
            if (filter.Matches(Kind, record)) found.Add(record);
        }
        walk.Reset();
        // Whatever came behind it is gone.
        if (examined == after) examined = Math.Max(after, reader.Number(table.LastPosition));
        MarkGone(reader, found);
        return new Tail<T>(found, examined);
    }, cancel);

    public Task<long> LastPosition(CancellationToken cancel) => file.Read(reader => reader.Number(table.LastPosition), cancel);

    public Task<long> Count(Filter<T> filter, CancellationToken cancel) => file.Read(reader =>
        new Totals<T>(reader, table, new(reader, table, filter)).Count(), cancel);

    public Task<Summary<T>> Summarise(Filter<T> filter, IReadOnlyList<Field<T>[]> groupings, bool percentiles, CancellationToken cancel) => file.Read(reader =>
        new Totals<T>(reader, table, new(reader, table, filter)).Summarise(groupings, percentiles, (field, term) => texts.Text(reader, field, term)), cancel);

    public Task<int> Drop(long beforeMs, int limit, CancellationToken cancel) => store.Write(() => store.Writer(this).Drop(beforeMs, limit), cancel);

    public Task<int> Sweep(int limit, CancellationToken cancel) => store.Write(() => store.Sweeper.Sweep(table, limit), cancel);

    public Task<long?> OldestMs(CancellationToken cancel) => file.Read<long?>(reader =>
    {
        var find = reader.Statement($"SELECT min(key) FROM {table.Name}");
        find.Step();
        var key = find.IntegerOrNull(0);
        find.Reset();
        return key is { } oldest ? SortKey.Ms(oldest) : null;
    }, cancel);

    Rows<T> Rows(Reader reader) => new(table, (field, term) => texts.Text(reader, field, term));

    List<T> Load(Reader reader, List<long> keys, IReadOnlyList<Field<T>>? fields)
    {
        var rows = Rows(reader);
        var places = fields is null ? null : table.InRow.Index().Where(column => fields.Contains(column.Item.Field)).Select(column => column.Index).ToArray();
        var selected = places is null ? columns : string.Concat(places.Select(place => ", " + table.InRow[place].Name));
        var one = reader.Statement($"SELECT key, position{selected} FROM {table.Name} WHERE key = ?");
        var records = new List<T>(keys.Count);
        foreach (var key in keys)
        {
            if (!one.Bind(1, key).Step()) throw new InvalidDataException($"The index of {table.Name} names a record that is not there; the database is damaged.");
            records.Add(rows.Read(one, places));
            one.Reset();
        }
        if (fields is null || fields.Any(field => field.Name == "resourceExists")) MarkGone(reader, records);
        return records;
    }

    void MarkGone(Reader reader, List<T> records)
    {
        if (!hasFates) return;
        var find = reader.Statement($"SELECT 1 FROM {table.Name}_gone WHERE subject = ?");
        foreach (var record in records)
        {
            if (Kind.Fate(record) is not { } fate) continue;
            record.SubjectExists = !find.Bind(1, fate.Subject).Step();
            if (!record.SubjectExists) find.Reset();
        }
    }
}
