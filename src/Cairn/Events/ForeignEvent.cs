using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Cairn.Records;

namespace Cairn.Events;

/// <summary>
/// An event that came in another format, written anew as one of ours and then read like any other: so there is one place
/// that checks texts, lengths and names, and one list of fields.
/// </summary>
sealed class ForeignEvent : IDisposable
{
    static readonly JsonReaderOptions Reading = new() { MaxDepth = EventIngest.MostBytes };

    readonly ArrayBufferWriter<byte> bytes = new(1024);

    public ForeignEvent()
    {
        Json = new(bytes, RecordJson.Writing);
        Json.WriteStartObject();
    }

    public Utf8JsonWriter Json { get; }

    /// <summary>How long it is, once it was read.</summary>
    public int Bytes => bytes.WrittenCount;

    /// <summary>Reads what was written. Answers what is wrong with it, or null.</summary>
    public string? Read(RecordParser<EventRecord> parser, EventRecord record)
    {
        Json.WriteEndObject();
        Json.Flush();
        var reader = new Utf8JsonReader(bytes.WrittenSpan, Reading);
        reader.Read();
        return parser.Read(ref reader, record);
    }

    /// <summary>A value as it was sent, to be checked when it is read.</summary>
    public void Copy(JsonElement value) => Json.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true);

    public void Copy(string name, JsonElement value)
    {
        Json.WritePropertyName(name);
        Copy(value);
    }

    /// <summary>The text of a value; null where it is no text, or none that can be kept.</summary>
    public static string? Text(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) return null;
        try
        {
            return value.GetString() is { } text && Texts.IsSound(text) ? text : null;
        }
        catch (InvalidOperationException)
        {
            // Not valid Unicode, which the parser passes over and says only when the text is asked for.
            return null;
        }
    }

    /// <summary>The name of a member; null where it is none that can be kept.</summary>
    public static string? Name(JsonProperty member)
    {
        try
        {
            return Texts.IsSound(member.Name) ? member.Name : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    public void Dispose() => Json.Dispose();
}
