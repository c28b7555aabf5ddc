using System.Collections.Concurrent;

namespace Cairn.Storage.Sqlite;

/// <summary>Texts by number, for readers: bounded, shared by all readers, filled as they ask.</summary>
sealed class TermTexts
{
    const int Slots = 1 << 16;

    sealed record Entry(long Term, string Text);

    readonly ConcurrentDictionary<int, Entry?[]> fields = new();

    public string Text(Reader reader, int field, long term)
    {
        var entries = fields.GetOrAdd(field, _ => new Entry?[Slots]);
        ref var slot = ref entries[term & (Slots - 1)];
        if (Volatile.Read(ref slot) is { } entry && entry.Term == term) return entry.Text;

        var find = reader.Statement("SELECT text FROM terms WHERE field = ? AND term = ?");
        if (!find.Bind(1, field).Bind(2, term).Step()) throw new InvalidDataException($"Term {term} of field {field} is missing; the database is damaged.");
        var text = find.Text(0);
        find.Reset();
        Volatile.Write(ref slot, new(term, text));
        return text;
    }

    public void Forget() => fields.Clear();

    public void Forget(int field, long term)
    {
        if (fields.TryGetValue(field, out var entries)) Volatile.Write(ref entries[term & (Slots - 1)], null);
    }
}

/// <summary>Numbers by text, for the writer: gives a new text the next number of its field.</summary>
sealed class TermNumbers(Connection writer)
{
    /// <summary>Numbers kept in memory for one field at most; beyond, they are looked up.</summary>
    const int MostCached = 200_000;

    readonly Dictionary<int, Dictionary<string, long>> known = [];
    readonly Dictionary<int, long> last = [];
    readonly Statement find = writer.Prepare("SELECT term FROM terms WHERE field = ? AND text = ?");
    readonly Statement append = writer.Prepare("INSERT INTO terms (field, term, text) VALUES (?, ?, ?)");

    public long Number(int field, string text)
    {
        if (!known.TryGetValue(field, out var numbers)) known[field] = numbers = new(StringComparer.Ordinal);
        if (numbers.TryGetValue(text, out var number)) return number;

        if (find.Bind(1, field).Bind(2, text).Step())
        {
            number = find.Integer(0);
            find.Reset();
        }
        else
        {
            number = Last(field) + 1;
            append.Bind(1, field).Bind(2, number).Bind(3, text).Run();
            last[field] = number;
        }

        if (numbers.Count >= MostCached) numbers.Clear();
        numbers[text] = number;
        return number;
    }

    /// <summary>To be called before a text is erased: its number is not given again, as those who keep texts by number may still know it.</summary>
    public void Forget(int field, string text)
    {
        _ = Last(field);
        if (known.TryGetValue(field, out var numbers)) numbers.Remove(text);
    }

    long Last(int field) =>
        last.TryGetValue(field, out var number) ? number : last[field] = writer.Number($"SELECT coalesce(max(term), 0) FROM terms WHERE field = {field}");

    /// <summary>After a rollback what is in memory may never have been stored. The last numbers stay, so that none is given twice.</summary>
    public void Forget()
    {
        known.Clear();
    }
}
