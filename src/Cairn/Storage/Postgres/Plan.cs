using System.Globalization;
using System.Text;
using Cairn.Records;

namespace Cairn.Storage.Postgres;

/// <summary>A condition with its texts turned into term numbers.</summary>
sealed record TermCondition<T>(Column<T> Column, int[] Any, int[] None, bool HasAny);

/// <summary>
/// How a filter is asked: which rows (<see cref="Where"/>), and of which kept counts. Made inside the read that uses it. Made of
/// what was known before it costs no trip to the server; whoever reads by it then asks <see cref="Check"/> too, and reads again
/// where it no longer <see cref="Holds"/>.
/// </summary>
sealed class Plan<T> where T : class, IRecord, new()
{
    readonly List<Func<Sql, string>> conditions = [];

    Plan(LogTable<T> table, Filter<T> filter)
    {
        (Table, Filter) = (table, filter);
        FirstMs = Math.Max(0, filter.FromMs ?? 0);
        UntilMs = filter.UntilMs ?? long.MaxValue;
    }

    public LogTable<T> Table { get; }

    public Filter<T> Filter { get; }

    /// <summary>Nothing can match.</summary>
    public bool Nothing { get; private set; }

    public long FirstMs { get; }

    public long UntilMs { get; }

    public bool HasRange => FirstMs > 0 || UntilMs < long.MaxValue;

    public List<TermCondition<T>> Terms { get; } = [];

    /// <summary>True when every condition is on terms, so that kept counts may answer.</summary>
    public bool OnlyTerms { get; private set; } = true;

    /// <summary>The terms that contain the text searched for; empty without a search.</summary>
    public List<(Column<T> Column, int[] Terms)> Found { get; private set; } = [];

    /// <summary>True when the filter is a search and nothing else that counts know nothing of.</summary>
    public bool OnlySearch => Filter.Search is not null && Filter.Conditions.Count == 0 && Filter.Identity is null && !HasRange && !searchesIdentity;

    bool searchesIdentity;

    /// <summary>True for "everything", and for one value of one field: an index has that in the order of the list, however frequent it is.</summary>
    public bool IsPlain => OnlyTerms && !HasRange && Filter.Search is null && Terms.Count <= 1 && Terms.TrueForAll(term => term.Any.Length == 1 && term.None.Length == 0);

    /// <summary>
    /// The newest rows of a plain filter, as SQL from WHERE on. The field's own index is the only one in the order that this asks
    /// for; told of an equal value, a server that keeps the plan might walk the whole list for a rare one.
    /// </summary>
    public string Newest(Sql sql)
    {
        if (Terms is not [var term]) return " ORDER BY time DESC, position DESC";
        var (column, value) = (term.Column.Name, sql.Value(term.Any[0]));
        return $" WHERE {column} >= {value} AND {column} <= {value}{(term.Any[0] == 0 ? "" : $" AND {column} <> 0")} ORDER BY {column} DESC, time DESC, position DESC";
    }

    /// <summary>The last term of each field.</summary>
    public IReadOnlyDictionary<int, int> LastTerms { get; private set; } = new Dictionary<int, int>();

    /// <summary>False when what it was made with is not so any longer.</summary>
    public bool Holds { get; set; } = true;

    /// <summary>How often it had changed which things are gone, in the state that was read.</summary>
    public long Fates { get; private set; }

    /// <summary>True when it was made without asking.</summary>
    public bool IsBelieved { get; private set; }

    /// <summary>True when making it has told that nothing matches, so that there is nothing left to ask.</summary>
    public bool IsAnswered => Nothing && !IsBelieved;

