using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cairn.Access;
using Spectre.Console;

namespace Cairn.Commands;

/// <summary>Local accounts: add, list, change, remove, and a link for who cannot sign in.</summary>
static class UsersCommand
{
    const string Users = "/api/v1/admin/users";

    public static Command Create() => new("users", """
        Add, list, change and remove the accounts of people who sign in to the console.

        Example: cairn users add ada@example.com --role admin && cairn users link ada@example.com
        """) { Add(), List(), Role(), SetPassword(), Disable("disable", true), Disable("enable", false), Remove(), Link() };

    static Argument<string> Email() => new("email") { Description = "The account's e-mail address" };

    static string Roles => string.Join(", ", AccountRoles.All);

    static Command Add()
    {
        var email = Email();
        var role = new Option<string>("--role") { Description = $"What they may do: {Roles}", Required = true, HelpName = "ROLE" };
        var name = new Option<string>("--name") { Description = "How pages and events call them (default the e-mail address)" };
        var command = new Command("add", """
            Add an account. The password is read from standard input, one line; without one the person signs in by a link ('users link') or by the provider.

            Example: cairn users add ada@example.com --role viewer < password.txt
            """) { email, role, name };
        command.SetAction(async (parsed, cancel) =>
        {
            var body = new JsonObject { ["email"] = parsed.GetValue(email), ["role"] = parsed.GetValue(role) };
            if (parsed.GetValue(name) is { } called) body["name"] = called;
            if (await ReadPassword("Password (empty for none): ", cancel) is { } password) body["password"] = password;
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel, mayBegin: true);
            using var user = await owner.Send(HttpMethod.Post, Users, Json(body), cancel);
            Console.WriteLine($"Added {Shown(user.RootElement)}.");
            if (!user.RootElement.GetProperty("hasPassword").GetBoolean()) Console.WriteLine($"It has no password: cairn users link {parsed.GetValue(email)}");
            return Run.Done;
        });
        return command;
    }

    static Command List()
    {
        var command = new Command("list", """
            List all accounts: a table on a terminal, else a line each without a heading: e-mail address, role, name, ways to sign in, created, last sign-in, state, with a tab between.

            Example: cairn users list | cut -f 1,2
            """);
        command.SetAction(async (parsed, cancel) =>
        {
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel);
            using var users = await owner.Get(Users, cancel);
            Terminal.WriteTable(["E-mail", "Role", "Name", "Signs in with", "Created", "Last sign-in", "State"], users.RootElement.EnumerateArray().Select(Row));
            return Run.Done;
        });
        return command;

        static string[] Row(JsonElement user) =>
        [
            Terminal.Escaped(user.GetProperty("email").GetString()!), user.GetProperty("role").GetString()!, Terminal.Escaped(user.GetProperty("name").GetString() ?? "-"),
            (user.GetProperty("hasPassword").GetBoolean(), user.GetProperty("provider").GetBoolean()) switch { (true, true) => "password, provider", (true, false) => "password", (false, true) => "provider", _ => "link" },
            Time(user, "createdAt"), Time(user, "lastSignInAt"), user.GetProperty("disabledAt").ValueKind == JsonValueKind.Null ? "active" : "disabled",
        ];

        static string Time(JsonElement user, string name) => user.GetProperty(name).GetString() is { } text ? text[..16].Replace('T', ' ') : "-";
    }

    static Command Role()
    {
        var email = Email();
        var role = new Argument<string>("role") { Description = Roles };
        return Changing("role", "Give an account another role. Its sessions end.", "cairn users role ada@example.com admin", email, [role], async (owner, user, parsed, cancel) =>
        {
            using var changed = await Change(owner, user, new() { ["role"] = parsed.GetValue(role) }, cancel);
            Console.WriteLine($"Changed {Shown(changed.RootElement)}.");
        });
    }

    static Command SetPassword()
    {
        var email = Email();
        return Changing("password", "Set an account's password, read from standard input. Its sessions end.", "cairn users password ada@example.com < password.txt", email, [], async (owner, user, _, cancel) =>
        {
            var password = await ReadPassword("New password: ", cancel) ?? throw new CommandException("No password was given.", Run.NotUnderstood);
            using var changed = await Change(owner, user, new() { ["password"] = password }, cancel);
            Console.WriteLine($"Changed the password of {Shown(changed.RootElement)}.");
        });
    }

    static Command Disable(string verb, bool disabled)
    {
        var email = Email();
        return Changing(verb, disabled ? "Keep an account from signing in, and end its sessions." : "Let an account sign in again.", $"cairn users {verb} ada@example.com", email, [], async (owner, user, _, cancel) =>
        {
            using var changed = await Change(owner, user, new() { ["disabled"] = disabled }, cancel);
            Console.WriteLine($"{(disabled ? "Disabled" : "Enabled")} {Shown(changed.RootElement)}.");
        });
    }

    static Command Remove()
    {
        var email = Email();
        return Changing("remove", "Remove an account and end its sessions. Events keep its name.", "cairn users remove ada@example.com", email, [], async (owner, user, _, cancel) =>
        {
            using var removed = await owner.Send(HttpMethod.Delete, $"{Users}/{user.GetProperty("id").GetString()}", null, cancel);
            Console.WriteLine($"Removed {Shown(removed.RootElement)}.");
        });
    }

    static Command Link()
    {
        var email = Email();
        var command = new Command("link", """
            Print a link that signs a person in once, within 15 minutes, on its last line. While there is no administrator, it makes the account and an administrator of it.

            Example: cairn users link ada@example.com
            """) { email };
        command.SetAction(async (parsed, cancel) =>
        {
            var wanted = parsed.GetValue(email)!;
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel, mayBegin: true);
            using var users = await owner.Get(Users, cancel);
            var hasAdministrator = users.RootElement.EnumerateArray().Any(user => user.GetProperty("role").GetString() == "admin" && user.GetProperty("disabledAt").ValueKind == JsonValueKind.Null);
            if (Find(users.RootElement, wanted) is null && !hasAdministrator)
            {
                using var made = await owner.Send(HttpMethod.Post, Users, Json(new() { ["email"] = wanted, ["role"] = "admin" }), cancel);
                Console.WriteLine($"Added {Shown(made.RootElement)}.");
            }
            using var now = await owner.Get(Users, cancel);
            var id = (Find(now.RootElement, wanted) ?? throw Unknown(wanted)).GetProperty("id").GetString();
            using var link = await owner.Send(HttpMethod.Post, $"{Users}/{id}/link", null, cancel);
            Console.WriteLine($"Signs {Terminal.Escaped(wanted)} in once, until {link.RootElement.GetProperty("expiresAt").GetString()}:");
            Console.WriteLine(link.RootElement.GetProperty("url").GetString());
            return Run.Done;
        });
        return command;
    }

    static Command Changing(string verb, string description, string example, Argument<string> email, Argument<string>[] more, Func<Owner, JsonElement, ParseResult, CancellationToken, Task> change)
    {
        var command = new Command(verb, $"{description}\n\nExample: {example}") { email };
        foreach (var one in more) command.Arguments.Add(one);
        command.SetAction(async (parsed, cancel) =>
        {
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel);
            using var users = await owner.Get(Users, cancel);
            await change(owner, Find(users.RootElement, parsed.GetValue(email)!) ?? throw Unknown(parsed.GetValue(email)!), parsed, cancel);
            return Run.Done;
        });
        return command;
    }

    static CommandException Unknown(string email) => new($"There is no account {Terminal.Escaped(email)}. List them with: cairn users list");

    static JsonElement? Find(JsonElement users, string email) =>
        users.EnumerateArray().Where(user => Account.Key(user.GetProperty("email").GetString()!) == Account.Key(email)).Select(user => (JsonElement?)user).FirstOrDefault();

    static Task<JsonDocument> Change(Owner owner, JsonElement user, JsonObject change, CancellationToken cancel) =>
        owner.Send(HttpMethod.Patch, $"{Users}/{user.GetProperty("id").GetString()}", Json(change), cancel);

    static StringContent Json(JsonObject body) => new(body.ToJsonString(), Encoding.UTF8, "application/json");

    static string Shown(JsonElement user) => $"{Terminal.Escaped(user.GetProperty("email").GetString()!)} ({user.GetProperty("role").GetString()})";

    /// <summary>One line of standard input, unseen where a person types it; null when it is empty.</summary>
    static async Task<string?> ReadPassword(string prompt, CancellationToken cancel)
    {
        if (!Console.IsInputRedirected) return AnsiConsole.Prompt(new TextPrompt<string>(prompt).Secret().AllowEmpty()) is { Length: > 0 } typed ? typed : null;
        return await Console.In.ReadLineAsync(cancel) is { Length: > 0 } line ? line : null;
    }
}
