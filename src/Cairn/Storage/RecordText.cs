using System.Buffers;
using System.Text.Json;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Storage;

/// <summary>The start of a request as a store keeps it: what is known, and no more, because it is written and removed with every request.</summary>
sealed class StartText
{
    readonly (Field<RequestRecord> Field, JsonEncodedText Name)[] fields;
    readonly RecordParser<RequestRecord> parser;
    readonly ArrayBufferWriter<byte> buffer = new(512);
    readonly Utf8JsonWriter text;

    public StartText(Kind<RequestRecord> kind)
    {
        (parser, text) = (new(kind, lenient: true), new(buffer, RecordJson.Writing));
        fields = [.. kind.Stored.Select(field => (field, JsonEncodedText.Encode(field.Name)))];
    }

    /// <summary>Good until the next one is written.</summary>
    public ReadOnlySpan<byte> Write(RequestRecord start)
    {
        buffer.ResetWrittenCount();
        text.Reset();
        text.WriteStartObject();
        foreach (var (field, name) in fields)
        {
            if (field.IsText)
            {
                if (field.Text!(start) is { Length: > 0 } value) text.WriteString(name, value);
            }
            else if (field.Number!(start) is { } number)
            {
                if (field.Type == FieldType.Boolean) text.WriteBoolean(name, number != 0);
                else if (field.Type == FieldType.Time) text.WriteString(name, Iso.Text(number));
                else text.WriteNumber(name, number);
            }
        }
        text.WriteEndObject();
        text.Flush();
        return buffer.WrittenSpan;
    }

    public RequestRecord Read(ReadOnlySpan<byte> stored)
    {
        var reader = new Utf8JsonReader(stored);
        var record = new RequestRecord();
        reader.Read();
        return parser.Read(ref reader, record) is { } fault ? throw new InvalidDataException($"The start of a request {fault}; the database is damaged.") : record;
    }
}
