using System.Text;

namespace Cairn.Hosting;

/// <summary>
/// Refuses a <c>Content-Length</c> that holds anything but digits. The server's own reader takes a sign as well, and a
/// proxy in front that reads it otherwise would see other requests than Cairn does.
/// </summary>
sealed class StrictLength : Encoding
{
    static readonly StrictLength Digits = new();

    public static Encoding? Select(string header) => header.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) ? Digits : null;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        // More digits than the server makes room for are no length either.
        var fits = Math.Min(byteCount, chars.Length - charIndex);
        for (var i = 0; i < fits; i++) chars[charIndex + i] = fits == byteCount && char.IsAsciiDigit((char)bytes[byteIndex + i]) ? (char)bytes[byteIndex + i] : '?';
        return fits;
    }

    public override int GetCharCount(byte[] bytes, int index, int count) => count;
    public override int GetMaxCharCount(int byteCount) => byteCount;
    public override int GetByteCount(char[] chars, int index, int count) => ASCII.GetByteCount(chars, index, count);
    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) => ASCII.GetBytes(chars, charIndex, charCount, bytes, byteIndex);
    public override int GetMaxByteCount(int charCount) => ASCII.GetMaxByteCount(charCount);
}
