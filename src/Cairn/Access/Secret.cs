using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Cairn.Access;

/// <summary>Texts that only their holder knows: sessions, sign-in links, states. They have 256 random bits, so that a plain hash of one cannot be guessed backwards.</summary>
static class Secret
{
    public static string New() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>What is stored.</summary>
    public static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
