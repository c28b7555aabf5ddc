using Cairn.Records;

namespace Cairn.Storage;

/// <summary>
/// Which kept counts answer what is asked of a filter on terms, and which of their periods: whole days and hours come from
/// counts, the two ragged ends of a time range from rows.
/// </summary>
/// <param name="terms">The filter's conditions: how many values of a field each names; null where it only excludes some.</param>
/// <param name="lastTerm">The number of a field's newest term.</param>
sealed class Coverage<T>(IEnumerable<Rollup<T>> rollups, IReadOnlyList<(Field<T> Field, int? Named)> terms, Func<Field<T>, long> lastTerm, long firstMs, long untilMs) where T : class, IRecord, new()
{
    bool HasRange => firstMs > 0 || untilMs < long.MaxValue;

    /// <summary>The rollup that can answer the filter and the grouping from the fewest counts; null when rows must.</summary>
    /// <param name="spans">What it must have; absent, what the filter's range of time needs.</param>
    public Rollup<T>? Find(Field<T>[] by, bool sums, bool histogram, Spans? spans = null)
    {
        var needed = terms.Select(term => term.Field).Concat(by).ToArray();
        return rollups
            .Where(rollup => rollup.Covers(needed)
                && (!sums || rollup.Sums)
                && (!histogram || rollup.Histogram)
                && rollup.Spans.HasFlag(spans ?? (HasRange ? Spans.Hour | Spans.Day : Spans.Ever))
                && (rollup.MostTerms == int.MaxValue || needed.All(field => lastTerm(field) <= rollup.MostTerms)))
            .MinBy(Cells);
    }

    /// <summary>
    /// How many counts of one period are read at most: one for each combination of values, but of the leading fields only
    /// those values that the filter names.
    /// </summary>
    double Cells(Rollup<T> rollup)
    {
        var (cells, isNamed) = (1.0, true);
        foreach (var field in rollup.Fields)
        {
            var named = isNamed ? terms.FirstOrDefault(term => term.Field == field && term.Named is not null).Named : null;
            isNamed = named is not null;
            cells *= named ?? 1 + Math.Min(lastTerm(field), rollup.MostTerms);
        }
        return cells;
    }

    /// <summary>What to ask of a rollup, and of rows.</summary>
    public IEnumerable<Stretch> Stretches(Rollup<T> rollup) =>
        HasRange ? Stretch.Cut(firstMs, untilMs)
        : rollup.Spans.HasFlag(Spans.Ever) ? [new(Spans.Ever, 0, 1)]
        : [new(Spans.Day, 0, long.MaxValue)];
}