    /// <summary>
    /// Asks how many match, how far the log goes and whether the plan holds: in one row, because each statement more is work
    /// for the server beside its answer.
    /// </summary>
    /// <param name="isCounted">Whether the number is asked for; 0 stands for it otherwise.</param>
    /// <param name="state">Is told the number and the last position.</param>
    public (Sql, Action<Npgsql.NpgsqlDataReader>) Check(bool isCounted, Action<long, long> state)
    {
        // Beyond so many terms a kept count no longer tells them apart.
        var limit = Table.Rollups.Min(rollup => rollup.MostTerms);
        var few = Terms.Select(term => term.Column.Number).Where(number => LastTerms[number] <= limit).ToArray();
        var sql = new Sql();
        sql.Append($"SELECT {(isCounted ? new Totals<T>(this).Count(sql) : "0::bigint")}, last_position, erasures, EXISTS (SELECT FROM fields WHERE number = ANY({sql.Value(few)}) AND last_term > {limit}), fates FROM logs WHERE kind = {sql.Value(Table.Name)}");
        return (sql, row =>
        {
            state(row.GetInt64(0), row.GetInt64(1));
            Holds &= row.GetInt64(2) == erasures && !row.GetBoolean(3);
            Fates = row.GetInt64(4);
        });
    }

    long erasures;

    /// <param name="believe">Whether what is known from before will do.</param>
    public static async Task<Plan<T>> Make(Transaction transaction, LogTable<T> table, SearchTexts searchTexts, KnownTerms known, bool believe, Filter<T> filter)
    {
        var plan = new Plan<T>(table, filter);

        // 1. What has to be known: the texts' numbers, and where one record is.
        var texts = filter.Conditions.SelectMany(condition => condition.Any.Concat(condition.None).Select(text => (table[condition.Field], text))).Where(pair => pair.Item1.IsTerm).Select(pair => (pair.Item1.Number, pair.text)).Distinct().ToArray();
        var numbers = new Dictionary<(int, string), int>();
        var place = (Time: -1L, Position: -1L);
        var state = believe && filter.Identity is null ? known.Believed : null;
        if (state is not null && Array.TrueForAll(texts, text => state.Numbers.ContainsKey(text)))
        {
            foreach (var text in texts) numbers[text] = state.Numbers[text];
            (plan.IsBelieved, plan.erasures, plan.LastTerms) = (true, state.Erasures, state.LastTerms);
        }
        else
        {
            var lastTerms = new Dictionary<int, int>();
            List<(Sql, Action<Npgsql.NpgsqlDataReader>)> questions = [(new("SELECT number, last_term, erasures FROM fields JOIN logs USING (kind) WHERE kind = $1", table.Name), row => (lastTerms[row.GetInt32(0)], plan.erasures) = (row.GetInt32(1), row.GetInt64(2)))];
            if (texts.Length > 0) questions.Add((TermNumbers.Look(texts), row => numbers[(row.GetInt32(0), row.GetString(1))] = row.GetInt32(2)));
            if (filter.Identity is { } identity) questions.Add((new($"SELECT time, position FROM {table.Name}_identity WHERE identity = $1", LogTable<T>.IdentityKey(identity)), row => place = (row.GetInt64(0), row.GetInt64(1))));
            await transaction.Ask(questions);
            known.Learn(plan.erasures, lastTerms, numbers);
            plan.LastTerms = lastTerms;
        }

        // 2. An identity names its one record.
        if (filter.Identity is not null)
        {
            plan.OnlyTerms = false;
            plan.Nothing |= place.Position < 0;
            plan.conditions.Add(sql => $"time = {sql.Value(place.Time)} AND position = {sql.Value(place.Position)}");
        }

        // 3. Conditions; one that no term can meet ends it here.
        foreach (var condition in filter.Conditions) plan.Add(condition, numbers);

        // 4. A text search becomes the terms that contain it.
        if (filter.Search is { } search && !plan.Nothing) await plan.Add(transaction, searchTexts, search);
        return plan;
    }

