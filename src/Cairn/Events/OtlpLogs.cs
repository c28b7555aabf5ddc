using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Events;

/// <summary>
/// Takes log records of OpenTelemetry (OTLP over HTTP, as JSON) as events, and answers in OTLP's own shapes. A log record
/// without the name of an event is none, and is rejected. docs/formats.md tells what becomes of each attribute.
/// </summary>
static class OtlpLogs
{
    const string Mine = "cairn.";

    const int MostTold = 10, MostDepth = 32, MostMetadata = 16 * 1024;

    /// <summary>Room for values as deep as they may be, at four levels for each map. The time to read a body grows with its depth times its length.</summary>
    const int MostBodyDepth = 144;

    /// <summary>Where a field is looked for among a log record's attributes, in this order. An attribute that is taken is not in the metadata.</summary>
    public static readonly (string Field, string[] Attributes)[] Fields =
    [
        ("id", [Mine + "id"]),
        ("action", [Mine + "action", "event.name"]),
        ("actorId", [Mine + "actorId", "user.id", "enduser.id"]),
        ("actorName", [Mine + "actorName", "user.full_name", "user.name"]),
        ("actorEmail", [Mine + "actorEmail", "user.email"]),
        ("actorRole", [Mine + "actorRole", "user.roles", "enduser.role"]),
        ("resource", [Mine + "resource"]),
        ("resourceId", [Mine + "resourceId"]),
        ("resourceName", [Mine + "resourceName"]),
        ("outcome", [Mine + "outcome", "event.outcome"]),
        ("ip", [Mine + "ip", "client.address"]),
        ("userAgent", [Mine + "userAgent", "user_agent.original"]),
        ("requestId", [Mine + "requestId"]),
        ("conversationId", [Mine + "conversationId", "gen_ai.conversation.id"]),
    ];

    /// <summary>Exporters put <c>/v1/logs</c> behind the address that they are given, and <c>/v1</c> of this listener is for calls of models.</summary>
    public static void MapOtlpLogs(this WebApplication app, CairnHost host) =>
        app.Routes(host, "/api/v1/otlp", AccessRule.Key(Scopes.EventsWrite) with { Refuse = (context, problem) => new OtlpStatus(problem).ExecuteAsync(context) })
            .Post("/v1/logs", Take, new("Record events that come as log records of OpenTelemetry (OTLP/HTTP, JSON)")
            {
                Takes = "OtlpLogs",
                Answers = "OtlpLogsTaken",
                Refusal = ("application/json", "OtlpStatus"),
            });

    static async Task<IResult> Take(HttpContext context, CairnHost host)
    {
        // 1. The body.
        if (new Query(context.Request).Fault is { } fault) return new OtlpStatus(Problems.Bad(fault));
        if (Body.TypeOf(context.Request) != "application/json")
            return new OtlpStatus(StatusCodes.Status415UnsupportedMediaType, "This takes OTLP as application/json, not as protobuf. Set OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/json, or an exporter that sends JSON.");
        var (body, problem) = await Body.ReadAny(context, EventIngest.MostBytes);
        if (problem is not null) return new OtlpStatus(problem);

        // 2. Its log records, each for itself.
        var items = new Items<EventRecord>();
        var places = new List<string>();
        try
        {
            using var document = JsonDocument.Parse(body!.Bytes, new() { MaxDepth = MostBodyDepth, AllowDuplicateProperties = false });
            if (Read(document.RootElement, host, items, places) is { } wrong) return new OtlpStatus(wrong);
        }
        catch (JsonException broken) when (broken.LineNumber is null)
        {
            return new OtlpStatus(StatusCodes.Status400BadRequest, "The body is not valid JSON: a field is given twice.");
        }
        catch (JsonException broken)
        {
            return new OtlpStatus(StatusCodes.Status400BadRequest, $"The body is not valid JSON, or nested deeper than {MostBodyDepth}: line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1}.");
        }

        // 3. What becomes of them.
        try
        {
            var rejected = items.Rejected(await host.Recorder.Append(items.Records));
            return new JsonAnswer(writer => Write(writer, rejected, places));
        }
        catch (LogUnavailableException unavailable)
        {
            return new OtlpStatus(Problems.Unavailable(unavailable.Message));
        }
    }

