using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Cairn.Records;

namespace Cairn.Export;

/// <summary>
/// Writes records as RFC 4180 lines of the kind's CSV columns. A cell that a spreadsheet would take for a formula is
/// prefixed with an apostrophe.
/// </summary>
sealed class CsvWriter<T>(Kind<T> kind, IBufferWriter<byte> output) where T : class, IRecord, new()
{
    readonly Field<T>[] columns = kind.Csv;

    public void WriteHeader()
    {
        for (var i = 0; i < columns.Length; i++)
        {
            if (i > 0) Write(","u8);
            WriteText(columns[i].Name);
        }
        Write("\r\n"u8);
    }

    public void Write(T record)
    {
        for (var i = 0; i < columns.Length; i++)
        {
            if (i > 0) Write(","u8);
            var column = columns[i];
            if (column.IsText) WriteText(column.Text!(record));
            else if (column.Number!(record) is { } number) WriteNumber(column.Type, number);
        }
        Write("\r\n"u8);
    }

    void WriteNumber(FieldType type, long number)
    {
        var span = output.GetSpan(Iso.Length);
        var length = Iso.Length;
        switch (type)
        {
            case FieldType.Time: Iso.Write(span, number); break;
            case FieldType.Boolean: length = Encoding.ASCII.GetBytes(number != 0 ? "true" : "false", span); break;
            default: Utf8Formatter.TryFormat(number, span, out length); break;
        }
        output.Advance(length);
    }

    void WriteText(string? text) => CsvText.Write(output, text);

    void Write(ReadOnlySpan<byte> bytes) => output.Write(bytes);
}

/// <summary>One text as a cell, quoted and guarded as it needs.</summary>
static class CsvText
{
    static readonly SearchValues<char> NeedQuotes = SearchValues.Create(",\"\r\n");

    public static void Write(IBufferWriter<byte> output, string? text)
    {
        if (string.IsNullOrEmpty(text)) return;
        var isFormula = FormulaGuard.IsFormula(text);
        var isQuoted = text.AsSpan().ContainsAny(NeedQuotes);
        if (isQuoted) output.Write("\""u8);
        if (isFormula) output.Write("'"u8);
        WriteUtf8(output, isQuoted && text.Contains('"', StringComparison.Ordinal) ? text.Replace("\"", "\"\"", StringComparison.Ordinal) : text);
        if (isQuoted) output.Write("\""u8);
    }

    /// <summary>A whole line of texts.</summary>
    public static void WriteLine(IBufferWriter<byte> output, IReadOnlyList<string> cells)
    {
        for (var i = 0; i < cells.Count; i++)
        {
            if (i > 0) output.Write(","u8);
            Write(output, cells[i]);
        }
        output.Write("\r\n"u8);
    }

    static void WriteUtf8(IBufferWriter<byte> output, string text)
    {
        var span = output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        output.Advance(Encoding.UTF8.GetBytes(text, span));
    }
}

/// <summary>The apostrophe that keeps a spreadsheet from calculating what someone wrote into a record.</summary>
static class FormulaGuard
{
    static readonly SearchValues<char> BeginFormulas = SearchValues.Create("=+-@\t\r");

    /// <summary>Also true for a formula behind apostrophes of its own, so that taking one away again gives back what was written.</summary>
    public static bool IsFormula(string text)
    {
        var bare = text.TrimStart('\'');
        return bare.Length > 0 && BeginFormulas.Contains(bare[0]) && !IsNumber(bare);
    }

    /// <summary>The text of a cell as it was before it was written.</summary>
    public static string Without(string cell) => cell.StartsWith('\'') && IsFormula(cell[1..]) ? cell[1..] : cell;

    /// <summary>A plain one: no white space around it, no infinity.</summary>
    static bool IsNumber(string text) => double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, null, out var number) && double.IsFinite(number);
}
