using System.Text;

namespace Cairn.Export;

/// <summary>What stands at the start of some bytes of a CSV file.</summary>
enum CsvFound
{
    /// <summary>A whole record.</summary>
    Record,

    /// <summary>The start of a record whose end is not there yet.</summary>
    Part,

    /// <summary>A quoted cell that nothing ends.</summary>
    NoEnd,

    /// <summary>A quoted cell with something between its end and the comma.</summary>
    Rest,

    /// <summary>A cell that is no text.</summary>
    NotUtf8,
}

/// <summary>Reads RFC 4180 records out of bytes as they come. Lines may end in LF alone.</summary>
static class CsvCells
{
    static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <param name="isLast">Nothing follows these bytes.</param>
    /// <param name="cells">Filled with the record's cells.</param>
    /// <param name="length">The bytes of the record, its end of line included.</param>
    public static CsvFound Read(ReadOnlySpan<byte> bytes, bool isLast, List<string> cells, out int length)
    {
        cells.Clear();
        length = 0;
        try
        {
            for (var at = 0; ;)
            {
                var isQuoted = at < bytes.Length && bytes[at] == '"';
                var found = isQuoted ? Quoted(bytes, isLast, ref at, cells) : Plain(bytes, isLast, ref at, cells);
                if (found != CsvFound.Record) return found;
                if (at < bytes.Length && bytes[at] == ',')
                {
                    at++;
                    continue;
                }
                length = Math.Min(at + 1, bytes.Length);
                return CsvFound.Record;
            }
        }
        catch (DecoderFallbackException)
        {
            return CsvFound.NotUtf8;
        }
    }

    /// <summary>Moves to the comma or the line feed that ends the cell, or to the end of all.</summary>
    static CsvFound Plain(ReadOnlySpan<byte> bytes, bool isLast, ref int at, List<string> cells)
    {
        var rest = bytes[at..];
        var end = rest.IndexOfAny((byte)',', (byte)'\n');
        if (end < 0)
        {
            if (!isLast) return CsvFound.Part;
            end = rest.Length;
        }
        var cell = rest[..end];
        if ((end == rest.Length || rest[end] == '\n') && cell.EndsWith("\r"u8)) cell = cell[..^1];
        cells.Add(Strict.GetString(cell));
        at += end;
        return CsvFound.Record;
    }

    static CsvFound Quoted(ReadOnlySpan<byte> bytes, bool isLast, ref int at, List<string> cells)
    {
        var (start, hasQuotes) = (++at, false);
        while (true)
        {
            var quote = bytes[at..].IndexOf((byte)'"');
            if (quote < 0) return isLast ? CsvFound.NoEnd : CsvFound.Part;
            at += quote + 1;
            if (at == bytes.Length && !isLast) return CsvFound.Part;
            if (at == bytes.Length || bytes[at] != '"') break;
            hasQuotes = true;
            at++;
        }
        var cell = Strict.GetString(bytes[start..(at - 1)]);
        cells.Add(hasQuotes ? cell.Replace("\"\"", "\"", StringComparison.Ordinal) : cell);

        if (at < bytes.Length && bytes[at] == '\r')
        {
            if (at + 1 == bytes.Length && !isLast) return CsvFound.Part;
            if (at + 1 == bytes.Length || bytes[at + 1] == '\n') at++;
        }
        return at == bytes.Length || bytes[at] is (byte)',' or (byte)'\n' ? CsvFound.Record : CsvFound.Rest;
    }
}
