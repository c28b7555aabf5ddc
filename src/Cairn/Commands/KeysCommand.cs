using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cairn.Access;
using Spectre.Console;

namespace Cairn.Commands;

/// <summary>API keys: create one (its text is shown once), list them, revoke one.</summary>
static class KeysCommand
{
    public static Command Create() => new("keys", "Create, list and revoke API keys") { CreateOne(), List(), Revoke() };

    static Command CreateOne()
    {
        var name = new Option<string>("--name") { Description = "What the key is for, as it appears in the log", Required = true };
        var scope = new Option<string>("--scope") { Description = $"What it may do, separated by commas: {string.Join(", ", Scopes.All)}", Required = true, HelpName = "S[,S]" };
        var expires = new Option<string>("--expires") { Description = "When it ends, from now: 12h, 90d, 1y (default never)", HelpName = "TIME" };
        var command = new Command("create", "Create a key; the last line printed is the key alone") { name, scope, expires };
        command.SetAction(async (parsed, cancel) =>
        {
            var body = new JsonObject
            {
                ["name"] = parsed.GetValue(name),
                ["scopes"] = new JsonArray([.. parsed.GetValue(scope)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(one => (JsonNode)one)]),
            };
            if (parsed.GetValue(expires) is { } text) body["expiresAt"] = DateTimeOffset.UtcNow.Add(Duration.Read("--expires", text)).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'");

            await using var owner = await Owner.Connect(SettingOptions.Read(parsed));
            using var key = await owner.Send(HttpMethod.Post, "/api/v1/admin/keys", new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"), cancel);
            Console.WriteLine($"Created key {key.RootElement.GetProperty("id").GetString()}. It is shown this once:");
            Console.WriteLine(key.RootElement.GetProperty("key").GetString());
            return Run.Done;
        });
        return command;
    }

    static Command List()
    {
        var command = new Command("list", "List all keys, revoked ones included");
        command.SetAction(async (parsed, cancel) =>
        {
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed));
            using var keys = await owner.Get("/api/v1/admin/keys", cancel);
            var table = new Table().Border(TableBorder.Simple).AddColumns("ID", "Name", "Scopes", "Created", "Last used", "Expires", "State");
            foreach (var key in keys.RootElement.EnumerateArray())
                table.AddRow(new[]
                {
                    key.GetProperty("id").GetString()!, key.GetProperty("name").GetString()!, string.Join(" ", key.GetProperty("scopes").EnumerateArray().Select(one => one.GetString())),
                    Time(key, "createdAt"), Time(key, "lastUsedAt"), Time(key, "expiresAt"), key.GetProperty("revokedAt").ValueKind == JsonValueKind.Null ? "active" : "revoked",
                }.Select(Markup.Escape).ToArray());
            AnsiConsole.Write(table);
            return Run.Done;
        });
        return command;

        static string Time(JsonElement key, string name) => key.GetProperty(name).GetString() is { } text ? text[..16].Replace('T', ' ') : "-";
    }

    static Command Revoke()
    {
        var id = new Argument<string>("id") { Description = "The key's id, as 'keys list' shows it" };
        var command = new Command("revoke", "End a key at once") { id };
        command.SetAction(async (parsed, cancel) =>
        {
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed));
            using var key = await owner.Send(HttpMethod.Delete, "/api/v1/admin/keys/" + Uri.EscapeDataString(parsed.GetValue(id)!), null, cancel);
            Console.WriteLine($"Revoked key {key.RootElement.GetProperty("id").GetString()} ({key.RootElement.GetProperty("name").GetString()}).");
            return Run.Done;
        });
        return command;
    }
}
