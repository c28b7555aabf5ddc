using Cairn.Records;

namespace Cairn.Storage.Postgres;

/// <summary>One kind's log in PostgreSQL. A read is one transaction, in one state of the database.</summary>
sealed class PostgresLog<T>(PostgresLogStore store, Database database, LogTable<T> table, LogWriter<T> writer, TermTexts texts) : ILog<T> where T : class, IRecord, new()
{
    /// <summary>Positions that a tail looks at in one read.</summary>
    const int MostExamined = 50_000;

    /// <summary>Rows that a tail brings here and looks at in memory, instead of asking for those that match.</summary>
    const int FewRows = 500;

    readonly bool hasFates = table.Kind.Fields.Any(field => field.Name == "resourceExists");

    public Kind<T> Kind => table.Kind;

    readonly KnownTerms known = new();
    readonly KnownFates knownFates = new();

    public SearchTexts SearchTexts { get; } = new();

    public LogTable<T> Table => table;

    /// <summary>Reads by a plan; once more, by one that was asked for, where what it was made with does not hold any longer.</summary>
    Task<TResult> Read<TResult>(Filter<T> filter, Func<Transaction, Plan<T>, Task<TResult>> read, CancellationToken cancel) => database.Read(async transaction =>
    {
        for (var believe = true; ; believe = false)
        {
            var plan = await Plan<T>.Make(transaction, table, SearchTexts, known, believe, filter);
            var result = await read(transaction, plan);
            if (plan.Holds) return result;
            known.Forget();
            await transaction.End();
        }
    }, cancel, table.Keep);

    public Task<T?> Find(string identity, CancellationToken cancel) => database.Read(async transaction =>
    {
        var rows = new Rows<T>(table, texts);
        await transaction.Each(new($"SELECT {rows.Selected} FROM {table.Name} WHERE (time, position) = (SELECT time, position FROM {table.Name}_identity WHERE identity = $1)", LogTable<T>.IdentityKey(identity)), row => rows.Take(row));
        await Finish(transaction, rows, null);
        return rows.Records.SingleOrDefault();
    }, cancel);

    public Task<Page<T>> Read(PageRequest<T> request, CancellationToken cancel) => Read(request.Filter, async (transaction, plan) =>
    {
        var rows = new Rows<T>(table, texts, request.Fields is null ? null : [.. table.Columns.Where(column => request.Fields.Contains(column.Field))]);
        var (total, asOf) = (0L, 0L);
        List<(Sql, Action<Npgsql.NpgsqlDataReader>)> questions = [];
        var isPlain = plan.IsPlain && request.Before is null;
        if (!plan.Nothing)
        {
            var sql = new Sql();
            var where = isPlain ? plan.Newest(sql) : plan.Where(sql, plan.FirstMs, plan.UntilMs);
            if (request.Before is { } before)
            {
                // Records go oldest first: where the one that the last page ended at is gone, so is everything after it in the list.
                if (await transaction.NumberOrNull(new($"SELECT time FROM {table.Name} WHERE position = $1", before)) is { } at) where += $" AND time <= {sql.Value(at)} AND (time, position) < ({sql.Value(at)}, {sql.Value(before)})";
                else where += " AND false";
            }
            // One more than asked for tells whether the list goes on.
            sql.Append($"SELECT {rows.Selected} FROM {table.Name}{where}{(isPlain ? "" : " ORDER BY time DESC, position DESC")} LIMIT {sql.Value(request.Limit + 1L)}{(request.Skip > 0 ? $" OFFSET {sql.Value(request.Skip)}" : "")}");
            questions.Add((sql, row => rows.Take(row)));
        }
        // Nothing has such a value: so it is in any state.
        if (plan.IsAnswered) asOf = long.MaxValue;
        else questions.Add(plan.Check(request.Counted, (count, last) => (total, asOf) = (count, request.Counted ? last : 0)));
        // What is believed to be known makes this the only trip.
        if (plan.IsBelieved && isPlain) await transaction.AskPlainly(questions);
        else if (plan.IsBelieved) await transaction.AskLast(questions);
        else await transaction.Ask(questions);
        var more = rows.Records.Count > request.Limit;
        if (plan.IsBelieved && !rows.AreNamed) plan.Holds = false;
        if (plan.Holds) await Finish(transaction, rows, request.Fields, plan.Fates);
        if (more) rows.Records.RemoveAt(request.Limit);
        long? next = more ? rows.Records[^1].Place : null;
        if (request.AsOf is { } state) rows.Records.RemoveAll(record => record.Position > state);
        return new Page<T>(rows.Records, next, total, asOf);
    }, cancel);

