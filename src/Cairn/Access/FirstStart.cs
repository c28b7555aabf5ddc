using Cairn.Hosting;

namespace Cairn.Access;

/// <summary>What a new Cairn gives to whoever started it: a way in for the first administrator, and a key for the first application.</summary>
static class FirstStart
{
    const string KeyMade = "first_start.key";

    /// <summary>Makes what is missing. Answers the lines to print; their secrets are shown this once.</summary>
    public static async Task<IReadOnlyList<string>> Begin(CairnHost host, CancellationToken cancel)
    {
        var lines = new List<string>();
        if (!await host.Control.HasAdministrator(cancel))
        {
            if (host.Settings.Admin is var (email, password)) lines.AddRange(await Appoint(host, email, password, cancel));
            else if (host.ConsoleUrl is not null)
            {
                var (token, _) = await host.Accounts.Link(By.Cairn, null, cancel);
                lines.Add($"Sign in  {UserEndpoints.LinkUrl(host.ConsoleOrigin, token)}");
                lines.Add($"         makes the first administrator; works once, within {SignInLink.Lifetime.TotalMinutes:0} minutes");
            }
        }
        if (await host.Control.FindSetting(KeyMade, cancel) is null)
        {
            var (key, text) = await host.Keys.Create(By.Cairn, "first key", Scopes.All, null, cancel);
            await host.Control.SaveSetting(KeyMade, key.Id, cancel);
            lines.Add($"API key  {text}");
            lines.Add("         may do everything a key can; shown this once");
        }
        return lines;
    }

    static async Task<string[]> Appoint(CairnHost host, string email, string password, CancellationToken cancel)
    {
        var made = await host.Accounts.Add(By.Cairn, email, null, AccountRole.Admin, password, cancel);
        if (made.Account is not null) return [$"Sign in  {host.ConsoleOrigin}/login as {email}"];

        // The account was there without being an administrator: the settings make it one.
        var account = (await host.Control.FindAccountByEmail(email, cancel))!;
        if (account.DisabledAt is not null) account = (await host.Accounts.SetDisabled(By.Cairn, account, disabled: false, cancel)).Account!;
        if (account.Role != AccountRole.Admin) account = (await host.Accounts.SetRole(By.Cairn, account, AccountRole.Admin, cancel)).Account!;
        await host.Accounts.SetPassword(By.Cairn, account, password, cancel);
        return [$"Sign in  {host.ConsoleOrigin}/login as {email}"];
    }
}
