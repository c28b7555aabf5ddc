using Cairn.Hosting;

namespace Cairn.Access;

/// <summary>What a new Cairn gives to whoever started it: a way in for the first administrator, and a key for the first application.</summary>
static class FirstStart
{
    const string KeyMade = "first_start.key";

    /// <summary>Makes the administrator that the settings name, while there is none. It is done before anyone can come in.</summary>
    public static async Task Appoint(CairnHost host, CancellationToken cancel)
    {
        if (host.Settings.Admin is not var (email, password) || await host.Control.HasAdministrator(cancel)) return;
        if ((await host.Accounts.Add(By.Cairn, email, null, AccountRole.Admin, password, cancel)).Account is not null) return;

        // The account was there without being an administrator: the settings make it one.
        var id = (await host.Control.FindAccountByEmail(email, cancel))!.Id;
        await host.Accounts.SetDisabled(By.Cairn, id, disabled: false, cancel);
        await host.Accounts.SetRole(By.Cairn, id, AccountRole.Admin, cancel);
        await host.Accounts.SetPassword(By.Cairn, id, password, cancel);
    }

    /// <summary>Makes what is missing. Answers the lines to print; their secrets are shown this once.</summary>
    public static async Task<IReadOnlyList<string>> Begin(CairnHost host, CancellationToken cancel)
    {
        var lines = new List<string>();
        if (host.ConsoleUrl is not null && !await host.Control.HasAdministrator(cancel))
        {
            var (token, _) = await host.Accounts.Link(By.Cairn, null, cancel);
            lines.Add($"Sign in  {UserEndpoints.LinkUrl(host.ConsoleOrigin, token)}");
            lines.Add($"         makes the first administrator; works once, within {SignInLink.Lifetime.TotalMinutes:0} minutes");
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
}