    void Add(Condition<T> condition, Dictionary<(int, string), int> numbers)
    {
        var column = Table[condition.Field];
        if (!column.IsTerm)
        {
            OnlyTerms = false;
            var wanted = condition.Any.Except(condition.None).ToArray();
            if (condition.Any.Count > 0)
            {
                Nothing |= wanted.Length == 0;
                conditions.Add(sql => "(" + string.Join(" OR ", wanted.Select(text => sql.Value(text)).Select(text => $"(hashtextextended({column.Name}, 0) = hashtextextended({text}, 0) AND {column.Name} = {text})")) + ")");
            }
            else if (condition.None.Count > 0) conditions.Add(sql => $"({column.Name} IS NULL OR {column.Name} <> ALL({sql.Value(condition.None.ToArray())}))");
            return;
        }

        var none = Numbers(condition.None);
        var any = Numbers(condition.Any).Except(none).ToArray();
        var term = new TermCondition<T>(column, any, none, condition.Any.Count > 0);
        Terms.Add(term);
        Nothing |= condition.Any.Count > 0 && any.Length == 0;
        conditions.Add(sql => In(term, sql));

        int[] Numbers(IEnumerable<string> texts)
        {
            var found = new List<int>();
            foreach (var text in texts)
            {
                if (text == column.Field.AbsentName) found.Add(0);
                if (numbers.TryGetValue((column.Number, text), out var number)) found.Add(number);
            }
            return [.. found];
        }
    }

    static string In(TermCondition<T> term, Sql sql)
    {
        var (column, text) = (term.Column, new List<string>());
        // Absent values are in no index of theirs, which the server has to be told to use it.
        if (term.HasAny) text.Add($"{column.Name} = {(term.Any.Length == 1 ? sql.Value(term.Any[0]) : $"ANY({sql.Value(term.Any)})")}{(term.Any.Contains(0) ? "" : $" AND {column.Name} <> 0")}");
        if (term.None.Length > 0) text.Add($"{column.Name} <> ALL({sql.Value(term.None)})");
        return text.Count == 0 ? "true" : string.Join(" AND ", text);
    }

    async Task Add(Transaction transaction, SearchTexts searchTexts, string search)
    {
        OnlyTerms = false;
        var ways = new List<Func<Sql, string>>();
        foreach (var column in Table.Searched)
        {
            var found = await searchTexts.Find<T>(transaction, column, search);
            if (found.Count == 0) continue;
            var terms = found.Each().Select(term => (int)term).ToArray();
            Found.Add((column, terms));
            ways.Add(sql => $"({column.Name} = ANY({sql.Value(terms)}) AND {column.Name} <> 0)");
        }

        if (Table.Kind.Identity.Search == Search.Identity)
        {
            var identity = Table[Table.Kind.Identity].Name;
            // Identities with letters beyond ASCII are few, and the server's idea of "any case" is not Cairn's.
            var foreign = new List<string>();
            await transaction.Each(new($"SELECT {identity} FROM {Table.Name} WHERE octet_length({identity}) <> char_length({identity})"), row =>
            {
                if (Filter<T>.Contains(Table.Kind.Identity, row.GetString(0), search)) foreign.Add(row.GetString(0));
            });
            if (foreign.Count > 0) ways.Add(sql => $"{identity} = ANY({sql.Value(foreign.ToArray())})");
            if (Ascii.IsValid(search)) ways.Add(sql => $"strpos(lower({identity}), {sql.Value(search.ToLowerInvariant())}) > 0");
            searchesIdentity = foreign.Count > 0 || Ascii.IsValid(search);
        }

        if (ways.Count == 0) Nothing = true;
        else conditions.Add(sql => "(" + string.Join(" OR ", ways.Select(way => way(sql))) + ")");
    }

    /// <summary>The rows between two times that match, as SQL from WHERE on.</summary>
    public string Where(Sql sql, long firstMs, long untilMs)
    {
        var where = new StringBuilder(" WHERE true");
        if (firstMs > 0) where.Append(CultureInfo.InvariantCulture, $" AND time >= {sql.Value(firstMs)}");
        if (untilMs < long.MaxValue) where.Append(CultureInfo.InvariantCulture, $" AND time < {sql.Value(untilMs)}");
        foreach (var condition in conditions) where.Append(" AND ").Append(condition(sql));
        return where.ToString();
    }
}
