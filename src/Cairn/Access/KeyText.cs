using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace Cairn.Access;

/// <summary>
/// The text of an API key: <c>crn_</c> and 36 letters and digits, of which the last six are a checksum over the rest, so
/// that a mistyped key is told from an unknown one without asking the store, and leaked ones can be searched for.
/// </summary>
static class KeyText
{
    const string Prefix = "crn_", Letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const int Random = 30, Check = 6;

    static readonly SearchValues<char> Allowed = SearchValues.Create(Letters);

    public static string New()
    {
        var secret = RandomNumberGenerator.GetString(Letters, Random);
        return Prefix + secret + Checksum(secret);
    }

    public static bool IsWellFormed(string text) =>
        text.Length == Prefix.Length + Random + Check
        && text.StartsWith(Prefix, StringComparison.Ordinal)
        && text.AsSpan(Prefix.Length).IndexOfAnyExcept(Allowed) < 0
        && text.AsSpan(Prefix.Length + Random).SequenceEqual(Checksum(text.Substring(Prefix.Length, Random)));

    /// <summary>What is stored. A key has 178 random bits, so that a plain hash of it cannot be guessed backwards.</summary>
    public static byte[] Hash(string text) => SHA256.HashData(Encoding.ASCII.GetBytes(text));

    static string Checksum(string secret)
    {
        var number = BitConverter.ToUInt64(SHA256.HashData(Encoding.ASCII.GetBytes("cairn key " + secret)));
        Span<char> check = stackalloc char[Check];
        for (var i = 0; i < Check; i++, number /= (ulong)Letters.Length) check[i] = Letters[(int)(number % (ulong)Letters.Length)];
        return new(check);
    }
}
