using System.Buffers;
using System.Text;
using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Events;

/// <summary>
/// Takes CloudEvents 1.0 as events. Who sends one (structured or binary) learns from the status what became of it; a batch
/// is answered like any other call of many events. docs/formats.md tells what becomes of each attribute.
/// </summary>
sealed class CloudEvents(RecordParser<EventRecord> parser, Func<EventRecord, string?> complete)
{
    public const string Structured = "application/cloudevents+json", Batch = "application/cloudevents-batch+json";

    const string Prefix = "ce-";

    const int MostDepth = 64;

    /// <summary>The members of an event's data that are fields of ours, where they are texts.</summary>
    public static readonly string[] DataFields =
    [
        "actorId", "actorName", "actorEmail", "actorRole", "resource", "resourceId", "resourceName", "outcome", "ip", "userAgent", "requestId", "traceId", "conversationId",
    ];

    /// <summary>Members of the metadata that are written here.</summary>
    static readonly string[] OwnMembers = ["cloudevent", "data"];

    static readonly string[] RequiredAttributes = ["specversion", "id", "source", "type"];

    static readonly string[] TextAttributes = [.. RequiredAttributes, "subject", "time", "dataschema", "datacontenttype", "data_base64"];

    /// <summary>One attribute is enough to know what is meant; which are missing is then told.</summary>
    static bool IsBinary(HttpRequest request) => RequiredAttributes.Any(name => request.Headers.ContainsKey(Prefix + name));

    /// <summary>True for each way of sending them.</summary>
    public static bool Are(HttpRequest request) => Body.TypeOf(request).StartsWith("application/cloudevents", StringComparison.Ordinal) || IsBinary(request);

    public static async Task<IResult> Take(HttpContext context, CairnHost host, EventCheck check)
    {
        // 1. How they come. A body of their own type says it all; without one the headers do.
        var type = Body.TypeOf(context.Request);
        var isOwnType = type.StartsWith("application/cloudevents", StringComparison.Ordinal);
        if (isOwnType && type is not (Structured or Batch)) return Problems.WrongType($"CloudEvents as {Structured}, as {Batch}, or with their attributes in ce- headers");
        var (body, problem) = await Body.ReadAny(context, EventIngest.MostBytes);
        if (problem is not null) return problem;

        // 2. What they say.
        var parser = new RecordParser<EventRecord>(host.Log.Events.Kind, lenient: false);
        var reader = new CloudEvents(parser, check.Complete);
        if (isOwnType)
        {
            var begins = body!.Bytes.Span.TrimStart(" \t\r\n"u8);
            if (begins is not [(byte)'[', ..] && type == Batch) return Problems.Bad($"A body of {Batch} is a JSON array of events.");
            if (begins is not [(byte)'{', ..] && type == Structured) return Problems.Bad($"A body of {Structured} is one event, a JSON object; several come as {Batch}.");
        }
        else
        {
            var (written, wrong) = Write(context.Request, body!.Bytes.Span);
            if (wrong is not null) return Problems.Bad(wrong);
            body = new() { Bytes = written, IsLines = false };
        }
        var items = Items<EventRecord>.Read(body, EventIngest.MostEvents, reader.Read);
        if (items.Problem is not null) return items.Problem;

        // 3. What becomes of them. A status is all that most senders of one event look at.
        var outcomes = await host.Recorder.Append(items.Records);
        if (type != Batch && items.Rejected(outcomes) is [var one, ..])
            return outcomes is [Outcome.Conflict] ? Problems.Conflict("The event was not taken: an event with this id and source was recorded before with other content.") : Problems.Bad($"The event was not taken: {one.Error}.");
        return items.Answer(outcomes);
    }

