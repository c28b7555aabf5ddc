using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>
/// SQL functions that SQLite lacks: <c>has_text(text, part)</c>, true when a text contains another in any case, as everywhere in
/// Cairn; and <c>to_ms(time)</c>, milliseconds since 1970 of what is a number already or an ISO 8601 text.
/// </summary>
static unsafe class Functions
{
    const int Short = 512;

    public static void AddTo(Connection connection)
    {
        connection.Add("has_text"u8, 2, &HasText);
        connection.Add("to_ms"u8, 1, &ToMs);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static void HasText(nint context, int count, nint* values)
    {
        var text = Sqlite3.ValueBytes(values[0]);
        var part = Sqlite3.ValueBytes(values[1]);
        Sqlite3.ResultInteger(context, Contains(text, part) ? 1 : 0);
    }

    static bool Contains(ReadOnlySpan<byte> text, ReadOnlySpan<byte> part)
    {
        if (part.Length > text.Length * 3) return false;
        var (rentedText, rentedPart) = (text.Length > Short ? ArrayPool<char>.Shared.Rent(text.Length) : null, part.Length > Short ? ArrayPool<char>.Shared.Rent(part.Length) : null);
        var letters = rentedText ?? stackalloc char[Short];
        var wanted = rentedPart ?? stackalloc char[Short];
        // What is not valid UTF-8 becomes a replacement character, and never an exception inside SQLite.
        var found = letters[..Encoding.UTF8.GetChars(text, letters)].Contains(wanted[..Encoding.UTF8.GetChars(part, wanted)], StringComparison.OrdinalIgnoreCase);
        if (rentedText is not null) ArrayPool<char>.Shared.Return(rentedText);
        if (rentedPart is not null) ArrayPool<char>.Shared.Return(rentedPart);
        return found;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    static void ToMs(nint context, int count, nint* values)
    {
        switch (Sqlite3.ValueType(values[0]))
        {
            case Sqlite3.TypeInteger: Sqlite3.ResultInteger(context, Sqlite3.ValueInteger(values[0])); break;
            case Sqlite3.TypeFloat: Sqlite3.ResultInteger(context, (long)Math.Clamp(Math.Round(Sqlite3.ValueReal(values[0])), 0, Iso.MostMs)); break;
            case Sqlite3.TypeNull: break;
            default:
                if (TryTime(Encoding.UTF8.GetString(Sqlite3.ValueBytes(values[0])), out var ms)) Sqlite3.ResultInteger(context, ms);
                else Sqlite3.ResultError(context, "a time is neither ISO 8601 nor milliseconds since 1970"u8);
                break;
        }
    }

    /// <summary>ISO 8601, also with the space that SQLite's own functions write; UTC where no offset is given.</summary>
    public static bool TryTime(string text, out long ms)
    {
        text = text.Trim();
        if (Iso.TryReadDate(text, out var date))
        {
            ms = Iso.StartMs(date, TimeZoneInfo.Utc);
            return true;
        }
        if (text.Length > 10 && text[10] == ' ') text = text[..10] + "T" + text[11..];
        return Iso.TryRead(text, TimeZoneInfo.Utc, out ms);
    }
}
