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
