namespace Cairn.Storage;

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
