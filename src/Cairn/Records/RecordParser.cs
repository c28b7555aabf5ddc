using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using System.Text.Json;

namespace Cairn.Records;

/// <summary>
/// Reads a record from a JSON object by the kind's list of fields. Every text is checked here, once, so that whatever is
/// stored can be written out again. What it does not understand it refuses, naming the field.
/// </summary>
/// <param name="lenient">Takes over what Cairn itself once wrote: fields that it adds on the way out are passed over.</param>
sealed class RecordParser<T>(Kind<T> kind, bool lenient) where T : class, IRecord, new()
{
    public const int MostBytes = 64 * 1024;

    /// <summary>Far beyond any count of tokens or milliseconds, and small enough that no sum of a log overflows.</summary>
    const long MostNumber = 1_000_000_000_000;

    const int MetadataDepth = 32;

    readonly FrozenDictionary<string, Field<T>>.AlternateLookup<ReadOnlySpan<char>> fields =
        kind.Fields.Where(field => lenient || (field.Sent && field.Stored)).ToFrozenDictionary(field => field.Name).GetAlternateLookup<ReadOnlySpan<char>>();

    readonly int[] places = [.. kind.Fields.Select((_, i) => i)];

    /// <summary>Reads one object, at whose first token the reader stands, to its end. Answers what is wrong, or null.</summary>
    /// <exception cref="JsonException">The JSON itself is broken, so that nothing after it can be read either.</exception>
    public string? Read(ref Utf8JsonReader reader, T record)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return "is not a JSON object";
        }

        var depth = reader.CurrentDepth;
        var start = reader.TokenStartIndex;
        string? fault = null;
        var seen = new Seen();
        Span<char> name = stackalloc char[64];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var known = TryCopy(ref reader, name, out var length) & fields.TryGetValue(name[..length], out var field);
            if (!known)
            {
                fault ??= $"has a field '{Name(ref reader)}' that is not known";
                reader.Skip();
                continue;
            }
            reader.Read();
            if (!seen.Add(Array.IndexOf(kind.Fields, field))) fault ??= $"{field!.Name} is given twice";
            if (lenient && (!field!.Stored || !field.Sent)) reader.Skip();
            else if (fault is null) fault = Take(ref reader, field!, record);
            else reader.Skip();
        }
        if (reader.CurrentDepth != depth || reader.TokenType != JsonTokenType.EndObject) throw new JsonException("The JSON ends in the middle of an object.");
        if (fault is null && reader.BytesConsumed - start > MostBytes) fault = $"is larger than {MostBytes / 1024} KiB";
        return fault ?? Missing(seen);
    }

    string? Missing(Seen seen)
    {
        foreach (var place in places)
            if (kind.Fields[place].Required && !seen.Has(place)) return $"{kind.Fields[place].Name} is missing";
        return null;
    }

    static bool TryCopy(ref Utf8JsonReader reader, scoped Span<char> name, out int length)
    {
        length = 0;
        if (reader.HasValueSequence || reader.ValueSpan.Length > name.Length) return false;
        try
        {
            length = reader.CopyString(name);
            return true;
        }
        catch (InvalidOperationException)
        {
            // Not valid Unicode, therefore not the name of a field.
            return false;
        }
    }

    static string Name(ref Utf8JsonReader reader) => TryText(ref reader, out var text) ? Texts.Shown(text) : "�";

    static bool TryText(ref Utf8JsonReader reader, out string text)
    {
        try
        {
            text = reader.GetString() ?? "";
            return true;
        }
        catch (InvalidOperationException)
        {
            // The parser passes over invalid UTF-8 and half surrogate pairs, and only says so when the text is asked for.
            text = "";
            return false;
        }
    }

    static string? Take(ref Utf8JsonReader reader, Field<T> field, T record)
    {
        if (reader.TokenType == JsonTokenType.Null) return field.Required ? $"{field.Name} is missing" : null;
        switch (field.Type)
        {
            case FieldType.Text:
                if (reader.TokenType != JsonTokenType.String) return Wrong(ref reader, field, "a string");
                if (!TryText(ref reader, out var text)) return $"{field.Name} is not valid Unicode";
                return Texts.IsSound(text) ? Set(field, record, text) : $"{field.Name} holds NUL";

            case FieldType.Json:
                if (reader.TokenType != JsonTokenType.StartObject) return Wrong(ref reader, field, "a JSON object");
                var (json, fault) = Compact(ref reader, field.Name);
                return fault ?? Set(field, record, json!);

            case FieldType.Time:
                if (reader.TokenType != JsonTokenType.String) return Wrong(ref reader, field, "an ISO 8601 time");
                return TryText(ref reader, out var time) ? Set(field, record, time) : $"{field.Name} is not valid Unicode";

            case FieldType.Boolean:
                if (reader.TokenType is not (JsonTokenType.True or JsonTokenType.False)) return Wrong(ref reader, field, "true or false");
                field.SetNumber!(record, reader.GetBoolean() ? 1 : 0);
                return null;

            default:
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number)) return Wrong(ref reader, field, "a whole number");
                return SetNumber(field, record, number);
        }
    }

    static string Wrong(ref Utf8JsonReader reader, Field<T> field, string wanted)
    {
        reader.Skip();
        return $"{field.Name} is not {wanted}";
    }

    static string? SetNumber(Field<T> field, T record, long number)
    {
        if (number is < 0 or > MostNumber) return $"{field.Name} is {number}; it takes a number from 0 to {MostNumber}";
        field.SetNumber!(record, number);
        return null;
    }

    /// <summary>Takes a value that stands as text, as it does in a CSV file. Answers what is wrong, or null.</summary>
    public static string? Set(Field<T> field, T record, string text)
    {
        switch (field.Type)
        {
            case FieldType.Text or FieldType.Json:
                if (field.Type == FieldType.Json ? Encoding.UTF8.GetByteCount(text) > field.MaxLength : text.Length > field.MaxLength)
                    return $"{field.Name} is longer than {field.MaxLength} {(field.Type == FieldType.Json ? "bytes" : "characters")}";
                if (field.Allowed is { } allowed && !allowed.Contains(text)) return $"{field.Name} is '{Texts.Shown(text)}'; it takes {string.Join(", ", allowed)}";
                if (field.Required && text.Length == 0) return $"{field.Name} is empty";
                // An empty text says no more than an absent one, and no filter could ask for it.
                field.SetText!(record, text.Length == 0 ? null : text);
                return null;

            default:
                if (!Iso.TryRead(text, TimeZoneInfo.Utc, out var ms)) return $"{field.Name} is '{Texts.Shown(text)}'; it takes an ISO 8601 time such as 2026-01-31T12:00:00.000Z";
                if (ms < 0 || ms > Iso.MostMs) return $"{field.Name} is '{Texts.Shown(text)}'; it takes a time from 1970 to 2199";
                field.SetNumber!(record, ms);
                return null;
        }
    }

    /// <summary>The object without white space, every text checked, names given once.</summary>
    public static (string? Json, string? Fault) Compact(ref Utf8JsonReader reader, string name)
    {
        var bytes = new ArrayBufferWriter<byte>(256);
        using var writer = new Utf8JsonWriter(bytes, RecordJson.Writing);
        var names = new Stack<HashSet<string>>();
        var outer = reader.CurrentDepth;
        string? fault = null;
        do
        {
            if (fault is not null)
            {
                // Read on to the end of the object, so that what follows it can be read.
                if (reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == outer) break;
                continue;
            }
            if (reader.CurrentDepth - outer >= MetadataDepth && reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject)
            {
                fault = $"{name} is nested deeper than {MetadataDepth}";
                continue;
            }
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject: writer.WriteStartObject(); names.Push(new(StringComparer.Ordinal)); break;
                case JsonTokenType.EndObject: writer.WriteEndObject(); names.Pop(); break;
                case JsonTokenType.StartArray: writer.WriteStartArray(); break;
                case JsonTokenType.EndArray: writer.WriteEndArray(); break;
                case JsonTokenType.True or JsonTokenType.False: writer.WriteBooleanValue(reader.GetBoolean()); break;
                case JsonTokenType.Null: writer.WriteNullValue(); break;
                case JsonTokenType.Number: writer.WriteRawValue(reader.ValueSpan, skipInputValidation: true); break;
                default:
                    if (!TryText(ref reader, out var text)) { fault = $"{name} holds a text that is not valid Unicode"; break; }
                    if (!Texts.IsSound(text)) { fault = $"{name} holds a text with NUL"; break; }
                    if (reader.TokenType == JsonTokenType.String) { writer.WriteStringValue(text); break; }
                    if (!names.Peek().Add(text)) { fault = $"{name} has '{Texts.Shown(text)}' twice"; break; }
                    writer.WritePropertyName(text);
                    break;
            }
            if (fault is null && reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == outer) break;
        }
        while (reader.Read());
        if (fault is not null) return (null, fault);
        writer.Flush();
        return (Encoding.UTF8.GetString(bytes.WrittenSpan), null);
    }

    /// <summary>Which fields an object gave.</summary>
    struct Seen
    {
        ulong bits;

        public bool Add(int place)
        {
            var before = bits;
            bits |= 1UL << place;
            return bits != before;
        }

        public readonly bool Has(int place) => (bits & (1UL << place)) != 0;
    }
}
