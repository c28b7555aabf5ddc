using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cairn.Access;

namespace Cairn.Commands;

/// <summary>API keys: create one (its text is shown once), list them, revoke one.</summary>
static class KeysCommand
{
    public static Command Create() => new("keys", """
        Create, list and revoke the API keys that applications send and read with.

        Example: cairn keys create --name billing --scope events:write --expires 90d
        """) { CreateOne(), List(), Revoke() };

    static Command CreateOne()
    {
        var name = new Option<string>("--name") { Description = "What the key is for, as it appears in the log", Required = true };
        var scope = new Option<string>("--scope") { Description = $"What it may do, separated by commas: {string.Join(", ", Scopes.All)}", Required = true, HelpName = "S[,S]" };
        var expires = new Option<string>("--expires") { Description = "When it ends, from now: 12h, 90d, 1y (default never)", HelpName = "TIME" };
        var command = new Command("create", """
            Create a key. The last line printed is the key alone; it is shown this once and stored only as a hash.

            Example: KEY=$(cairn keys create --name first --scope events:write,audit:read | tail -1)
            """) { name, scope, expires };
        command.SetAction(async (parsed, cancel) =>
        {
            var body = new JsonObject
            {
                ["name"] = parsed.GetValue(name),
                ["scopes"] = new JsonArray([.. parsed.GetValue(scope)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(one => (JsonNode)one)]),
            };
            if (parsed.GetValue(expires) is { } text) body["expiresAt"] = DateTimeOffset.UtcNow.Add(Duration.Read("--expires", text)).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'");

            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel, mayBegin: true);
            using var key = await owner.Send(HttpMethod.Post, "/api/v1/admin/keys", new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), cancel);
            Console.WriteLine($"Created key {key.RootElement.GetProperty("id").GetString()}. It is shown this once:");
            Console.WriteLine(key.RootElement.GetProperty("key").GetString());
            return Run.Done;
        });
        return command;
    }

    static Command List()
    {
        var command = new Command("list", """
            List all keys, revoked and expired ones included: a table on a terminal, else a line each without a heading: id, name, scopes, created, last used, expires, state, with a tab between.

            Example: cairn keys list | cut -f 1,2,7
            """);
        command.SetAction(async (parsed, cancel) =>
        {
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel);
            using var keys = await owner.Get("/api/v1/admin/keys", cancel);
            Terminal.WriteTable(["ID", "Name", "Scopes", "Created", "Last used", "Expires", "State"], keys.RootElement.EnumerateArray().Select(Row));
            return Run.Done;
        });
        return command;

        static string[] Row(JsonElement key) =>
        [
            key.GetProperty("id").GetString()!, Terminal.Escaped(key.GetProperty("name").GetString()!), string.Join(',', key.GetProperty("scopes").EnumerateArray().Select(one => one.GetString())),
            Time(key, "createdAt"), Time(key, "lastUsedAt"), Time(key, "expiresAt"), State(key),
        ];

        static string Time(JsonElement key, string name) => key.GetProperty(name).GetString() is { } text ? text[..16].Replace('T', ' ') : "-";

        static string State(JsonElement key) =>
            key.GetProperty("revokedAt").ValueKind != JsonValueKind.Null ? "revoked"
            : key.GetProperty("expiresAt").ValueKind != JsonValueKind.Null && key.GetProperty("expiresAt").GetDateTimeOffset() <= DateTimeOffset.UtcNow ? "expired"
            : "active";
    }

    static Command Revoke()
    {
        var id = new Argument<string>("id") { Description = "The key's id, as 'keys list' shows it" };
        var command = new Command("revoke", """
            End a key at once, with every live connection that was opened by it.

            Example: cairn keys revoke 7c3d7e4f8a5b6c7d8e9f
            """) { id };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel);
            using var key = await owner.Send(HttpMethod.Delete, "/api/v1/admin/keys/" + Uri.EscapeDataString(parsed.GetValue(id)!), null, cancel);
            Console.WriteLine($"Revoked key {key.RootElement.GetProperty("id").GetString()} ({key.RootElement.GetProperty("name").GetString()}).");
            return Run.Done;
        });
        return command;
    }
}
