using Cairn.Requests;

namespace Cairn.Storage;

/// <summary>
/// Well-known shapes of text in half their bytes or less: a UUID in 16 bytes, 32 hexadecimal digits in 17, a request id in
/// 13. What is unpacked is what was packed, letter for letter, and what sorts by time goes on sorting by it.
/// </summary>
static class PackedText
{
    const int UuidBytes = 16, HexBytes = 17, RequestIdBytes = 13;

    public const int MostBytes = HexBytes;

    public static bool TryPack(string text, Span<byte> packed, out int length)
    {
        length = 0;
        if (text.Length == 36)
        {
            if (!IsLowerUuid(text) || !Guid.TryParseExact(text, "D", out var uuid)) return false;
            length = UuidBytes;
            return uuid.TryWriteBytes(packed, bigEndian: true, out _);
        }
        if (text.Length == 32)
        {
            packed[0] = 1;
            length = HexBytes;
            return TryReadHex(text, packed[1..HexBytes]);
        }
        for (var prefix = 0; prefix < RequestId.Prefixes.Length; prefix++)
        {
            var start = RequestId.Prefixes[prefix];
            if (text.Length != start.Length + 24 || !text.StartsWith(start, StringComparison.Ordinal)) continue;
            packed[0] = (byte)prefix;
            length = RequestIdBytes;
            return TryReadHex(text.AsSpan(start.Length), packed[1..RequestIdBytes]);
        }
        return false;
    }

    public static string Unpack(ReadOnlySpan<byte> packed) => packed.Length switch
    {
        UuidBytes => new Guid(packed, bigEndian: true).ToString("D"),
        HexBytes => Convert.ToHexStringLower(packed[1..]),
        RequestIdBytes when packed[0] < RequestId.Prefixes.Length => string.Concat(RequestId.Prefixes[packed[0]], Convert.ToHexStringLower(packed[1..])),
        _ => throw new InvalidDataException($"A packed text of {packed.Length} bytes is none that Cairn writes; the database is damaged."),
    };

    static bool IsLowerUuid(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var hyphen = i is 8 or 13 or 18 or 23;
            if (hyphen ? text[i] != '-' : !char.IsAsciiHexDigitLower(text[i])) return false;
        }
        return true;
    }

    static bool TryReadHex(ReadOnlySpan<char> text, Span<byte> bytes)
    {
        foreach (var letter in text)
            if (!char.IsAsciiHexDigitLower(letter)) return false;
        return Convert.FromHexString(text, bytes, out _, out _) == System.Buffers.OperationStatus.Done;
    }
}
