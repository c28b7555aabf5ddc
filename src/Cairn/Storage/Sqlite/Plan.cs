using System.Text;
using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>A condition with its texts turned into term numbers.</summary>
sealed record TermCondition<T>(Column<T> Column, long[] Any, long[] None, bool HasAny);

/// <summary>
/// How a filter is answered: by the index (<see cref="Match"/>), by looking at rows (<see cref="Where"/>, and
/// <see cref="Found"/> for what SQL cannot say), or both. Made inside the read that uses it.
/// </summary>
sealed class Plan<T> where T : class, IRecord, new()
{
    /// <summary>Looking one term up in the index costs about as much as looking at this many rows.</summary>
    const long RowsPerTerm = 150;

    /// <summary>Rows that a page looks at before it asks the index.</summary>
    const int FirstLook = 750;

    readonly LogTable<T> table;
    readonly List<object> whereValues = [];

    public Plan(Reader reader, LogTable<T> table, Filter<T> filter)
    {
        (this.table, Filter) = (table, filter);
        FirstKey = filter.FromMs is { } from ? SortKey.First(from) : 0;
        UntilKey = filter.UntilMs is { } until ? SortKey.First(until) : long.MaxValue;

        // 1. An identity narrows the range to its one record.
        if (filter.Identity is { } identity)
        {
            OnlyTerms = false;
            if (table.FindKey(reader, identity) is { } key) (FirstKey, UntilKey) = (Math.Max(FirstKey, key), Math.Min(UntilKey, key + 1));
            else Nothing = true;
        }

        // 2. Conditions on terms become numbers; one that no term can meet ends it here.
        foreach (var condition in filter.Conditions) Add(reader, condition);

        // 3. A text search becomes the terms that contain it.
        if (filter.Search is { } search && !Nothing) Add(reader, search);

        // 4. What is excluded goes to the index when something is asked of it, to the rows when not.
        if (positives.Count > 0)
        {
            var match = string.Join(" AND ", positives);
            Match = negatives.Count > 0 ? $"({match}) NOT ({string.Join(" OR ", negatives)})" : match;
        }
        else foreach (var exclusion in exclusions) exclusion();
        Where = where.ToString();
    }

    readonly List<string> positives = [];
    readonly List<string> negatives = [];
    readonly List<Action> exclusions = [];
    readonly StringBuilder where = new();

    public Filter<T> Filter { get; }

    /// <summary>Nothing can match.</summary>
    public bool Nothing { get; private set; }

    public long FirstKey { get; }

    public long UntilKey { get; }

    /// <summary>What the index is asked; null when it is not.</summary>
    public string? Match { get; private set; }

    /// <summary>What rows are asked, beginning with AND; empty when they are not.</summary>
    public string Where { get; private set; } = "";

    /// <summary>The terms that contain the text searched for, by column; only where rows must be looked at one by one.</summary>
    public List<(Column<T> Column, TermSet Terms)> Found { get; private set; } = [];

    /// <summary>The records' own identity is searched too.</summary>
    public bool SearchesIdentity { get; private set; }

    public bool LooksAtRows => Found.Count > 0 || SearchesIdentity;

    public List<TermCondition<T>> Terms { get; } = [];

    /// <summary>True when every condition is on terms, so that kept counts may answer.</summary>
    public bool OnlyTerms { get; private set; } = true;

    void Add(Reader reader, Condition<T> condition)
    {
        var column = table[condition.Field];
        if (!column.IsTerm)
        {
            OnlyTerms = false;
            if (condition.Any.Count > 0) positives.Add(AnyOf(condition.Any.Except(condition.None).Select(column.Token)));
            negatives.AddRange(condition.None.Select(column.Token));
            foreach (var refused in condition.None)
                exclusions.Add(() =>
                {
                    where.Append($" AND {column.Name} IS NOT ?");
                    whereValues.Add(refused);
                });
            Nothing |= condition.Any.Count > 0 && positives[^1] == "";
            return;
        }

        var none = Numbers(reader, column, condition.None);
        var any = Numbers(reader, column, condition.Any).Except(none).ToArray();
        Terms.Add(new(column, any, none, condition.Any.Count > 0));
        if (condition.Any.Count > 0)
        {
            if (any.Length == 0) Nothing = true;
            positives.Add(AnyOf(any.Select(column.Token)));
        }
        if (none.Length > 0)
        {
            negatives.AddRange(none.Where(term => term > 0 || column.Field.AbsentName is not null).Select(column.Token));
            exclusions.Add(() => where.Append($" AND coalesce({column.Name}, 0) NOT IN ({string.Join(", ", none)})"));
        }
    }

