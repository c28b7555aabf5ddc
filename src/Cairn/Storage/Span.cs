using Cairn.Records;

namespace Cairn.Storage;

/// <summary>A span's number in the tables, and where its periods begin.</summary>
static class Span
{
    public const long HourMs = 3_600_000, DayMs = 24 * HourMs;

    public static readonly Spans[] Each = [Spans.Ever, Spans.Day, Spans.Hour];

    public static long Period(Spans span, long ms) => span switch
    {
        Spans.Ever => 0,
        Spans.Day => ms / DayMs,
        _ => ms / HourMs,
    };
}

/// <summary>Periods of one span, from the first until the last; of no span, the rows between two times.</summary>
readonly record struct Stretch(Spans Span, long First, long Until)
{
    /// <summary>
    /// A range of time, cut so that as much of it as can be is whole days and hours: the ragged ends are rows.
    /// </summary>
    public static IEnumerable<Stretch> Cut(long firstMs, long untilMs)
    {
        var firstHour = Up(firstMs, Storage.Span.HourMs);
        var untilHour = untilMs == long.MaxValue ? long.MaxValue : untilMs / Storage.Span.HourMs;
        if (firstHour >= untilHour)
        {
            if (firstMs < untilMs) yield return new(0, firstMs, untilMs);
            yield break;
        }

        if (firstHour * Storage.Span.HourMs > firstMs) yield return new(0, firstMs, firstHour * Storage.Span.HourMs);
        var firstDay = Up(firstHour, 24);
        var untilDay = untilHour == long.MaxValue ? long.MaxValue : untilHour / 24;
        if (firstDay >= untilDay)
        {
            yield return new(Spans.Hour, firstHour, untilHour);
        }
        else
        {
            if (firstDay * 24 > firstHour) yield return new(Spans.Hour, firstHour, firstDay * 24);
            yield return new(Spans.Day, firstDay, untilDay);
            if (untilDay != long.MaxValue && untilDay * 24 < untilHour) yield return new(Spans.Hour, untilDay * 24, untilHour);
        }
        if (untilMs != long.MaxValue && untilHour * Storage.Span.HourMs < untilMs) yield return new(0, untilHour * Storage.Span.HourMs, untilMs);

        static long Up(long value, long unit) => (value + unit - 1) / unit;
    }
}
