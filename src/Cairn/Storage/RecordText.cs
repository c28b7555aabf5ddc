using System.Buffers;
using System.Text.Json;
using Cairn.Records;

namespace Cairn.Storage;

/// <summary>
/// A record as a store keeps it while it waits for something: what is known, and no more. By the names of its fields, so that
/// a later version reads it too; whatever was taken in is read again, because it was looked at then.
/// </summary>
sealed class RecordText<T> where T : class, IRecord, new()
{
    /// <summary>Beside the fields: the sender left the time to Cairn.</summary>
    static readonly JsonEncodedText TimeIsGiven = JsonEncodedText.Encode("timeIsGiven");

    readonly Kind<T> kind;
    readonly (Field<T> Field, JsonEncodedText Name)[] fields;
    readonly ArrayBufferWriter<byte> buffer = new(512);
    readonly Utf8JsonWriter text;

    public RecordText(Kind<T> kind)
    {
        (this.kind, text) = (kind, new(buffer, RecordJson.Writing));
        fields = [.. kind.Stored.Select(field => (field, JsonEncodedText.Encode(field.Name)))];
    }

    /// <summary>Good until the next one is written.</summary>
    public ReadOnlySpan<byte> Write(T record)
    {
        buffer.ResetWrittenCount();
        text.Reset();
        text.WriteStartObject();
        foreach (var (field, name) in fields)
        {
            if (field.IsText)
            {
                if (field.Text!(record) is { } value) text.WriteString(name, value);
            }
            else if (field.Number!(record) is { } number)
            {
                if (field.Type == FieldType.Boolean) text.WriteBoolean(name, number != 0);
                else if (field.Type == FieldType.Time) text.WriteString(name, Iso.Text(number));
                else text.WriteNumber(name, number);
            }
        }
        if (!record.TimeIsGiven) text.WriteBoolean(TimeIsGiven, false);
        text.WriteEndObject();
        text.Flush();
        return buffer.WrittenSpan;
    }

    public T Read(ReadOnlySpan<byte> stored)
    {
        var reader = new Utf8JsonReader(stored);
        var record = new T();
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isTimeGiven = reader.ValueTextEquals(TimeIsGiven.EncodedUtf8Bytes);
            var name = isTimeGiven ? "" : reader.GetString();
            reader.Read();
            if (isTimeGiven) record.TimeIsGiven = reader.GetBoolean();
            // A field that is no longer in the list is passed over.
            else if (Array.Find(fields, one => one.Field.Name == name).Field is { } field) Set(ref reader, record, field);
        }
        return record;
    }

    void Set(ref Utf8JsonReader reader, T record, Field<T> field)
    {
        if (field.IsText) field.SetText!(record, reader.GetString());
        else if (reader.TokenType == JsonTokenType.Number) field.SetNumber!(record, reader.GetInt64());
        else if (reader.TokenType != JsonTokenType.String) field.SetNumber!(record, reader.GetBoolean() ? 1 : 0);
        else if (Iso.TryRead(reader.GetString()!, TimeZoneInfo.Utc, out var ms)) field.SetNumber!(record, ms);
        else throw new InvalidDataException($"A kept {kind.Name} has no time in {field.Name}; the file or the database is damaged.");
    }
}
