using System.Buffers;
using System.Globalization;
using System.Text;
using Cairn.Records;

namespace Cairn.Push;

/// <summary>
/// A record as a syslog message (RFC 5424), its length before it (RFC 5425 and 6587). The message is the record's JSON; some
/// of its values stand in the structured data, where receivers can choose by them.
/// </summary>
static class SyslogFrame
{
    /// <summary>The number that documents and programs without one of their own use (RFC 5612).</summary>
    const string Element = "cairn@32473";

    const int Warning = 4, Informational = 6;

    /// <summary>Of a value in the structured data; the whole of it is in the message.</summary>
    const int MostLetters = 256;

    const int LongestHost = 255;

    static readonly string host = Environment.MachineName.Length is > 0 and <= LongestHost && Environment.MachineName.All(letter => letter is > ' ' and <= '~') ? Environment.MachineName : "-";

    public static void Write(IBufferWriter<byte> frames, string kind, ParcelItem item, ReadOnlySpan<byte> json, int facility)
    {
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"<{facility * 8 + (item.IsFault ? Warning : Informational)}>1 {Iso.Text(item.TimeMs)} {host} cairn {Environment.ProcessId} {kind} [{Element}");
        Append(head, "id", item.Id);
        foreach (var (name, value) in item.Named)
            if (value is not null) Append(head, name, value);
        head.Append("] ");

        var text = head.ToString();
        frames.Write(Encoding.ASCII.GetBytes((Encoding.UTF8.GetByteCount(text) + json.Length).ToString(CultureInfo.InvariantCulture) + " "));
        Encoding.UTF8.GetBytes(text, frames);
        frames.Write(json);
    }

    /// <summary>A parameter out of whose value nothing leads: what would end it is escaped, and what is not seen is replaced.</summary>
    static void Append(StringBuilder head, string name, string value)
    {
        head.Append(' ').Append(name).Append("=\"");
        var letters = 0;
        foreach (var rune in value.EnumerateRunes())
        {
            if (letters++ == MostLetters) break;
            if (rune.Value is '"' or '\\' or ']') head.Append('\\');
            var isSeen = Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
            head.Append(isSeen ? rune.ToString() : "\uFFFD");
        }
        head.Append('"');
    }
}