    static long[] Numbers(Reader reader, Column<T> column, IEnumerable<string> texts)
    {
        var numbers = new List<long>();
        var find = reader.Statement("SELECT term FROM terms WHERE field = ? AND text = ?");
        foreach (var text in texts)
        {
            if (text == column.Field.AbsentName) numbers.Add(0);
            if (!find.Bind(1, column.Number).Bind(2, text).Step()) continue;
            numbers.Add(find.Integer(0));
            find.Reset();
        }
        return [.. numbers];
    }

    void Add(Reader reader, string search)
    {
        OnlyTerms = false;
        SearchesIdentity = table.Kind.Identity.Search == Search.Identity && (table.Kind.MayBeInIdentity(search) || HasForeignIdentities(reader));
        var found = table.Searched
            .Select(column => (Column: column, Terms: TermSearch.Find(reader, table, column, search)))
            .Where(found => found.Terms.Count > 0)
            .ToList();

        if (found.Count == 0 && !SearchesIdentity)
        {
            Nothing = true;
            return;
        }
        SearchTerms = found;

        // Few terms are looked up in the index. Of many, some will be found soon by walking the rows.
        var terms = found.Sum(pair => (long)pair.Terms.Count);
        if (!SearchesIdentity && (terms <= 16 || terms * RowsPerTerm < RowsToWalk(reader, found)))
            positives.Add(AnyOf(found.SelectMany(pair => pair.Terms.Each().Select(pair.Column.Token))));
        else
            Found = found;
    }

    /// <summary>The terms that contain the text searched for, whichever way the rows are found.</summary>
    public List<(Column<T> Column, TermSet Terms)> SearchTerms { get; private set; } = [];

    /// <summary>True when a record was taken over whose identity Cairn would not have made. Such a one is kept as it is, and a text sorts before all packed ones.</summary>
    bool HasForeignIdentities(Reader reader)
    {
        var find = reader.Statement($"SELECT 1 FROM {table.Name} WHERE \"{table.Kind.Identity.Name}\" < x'' LIMIT 1");
        var has = find.Step();
        find.Reset();
        return has;
    }

    /// <summary>About how many rows a walk looks at before it has a page of matches, taking it that every term has its share of rows.</summary>
    long RowsToWalk(Reader reader, List<(Column<T> Column, TermSet Terms)> found)
    {
        const int page = 100;
        var rows = reader.Number($"SELECT coalesce((SELECT max(position) FROM {table.Name}) - (SELECT min(position) FROM {table.Name}), 0)");
        var share = found.Sum(pair => (double)pair.Terms.Count / Math.Max(1, reader.Number($"SELECT coalesce(max(term), 1) FROM terms WHERE field = {pair.Column.Number}")));
        return (long)Math.Min(rows, page / Math.Max(share, 1e-9));
    }

    static string AnyOf(IEnumerable<string> tokens)
    {
        var all = string.Join(" OR ", tokens);
        return all.Contains(' ', StringComparison.Ordinal) ? $"({all})" : all;
    }

    /// <summary>Binds the filter's own values from <paramref name="next"/> on. Answers the next free parameter.</summary>
    public int Bind(Statement statement, int next)
    {
        foreach (var value in whereValues) Pack.Bind(statement, next++, (string)value);
        return next;
    }