    public Task<Tail<T>> Follow(Filter<T> filter, long after, int limit, CancellationToken cancel) => database.Read(async transaction =>
    {
        var last = await transaction.Number(new("SELECT last_position FROM logs WHERE kind = $1", table.Name));
        if (last <= after) return new Tail<T>([], after);

        // 1. Past what was dropped.
        var next = await transaction.NumberOrNull(new($"SELECT position FROM {table.Name} WHERE position > $1 ORDER BY position LIMIT 1", after));
        if (next is null) return new Tail<T>([], last);
        var until = Math.Min(last, next.Value - 1 + MostExamined);

        // 2. A few rows are quickly looked at; of many, those that match are asked for.
        var rows = new Rows<T>(table, texts);
        var few = last - next.Value < FewRows || filter.IsEverything;
        var sql = new Sql();
        var where = few ? " WHERE true" : "";
        if (!few)
        {
            var plan = await Plan<T>.Make(transaction, table, SearchTexts, known, believe: false, filter);
            if (plan.Nothing) return new Tail<T>([], until);
            where = plan.Where(sql, plan.FirstMs, plan.UntilMs);
        }
        sql.Append($"SELECT {rows.Selected} FROM {table.Name}{where} AND position >= {sql.Value(next.Value)} AND position <= {sql.Value(until)} ORDER BY position LIMIT {sql.Value(few && !filter.IsEverything ? FewRows : limit)}");
        await transaction.Each(sql, row => rows.Take(row));
        await Finish(transaction, rows, null);
        if (!few || filter.IsEverything) return new Tail<T>(rows.Records, rows.Records.Count == limit ? rows.Records[^1].Position : until);

        var found = rows.Records.Where(record => filter.Matches(Kind, record)).Take(limit).ToList();
        return new Tail<T>(found, found.Count == limit ? found[^1].Position : until);
    }, cancel);

    public Task<long> LastPosition(CancellationToken cancel) => database.Read(async transaction =>
    {
        var last = 0L;
        await transaction.AskLast((new("SELECT last_position FROM logs WHERE kind = $1", table.Name), row => last = row.GetInt64(0)));
        return last;
    }, cancel);

    public Task<long> Count(Filter<T> filter, CancellationToken cancel) => Read(filter, async (transaction, plan) =>
    {
        var total = 0L;
        if (!plan.IsAnswered) await transaction.AskLast(plan.Check(isCounted: true, (count, _) => total = count));
        return total;
    }, cancel);

    public Task<Summary<T>> Summarise(Filter<T> filter, IReadOnlyList<Field<T>[]> groupings, bool percentiles, CancellationToken cancel) => database.Read(async transaction =>
        await new Totals<T>(await Plan<T>.Make(transaction, table, SearchTexts, known, believe: false, filter)).Summarise(transaction, groupings, percentiles, texts), cancel, table.Keep);

    public Task<int> Drop(long beforeMs, int limit, CancellationToken cancel) => store.Change(transaction => writer.Drop(transaction, beforeMs, limit), cancel);

    public Task<long> DropPiece(long beforeMs, CancellationToken cancel) => store.DropMonth(table, beforeMs, cancel);

    public Task<int> Sweep(int limit, CancellationToken cancel) => store.Sweep(table, limit, cancel);

    public Task<long?> OldestMs(CancellationToken cancel) => database.Read(transaction => transaction.NumberOrNull(new($"SELECT time FROM {table.Name} ORDER BY time LIMIT 1")), cancel);

    /// <param name="fates">How often it had changed which things are gone; null when that is not known.</param>
    async Task Finish(Transaction transaction, Rows<T> rows, IReadOnlyList<Field<T>>? fields, long? fates = null)
    {
        await rows.Name(transaction);
        if (!hasFates || (fields is not null && !fields.Any(field => field.Name == "resourceExists"))) return;
        var subjects = rows.Records.Select(Kind.Fate).OfType<Fate>().Select(fate => fate.Subject).ToHashSet(StringComparer.Ordinal);
        if (subjects.Count == 0) return;
        var gone = fates is { } count ? knownFates.Gone(count, subjects) : null;
        if (gone is null)
        {
            var keys = subjects.ToDictionary(subject => Convert.ToHexString(LogTable<T>.SubjectKey(subject)), StringComparer.Ordinal);
            gone = new(StringComparer.Ordinal);
            await transaction.AskLast(
                (new($"SELECT subject FROM {table.Name}_gone WHERE subject = ANY($1)", keys.Keys.Select(Convert.FromHexString).ToArray()), row => gone.Add(keys[Convert.ToHexString(row.GetFieldValue<byte[]>(0))])),
                (new("SELECT fates FROM logs WHERE kind = $1", table.Name), row => knownFates.Learn(row.GetInt64(0), subjects, gone)));
        }
        foreach (var record in rows.Records)
            if (Kind.Fate(record) is { } fate) record.SubjectExists = !gone.Contains(fate.Subject);
    }
}
