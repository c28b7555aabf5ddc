using System.Collections.Concurrent;

namespace Cairn.Storage.Sqlite;

/// <summary>
/// The distinct texts of the searched fields in memory. Filled when a search asks, with what has been recorded since the
/// last one; what does not fit stays in its table.
/// </summary>
sealed class SearchTexts
{
    readonly ConcurrentDictionary<int, TextPile> fields = new();

    /// <summary>Adds the terms that contain a text. Answers the last term that was looked at here; all of them when it is the greatest number.</summary>
    public long Find(Reader reader, int field, string search, TermSet found)
    {
        var texts = fields.GetOrAdd(field, _ => new());
        lock (texts) Fill(reader, field, texts);
        return texts.Find(search, found);
    }

    /// <summary>After texts were erased: they are read anew.</summary>
    public void Forget(int field) => fields.TryRemove(field, out _);

    static void Fill(Reader reader, int field, TextPile texts)
    {
        if (texts.IsFull) return;
        var walk = reader.Statement("SELECT term, text FROM terms WHERE field = ? AND term > ? ORDER BY term").Bind(1, field).Bind(2, texts.Last);
        while (walk.Step())
        {
            if (texts.TryAppend((int)walk.Integer(0), walk.Bytes(1))) continue;
            walk.Reset();
            return;
        }
    }
}
