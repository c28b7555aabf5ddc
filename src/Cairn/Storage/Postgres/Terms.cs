using System.Collections.Concurrent;
using System.Text;
using Cairn.Records;

namespace Cairn.Storage.Postgres;

/// <summary>Texts by number, for readers: bounded, filled as they ask. A number is never given to another text.</summary>
sealed class TermTexts(int mostKept = 500_000)
{
    readonly ConcurrentDictionary<(int Field, int Term), string> known = new();

    public bool TryGet(int field, int term, out string text) => known.TryGetValue((field, term), out text!);

    /// <summary>The texts of these numbers, whatever is forgotten meanwhile.</summary>
    public async Task<IReadOnlyDictionary<(int Field, int Term), string>> Find(Transaction transaction, IEnumerable<(int Field, int Term)> wanted)
    {
        var found = new Dictionary<(int, int), string>();
        var missing = new HashSet<(int Field, int Term)>();
        foreach (var term in wanted)
        {
            if (known.TryGetValue(term, out var text)) found[term] = text;
            else missing.Add(term);
        }
        if (missing.Count == 0) return found;
        if (known.Count > mostKept) known.Clear();
        await transaction.Each(new("SELECT t.field, t.term, t.text FROM unnest($1, $2) AS w (field, term) JOIN terms t USING (field, term)", missing.Select(term => term.Field).ToArray(), missing.Select(term => term.Term).ToArray()),
            row => found[(row.GetInt32(0), row.GetInt32(1))] = known[(row.GetInt32(0), row.GetInt32(1))] = row.GetString(2));
        foreach (var term in missing)
            if (!found.ContainsKey(term)) throw new InvalidDataException($"Term {term.Term} of field {term.Field} is missing; the database is damaged.");
        return found;
    }

    public void Forget() => known.Clear();
}

/// <summary>
/// What plans of one kind are made with: the numbers of texts, and the last number of each field. It is believed without
/// asking, and every read that rests on it asks on its way whether it held.
/// </summary>
sealed class KnownTerms
{
    const int MostKept = 100_000;

    /// <summary>Which kept counts are the fewest changes slowly, and a choice that is not the best is still right.</summary>
    static readonly TimeSpan BelievedFor = TimeSpan.FromMinutes(1);

    /// <param name="Erasures">The count of erasures when it was asked; with another one, numbers may no longer hold.</param>
    public sealed record State(long Erasures, Dictionary<int, int> LastTerms, ConcurrentDictionary<(int Field, string Text), int> Numbers, long AskedAt);

    readonly Lock learning = new();
    volatile State? state;

    /// <summary>Null when nothing is, or when it is old.</summary>
    public State? Believed => state is { } known && Environment.TickCount64 - known.AskedAt < BelievedFor.TotalMilliseconds ? known : null;

    /// <summary>Takes what was asked just now.</summary>
    public void Learn(long erasures, Dictionary<int, int> lastTerms, IEnumerable<KeyValuePair<(int, string), int>> found)
    {
        lock (learning)
        {
            if (state is { } before && before.Erasures > erasures) return;
            var numbers = state is { } same && same.Erasures == erasures && same.Numbers.Count < MostKept ? same.Numbers : new();
            foreach (var (text, number) in found) numbers[text] = number;
            state = new(erasures, lastTerms, numbers, Environment.TickCount64);
        }
    }

    public void Forget() => state = null;
}

/// <summary>Numbers by text, for the writer: gives a new text the next number of its field. What a batch gave holds once it is committed.</summary>
sealed class TermNumbers
{
    /// <summary>Numbers kept in memory at most; beyond, they are looked up.</summary>
    const int MostCached = 400_000;

    readonly Dictionary<(int Field, string Text), int> known = [];
    readonly Dictionary<(int Field, string Text), int> looked = [];
    readonly Dictionary<(int Field, string Text), int> given = [];
    readonly Dictionary<int, int> last = [];
    readonly HashSet<int> grown = [];

