using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

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
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
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
        var (input, problem) = await Input.Read(context);
        if (problem is not null) return problem;
        var name = input.Name("name", LongestName, required: true);
        var scopes = input.Choices("scopes", Scopes.All);
        var expiresAt = input.TimeToCome("expiresAt", host.Clock.GetUtcNow());
        if (input.Refusal is { } refusal) return refusal;

        var (key, text) = await host.Keys.Create(By.Of(context), name!, scopes, expiresAt, context.RequestAborted);
        return new JsonAnswer(writer => Write(writer, key, text), StatusCodes.Status201Created);
    }

    static async Task<IResult> Revoke(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        return await host.Keys.Revoke(By.Of(context), context.RouteText("id"), context.RequestAborted) is { } key
            ? new JsonAnswer(writer => Write(writer, key, null))
            : Problems.NotFound("There is no key with this id.");
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
        writer.WriteTime("createdAt", key.CreatedAt);
        writer.WriteTime("expiresAt", key.ExpiresAt);
        writer.WriteTime("lastUsedAt", key.LastUsedAt);
        writer.WriteTime("revokedAt", key.RevokedAt);
        writer.WriteEndObject();
    }
}