    /// <summary>The keys between two keys that match, newest first.</summary>
    public IEnumerable<long> Keys(Reader reader, long first, long until, long skip, long limit)
    {
        if (Nothing || first >= until) yield break;

        var name = table.Name;
        Statement walk;
        if (Match is not null && OnlyTerms && skip == 0 && limit < FirstLook)
        {
            // What matches often stands among the next rows, where looking is quicker than finding the place in the index.
            var conditions = string.Join(" AND ", Terms.SelectMany(Conditions));
            var look = reader.Statement($"SELECT key, {conditions} FROM {name} WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT {FirstLook}").Bind(1, first).Bind(2, until);
            var looked = 0;
            try
            {
                for (; limit > 0 && look.Step(); looked++)
                {
                    until = look.Integer(0);
                    if (look.Integer(1) == 0) continue;
                    limit--;
                    yield return until;
                }
            }
            finally
            {
                look.Reset();
            }
            if (limit == 0 || looked < FirstLook) yield break;
        }

        if (!LooksAtRows)
        {
            walk = Match is null
                ? reader.Statement($"SELECT key FROM {name} WHERE key >= ? AND key < ?{Where} ORDER BY key DESC LIMIT ? OFFSET ?")
                : reader.Statement($"SELECT rowid FROM {name}_index WHERE rowid >= ? AND rowid < ? AND {name}_index MATCH ? ORDER BY rowid DESC LIMIT ? OFFSET ?");
            walk.Bind(1, first).Bind(2, until);
            var next = Match is null ? Bind(walk, 3) : 4;
            if (Match is not null) walk.Bind(3, Match);
            walk.Bind(next, limit).Bind(next + 1, skip);
            try
            {
                while (walk.Step()) yield return walk.Integer(0);
            }
            finally
            {
                walk.Reset();
            }
            yield break;
        }

        walk = WalkRows(reader, first, until);
        try
        {
            while (limit > 0 && walk.Step())
            {
                if (!IsFound(walk) || skip-- > 0) continue;
                limit--;
                yield return walk.Integer(0);
            }
        }
        finally
        {
            walk.Reset();
        }
    }

    static IEnumerable<string> Conditions(TermCondition<T> term)
    {
        if (term.HasAny) yield return $"coalesce({term.Column.Name}, 0) IN ({string.Join(", ", term.Any)})";
        if (term.None.Length > 0) yield return $"coalesce({term.Column.Name}, 0) NOT IN ({string.Join(", ", term.None)})";
    }

    public long Count(Reader reader, long first, long until)
    {
        if (Nothing || first >= until) return 0;
        if (!LooksAtRows)
        {
            var count = Match is null
                ? reader.Statement($"SELECT count(*) FROM {table.Name} WHERE key >= ? AND key < ?{Where}")
                : reader.Statement($"SELECT count(*) FROM {table.Name}_index WHERE rowid >= ? AND rowid < ? AND {table.Name}_index MATCH ?");
            count.Bind(1, first).Bind(2, until);
            if (Match is null) Bind(count, 3);
            else count.Bind(3, Match);
            count.Step();
            var number = count.Integer(0);
            count.Reset();
            return number;
        }

        var found = 0L;
        var walk = WalkRows(reader, first, until);
        while (walk.Step())
            if (IsFound(walk)) found++;
        return found;
    }

    /// <summary>Rows as key and then the searched columns, newest first.</summary>
    Statement WalkRows(Reader reader, long first, long until)
    {
        var columns = string.Concat(Found.Select(pair => ", " + pair.Column.Name)) + (SearchesIdentity ? $", \"{table.Kind.Identity.Name}\"" : "");
        Statement walk;
        if (Match is null)
        {
            walk = reader.Statement($"SELECT key{columns} FROM {table.Name} WHERE key >= ? AND key < ?{Where} ORDER BY key DESC");
            walk.Bind(1, first).Bind(2, until);
            Bind(walk, 3);
        }
        else
        {
            walk = reader.Statement($"SELECT key{columns} FROM {table.Name}_index CROSS JOIN {table.Name} ON key = {table.Name}_index.rowid WHERE {table.Name}_index.rowid >= ? AND {table.Name}_index.rowid < ? AND {table.Name}_index MATCH ? ORDER BY {table.Name}_index.rowid DESC");
            walk.Bind(1, first).Bind(2, until).Bind(3, Match);
        }
        return walk;
    }

    bool IsFound(Statement row)
    {
        for (var i = 0; i < Found.Count; i++)
            if (Found[i].Terms.Contains(row.Integer(1 + i))) return true;
        return SearchesIdentity && Pack.Read(row, 1 + Found.Count)!.Contains(Filter.Search!, StringComparison.OrdinalIgnoreCase);
    }
}
