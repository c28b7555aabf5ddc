using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cairn.Access;
using Cairn.Conversations;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Hosting;

/// <summary>
/// The description of the API, made of the routes, their operations and the kinds' lists of fields. The approved text is
/// docs/openapi.json; a test holds the two together.
/// </summary>
static class OpenApi
{
    static readonly JsonWriterOptions Writing = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, NewLine = "\n" };

    static readonly string[] RecordCounts = ["accepted", "written", "duplicates", "conflicts", "refused", "waiting", "lost", "commits"];

    /// <param name="listeners">Each listener's name and routes.</param>
    public static byte[] Describe(IEnumerable<(string Listener, IEnumerable<Endpoint> Routes)> listeners)
    {
        var paths = new SortedDictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var (listener, routes) in listeners)
            foreach (var route in routes.OfType<RouteEndpoint>().Where(route => route.Metadata.GetMetadata<Operation>() is not null))
            {
                var path = "/" + route.RoutePattern.RawText!.TrimStart('/');
                var method = route.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods[0].ToLowerInvariant();
                if (!paths.TryGetValue(path, out var methods)) paths[path] = methods = [];
                if (methods[method] is JsonObject known) known["tags"]!.AsArray().Add((JsonNode)listener);
                else methods[method] = Describe(route, listener);
            }

        var document = new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Cairn",
                ["version"] = "1",
                ["description"] = "A self-hosted audit log for AI platforms. A tag names the listener that a path is on: gateway (default http://localhost:10243) or console (default http://localhost:10242).",
                ["license"] = new JsonObject { ["name"] = "Apache-2.0", ["identifier"] = "Apache-2.0" },
            },
            ["paths"] = new JsonObject([.. paths.Select(path => KeyValuePair.Create(path.Key, (JsonNode?)path.Value))]),
            ["components"] = new JsonObject
            {
                ["securitySchemes"] = new JsonObject
                {
                    ["key"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer", ["description"] = "An API key: crn_ and 36 letters and digits. x-api-key takes it as well." },
                    ["session"] = new JsonObject { ["type"] = "apiKey", ["in"] = "cookie", ["name"] = "cairn_session", ["description"] = "Who is signed in, at the console's listener alone. Calls that change something must come from the console's own pages." },
                },
                ["schemas"] = Schemas(),
            },
        };

        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, Writing)) document.WriteTo(writer);
        bytes.Write("\n"u8);
        return bytes.ToArray();
    }

    static JsonObject Describe(RouteEndpoint route, string listener)
    {
        var operation = route.Metadata.GetMetadata<Operation>()!;
        var rule = route.Metadata.GetMetadata<AccessRule>()!;
        var described = new JsonObject { ["tags"] = Strings([listener]), ["summary"] = operation.Summary };
        if (!rule.IsOpen) described["description"] = $"Takes {(listener == "gateway" ? rule with { Least = null } : rule).Wanted}.";

        JsonObject[] parameters =
        [
            .. route.RoutePattern.Parameters.Select(one => new JsonObject { ["name"] = one.Name, ["in"] = "path", ["required"] = true, ["schema"] = Type("string") }),
            .. operation.Query.Select(Describe),
        ];
        if (parameters.Length > 0) described["parameters"] = new JsonArray([.. parameters]);
        if (operation.Takes is { } body)
            described["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content(operation.TakesTypes, Schema(body)) };
        foreach (var (type, schema) in operation.TakesToo) described["requestBody"]!["content"]![type] = new JsonObject { ["schema"] = Schema(schema) };

        var answer = new JsonObject { ["description"] = operation.Status == StatusCodes.Status101SwitchingProtocols ? "Frames follow: log, ping and error." : "It is done." };
        if (operation.Headers.Length > 0)
            answer["headers"] = new JsonObject([.. operation.Headers.Select(name => KeyValuePair.Create(name, (JsonNode?)new JsonObject { ["schema"] = Type("string") }))]);
        if (operation.Status is >= 200 and < 300 and not StatusCodes.Status204NoContent) answer["content"] = Content(operation.AnswerTypes, operation.Answers is { } schema ? Schema(schema) : Type("string"));

        var answers = new JsonObject { [operation.Status.ToString()] = answer };
        if (operation.Query.Length > 0 || operation.Takes is not null) answers["400"] = Refused("What was asked is not understood; the problem names what.");
        if (!rule.IsOpen)
        {
            answers["401"] = Refused("Not signed in: no session, no key, or none that is known.");
            answers["403"] = Refused("The caller may not do this.");
        }
        if (route.RoutePattern.Parameters.Count > 0) answers["404"] = Refused("There is none with this id.");
        if (operation.Takes is not null)
        {
            answers["413"] = Refused("Too large, or too many.");
            answers["415"] = Refused("Not a content type that this takes.");
            answers["503"] = Refused("The log cannot be written; nothing was acknowledged. Retry-After says when to send it again.");
        }
        foreach (var status in operation.Refuses)
            answers[status.ToString()] = Refused(status switch
            {
                StatusCodes.Status401Unauthorized => "Not signed in: what was given does not fit together.",
                StatusCodes.Status403Forbidden => "There is no administrator yet, or the call came from another site.",
                StatusCodes.Status404NotFound => "There is none.",
                StatusCodes.Status409Conflict => "It does not fit with what is there.",
                StatusCodes.Status410Gone => "It was used, or has expired; the problem says how to get another.",
                StatusCodes.Status429TooManyRequests => "Too many attempts wait already; Retry-After says when to come back.",
                StatusCodes.Status503ServiceUnavailable => "What is asked for cannot be read now, or the log cannot take the event of it; then nothing is answered.",
                _ => throw new InvalidOperationException($"Say what {status} means."),
            });
        described["responses"] = answers;

        JsonObject Refused(string description) => new() { ["description"] = description, ["content"] = Content([operation.Refusal.Type], Schema(operation.Refusal.Schema)) };

        string[] ways = [.. rule.Scope is null ? [] : new[] { "key" }, .. rule.Least is null || listener == "gateway" ? [] : new[] { "session" }];
        described["security"] = new JsonArray([.. ways.Select(way => new JsonObject { [way] = new JsonArray() })]);
        return described;
    }

    static JsonObject Describe(Parameter parameter)
    {
        var schema = Type(parameter.Type);
        if (parameter.Allowed is { } allowed) schema["enum"] = Strings(allowed);
        if (parameter.Least is { } least) schema["minimum"] = least;
        if (parameter.Most is { } most) schema["maximum"] = most;
        if (parameter.Default is { } absent) schema["default"] = parameter.Type == "integer" ? long.Parse(absent) : absent;
        return new()
        {
            ["name"] = parameter.Name,
            ["in"] = "query",
            ["description"] = parameter.Description,
            ["schema"] = parameter.IsRepeatable ? new JsonObject { ["type"] = "array", ["items"] = schema } : schema,
        };
    }

    static JsonObject Schemas()
    {
        var events = EventFields.KindOf(EventCatalog.Known);
        return new()
        {
            ["Request"] = Record(RequestFields.Kind),
            ["Event"] = Record(events),
            ["NewEvent"] = NewRecord(events),
            ["Requests"] = List("Request"),
            ["Events"] = Object(("items", List("Event")), ("total", Type("integer")), ("page", Type("integer")), ("limit", Type("integer")), ("nextCursor", Nullable("string")), ("liveCursor", Type("string"))),
            ["NewEvents"] = new JsonObject { ["oneOf"] = new JsonArray(Schema("NewEvent"), List("NewEvent")) },
            ["Taken"] = Object(("accepted", Type("integer")), ("duplicates", Type("integer")), ("rejected", Items(Object(("index", Type("integer")), ("error", Type("string")))))),
            ["CloudEvent"] = Described("A CloudEvent 1.0. type becomes the action, subject (Type/id) the resource, texts of data the fields of their names, and all else metadata; docs/formats.md says it attribute by attribute.", Optional(Object(
                ("specversion", new JsonObject { ["type"] = "string", ["const"] = "1.0" }), ("id", Type("string")), ("source", Type("string")), ("type", Type("string")), ("subject", Nullable("string")), ("time", Nullable("string")),
                ("dataschema", Nullable("string")), ("datacontenttype", Nullable("string")), ("data", new JsonObject()), ("data_base64", Nullable("string"))), "subject", "time", "dataschema", "datacontenttype", "data", "data_base64")),
            ["CloudEvents"] = List("CloudEvent"),
            ["OtlpLogs"] = Described("An ExportLogsServiceRequest of OTLP, in its JSON encoding. docs/formats.md says which attributes become which fields.", Object(("resourceLogs", Items(Type("object"))))),
            ["OtlpLogsTaken"] = Described("An ExportLogsServiceResponse of OTLP; partialSuccess is there when log records were rejected.", Optional(Object(
                ("partialSuccess", Object(("rejectedLogRecords", Type("string")), ("errorMessage", Type("string"))))), "partialSuccess")),
            ["OtlpStatus"] = Object(("code", Type("integer")), ("message", Type("string"))),
            ["Actors"] = Items(Object(("id", Nullable("string")), ("name", Nullable("string")), ("email", Nullable("string")))),
            ["Catalog"] = Object(
                ("actions", Items(Object(("key", Type("string")), ("label", Type("string"))))),
                ("resources", Items(Object(("name", Type("string")), ("label", Type("string")), ("link", Nullable("string"))))),
                ("exportRows", Type("integer"))),
            ["Stats"] = Object(
                ("total_requests", Type("integer")), ("by_status", MapOf(Type("integer"))), ("by_backend", MapOf(Type("integer"))), ("unique_models", Type("integer")),
                ("tokens", Tokens()), ("duration_ms", Object(("p50", Nullable("integer")), ("p95", Nullable("integer")), ("p99", Nullable("integer")))),
                ("by_model", MapOf(Usage())), ("by_api_key", MapOf(Usage())), ("by_user", MapOf(Usage()))),
            ["Timeline"] = Object(
                ("bucket", Type("string")),
                ("buckets", Items(Object(("start", Time()), ("total", Type("integer")), ("by_status", MapOf(Type("integer"))), ("tokens", Tokens()))))),
            ["Key"] = Object(
                ("id", Type("string")), ("name", Type("string")), ("scopes", Items(Scope())), ("createdAt", Time()), ("expiresAt", Nullable("string")),
                ("lastUsedAt", Nullable("string")), ("revokedAt", Nullable("string"))),
            ["CreatedKey"] = new JsonObject { ["allOf"] = new JsonArray(Schema("Key"), Object(("key", Type("string")))) },
            ["Keys"] = List("Key"),
            ["NewKey"] = Optional(Object(("name", Type("string")), ("scopes", Items(Scope())), ("expiresAt", Nullable("string"))), "expiresAt"),
            ["SignIn"] = Optional(Object(("email", Type("string")), ("password", Type("string")), ("redirect", Type("string"))), "redirect"),
            ["SignInByLink"] = Optional(Object(("token", Type("string")), ("email", Type("string")), ("name", Type("string")), ("password", Type("string")), ("redirect", Type("string"))), "email", "name", "password", "redirect"),
            ["SignedIn"] = Object(("user", Object(Person())), ("redirect", Type("string"))),
            ["Me"] = Object([.. Person(), ("session", Object(("id", Type("string")), ("createdAt", Time()), ("expiresAt", Time())))]),
            ["NewPassword"] = Optional(Object(("current", Type("string")), ("password", Password())), "current"),
            ["OwnSessions"] = Items(Object([("id", Type("string")), ("current", Type("boolean")), .. Session()])),
            ["Sessions"] = Items(Object([("id", Type("string")), ("userId", Type("string")), ("email", Nullable("string")), .. Session()])),
            ["User"] = Object([.. Person(), ("provider", Type("boolean")), ("createdAt", Time()), ("lastSignInAt", Nullable("string")), ("disabledAt", Nullable("string"))]),
            ["Users"] = List("User"),
            ["NewUser"] = Optional(Object(("email", Type("string")), ("role", RoleName()), ("name", Type("string")), ("password", Password())), "name", "password"),
            ["UserChange"] = Optional(Object(("role", RoleName()), ("name", Nullable("string")), ("password", Password()), ("disabled", Type("boolean"))), "role", "name", "password", "disabled"),
            ["UserLink"] = Object(("url", Type("string")), ("expiresAt", Time())),
            ["Config"] = Optional(Object(
                ("productName", Type("string")),
                ("backLink", new JsonObject { ["oneOf"] = new JsonArray(Object(("label", Type("string")), ("url", Type("string"))), Type("null")) }),
                ("links", Items(Object(("group", Type("string")), ("label", Type("string")), ("url", Type("string"))))),
                ("signIn", Object(("password", Type("boolean")), ("provider", new JsonObject { ["oneOf"] = new JsonArray(Object(("name", Type("string")), ("url", Type("string"))), Type("null")) }))),
                ("needsAdministrator", Type("boolean")), ("auditLogsEnabled", Type("boolean"))), "auditLogsEnabled"),
            ["RetentionRun"] = Optional(Object(("at", Time()), ("requests", Type("integer")), ("events", Type("integer")), ("conversations", Type("integer")), ("dryRun", Type("boolean")), ("held", Type("string"))), "held"),
            ["Retention"] = Object(
                ("requestDays", Type("integer")), ("eventDays", Type("integer")), ("conversationDays", Type("integer")), ("maxBytes", Type("integer")),
                ("lastRun", new JsonObject { ["oneOf"] = new JsonArray(Schema("RetentionRun"), Type("null")) }), ("nextRun", Nullable("string")), ("held", Nullable("string"))),
            ["Conversation"] = Talk(),
            ["Conversations"] = Paged(Schema("Conversation")),
            ["Message"] = Object(
                ("id", Type("string")), ("role", new JsonObject { ["type"] = "string", ["enum"] = Strings(Message.Roles) }), ("content", Type("string")), ("created_at", Time()),
                ("sender_email", Nullable("string")), ("metadata", Nullable("object"))),
            ["Transcript"] = Object(("conversation", Schema("Conversation")), ("messages", Paged(Schema("Message")))),
            ["ConversationView"] = Object(("event_id", Type("string")), ("viewed_at", Time()), ("viewer_id", Nullable("string")), ("viewer_name", Nullable("string")), ("viewer_email", Nullable("string"))),
            ["ConversationViews"] = Paged(Schema("ConversationView")),
            ["ConversationOwners"] = Object(("owners", Items(Type("string")))),
            ["NewConversation"] = Optional(Object(
                ("id", Type("string")), ("title", Type("string")), ("owner_id", Type("string")), ("created_at", Time()), ("updated_at", Time()), ("is_archived", Type("boolean")), ("deleted_at", Nullable("string")),
                ("tags", Items(Type("string"))), ("shared_with", Items(Type("string"))), ("is_public", Type("boolean"))), "id", "title", "created_at", "updated_at", "is_archived", "deleted_at", "tags", "shared_with", "is_public"),
            ["TakenConversation"] = Object(("id", Type("string")), ("created", Type("boolean"))),
            ["NewMessage"] = Optional(Object(
                ("id", Type("string")), ("role", new JsonObject { ["type"] = "string", ["enum"] = Strings(Message.Roles) }), ("content", Type("string")), ("created_at", Time()),
                ("sender_email", Nullable("string")), ("metadata", Nullable("object"))), "id", "created_at", "sender_email", "metadata"),
            ["NewMessages"] = new JsonObject { ["oneOf"] = new JsonArray(Schema("NewMessage"), List("NewMessage")) },
            ["Inference"] = new JsonObject { ["type"] = "object", ["description"] = "As the backend's own API describes it." },
            ["Health"] = Object(
                ("status", Type("string")),
                ("records", Object([.. RecordCounts.Select(name => (name, Type("integer")))])),
                ("store", Object(("engine", Type("string")), ("writable", Type("boolean")), ("problem", Nullable("string")), ("degraded", Nullable("string")), ("bytes", Type("integer")), ("freeDiskBytes", Nullable("integer")))),
                ("outbox", new JsonObject { ["oneOf"] = new JsonArray(Object(("waiting", Type("integer")), ("waitingSince", Nullable("string")), ("setAside", Type("integer")), ("bytes", Type("integer"))), Type("null")) }),
                ("oldest", Object(("request", Nullable("string")), ("event", Nullable("string")))),
                ("accounts", Object(("problem", Nullable("string")))),
                ("conversations", Object(("source", Type("string")), ("engine", Type("string")), ("problem", Nullable("string")))),
                ("push", Items(Object(
                    ("name", Type("string")), ("url", Type("string")), ("records", new JsonObject { ["type"] = "string", ["enum"] = Strings(["events", "requests", "both"]) }), ("state", new JsonObject { ["type"] = "string", ["enum"] = Strings(Push.PushHealth.Conditions) }),
                    ("here", Type("boolean")), ("lagRecords", Nullable("integer")), ("lagSeconds", Nullable("integer")), ("removed", Type("integer")), ("lastSuccess", Nullable("string")), ("failingSince", Nullable("string")), ("problem", Nullable("string"))))),
                ("retention", Schema("Retention"))),
            ["Problem"] = Optional(Object(("type", Type("string")), ("title", Type("string")), ("status", Type("integer")), ("detail", Type("string")), ("parameter", Type("string"))), "parameter"),
        };

        static JsonObject Talk() => Object(
            ("id", Type("string")), ("title", Type("string")), ("owner_id", Nullable("string")), ("created_at", Time()), ("updated_at", Time()), ("last_message_at", Nullable("string")), ("message_count", Type("integer")),
            ("status", new JsonObject { ["type"] = "string", ["enum"] = Strings(Conversation.States) }), ("tags", Items(Type("string"))), ("shared_with", Items(Type("string"))), ("is_public", Type("boolean")));
        static JsonObject Paged(JsonObject item) => Object(
            ("items", Items(item)), ("total", Type("integer")), ("page", Type("integer")), ("page_size", Type("integer")), ("has_more", Type("boolean")), ("next_cursor", Nullable("string")));
        static JsonObject Usage() => Optional(Object(("name", Nullable("string")), ("requests", Type("integer")), ("prompt", Type("integer")), ("completion", Type("integer")), ("total", Type("integer"))), "name");
        static JsonObject Tokens() => Object(("prompt", Type("integer")), ("completion", Type("integer")), ("total", Type("integer")));
        static JsonObject RoleName() => new() { ["type"] = "string", ["enum"] = Strings(AccountRoles.All) };
        static JsonObject Password() => new() { ["type"] = "string", ["minLength"] = Access.Password.Shortest, ["maxLength"] = Access.Password.Longest };
        static (string, JsonObject)[] Person() => [("id", Type("string")), ("email", Type("string")), ("name", Nullable("string")), ("role", RoleName()), ("hasPassword", Type("boolean"))];
        static (string, JsonObject)[] Session() => [("createdAt", Time()), ("lastUsedAt", Time()), ("expiresAt", Time()), ("ip", Nullable("string")), ("userAgent", Nullable("string"))];
        static JsonObject Scope() => new() { ["type"] = "string", ["enum"] = Strings(Scopes.All) };
    }

    /// <summary>A field may be absent when a record that nothing was set in has none.</summary>
    static JsonObject Record<T>(Kind<T> kind) where T : class, IRecord, new()
    {
        var blank = new T();
        return Object([.. kind.Fields.Select(field => (field.Name, Describe(field, mayBeAbsent: field.IsText ? field.Text!(blank) is null : field.Number!(blank) is null)))]);
    }

    static JsonObject NewRecord<T>(Kind<T> kind) where T : class, IRecord, new()
    {
        var fields = kind.Fields.Where(field => field.Sent && field.Stored).ToArray();
        var schema = Object([.. fields.Select(field => (field.Name, Describe(field, mayBeAbsent: !field.Required)))]);
        schema["required"] = Strings(fields.Where(field => field.Required).Select(field => field.Name));
        schema["additionalProperties"] = false;
        return schema;
    }

    static JsonObject Describe<T>(Field<T> field, bool mayBeAbsent)
    {
        var type = field.Type switch { FieldType.Integer => "integer", FieldType.Boolean => "boolean", FieldType.Json => "object", _ => "string" };
        var schema = mayBeAbsent && field.Allowed is null ? Nullable(type) : Type(type);
        if (field.Type == FieldType.Time) schema["format"] = "date-time";
        if (field.Type == FieldType.Text && field.Stored && field.Allowed is null) schema["maxLength"] = field.MaxLength;
        if (field.Allowed is { } allowed) schema["enum"] = Strings(allowed);
        return schema;
    }

    static JsonObject Object(params (string Name, JsonObject Schema)[] members) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject([.. members.Select(member => KeyValuePair.Create(member.Name, (JsonNode?)member.Schema))]),
        ["required"] = Strings(members.Select(member => member.Name)),
    };

    static JsonObject Optional(JsonObject schema, params string[] names)
    {
        schema["required"] = Strings(schema["required"]!.AsArray().Select(one => (string)one!).Where(one => !names.Contains(one)));
        return schema;
    }

    static JsonObject Described(string description, JsonObject schema)
    {
        schema["description"] = description;
        return schema;
    }

    static JsonObject Items(JsonObject schema) => new() { ["type"] = "array", ["items"] = schema };
    static JsonObject List(string schema) => Items(Schema(schema));
    static JsonObject MapOf(JsonObject schema) => new() { ["type"] = "object", ["additionalProperties"] = schema };
    static JsonObject Type(string name) => new() { ["type"] = name };
    static JsonObject Nullable(string name) => new() { ["type"] = Strings([name, "null"]) };
    static JsonObject Time() => new() { ["type"] = "string", ["format"] = "date-time" };
    static JsonObject Schema(string name) => new() { ["$ref"] = "#/components/schemas/" + name };
    static JsonArray Strings(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);
    static JsonObject Content(string[] types, JsonObject schema) => new([.. types.Select(type => KeyValuePair.Create(type, (JsonNode?)new JsonObject { ["schema"] = schema.DeepClone() }))]);
}
