using Cairn.Hosting;

namespace Cairn.Access;

/// <summary>The last step of every way of signing in.</summary>
static class SignIn
{
    /// <summary>What someone is told who signs in while Cairn has no administrator.</summary>
    public const string NoAdministrator =
        "Cairn has no administrator yet. Open the link that it printed when it started, or get a new one: cairn users link EMAIL";

    /// <summary>Begins a new session and gives its cookie; the one that this browser had ends. False when the account is gone.</summary>
    public static async Task<bool> Complete(HttpContext context, CairnHost host, Account account, string method)
    {
        if (Caller.Of(context) is { SessionId: { } former } before)
            await host.Sessions.End(former, host.SelfAudit.Notice(By.Of(context), new("auth.logout", "User", before.Id, before.Email) { Metadata = Deed.Of(("reason", "signed in again")) }), context.RequestAborted);
        if (await host.Sessions.Begin(account, context, method, context.RequestAborted) is not { } begun) return false;
        SessionCookie.Set(context, host.Settings, begun.Text);
        return true;
    }

    /// <summary>Records that someone did not get in. What was typed in place of an e-mail address may be a password, and is not kept.</summary>
    public static Task Failed(HttpContext context, CairnHost host, Account? account, string? email, string method, string reason, string outcome = "failure") =>
        host.SelfAudit.RecordOrKeep(By.Of(context, Caller.Stranger), new("auth.login_failed", "User", account?.Id, account?.Email ?? (email is not null && Account.IsEmail(email) ? email : null))
        {
            Outcome = outcome,
            Metadata = Deed.Of(("method", method), ("reason", reason)),
        });
}
