using System.Buffers.Text;
using System.Text;

namespace Cairn.Requests.Remote;

/// <summary>A place in the lists, or the tails, of several gateways at once: each one's own cursor, in the order of the settings.</summary>
static class RemoteCursor
{
    /// <summary>Stands for a list that is at its end.</summary>
    public const string End = "-";

    public static string Write(char use, IReadOnlyList<string> cursors) => Base64Url.EncodeToString(Encoding.ASCII.GetBytes(use + string.Join(',', cursors)));

    /// <summary>The cursors, empty texts where a list was not begun; null when it is not such a cursor.</summary>
    public static string[]? Read(char use, string text, int gateways)
    {
        if (!Base64Url.IsValid(text)) return null;
        var plain = Encoding.ASCII.GetString(Base64Url.DecodeFromChars(text));
        if (plain.Length == 0 || plain[0] != use || plain[1..].Split(',') is not { } cursors || cursors.Length != gateways) return null;
        return cursors.All(cursor => cursor.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_')) ? cursors : null;
    }
}