    /// <summary>To be called before a batch, under the lock of the log, with what the database says.</summary>
    public void Begin(IEnumerable<(int Field, int Last)> lastTerms)
    {
        looked.Clear();
        given.Clear();
        grown.Clear();
        foreach (var (field, term) in lastTerms) last[field] = term;
    }

    public int LastOf(int field) => last[field];

    /// <summary>The number of a text, zero for none. False, with -1, when the text has to be looked up before its number is asked for.</summary>
    public bool TryGet(int field, string? text, out int number)
    {
        if (text is null) number = 0;
        else if (!known.TryGetValue((field, text), out number)) number = -1;
        return number >= 0;
    }

    public static Sql Look(IReadOnlyCollection<(int Field, string Text)> texts) =>
        new("SELECT t.field, t.text, t.term FROM unnest($1, $2) AS w (field, text) JOIN terms t USING (field, text)", texts.Select(text => text.Field).ToArray(), texts.Select(text => text.Text).ToArray());

    public void Found(Npgsql.NpgsqlDataReader row) => looked[(row.GetInt32(0), row.GetString(1))] = row.GetInt32(2);

    public int Number(int field, string text)
    {
        if (known.TryGetValue((field, text), out var number) || looked.TryGetValue((field, text), out number) || given.TryGetValue((field, text), out number)) return number;
        number = last[field] + 1;
        (last[field], given[(field, text)]) = (number, number);
        grown.Add(field);
        return number;
    }

    /// <summary>Stores the numbers that were given.</summary>
    public IEnumerable<Sql> Write()
    {
        if (given.Count == 0) yield break;
        var terms = given.ToArray();
        yield return new("INSERT INTO terms (field, term, text) SELECT * FROM unnest($1, $2, $3)",
            terms.Select(term => term.Key.Field).ToArray(), terms.Select(term => term.Value).ToArray(), terms.Select(term => term.Key.Text).ToArray());
        yield return new("UPDATE fields SET last_term = w.last FROM unnest($1, $2) AS w (number, last) WHERE fields.number = w.number",
            grown.ToArray(), grown.Select(field => last[field]).ToArray());
    }

    public void Committed()
    {
        if (known.Count + looked.Count + given.Count > MostCached) known.Clear();
        foreach (var (text, number) in looked.Concat(given)) known[text] = number;
    }

    public void Forget() => known.Clear();
}

/// <summary>The distinct texts of the searched fields in memory, filled when a search asks.</summary>
sealed class SearchTexts : IDisposable
{
    readonly ConcurrentDictionary<int, TextPile> fields = new();
    readonly SemaphoreSlim filling = new(1);

    /// <summary>The terms of a column that contain a text, in any case.</summary>
    public async Task<TermSet> Find<T>(Transaction transaction, Column<T> column, string search) where T : class, IRecord, new()
    {
        var found = new TermSet();
        var texts = fields.GetOrAdd(column.Number, _ => new());
        var searched = column.Field.SearchText;
        if (!texts.IsFull)
        {
            await filling.WaitAsync(transaction.Cancel);
            try
            {
                await transaction.Each(new("SELECT term, text FROM terms WHERE field = $1 AND term > $2 ORDER BY term", column.Number, texts.Last), row =>
                    texts.TryAppend(row.GetInt32(0), Encoding.UTF8.GetBytes(searched?.Invoke(row.GetString(1)) ?? row.GetString(1))));
            }
            finally
            {
                filling.Release();
            }
        }
        var beyond = texts.Find(search, found);
        if (beyond == long.MaxValue) return found;
        await transaction.Each(new("SELECT term, text FROM terms WHERE field = $1 AND term > $2", column.Number, (int)beyond), row =>
        {
            if (Filter<T>.Contains(column.Field, row.GetString(1), search)) found.Add(row.GetInt32(0));
        });
        return found;
    }

    /// <summary>After texts were erased: they are read anew.</summary>
    public void Forget() => fields.Clear();

    public void Dispose() => filling.Dispose();
}
