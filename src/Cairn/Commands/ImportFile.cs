using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Cairn.Export;
using Cairn.Records;

namespace Cairn.Commands;

/// <summary>One record of a file as a line of JSON, or why it is none.</summary>
/// <param name="Number">The line of the file that it begins on, from 1.</param>
/// <param name="Json">Good until the next line is read.</param>
readonly record struct ImportLine(long Number, ReadOnlyMemory<byte> Json, string? Fault = null);

/// <summary>A file of records, read piece by piece: its size does not matter, and a line that is far too long costs no memory.</summary>
sealed class ImportFile(Stream stream)
{
    /// <summary>No record is as large; a call would refuse one of 64 KiB.</summary>
    const int MostBytes = 256 * 1024;

    static readonly JsonDocumentOptions Reading = new() { MaxDepth = 512 };

    byte[] buffer = new byte[64 * 1024];
    int start, end;
    bool ended;
    long line = 1;

    public long BytesRead { get; private set; }

    ReadOnlyMemory<byte> Rest => buffer.AsMemory(start, end - start);

    /// <summary>Every line that is not blank, as it stands.</summary>
    public async IAsyncEnumerable<ImportLine> JsonLines([EnumeratorCancellation] CancellationToken cancel)
    {
        await SkipByteOrderMark(cancel);
        while (true)
        {
            var length = Rest.Span.IndexOf((byte)'\n');
            if (length < 0 && Rest.Length < MostBytes && await More(cancel)) continue;
            if (Rest.IsEmpty) yield break;
            if (length < 0 && !ended)
            {
                yield return new(line, default, $"is larger than {MostBytes / 1024} KiB");
                await SkipLine(cancel);
                continue;
            }
            var text = Rest[..(length < 0 ? Rest.Length : length)];
            if (!text.Span.Trim(" \t\r"u8).IsEmpty) yield return new(line, text);
            Pass(length < 0 ? Rest.Length : length + 1);
        }
    }

    /// <summary>Every row as an object of its cells; the first row names the fields.</summary>
    /// <exception cref="CommandException">The first row names a field that there is not, or none.</exception>
    public async IAsyncEnumerable<ImportLine> CsvRows(NamedLog log, [EnumeratorCancellation] CancellationToken cancel)
    {
        await SkipByteOrderMark(cancel);
        NamedField[]? columns = null;
        var (cells, json) = (new List<string>(), new ArrayBufferWriter<byte>());
        while (true)
        {
            if (Rest.IsEmpty && !await More(cancel)) break;
            var found = CsvCells.Read(Rest.Span, ended, cells, out var length);
            if (found == CsvFound.Part && Rest.Length < MostBytes && await More(cancel)) continue;
            // A part that grew no further is asked again, now that its end is known.
            if (found == CsvFound.Part && ended) found = CsvCells.Read(Rest.Span, ended, cells, out length);

            if (found != CsvFound.Record)
            {
                if (columns is null) throw new CommandException($"The first line {Fault(found)}; it is not the header of a CSV file.");
                yield return new(line, default, Fault(found));
                await SkipLine(cancel);
                continue;
            }
            if (columns is null) columns = Columns(log, cells);
            else if (cells is not [""]) yield return Row(columns, cells, json);
            Pass(length);
        }
        if (columns is null) throw new CommandException("The file is empty; a CSV file begins with the names of its columns.");
    }

    static string Fault(CsvFound found) => found switch
    {
        CsvFound.NoEnd => "has a quoted cell that does not end",
        CsvFound.Rest => "has something between the end of a quoted cell and the comma",
        CsvFound.NotUtf8 => "is not valid UTF-8",
        _ => $"is larger than {MostBytes / 1024} KiB, or has a quoted cell that does not end",
    };

    static NamedField[] Columns(NamedLog log, List<string> names) =>
    [
        .. names.Select((name, place) =>
        {
            if (names.IndexOf(name) < place) throw new CommandException($"The header names the column '{Texts.Shown(name)}' twice.");
            return log.Fields.FirstOrDefault(field => field.Name == name)
                ?? throw new CommandException($"The header names a column '{Texts.Shown(name)}', which {log.Name} do not have; they have {string.Join(", ", log.Fields.Select(field => field.Name))}.");
        }),
    ];

    ImportLine Row(NamedField[] columns, List<string> cells, ArrayBufferWriter<byte> json)
    {
        if (cells.Count != columns.Length) return new(line, default, $"has {cells.Count} cells where the header has {columns.Length}");
        json.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(json, RecordJson.Writing))
        {
            writer.WriteStartObject();
            for (var i = 0; i < columns.Length; i++)
            {
                // An empty cell is an absent value; what Cairn adds by itself is not sent.
                if (!columns[i].IsTaken || cells[i].Length == 0) continue;
                writer.WritePropertyName(columns[i].Name);
                Write(writer, columns[i].Type, FormulaGuard.Without(cells[i]));
            }
            writer.WriteEndObject();
        }
        return new(line, json.WrittenMemory);
    }

    /// <summary>A value by its field's type. What does not fit goes as text: the refusal then names the field.</summary>
    static void Write(Utf8JsonWriter writer, FieldType type, string cell)
    {
        if (type == FieldType.Integer && long.TryParse(cell, out var number)) writer.WriteNumberValue(number);
        else if (type == FieldType.Boolean && bool.TryParse(cell, out var isTrue)) writer.WriteBooleanValue(isTrue);
        else if (type == FieldType.Json && IsJson(cell)) writer.WriteRawValue(cell.ReplaceLineEndings(" "), skipInputValidation: true);
        else writer.WriteStringValue(cell);
    }

    static bool IsJson(string cell)
    {
        try
        {
            using var _ = JsonDocument.Parse(cell, Reading);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    async Task SkipByteOrderMark(CancellationToken cancel)
    {
        while (Rest.Length < 3 && await More(cancel)) { }
        if (Rest.Span.StartsWith("\uFEFF"u8)) start += 3;
    }

    /// <summary>Passes over the line, without keeping it, and goes on with the next.</summary>
    async Task SkipLine(CancellationToken cancel)
    {
        while (true)
        {
            var length = Rest.Span.IndexOf((byte)'\n');
            if (length >= 0)
            {
                Pass(length + 1);
                return;
            }
            start = end;
            if (!await More(cancel)) return;
        }
    }

    void Pass(int length)
    {
        line += Rest.Span[..length].Count((byte)'\n');
        start += length;
    }

    /// <summary>Reads on; false at the end of the file.</summary>
    async Task<bool> More(CancellationToken cancel)
    {
        if (ended) return false;
        if (start > 0)
        {
            Rest.CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        if (end == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        var read = await stream.ReadAsync(buffer.AsMemory(end), cancel);
        ended = read == 0;
        end += read;
        BytesRead += read;
        return !ended;
    }
}