    static void Write(Utf8JsonWriter writer, IReadOnlyList<(int Index, string Error)> rejected, List<string> places)
    {
        writer.WriteStartObject();
        if (rejected.Count > 0)
        {
            writer.WriteStartObject("partialSuccess");
            // As protobuf's JSON has a number of 64 bits.
            writer.WriteString("rejectedLogRecords", rejected.Count.ToString(CultureInfo.InvariantCulture));
            var told = rejected.Take(MostTold).Select(one => $"{places[one.Index]} {one.Error}");
            writer.WriteString("errorMessage", string.Join("; ", told) + (rejected.Count > MostTold ? $"; and {rejected.Count - MostTold} more" : ""));
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    /// <summary>Reads all log records. Answers why nothing of the body can be taken, or null.</summary>
    /// <param name="places">Filled with where each log record stands, as a message names it.</param>
    static Problem? Read(JsonElement request, CairnHost host, Items<EventRecord> items, List<string> places)
    {
        var kind = host.Log.Events.Kind;
        var parser = new RecordParser<EventRecord>(kind, lenient: false);
        var check = EventIngest.Check(host);
        var bytes = 0L;
        if (request.ValueKind != JsonValueKind.Object) return Problems.Bad("The body is not a JSON object with resourceLogs.");
        if (!TryList(request, "resourceLogs", out var resources)) return NoList("resourceLogs");
        foreach (var (r, resourceLogs) in resources.Index())
        {
            if (resourceLogs.ValueKind != JsonValueKind.Object || !TryList(resourceLogs, "scopeLogs", out var scopes)) return NoList($"resourceLogs[{r}].scopeLogs");
            var resource = Described(Member(resourceLogs, "resource"), isScope: false);
            foreach (var (s, scopeLogs) in scopes.Index())
            {
                if (scopeLogs.ValueKind != JsonValueKind.Object || !TryList(scopeLogs, "logRecords", out var logs)) return NoList($"resourceLogs[{r}].scopeLogs[{s}].logRecords");
                var scope = Described(Member(scopeLogs, "scope"), isScope: true);
                foreach (var (l, log) in logs.Index())
                {
                    if (places.Count == EventIngest.MostEvents) return Problems.TooLarge($"A call takes {EventIngest.MostEvents} log records at most.");
                    var record = new EventRecord();
                    items.Add(places.Count, record, resource.Wrong ?? scope.Wrong ?? Read(log, resource.Json, scope.Json, kind, parser, check, record, ref bytes));
                    // Each has a copy of what a call has once.
                    if (bytes > EventIngest.MostBytes) return Problems.TooLarge($"The log records come to more than {EventIngest.MostBytes >> 20} MiB as events, each with its resource and scope. Send fewer in a call.");
                    places.Add($"resourceLogs[{r}].scopeLogs[{s}].logRecords[{l}]");
                }
            }
        }
        return null;
    }

    static Problem NoList(string path) => Problems.Bad($"{path} is not a list.");

    /// <summary>A list; one that is not there is empty.</summary>
    static bool TryList(JsonElement parent, string name, out IEnumerable<JsonElement> list)
    {
        var value = Member(parent, name);
        list = value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [];
        return value.ValueKind is JsonValueKind.Array or JsonValueKind.Undefined;
    }

    /// <summary>A member; undefined where it is absent or null, which say the same.</summary>
    static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : default;

    /// <summary>What a resource or scope says of itself, written once for all its log records; null where it says nothing.</summary>
    static (byte[]? Json, string? Wrong) Described(JsonElement sent, bool isScope)
    {
        if (sent.ValueKind == JsonValueKind.Undefined) return (null, null);
        if (sent.ValueKind != JsonValueKind.Object || !AreTexts(sent, "name", "version")) return (null, $"is of a {(isScope ? "scope" : "resource")} that cannot be read");
        var bytes = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(bytes, RecordJson.Writing);
        json.WriteStartObject();
        if (isScope && Text(sent, "name") is { Length: > 0 } name) json.WriteString("name", name);
        if (isScope && Text(sent, "version") is { Length: > 0 } version) json.WriteString("version", version);
        if (!TryAttributes(Member(sent, "attributes"), out var attributes)) return (null, $"is of a {(isScope ? "scope" : "resource")} whose attributes cannot be read");
        foreach (var (key, value) in attributes)
        {
            json.WritePropertyName(key);
            if (WriteValue(json, value, 0) is { } wrong) return (null, $"is of a {(isScope ? "scope" : "resource")} whose {Texts.Shown(key)} {wrong}");
        }
        json.WriteEndObject();
        json.Flush();
        // Not for each log record to find out, since each would have a copy of it.
        if (bytes.WrittenCount > MostMetadata) return (null, $"is of a {(isScope ? "scope" : "resource")} with more than {MostMetadata} bytes");
        return bytes.WrittenCount > 2 ? (bytes.WrittenSpan.ToArray(), null) : (null, null);
    }

    /// <summary>Reads one log record. Answers what is wrong with it, or null.</summary>
    /// <param name="bytes">Grows by what it comes to as an event.</param>
    static string? Read(JsonElement log, byte[]? resource, byte[]? scope, Kind<EventRecord> kind, RecordParser<EventRecord> parser, EventCheck check, EventRecord record, ref long bytes)
    {
        record.TimeMs = EventCheck.NoTime;
        if (log.ValueKind != JsonValueKind.Object) return "is not a JSON object";
        if (!TryAttributes(Member(log, "attributes"), out var attributes)) return "has attributes that cannot be read";
        if (!AreTexts(log, "eventName", "severityText")) return "has an eventName or a severityText that is no text";
        if (!IsHex(log, "traceId", 32)) return "has a traceId that is not 32 hexadecimal digits";
        if (!IsHex(log, "spanId", 16)) return "has a spanId that is not 16 hexadecimal digits";
        if (Member(log, "severityNumber").ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Number)) return "has a severityNumber that is no number";
        if (attributes.FirstOrDefault(one => one.Key.StartsWith(Mine, StringComparison.Ordinal) && !Fields.Any(field => field.Attributes[0] == one.Key)).Key is { } strange)
            return $"has an attribute '{Texts.Shown(strange)}' that is not known";

        // 1. Fields.
        using var written = new ForeignEvent();
        var json = written.Json;
        var taken = new HashSet<string>(StringComparer.Ordinal);
        var given = new HashSet<string>(StringComparer.Ordinal);
        if (Text(log, "eventName") is { Length: > 0 } action)
        {
            json.WriteString("action", action);
            given.Add("action");
        }
        foreach (var (field, names) in Fields)
        {
            if (given.Contains(field)) continue;
            foreach (var name in names)
            {
                if (attributes.FirstOrDefault(one => one.Key == name) is not { Key: not null } attribute || TextOf(attribute.Value) is not { Length: > 0 } text) continue;
                if (name == "event.outcome" && text is not ("success" or "failure" or "denied")) continue;
                json.WriteString(field, text);
                taken.Add(name);
                given.Add(field);
                break;
            }
        }
        if (!given.Contains("action")) return "has no eventName and no attribute event.name, so that it is no event";
        if (!given.Contains("outcome") && attributes.Any(one => one.Key == "error.type")) json.WriteString("outcome", "failure");
        if (Text(log, "traceId") is { Length: > 0 } trace && trace.Any(letter => letter != '0')) json.WriteString("traceId", trace.ToLowerInvariant());
        if (!TryNanoseconds(log, "timeUnixNano", out var time) || !TryNanoseconds(log, "observedTimeUnixNano", out var observed)) return "has a time that is no number of nanoseconds";
        var nanoseconds = time > 0 ? time : observed;
        if (nanoseconds > 0)
        {
            var ms = (long)(nanoseconds / 1_000_000);
            if (ms > Iso.MostMs) return "has a time that is after 2199";
            json.WriteString("createdAt", Iso.Text(ms));
        }

        // 2. All else.
        json.WriteStartObject("metadata");
        if (resource is not null) Raw("resource", resource);
        if (scope is not null) Raw("scope", scope);
        if (Text(log, "severityText") is { Length: > 0 } severity) json.WriteString("severityText", severity);
        if (Member(log, "severityNumber") is { ValueKind: JsonValueKind.Number } number) written.Copy("severityNumber", number);
        if (Text(log, "spanId") is { Length: > 0 } span) json.WriteString("spanId", span.ToLowerInvariant());
        if (Member(log, "body") is { ValueKind: not JsonValueKind.Undefined } said)
        {
            json.WritePropertyName("body");
            if (WriteValue(json, said, 0) is { } wrong) return "has a body that " + wrong;
        }
        if (attributes.Count > taken.Count)
        {
            json.WriteStartObject("attributes");
            foreach (var (key, value) in attributes)
            {
                if (taken.Contains(key)) continue;
                json.WritePropertyName(key);
                if (WriteValue(json, value, 0) is { } wrong) return $"has an attribute {Texts.Shown(key)} that {wrong}";
            }
            json.WriteEndObject();
        }
        json.WriteEndObject();
        if (written.Read(parser, record) is { } fault) return fault;
        bytes += written.Bytes;
        if (record.Metadata == "{}") record.Metadata = null;

        // 3. The same log record gives the same id. What has neither an id nor a time may as well have happened twice.
        if (record.Id.Length == 0 && attributes.FirstOrDefault(one => one.Key == "log.record.uid") is { Key: not null } own && TextOf(own.Value) is { Length: > 0 } uid) record.Id = DerivedId.Of("OTLP uid", uid);
        if (record.Id.Length == 0 && nanoseconds > 0) record.Id = DerivedId.Of(kind, record, "OTLP", time.ToString(CultureInfo.InvariantCulture), observed.ToString(CultureInfo.InvariantCulture));
        return check.Complete(record);

        void Raw(string name, byte[] value)
        {
            json.WritePropertyName(name);
            json.WriteRawValue(value, skipInputValidation: true);
        }
    }

    static bool AreTexts(JsonElement parent, params string[] names) => Array.TrueForAll(names, name => Member(parent, name).ValueKind is JsonValueKind.Undefined or JsonValueKind.String);

    static bool IsHex(JsonElement log, string name, int digits) => Member(log, name) switch
    {
        { ValueKind: JsonValueKind.Undefined } => true,
        { ValueKind: JsonValueKind.String } text => ForeignEvent.Text(text) is { } id && (id.Length == 0 || (id.Length == digits && id.All(char.IsAsciiHexDigit))),
        _ => false,
    };

    /// <summary>An AnyValue has one member at most, of the type that its name says.</summary>
    static bool IsSound(JsonElement any)
    {
        if (any.ValueKind == JsonValueKind.Undefined) return true;
        if (any.ValueKind != JsonValueKind.Object) return false;
        var members = any.EnumerateObject().Where(member => member.Value.ValueKind != JsonValueKind.Null).ToList();
        return members.Count switch
        {
            0 => true,
            1 => IsOfItsType(members[0]),
            _ => false,
        };
    }

    static bool IsOfItsType(JsonProperty member) => (member.Name, member.Value.ValueKind) switch
    {
        ("stringValue", JsonValueKind.String) or ("boolValue", JsonValueKind.True or JsonValueKind.False) or ("doubleValue", JsonValueKind.Number) => true,
        ("arrayValue" or "kvlistValue", JsonValueKind.Object) => true,
        ("intValue", JsonValueKind.Number) => member.Value.TryGetInt64(out _),
        ("intValue", JsonValueKind.String) => long.TryParse(ForeignEvent.Text(member.Value), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _),
        // JSON has no number for the first three.
        ("doubleValue", JsonValueKind.String) => ForeignEvent.Text(member.Value) is { } number && (number is "NaN" or "Infinity" or "-Infinity" || double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out _)),
        ("bytesValue", JsonValueKind.String) => ForeignEvent.Text(member.Value) is { } bytes && System.Buffers.Text.Base64.IsValid(bytes),
        _ => false,
    };

