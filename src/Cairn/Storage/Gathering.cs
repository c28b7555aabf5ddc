using Cairn.Records;

namespace Cairn.Storage;

/// <summary>The place of one count in a rollup: a period, and the terms of the rollup's fields.</summary>
readonly record struct Cell(long Period, long A, long B, long C, long D)
{
    /// <summary>Fields in one rollup at most.</summary>
    public const int MostFields = 4;

    public long this[int i] => i switch { 0 => A, 1 => B, 2 => C, _ => D };

    /// <param name="terms">As many as the rollup has fields.</param>
    public static Cell Of(long period, ReadOnlySpan<long> terms) =>
        new(period, terms.Length > 0 ? terms[0] : 0, terms.Length > 1 ? terms[1] : 0, terms.Length > 2 ? terms[2] : 0, terms.Length > 3 ? terms[3] : 0);
}

/// <summary>What records come to in one count.</summary>
sealed class CellSum
{
    public long Count;
    public long[] Sums = [];
    public byte[]? Histogram;

    /// <summary>Each one's place in the histogram, until all of them are there.</summary>
    public List<int>? Bins;
}

/// <summary>What a batch comes to in the counts of one rollup.</summary>
sealed class Gathering<T>(Kind<T> kind, Rollup<T> rollup) where T : class, IRecord, new()
{
    /// <summary>The number that stands for all terms beyond <see cref="Rollup{T}.MostTerms"/>.</summary>
    public const long OtherTerms = -1;

    readonly Dictionary<Cell, CellSum> narrow = [];

    /// <summary>The numbers that the counts add up.</summary>
    public Field<T>[] Sums { get; } = rollup.Sums ? kind.Sums : [];

    public Field<T>? Measured { get; } = rollup.Histogram ? kind.Measured : null;

    /// <summary>The shortest span that is counted: the longer ones are summed up from it.</summary>
    readonly Spans shortest = rollup.Spans.HasFlag(Spans.Hour) ? Spans.Hour : rollup.Spans.HasFlag(Spans.Day) ? Spans.Day : Spans.Ever;

    public long Counted(long term) => term > rollup.MostTerms ? OtherTerms : term;

    /// <param name="record">What is counted.</param>
    /// <param name="terms">Its terms, in the order of the rollup's fields.</param>
    public void Add(T record, ReadOnlySpan<long> terms)
    {
        Span<long> counted = stackalloc long[Cell.MostFields];
        for (var i = 0; i < terms.Length; i++) counted[i] = Counted(terms[i]);
        var cell = Cell.Of(Span.Period(shortest, record.TimeMs), counted[..terms.Length]);
        if (!narrow.TryGetValue(cell, out var sum)) narrow[cell] = sum = new() { Sums = new long[Sums.Length], Bins = Measured is null ? null : [] };
        sum.Count++;
        for (var i = 0; i < Sums.Length; i++) sum.Sums[i] += Sums[i].Number!(record) ?? 0;
        sum.Bins?.Add(Histogram.Bin(Measured!.Number!(record) ?? 0));
    }

    /// <summary>Ends the gathering. Answers every count that it touches, once, and always in the same order.</summary>
    public List<(Spans Span, Cell Cell, CellSum Sum)> Take()
    {
        foreach (var sum in narrow.Values)
            if (sum.Bins is not null) sum.Histogram = Histogram.Of(sum.Bins);
        List<(Spans, Cell, CellSum)> taken = [.. Span.Each.Where(span => rollup.Spans.HasFlag(span)).SelectMany(span => InOrder(Widen(span)).Select(pair => (span, pair.Key, pair.Value)))];
        narrow.Clear();
        return taken;
    }

    public static IEnumerable<KeyValuePair<Cell, CellSum>> InOrder(Dictionary<Cell, CellSum> cells) =>
        cells.OrderBy(pair => pair.Key.Period).ThenBy(pair => pair.Key.A).ThenBy(pair => pair.Key.B).ThenBy(pair => pair.Key.C).ThenBy(pair => pair.Key.D);

    public void Forget() => narrow.Clear();

    Dictionary<Cell, CellSum> Widen(Spans span)
    {
        if (span == shortest) return narrow;
        var lengthMs = shortest == Spans.Hour ? Span.HourMs : Span.DayMs;
        var wide = new Dictionary<Cell, CellSum>();
        foreach (var (cell, sum) in narrow)
        {
            var wider = cell with { Period = Span.Period(span, cell.Period * lengthMs) };
            if (!wide.TryGetValue(wider, out var total))
            {
                wide[wider] = new() { Count = sum.Count, Sums = [.. sum.Sums], Histogram = sum.Histogram };
                continue;
            }
            total.Count += sum.Count;
            for (var i = 0; i < Sums.Length; i++) total.Sums[i] += sum.Sums[i];
            if (Measured is not null) total.Histogram = Histogram.Combine(total.Histogram, sum.Histogram, 1);
        }
        return wide;
    }
}
