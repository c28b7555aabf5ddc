using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Access;

/// <summary>Accounts: list, add, change, remove, and a link for who has no password yet or forgot it.</summary>
static class UserEndpoints
{
    public static void MapUsers(this WebApplication app, CairnHost host) => app.Routes(host, "/api/v1/admin/users", AccessRule.Administrator)
        .Get("", List, new("List accounts") { Answers = "Users", Headers = ["X-Total-Count"] })
        .Post("", Add, new("Add an account; without a password it signs in by a link or by the provider") { Takes = "NewUser", Answers = "User", Status = StatusCodes.Status201Created, Refuses = [409] })
        .Patch("/{id}", Change, new("Change an account. Another role or password, and being disabled, end its sessions at once") { Takes = "UserChange", Answers = "User", Refuses = [409] })
        .Delete("/{id}", Remove, new("Remove an account and end its sessions; events keep its name") { Answers = "User", Refuses = [409] })
        .Post("/{id}/link", Link, new("Make a link that signs this person in once, within 15 minutes") { Answers = "UserLink", Status = StatusCodes.Status201Created, Refuses = [409] });

    static async Task<IResult> List(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var accounts = await host.Control.Accounts(context.RequestAborted);
        context.Response.Headers["X-Total-Count"] = accounts.Count.ToString();
        return new JsonAnswer(writer =>
        {
            writer.WriteStartArray();
            foreach (var account in accounts) Write(writer, account);
            writer.WriteEndArray();
        });
    }

    static async Task<IResult> Add(HttpContext context, CairnHost host)
    {
        var (input, problem) = await Input.Read(context);
        if (problem is not null) return problem;
        var email = input.Name("email", Account.LongestEmail, required: true);
        var role = input.Choice("role", AccountRoles.All, required: true);
        var name = input.Name("name", Account.LongestName);
        var password = input.Text("password", 4 * Password.Longest);
        if (email is not null && !Account.IsEmail(email)) input.Refuse("email", "is not an e-mail address");
        if (password is not null && Password.WhyNot(password, email ?? "") is { } weak) input.Refuse("password", weak);
        if (input.Refusal is { } refusal) return refusal;

        AccountRoles.TryRead(role!, out var wanted);
        var (change, account) = await host.Accounts.Add(By.Of(context), email!, name, wanted, password, context.RequestAborted);
        return account is null ? Refused(change, email!) : new JsonAnswer(writer => Write(writer, account), StatusCodes.Status201Created);
    }

    static async Task<IResult> Change(HttpContext context, CairnHost host)
    {
        var (input, problem) = await Input.Read(context);
        if (problem is not null) return problem;
        var role = input.Choice("role", AccountRoles.All);
        var changesName = input.Has("name");
        var name = input.Name("name", Account.LongestName);
        var password = input.Text("password", 4 * Password.Longest);
        if (input.Has("password") && password is null) input.Refuse("password", "is empty");
        var disabled = input.Flag("disabled");
        var cancel = context.RequestAborted;
        var account = await host.Control.FindAccount(context.RouteText("id"), cancel);
        if (account is not null && password is not null && Password.WhyNot(password, account.Email) is { } weak) input.Refuse("password", weak);
        if (input.Refusal is { } refusal) return refusal;
        if (account is null) return NotFound();

        // Each change is an event of its own; the first that cannot be made ends the call.
        var by = By.Of(context);
        if (role is not null && AccountRoles.TryRead(role, out var wanted) && wanted != account.Role && !Take(await host.Accounts.SetRole(by, account.Id, wanted, cancel), out var refused)) return refused;
        if (disabled is { } flag && flag != account.DisabledAt is not null && !Take(await host.Accounts.SetDisabled(by, account.Id, flag, cancel), out refused)) return refused;
        if (changesName && name != account.Name && !Take(await host.Accounts.SetName(by, account.Id, name, cancel), out refused)) return refused;
        if (password is not null && !Take(await host.Accounts.SetPassword(by, account.Id, password, cancel), out refused)) return refused;
        return new JsonAnswer(writer => Write(writer, account));

        bool Take(AccountResult result, out IResult refused)
        {
            refused = result.Change == AccountChange.Outdated ? Problems.Conflict("The account was changed by someone else meanwhile. Look at it again.") : Refused(result.Change, account.Email);
            if (result.Account is null) return false;
            account = result.Account;
            return true;
        }
    }

    static async Task<IResult> Remove(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        if (await host.Control.FindAccount(context.RouteText("id"), context.RequestAborted) is not { } account) return NotFound();
        var (change, removed) = await host.Accounts.Remove(By.Of(context), account, context.RequestAborted);
        return removed is null ? Refused(change, account.Email) : new JsonAnswer(writer => Write(writer, removed));
    }

    static async Task<IResult> Link(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        if (await host.Control.FindAccount(context.RouteText("id"), context.RequestAborted) is not { } account) return NotFound();
        if (account.DisabledAt is not null) return Problems.Conflict($"{account.Email} is disabled. Enable the account first.");
        var (token, expiresAt) = await host.Accounts.Link(By.Of(context), account, context.RequestAborted);
        var origin = context.Connection.RemoteIpAddress is null ? host.ConsoleOrigin : SameOrigin.ConsoleOrigin(context, host.Settings);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("url", LinkUrl(origin, token));
            writer.WriteTime("expiresAt", expiresAt);
            writer.WriteEndObject();
        }, StatusCodes.Status201Created);
    }

    /// <summary>The secret stands after the hash sign, which browsers keep to themselves: it is in no log and no referrer.</summary>
    public static string LinkUrl(string origin, string token) => $"{origin}/login/link#{token}";

    static IResult NotFound() => Problems.NotFound("There is no account with this id.");

    static IResult Refused(AccountChange change, string email) => change switch
    {
        AccountChange.Taken => Problems.Conflict($"There is an account {email} already.", "email"),
        AccountChange.LastAdministrator => Problems.Conflict($"{email} is the last administrator, and cannot be removed, disabled or given another role. Make someone else an administrator first."),
        _ => NotFound(),
    };

    static void Write(Utf8JsonWriter writer, Account account)
    {
        writer.WriteStartObject();
        writer.WriteString("id", account.Id);
        writer.WriteString("email", account.Email);
        writer.WriteString("name", account.Name);
        writer.WriteString("role", account.Role.Text());
        writer.WriteBoolean("hasPassword", account.PasswordHash is not null);
        writer.WriteBoolean("provider", account.Subject is not null);
        writer.WriteTime("createdAt", account.CreatedAt);
        writer.WriteTime("lastSignInAt", account.LastSignInAt);
        writer.WriteTime("disabledAt", account.DisabledAt);
        writer.WriteEndObject();
    }
}
