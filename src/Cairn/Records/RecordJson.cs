using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cairn.Records;

/// <summary>Writes a record as a JSON object: every field of the kind, in its order, absent ones as null.</summary>
sealed class RecordJson<T>(Kind<T> kind) where T : class, IRecord, new()
{
    readonly (Field<T> Field, JsonEncodedText Name)[] fields = [.. kind.Fields.Select(field => (field, JsonEncodedText.Encode(field.Name)))];

    /// <param name="cursor">Stands behind the fields, where a list's reader asked for it.</param>
    public void Write(Utf8JsonWriter writer, T record, string? cursor = null)
    {
        Span<byte> time = stackalloc byte[Iso.Length];
        writer.WriteStartObject();
        foreach (var (field, name) in fields)
        {
            if (field.IsText)
            {
                var text = field.Text!(record);
                if (text is null) writer.WriteNull(name);
                else if (field.Type == FieldType.Json)
                {
                    writer.WritePropertyName(name);
                    writer.WriteRawValue(text, skipInputValidation: true);
                }
                else writer.WriteString(name, text);
                continue;
            }
            if (field.Number!(record) is not { } number)
            {
                writer.WriteNull(name);
                continue;
            }
            switch (field.Type)
            {
                case FieldType.Boolean: writer.WriteBoolean(name, number != 0); break;
                case FieldType.Time:
                    Iso.Write(time, number);
                    writer.WriteString(name, time);
                    break;
                default: writer.WriteNumber(name, number); break;
            }
        }
        if (cursor is not null) writer.WriteString("cursor"u8, cursor);
        writer.WriteEndObject();
    }
}

static class RecordJson
{
    /// <summary>Letters of all languages stand as themselves; answers are never HTML.</summary>
    public static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>What is written, as a text.</summary>
    public static string Text(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(bytes, Writing)) write(writer);
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>A time as every answer has it; null where there is none.</summary>
    public static void WriteTime(this Utf8JsonWriter writer, string name, DateTimeOffset? at) =>
        writer.WriteString(name, at is { } time ? Iso.Text(time.ToUnixTimeMilliseconds()) : null);
}
