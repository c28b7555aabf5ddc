using System.Collections.Concurrent;
using System.Text;

namespace Cairn.Storage.Sqlite;

/// <summary>
/// The distinct texts of the searched fields, side by side in memory and in one case, so that "contains" is one pass over
/// bytes. Filled when a search asks, with what has been recorded since the last one; what does not fit stays in its table.
/// </summary>
sealed class SearchTexts
{
    /// <summary>Bytes kept of one field at most: about two million names.</summary>
    const int MostBytes = 64 << 20;

    /// <summary>Stands after every text. It is in no UTF-8, so that nothing is found across two texts.</summary>
    const byte End = 0xff;

    sealed class Texts
    {
        public byte[] Bytes = new byte[4_096];
        public int Length;
        public (int End, int Term)[] Terms = new (int, int)[64];
        public int Count;
        public bool IsFull;
    }

    readonly ConcurrentDictionary<int, Texts> fields = new();

    /// <summary>Adds the terms that contain a text. Answers the last term that was looked at here; all of them when it is the greatest number.</summary>
    public long Find(Reader reader, int field, string search, TermSet found)
    {
        var texts = fields.GetOrAdd(field, _ => new());
        byte[] bytes;
        (int End, int Term)[] terms;
        int length, count;
        bool isFull;
        lock (texts)
        {
            Fill(reader, field, texts);
            // Both arrays only grow, so that what is taken here stays as it is.
            (bytes, length, terms, count, isFull) = (texts.Bytes, texts.Length, texts.Terms, texts.Count, texts.IsFull);
        }

        var asked = Encoding.UTF8.GetBytes(search.ToUpperInvariant());
        var term = 0;
        for (var start = 0; start < length;)
        {
            var hit = bytes.AsSpan(start, length - start).IndexOf(asked);
            if (hit < 0) break;
            while (terms[term].End <= start + hit) term++;
            found.Add(terms[term].Term);
            start = terms[term].End + 1;
        }
        return isFull ? count == 0 ? 0 : terms[count - 1].Term : long.MaxValue;
    }

    /// <summary>After texts were erased: they are read anew.</summary>
    public void Forget(int field) => fields.TryRemove(field, out _);

    static void Fill(Reader reader, int field, Texts texts)
    {
        if (texts.IsFull) return;
        var last = texts.Count == 0 ? 0 : texts.Terms[texts.Count - 1].Term;
        var walk = reader.Statement("SELECT term, text FROM terms WHERE field = ? AND term > ? ORDER BY term").Bind(1, field).Bind(2, last);
        while (walk.Step())
        {
            var text = walk.Bytes(1);
            if (texts.Length + 2 * text.Length + 1 > MostBytes)
            {
                texts.IsFull = true;
                walk.Reset();
                return;
            }
            Append(texts, (int)walk.Integer(0), text);
        }
    }

    static void Append(Texts texts, int term, ReadOnlySpan<byte> text)
    {
        var folded = Ascii.IsValid(text) ? [] : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).ToUpperInvariant());
        var length = folded.Length > 0 ? folded.Length : text.Length;
        if (texts.Bytes.Length < texts.Length + length + 1) Array.Resize(ref texts.Bytes, Math.Max(texts.Bytes.Length * 2, texts.Length + length + 1));
        if (texts.Terms.Length == texts.Count) Array.Resize(ref texts.Terms, texts.Count * 2);

        var place = texts.Bytes.AsSpan(texts.Length, length);
        if (folded.Length > 0) folded.CopyTo(place);
        else Ascii.ToUpper(text, place, out _);
        texts.Length += length;
        texts.Terms[texts.Count++] = (texts.Length, term);
        texts.Bytes[texts.Length++] = End;
    }
}