    static string? Text(JsonElement parent, string name) => ForeignEvent.Text(Member(parent, name));

    /// <summary>A number of 64 bits, which JSON has as a text or as a number; none is zero.</summary>
    static bool TryNanoseconds(JsonElement log, string name, out ulong nanoseconds)
    {
        nanoseconds = 0;
        var value = Member(log, name);
        return value.ValueKind switch
        {
            JsonValueKind.Undefined => true,
            JsonValueKind.Number => value.TryGetUInt64(out nanoseconds),
            _ => ForeignEvent.Text(value) is { } text && (text.Length == 0 || ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out nanoseconds)),
        };
    }

    /// <summary>Keys and values, each key once.</summary>
    static bool TryAttributes(JsonElement list, out List<(string Key, JsonElement Value)> attributes)
    {
        attributes = [];
        if (list.ValueKind == JsonValueKind.Undefined) return true;
        if (list.ValueKind != JsonValueKind.Array) return false;
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (var one in list.EnumerateArray())
        {
            if (Text(one, "key") is not { } key || !keys.Add(key) || !IsSound(Member(one, "value"))) return false;
            attributes.Add((key, Member(one, "value")));
        }
        return true;
    }

    /// <summary>The value of an AnyValue that is one text, number or truth, or a list of texts; null for others.</summary>
    static string? TextOf(JsonElement any)
    {
        if (Member(any, "stringValue") is { ValueKind: not JsonValueKind.Undefined } text) return ForeignEvent.Text(text);
        foreach (var name in (string[])["intValue", "doubleValue", "boolValue"])
            if (Member(any, name) is { ValueKind: JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False } value)
                return value.ValueKind == JsonValueKind.String ? ForeignEvent.Text(value) : value.GetRawText();
        if (Member(Member(any, "arrayValue"), "values") is not { ValueKind: JsonValueKind.Array } values) return null;
        var texts = values.EnumerateArray().Select(one => Text(one, "stringValue")).ToList();
        return texts.Contains(null) ? null : string.Join(", ", texts);
    }

    /// <summary>Writes an AnyValue as plain JSON. Answers what is wrong with it, or null.</summary>
    static string? WriteValue(Utf8JsonWriter json, JsonElement any, int depth)
    {
        const string unreadable = "cannot be read";
        if (depth > MostDepth) return $"is nested deeper than {MostDepth}";
        if (!IsSound(any)) return unreadable;
        if (any.ValueKind == JsonValueKind.Undefined || (any.ValueKind == JsonValueKind.Object && !any.EnumerateObject().Any()))
        {
            json.WriteNullValue();
            return null;
        }
        if (any.ValueKind != JsonValueKind.Object) return unreadable;
        foreach (var name in (string[])["stringValue", "bytesValue"])
            if (Member(any, name) is { ValueKind: not JsonValueKind.Undefined } value)
            {
                if (ForeignEvent.Text(value) is not { } text) return "is not valid Unicode, or holds NUL";
                json.WriteStringValue(text);
                return null;
            }
        if (Member(any, "boolValue") is { ValueKind: JsonValueKind.True or JsonValueKind.False } truth)
        {
            json.WriteBooleanValue(truth.GetBoolean());
            return null;
        }
        foreach (var name in (string[])["intValue", "doubleValue"])
            if (Member(any, name) is { ValueKind: JsonValueKind.Number or JsonValueKind.String } value)
            {
                // A number of 64 bits comes as a text, and so do those that JSON has none for.
                if (value.ValueKind == JsonValueKind.Number) json.WriteRawValue(value.GetRawText(), skipInputValidation: true);
                else if (ForeignEvent.Text(value) is not { } text) return unreadable;
                else if (name == "intValue" && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) json.WriteNumberValue(whole);
                else json.WriteStringValue(text);
                return null;
            }
        if (Member(any, "arrayValue") is { ValueKind: JsonValueKind.Object } array)
        {
            if (!TryList(array, "values", out var values)) return unreadable;
            json.WriteStartArray();
            foreach (var value in values)
                if (WriteValue(json, value, depth + 1) is { } wrong) return wrong;
            json.WriteEndArray();
            return null;
        }
        if (Member(any, "kvlistValue") is { ValueKind: JsonValueKind.Object } map)
        {
            if (!TryAttributes(Member(map, "values"), out var members)) return unreadable;
            json.WriteStartObject();
            foreach (var (key, value) in members)
            {
                json.WritePropertyName(key);
                if (WriteValue(json, value, depth + 1) is { } wrong) return wrong;
            }
            json.WriteEndObject();
            return null;
        }
        return unreadable;
    }
}

/// <summary>A refusal as OTLP has it: a Status.</summary>
sealed record OtlpStatus(int Code, string Message, int? RetryAfterSeconds = null) : IResult
{
    public OtlpStatus(Problem problem) : this(problem.Code, problem.Detail, problem.RetryAfterSeconds) { }

    public async Task ExecuteAsync(HttpContext context)
    {
        if (RetryAfterSeconds is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        await new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("code", Code switch
            {
                StatusCodes.Status401Unauthorized => 16,
                StatusCodes.Status403Forbidden => 7,
                StatusCodes.Status413PayloadTooLarge => 8,
                StatusCodes.Status503ServiceUnavailable => 14,
                _ => 3,
            });
            writer.WriteString("message", Message);
            writer.WriteEndObject();
        }, Code).ExecuteAsync(context);
    }
}
