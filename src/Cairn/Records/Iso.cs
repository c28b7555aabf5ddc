using System.Globalization;
using System.Text;

namespace Cairn.Records;

/// <summary>Times as text: ISO 8601, UTC, milliseconds. Inside Cairn a time is milliseconds since 1970.</summary>
static class Iso
{
    public const int Length = 24;

    /// <summary>The end of 2199, the latest time of a record: every engine can hold it.</summary>
    public const long MostMs = 7_258_118_399_999;

    static readonly string[] WithOffset = ["yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    public static string Text(long ms)
    {
        Span<byte> text = stackalloc byte[Length];
        Write(text, ms);
        return Encoding.ASCII.GetString(text);
    }

    /// <summary>Writes <c>2026-11-21T04:13:00.000Z</c>: 24 letters.</summary>
    public static void Write(Span<byte> text, long ms)
    {
        var time = DateTime.UnixEpoch.AddMilliseconds(ms);
        Digits(text, 0, 4, time.Year);
        Digits(text, 5, 2, time.Month);
        Digits(text, 8, 2, time.Day);
        Digits(text, 11, 2, time.Hour);
        Digits(text, 14, 2, time.Minute);
        Digits(text, 17, 2, time.Second);
        Digits(text, 20, 3, time.Millisecond);
        (text[4], text[7], text[10], text[13], text[16], text[19], text[23]) = ((byte)'-', (byte)'-', (byte)'T', (byte)':', (byte)':', (byte)'.', (byte)'Z');
    }

    static void Digits(Span<byte> text, int start, int count, int value)
    {
        for (var i = start + count - 1; i >= start; i--, value /= 10) text[i] = (byte)('0' + value % 10);
    }

    public static bool TryReadDate(string text, out DateOnly date) =>
        DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out date);

    /// <summary>Reads a date-time. One without an offset is in <paramref name="zone"/>.</summary>
    public static bool TryRead(string text, TimeZoneInfo zone, out long ms)
    {
        ms = 0;
        // A plus sign that was not escaped in a query arrives as a space.
        if (text.Length > 6 && text[^6] == ' ') text = text[..^6] + "+" + text[^5..];
        text = WithoutFinerDigits(text.ToUpperInvariant());
        if (!DateTime.TryParseExact(text, WithOffset, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var time)) return false;
        ms = time.Kind == DateTimeKind.Utc ? Ms(time) : StartMs(time, zone);
        return true;
    }

    /// <summary>Digits beyond the seventh of a second, which some senders write and no log keeps.</summary>
    static string WithoutFinerDigits(string text)
    {
        const int most = 7;
        var point = text.IndexOf('.');
        if (point < 0) return text;
        var end = point + 1;
        while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
        return end - point - 1 > most ? text[..(point + 1 + most)] + text[end..] : text;
    }

    public static long StartMs(DateOnly date, TimeZoneInfo zone) => StartMs(date.ToDateTime(TimeOnly.MinValue), zone);

    /// <summary>The first moment at which clocks of the zone show a time: where it comes twice, the earlier one.</summary>
    static long StartMs(DateTime local, TimeZoneInfo zone)
    {
        local = DateTime.SpecifyKind(local, DateTimeKind.Unspecified);
        var offset = zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max() : zone.GetUtcOffset(local);
        return Ms(local) - (long)offset.TotalMilliseconds;
    }

    static long Ms(DateTime time) => (time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMillisecond;
}
