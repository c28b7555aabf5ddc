using System.Buffers;

namespace Cairn.Requests;

/// <summary>
/// The identity of a request as its sender sees it: a prefix that names the dialect and 24 hexadecimal digits, of which the
/// first 12 are milliseconds since 1970, so that ids sort by time.
/// </summary>
static class RequestId
{
    public static readonly string[] Prefixes = ["chatcmpl-", "cmpl-", "emb-", "resp-", "msg-"];

    const int Digits = 24;

    static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>True for an id as Cairn writes it. One in upper case is not looked up but searched for, like any other text.</summary>
    public static bool IsWhole(string text) => Prefixes.Any(prefix => text.Length == prefix.Length + Digits && text.StartsWith(prefix, StringComparison.Ordinal) && !text.AsSpan(prefix.Length).ContainsAnyExcept(LowerHex));

    /// <summary>True when some request id contains <paramref name="text"/>: digits, or the end of a prefix followed by digits.</summary>
    public static bool MayContain(string text)
    {
        if (text.Length <= Digits && IsHex(text)) return true;
        foreach (var prefix in Prefixes)
            for (var start = 0; start < prefix.Length; start++)
            {
                var tail = prefix.AsSpan(start);
                var shared = Math.Min(tail.Length, text.Length);
                if (text.AsSpan(0, shared).Equals(tail[..shared], StringComparison.OrdinalIgnoreCase) && IsHex(text.AsSpan(shared))) return true;
                if (prefix.AsSpan(start).StartsWith(text, StringComparison.OrdinalIgnoreCase)) return true;
            }
        return false;
    }

    static bool IsHex(ReadOnlySpan<char> text)
    {
        foreach (var letter in text)
            if (!char.IsAsciiHexDigit(letter)) return false;
        return true;
    }
}
