using System.Text.Json;
using Cairn.Hosting;
using Cairn.Storage;
using Cairn.Records;

namespace Cairn.Access;

/// <summary>API keys: list, create (shown once), revoke.</summary>
static class KeyEndpoints
{
    const int LongestName = 100;

    public static void MapKeys(this WebApplication app, CairnHost host) => app.Routes(host, "/api/v1/admin/keys", AccessRule.Administrator)
        .Get("", List, new("List API keys, revoked ones included") { Answers = "Keys", Headers = ["X-Total-Count"] })
        .Post("", Create, new("Create an API key, whose text is answered this once") { Takes = "NewKey", Answers = "CreatedKey", Status = StatusCodes.Status201Created })
        .Delete("/{id}", Revoke, new("Revoke an API key at once") { Answers = "Key" });

    static async Task<IResult> List(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request.Query).Fault is { } fault) return Problems.Bad(fault);
        try
        {
            await host.Keys.WriteLastUses(context.RequestAborted);
        }
        catch (LogUnavailableException)
        {
            // The list is still worth showing; the last uses are written when there is space again.
        }
        var keys = await host.Keys.List(context.RequestAborted);
        context.Response.Headers["X-Total-Count"] = keys.Count.ToString();
        return new JsonAnswer(writer =>
        {
            writer.WriteStartArray();
            foreach (var key in keys) Write(writer, key, null);
            writer.WriteEndArray();
        });
    }

    static async Task<IResult> Create(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request.Query).Fault is { } fault) return Problems.Bad(fault);
        var (body, problem) = await Body.Read(context, 64 * 1024);
        if (problem is not null) return problem;
        if (!NewKey.TryRead(body!.Bytes, host.Clock.GetUtcNow(), out var wanted, out var why)) return Problems.Bad(why);

        var (key, text) = await host.Keys.Create(wanted.Name, wanted.Scopes, wanted.ExpiresAt, context.RequestAborted);
        await host.SelfAudit.Record(Caller.Of(context), Address.Of(context), "api_key.created", "ApiKey", key.Id, key.Name, Describe(key));
        return new JsonAnswer(writer => Write(writer, key, text), StatusCodes.Status201Created);
    }

    static async Task<IResult> Revoke(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request.Query).Fault is { } fault) return Problems.Bad(fault);
        if (await host.Keys.Revoke(context.RouteText("id"), context.RequestAborted) is not { } key) return Problems.NotFound("There is no key with this id.");
        await host.SelfAudit.Record(Caller.Of(context), Address.Of(context), "api_key.revoked", "ApiKey", key.Id, key.Name, Describe(key));
        return new JsonAnswer(writer => Write(writer, key, null));
    }

    static string Describe(ApiKey key)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteString("scopes", string.Join(", ", key.Scopes));
            if (key.ExpiresAt is { } end) writer.WriteString("expiresAt", end);
            writer.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }

    static void Write(Utf8JsonWriter writer, ApiKey key, string? text)
    {
        writer.WriteStartObject();
        writer.WriteString("id", key.Id);
        if (text is not null) writer.WriteString("key", text);
        writer.WriteString("name", key.Name);
        writer.WriteStartArray("scopes");
        foreach (var scope in key.Scopes) writer.WriteStringValue(scope);
        writer.WriteEndArray();
        Time("createdAt", key.CreatedAt);
        Time("expiresAt", key.ExpiresAt);
        Time("lastUsedAt", key.LastUsedAt);
        Time("revokedAt", key.RevokedAt);
        writer.WriteEndObject();

        void Time(string name, DateTimeOffset? at)
        {
            if (at is { } time) writer.WriteString(name, Iso.Text(time.ToUnixTimeMilliseconds()));
            else writer.WriteNull(name);
        }
    }

    sealed record NewKey(string Name, string[] Scopes, DateTimeOffset? ExpiresAt)
    {
        public static bool TryRead(ReadOnlyMemory<byte> json, DateTimeOffset now, out NewKey key, out string why)
        {
            key = new("", [], null);
            try
            {
                using var document = JsonDocument.Parse(json, new() { AllowDuplicateProperties = false });
                why = document.RootElement.ValueKind == JsonValueKind.Object ? "" : "The body is not a JSON object.";
                if (why.Length > 0) return false;
                foreach (var member in document.RootElement.EnumerateObject())
                {
                    (key, why) = member.Name switch
                    {
                        "name" => ReadName(key, member.Value),
                        "scopes" => ReadScopes(key, member.Value),
                        "expiresAt" => ReadExpiry(key, member.Value, now),
                        _ => (key, $"The field '{Texts.Shown(member.Name)}' is not known; a key takes name, scopes and expiresAt."),
                    };
                    if (why.Length > 0) return false;
                }
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException)
            {
                why = "The body is not valid JSON.";
                return false;
            }
            if (key.Name.Length == 0) why = "The field name is missing.";
            else if (key.Scopes.Length == 0) why = $"The field scopes is missing; it takes some of {string.Join(", ", Access.Scopes.All)}.";
            return why.Length == 0;
        }

        static (NewKey, string) ReadName(NewKey key, JsonElement value)
        {
            var name = value.ValueKind == JsonValueKind.String ? value.GetString()!.Trim() : "";
            return name.Length is > 0 and <= LongestName && Texts.IsSound(name) && !name.Any(char.IsControl)
                ? (key with { Name = name }, "")
                : (key, $"The field name is not a text of 1 to {LongestName} characters.");
        }

        static (NewKey, string) ReadScopes(NewKey key, JsonElement value)
        {
            var scopes = value.ValueKind == JsonValueKind.Array
                ? value.EnumerateArray().Select(scope => scope.ValueKind == JsonValueKind.String ? scope.GetString()! : "").Distinct().ToArray()
                : [];
            return scopes.Length > 0 && scopes.All(Access.Scopes.All.Contains)
                ? (key with { Scopes = scopes }, "")
                : (key, $"The field scopes is not a list of some of {string.Join(", ", Access.Scopes.All)}.");
        }

        static (NewKey, string) ReadExpiry(NewKey key, JsonElement value, DateTimeOffset now)
        {
            if (value.ValueKind == JsonValueKind.Null) return (key, "");
            return value.ValueKind == JsonValueKind.String && Iso.TryRead(value.GetString()!, TimeZoneInfo.Utc, out var ms) && ms > now.ToUnixTimeMilliseconds() && ms < DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
                ? (key with { ExpiresAt = DateTimeOffset.FromUnixTimeMilliseconds(ms) }, "")
                : (key, "The field expiresAt is not an ISO 8601 time to come.");
        }
    }
}
