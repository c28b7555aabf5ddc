using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>Terms of one field, as bits: a million of them fit into a processor's cache.</summary>
sealed class TermSet
{
    public static readonly TermSet None = new();

    ulong[] bits = [];

    public int Count { get; private set; }

    public void Add(long term)
    {
        var word = (int)(term >> 6);
        if (word >= bits.Length) Array.Resize(ref bits, Math.Max(word + 1, bits.Length * 2));
        var bit = 1UL << (int)(term & 63);
        if ((bits[word] & bit) != 0) return;
        bits[word] |= bit;
        Count++;
    }

    public bool Contains(long term)
    {
        var word = term >> 6;
        return (ulong)word < (ulong)bits.Length && (bits[word] & (1UL << (int)(term & 63))) != 0;
    }

    public IEnumerable<long> Each()
    {
        for (var word = 0; word < bits.Length; word++)
            for (var left = bits[word]; left != 0; left &= left - 1) yield return ((long)word << 6) + System.Numerics.BitOperations.TrailingZeroCount(left);
    }
}

/// <summary>Finds the terms of a column that contain a text, in any case.</summary>
static class TermSearch
{
    public static TermSet Find<T>(Reader reader, LogTable<T> table, Column<T> column, string search) where T : class, IRecord, new()
    {
        var found = new TermSet();
        var beyond = column.Field.Search == Search.Index ? table.SearchTexts.Find(reader, column.Number, search, found) : 0;
        if (beyond == long.MaxValue) return found;

        var rest = reader.Statement("SELECT term, text FROM terms WHERE field = ? AND term > ?").Bind(1, column.Number).Bind(2, beyond);
        while (rest.Step())
            if (Filter<T>.Contains(column.Field, rest.Text(1), search)) found.Add(rest.Integer(0));
        return found;
    }
}
