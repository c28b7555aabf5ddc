using System.Text;

namespace Cairn.Storage;

/// <summary>
/// The distinct texts of one searched field, side by side in memory and in one case, so that "contains" is one pass over
/// bytes. They are appended by one thread at a time, in the order of their terms; any may search meanwhile.
/// </summary>
sealed class TextPile
{
    /// <summary>Bytes kept of one field at most: about two million names.</summary>
    const int MostBytes = 64 << 20;

    /// <summary>Stands after every text. It is in no UTF-8, so that nothing is found across two texts.</summary>
    const byte End = 0xff;

    readonly Lock appending = new();
    byte[] bytes = new byte[4_096];
    int length;
    (int End, int Term)[] terms = new (int, int)[64];
    int count;

    /// <summary>True once a text did not fit; then no other is taken.</summary>
    public bool IsFull { get; private set; }

    /// <summary>The last term that is here; zero for none.</summary>
    public int Last => count == 0 ? 0 : terms[count - 1].Term;

    /// <summary>False when the text does not fit any more.</summary>
    public bool TryAppend(int term, ReadOnlySpan<byte> text)
    {
        lock (appending)
        {
            if (IsFull) return false;
            if (length + 2 * text.Length + 1 > MostBytes)
            {
                IsFull = true;
                return false;
            }
            var folded = Ascii.IsValid(text) ? [] : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).ToUpperInvariant());
            var added = folded.Length > 0 ? folded.Length : text.Length;
            if (bytes.Length < length + added + 1) Array.Resize(ref bytes, Math.Max(bytes.Length * 2, length + added + 1));
            if (terms.Length == count) Array.Resize(ref terms, count * 2);

            var place = bytes.AsSpan(length, added);
            if (folded.Length > 0) folded.CopyTo(place);
            else Ascii.ToUpper(text, place, out _);
            length += added;
            terms[count++] = (length, term);
            bytes[length++] = End;
            return true;
        }
    }

    /// <summary>Adds the terms that contain a text. Answers the last term that was looked at here; all of them when it is the greatest number.</summary>
    public long Find(string search, TermSet found)
    {
        byte[] all;
        (int End, int Term)[] ends;
        long last;
        int until;
        lock (appending)
        {
            // Both arrays only grow, so that what is taken here stays as it is.
            (all, ends, until, last) = (bytes, terms, length, IsFull ? Last : long.MaxValue);
        }

        var asked = Encoding.UTF8.GetBytes(search.ToUpperInvariant());
        var term = 0;
        for (var start = 0; start < until;)
        {
            var hit = all.AsSpan(start, until - start).IndexOf(asked);
            if (hit < 0) break;
            while (ends[term].End <= start + hit) term++;
            found.Add(ends[term].Term);
            start = ends[term].End + 1;
        }
        return last;
    }
}