    /// <summary>Reads one, at whose first token the reader stands, to its end. Answers what is wrong with it, or null.</summary>
    string? Read(ref Utf8JsonReader reader, EventRecord record)
    {
        record.TimeMs = EventCheck.NoTime;
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return "is not a JSON object";
        }
        // Looked over before it is read: the time to read it grows with its depth times its length.
        var whole = reader;
        var (start, outer, depth) = (reader.TokenStartIndex, reader.CurrentDepth, 0);
        do depth = Math.Max(depth, reader.CurrentDepth - outer);
        while (!(reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == outer) && reader.Read());
        if (reader.BytesConsumed - start > RecordParser<EventRecord>.MostBytes) return $"is larger than {RecordParser<EventRecord>.MostBytes / 1024} KiB";
        if (depth > MostDepth) return $"is nested deeper than {MostDepth}";
        using var document = JsonDocument.ParseValue(ref whole);
        return Read(document.RootElement, record);
    }

    string? Read(JsonElement sent, EventRecord record)
    {
        // 1. The attributes, each once; what has no value is as if it were not there.
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in sent.EnumerateObject())
        {
            if (ForeignEvent.Name(member) is not { } name) return "has an attribute whose name is not valid Unicode";
            if (name is not ("data" or "data_base64") && (name.Length == 0 || !name.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter))))
                return $"has an attribute '{Texts.Shown(name)}'; names are of the letters a to z and digits";
            if (!members.TryAdd(name, member.Value)) return $"{name} is given twice";
        }
        foreach (var (name, value) in members.Where(member => member.Key != "data"))
        {
            if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array) return $"{name} is neither a text, a number nor true or false";
            if (value.ValueKind == JsonValueKind.String && ForeignEvent.Text(value) is null) return $"{name} is not valid Unicode, or holds NUL";
        }
        if (TextAttributes.FirstOrDefault(name => members.TryGetValue(name, out var value) && value.ValueKind is not (JsonValueKind.String or JsonValueKind.Null)) is { } mistyped) return $"{mistyped} is not a text";
        if (RequiredAttributes.FirstOrDefault(name => string.IsNullOrEmpty(TextOf(name))) is { } missing) return $"{missing} is missing";
        if (TextOf("specversion") != "1.0") return $"specversion is '{Texts.Shown(TextOf("specversion")!)}'; it takes 1.0";
        if (members.ContainsKey("data") && TextOf("data_base64") is not null) return "has both data and data_base64";

        // 2. The same as one of ours.
        using var written = new ForeignEvent();
        var json = written.Json;
        json.WriteString("id", DerivedId.Of("CloudEvents", TextOf("source"), TextOf("id")));
        json.WriteString("action", TextOf("type"));
        if (TextOf("time") is { } time) json.WriteString("createdAt", time);

        var data = members.TryGetValue("data", out var given) && IsJson(TextOf("datacontenttype")) && given.ValueKind == JsonValueKind.Object ? given : default;
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        if (data.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in data.EnumerateObject())
            {
                if (ForeignEvent.Name(member) is not { } name) return "data has a name that is not valid Unicode";
                if (!names.Add(name)) return $"data has '{Texts.Shown(name)}' twice";
            }
            foreach (var field in DataFields)
                if (data.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String && (field != "outcome" || ForeignEvent.Text(value) is "success" or "failure" or "denied"))
                {
                    taken.Add(field);
                    written.Copy(field, value);
                }
        }
        if (!taken.Contains("actorId") && TextOf("authid") is { } actor) json.WriteString("actorId", actor);
        if (!taken.Contains("traceId") && TraceId(TextOf("traceparent")) is { } trace) json.WriteString("traceId", trace);
        if (!taken.Contains("resource") && !taken.Contains("resourceId") && TextOf("subject") is { } subject)
        {
            // Type/id; without a slash it is an id of a type that is not told.
            var slash = subject.IndexOf('/', StringComparison.Ordinal);
            if (slash > 0) json.WriteString("resource", subject[..slash]);
            json.WriteString("resourceId", slash > 0 ? subject[(slash + 1)..] : subject);
        }

        // 3. All else is metadata: what the data itself calls so, then the attributes, then the rest of the data.
        json.WriteStartObject("metadata");
        if (data.ValueKind == JsonValueKind.Object && data.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object)
        {
            var inner = new List<(string Name, JsonElement Value)>();
            foreach (var member in metadata.EnumerateObject())
            {
                if (ForeignEvent.Name(member) is not { } name) return "data.metadata has a name that is not valid Unicode";
                inner.Add((name, member.Value));
            }
            if (!inner.Exists(member => OwnMembers.Contains(member.Name)))
            {
                taken.Add("metadata");
                foreach (var (name, value) in inner) written.Copy(name, value);
            }
        }
        json.WriteStartObject("cloudevent");
        foreach (var (name, value) in members)
        {
            if (name is "specversion" or "type" or "time" or "data" or "data_base64" || value.ValueKind == JsonValueKind.Null) continue;
            // The same however it came: headers have nothing but texts, and JSON need not be named.
            if (name == "datacontenttype" && MediaType(TextOf(name)!) == "application/json") continue;
            json.WriteString(name, value.ValueKind == JsonValueKind.String ? TextOf(name) : value.GetRawText());
        }
        json.WriteEndObject();
        if (data.ValueKind == JsonValueKind.Object)
        {
            if (names.Count > taken.Count)
            {
                json.WriteStartObject("data");
                foreach (var member in data.EnumerateObject())
                    if (!taken.Contains(member.Name)) written.Copy(member.Name, member.Value);
                json.WriteEndObject();
            }
        }
        else if (given.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null)) written.Copy("data", given);
        if (TextOf("data_base64") is not null) written.Copy("data_base64", members["data_base64"]);
        json.WriteEndObject();
        return written.Read(parser, record) ?? complete(record);

        string? TextOf(string name) => members.TryGetValue(name, out var value) ? ForeignEvent.Text(value) : null;
    }

    static string MediaType(string contentType) => contentType.Split(';')[0].Trim().ToLowerInvariant();

    static bool IsJson(string? contentType)
    {
        var type = MediaType(contentType ?? "");
        return type.Length == 0 || type.EndsWith("/json", StringComparison.Ordinal) || type.EndsWith("+json", StringComparison.Ordinal);
    }

    /// <summary>The trace in a W3C <c>traceparent</c>; null when it is none.</summary>
    static string? TraceId(string? traceparent) =>
        traceparent?.Split('-') is [_, { Length: 32 } trace, ..] && trace.All(char.IsAsciiHexDigitLower) && trace.Any(letter => letter != '0') ? trace : null;

    /// <summary>One whose attributes are headers, as the same in one JSON object.</summary>
    static (byte[] Json, string? Wrong) Write(HttpRequest request, ReadOnlySpan<byte> data)
    {
        var bytes = new ArrayBufferWriter<byte>(data.Length + 1024);
        using var json = new Utf8JsonWriter(bytes, RecordJson.Writing);
        json.WriteStartObject();
        foreach (var (name, values) in request.Headers)
        {
            if (!name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) continue;
            var attribute = name[Prefix.Length..].ToLowerInvariant();
            if (attribute is "data" or "datacontenttype") return ([], $"The header {Prefix}{attribute} is not taken: the body is the data, and Content-Type its type.");
            if (values.Count != 1) return ([], $"The header {Prefix}{Texts.Shown(attribute)} is given more than once.");
            if (Decoded(values[0]!) is not { } text) return ([], $"The header {Prefix}{Texts.Shown(attribute)} is not UTF-8, percent-encoded.");
            json.WriteString(attribute, text);
        }
        if (request.ContentType is { Length: > 0 } type) json.WriteString("datacontenttype", type);
        if (data.Length > 0)
        {
            if (IsJson(request.ContentType))
            {
                if (!IsOneValue(data)) return ([], "The body is not the JSON that its Content-Type says it is.");
                json.WritePropertyName("data");
                json.WriteRawValue(data, skipInputValidation: true);
            }
            else if (IsText(request.ContentType!) && Utf8(data) is { } text) json.WriteString("data", text);
            else json.WriteBase64String("data_base64", data);
        }
        json.WriteEndObject();
        json.Flush();
        return (bytes.WrittenSpan.ToArray(), null);
    }

    static bool IsOneValue(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = EventIngest.MostBytes });
            reader.Read();
            reader.Skip();
            return !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    static bool IsText(string contentType)
    {
        var type = MediaType(contentType);
        return type.StartsWith("text/", StringComparison.Ordinal) || type.EndsWith("/xml", StringComparison.Ordinal) || type.EndsWith("+xml", StringComparison.Ordinal);
    }

    static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    static string? Utf8(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    /// <summary>
    /// A header's value as the protocol binding writes it: perhaps in double quotes, then percent-encoded. Some SDKs write it
    /// as it is, so that a percent sign may stand for itself. Null when it is not UTF-8.
    /// </summary>
    static string? Decoded(string value)
    {
        if (value is ['"', .., '"'] and { Length: >= 2 })
        {
            var plain = new StringBuilder();
            for (var i = 1; i < value.Length - 1; i++)
            {
                if (value[i] == '\\' && i + 1 < value.Length - 1) i++;
                plain.Append(value[i]);
            }
            value = plain.ToString();
        }
        var bytes = Encoding.UTF8.GetBytes(value);
        var length = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var isEncoded = bytes[i] == '%' && i + 2 < bytes.Length && char.IsAsciiHexDigit((char)bytes[i + 1]) && char.IsAsciiHexDigit((char)bytes[i + 2]);
            bytes[length++] = isEncoded ? Convert.FromHexString([(char)bytes[i + 1], (char)bytes[i + 2]])[0] : bytes[i];
            if (isEncoded) i += 2;
        }
        return Utf8(bytes.AsSpan(0, length));
    }
}
