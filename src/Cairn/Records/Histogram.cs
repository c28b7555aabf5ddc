using System.Numerics;

namespace Cairn.Records;

/// <summary>
/// Counts of durations in bins: exact below 256, and above it 128 bins for every doubling, so that a percentile is within 0.4 %.
/// Kept as bytes it is a sorted list of gaps and counts, a few bytes for each bin in use.
/// </summary>
sealed class Histogram
{
    const int BitsKept = 7;

    /// <summary>A gap and a count take at most this many bytes.</summary>
    const int MostBytes = 15;

    readonly long[] counts = new long[Bin(long.MaxValue) + 1];

    public static int Bin(long value)
    {
        if (value <= 0) return 0;
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - BitsKept);
        return (shift << BitsKept) + (int)(value >> shift);
    }

    /// <summary>The middle of a bin.</summary>
    public static long Value(int bin)
    {
        if (bin < 2 << BitsKept) return bin;
        var shift = (bin >> BitsKept) - 1;
        var start = (long)(bin - (shift << BitsKept)) << shift;
        return start + ((1L << shift) >> 1);
    }

    public void Add(long value) => counts[Bin(value)]++;

    /// <summary>Adds so many values of one bin.</summary>
    public void Add(int bin, long count) => counts[bin] += count;

    /// <summary>Every bin that has values, and how many.</summary>
    public IEnumerable<(int Bin, long Count)> Bins => counts.Index().Where(pair => pair.Item != 0);

    public static int BinCount { get; } = Bin(long.MaxValue) + 1;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        for (var walk = new Walk(bytes); walk.Bin < int.MaxValue; walk.Next()) counts[walk.Bin] += walk.Count;
    }

    /// <summary>The bytes of a few values.</summary>
    public static byte[] Of(List<int> binsOfValues)
    {
        binsOfValues.Sort();
        var bytes = new byte[binsOfValues.Count * MostBytes];
        var (length, last) = (0, 0);
        for (var i = 0; i < binsOfValues.Count;)
        {
            var (bin, count) = (binsOfValues[i], 0L);
            for (; i < binsOfValues.Count && binsOfValues[i] == bin; i++) count++;
            WritePair(bytes, ref length, ref last, bin, count);
        }
        return bytes[..length];
    }

    /// <summary>Both together, or the first without the second.</summary>
    public static byte[] Combine(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, int sign)
    {
        var bytes = new byte[(first.Length + second.Length) * 4 + 2 * MostBytes];
        var (length, last) = (0, 0);
        var a = new Walk(first);
        var b = new Walk(second);
        while (a.Bin < int.MaxValue || b.Bin < int.MaxValue)
        {
            var bin = Math.Min(a.Bin, b.Bin);
            var count = 0L;
            if (a.Bin == bin) { count += a.Count; a.Next(); }
            if (b.Bin == bin) { count += sign * b.Count; b.Next(); }
            if (count != 0) WritePair(bytes, ref length, ref last, bin, count);
        }
        return bytes[..length];
    }

    public Percentiles? Percentiles()
    {
        var total = counts.Sum();
        return total == 0 ? null : new(At(0.50), At(0.95), At(0.99));

        long At(double share)
        {
            var rank = Math.Max(1, (long)Math.Ceiling(total * share));
            var bin = 0;
            while ((rank -= counts[bin]) > 0) bin++;
            return Value(bin);
        }
    }

    ref struct Walk
    {
        ReadOnlySpan<byte> rest;

        public Walk(ReadOnlySpan<byte> bytes)
        {
            rest = bytes;
            Next();
        }

        public int Bin { get; private set; }

        public long Count { get; private set; }

        public void Next()
        {
            if (rest.IsEmpty)
            {
                Bin = int.MaxValue;
                return;
            }
            Bin += (int)Read();
            Count = (long)Read();
        }

        ulong Read()
        {
            ulong number = 0;
            for (var (i, shift) = (0, 0); ; i++, shift += 7)
            {
                number |= (ulong)(rest[i] & 0x7f) << shift;
                if (rest[i] >= 0x80) continue;
                rest = rest[(i + 1)..];
                return number;
            }
        }
    }

    static void WritePair(Span<byte> bytes, ref int length, ref int last, int bin, long count)
    {
        WriteNumber(bytes, ref length, (ulong)(bin - last));
        WriteNumber(bytes, ref length, (ulong)count);
        last = bin;
    }

    static void WriteNumber(Span<byte> bytes, ref int length, ulong number)
    {
        for (; number >= 0x80; number >>= 7) bytes[length++] = (byte)(number | 0x80);
        bytes[length++] = (byte)number;
    }
}
