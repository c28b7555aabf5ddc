using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Access;

/// <summary>Signing in and out, and what a person does with their own account.</summary>
static class SessionEndpoints
{
    const int LongestSecret = 100, LongestRedirect = 60_000;

    public static void MapSessions(this WebApplication app, CairnHost host)
    {
        app.Routes(host, "/api/auth", AccessRule.Open)
            .Post("/login", Login, new("Sign in with an e-mail address and a password") { Takes = "SignIn", Answers = "SignedIn", Refuses = [401, 403, 429] })
            .Post("/link", Link, new("Sign in with a one-time link; the first one makes the first administrator") { Takes = "SignInByLink", Answers = "SignedIn", Refuses = [403, 409, 410] });
        app.Routes(host, "/api/auth", AccessRule.SignedIn)
            .Post("/logout", Logout, new("Sign out") { Status = StatusCodes.Status204NoContent })
            .Get("/me", Me, new("Who is signed in") { Answers = "Me" })
            .Post("/password", ChangePassword, new("Change one's own password; every other session ends") { Takes = "NewPassword", Status = StatusCodes.Status204NoContent, Refuses = [429] })
            .Get("/sessions", OwnSessions, new("Where one is signed in") { Answers = "OwnSessions", Headers = ["X-Total-Count"] })
            .Delete("/sessions/{id}", EndOwn, new("Sign out elsewhere") { Status = StatusCodes.Status204NoContent });
        app.Routes(host, "/api/v1/admin/sessions", AccessRule.Administrator)
            .Get("", AllSessions, new("Who is signed in, and where") { Answers = "Sessions", Headers = ["X-Total-Count"] })
            .Delete("/{id}", EndAny, new("End someone's session at once") { Status = StatusCodes.Status204NoContent });
    }

    static async Task<IResult> Login(HttpContext context, CairnHost host)
    {
        var (input, problem) = await Input.Read(context);
        if (problem is not null) return problem;
        var email = input.Text("email", Account.LongestEmail, required: true);
        var password = input.Text("password", 4 * Password.Longest, required: true);
        var redirect = input.Text("redirect", LongestRedirect);
        if (input.Refusal is { } refusal) return refusal;

        var cancel = context.RequestAborted;
        if (!await host.Control.HasAdministrator(cancel)) return Problems.Status(StatusCodes.Status403Forbidden, "No administrator yet", SignIn.NoAdministrator);
        using var attempt = await host.SignIns.Enter(Account.Key(email!), Address.Of(context), cancel);
        if (attempt is null) return Problems.TooMany("Very many sign-ins from this address are under way. Try again in a moment.");

        // One answer, after one and the same work, whatever it is that does not fit.
        var account = await host.Control.FindAccountByEmail(email!, cancel);
        var matches = await host.Passwords.Matches(password!, account?.PasswordHash, cancel);
        if (account is null || !matches || account.DisabledAt is not null || !await SignIn.Complete(context, host, account, "password"))
        {
            var (reason, outcome) = account is null ? ("unknown account", "failure") : !matches ? ("wrong password", "failure") : ("account is disabled", "denied");
            await SignIn.Failed(context, host, account, email, "password", reason, outcome);
            return Problems.Status(StatusCodes.Status401Unauthorized, "Not signed in", "The e-mail address and the password do not fit together. Try again, or ask an administrator for a sign-in link.");
        }
        attempt.Succeeded();
        return SignedIn(account, redirect);
    }

    static async Task<IResult> Link(HttpContext context, CairnHost host)
    {
        var (input, problem) = await Input.Read(context);
        if (problem is not null) return problem;
        var token = input.Text("token", LongestSecret, required: true);
        var email = input.Name("email", Account.LongestEmail);
        var name = input.Name("name", Account.LongestName);
        var password = input.Text("password", 4 * Password.Longest);
        var redirect = input.Text("redirect", LongestRedirect);
        if (input.Refusal is { } refusal) return refusal;

        // 1. Is the link any good? Nothing is used up yet.
        var cancel = context.RequestAborted;
        var hash = Secret.Hash(token!);
        var link = await host.Control.FindLink(hash, cancel);
        var account = link?.AccountId is { } id ? await host.Control.FindAccount(id, cancel) : null;
        var isFirst = link is { AccountId: null };
        var why = link is null ? "is not known"
            : link.UsedAt is not null ? "was used already"
            : link.ExpiresAt <= host.Clock.GetUtcNow() ? "has expired"
            : isFirst && await host.Control.HasAdministrator(cancel) ? "was for the first administrator, whom there is by now"
            : !isFirst && account is null or { DisabledAt: not null } ? "is not valid any longer"
            : null;
        if (why is not null)
        {
            if (link is not null) await SignIn.Failed(context, host, account, null, "link", "the link " + why);
            return Problems.Status(StatusCodes.Status410Gone, "Link not valid", $"This sign-in link {why}. Get a new one where Cairn runs: cairn users link {account?.Email ?? "EMAIL"}");
        }

        // 2. The first administrator says who they are: an audit log that begins with nobody in particular is none.
        if (isFirst)
        {
            if (email is null) input.Refuse("email", "is missing: this link makes the first administrator");
            else if (!Account.IsEmail(email)) input.Refuse("email", "is not an e-mail address");
            else if (password is null) input.Refuse("password", "is missing: this link makes the first administrator");
        }
        else if (email is not null || name is not null) input.Refuse(email is not null ? "email" : "name", "is not taken by this link, whose account is there already");
        if (password is not null && Password.WhyNot(password, email ?? account?.Email ?? "") is { } weak) input.Refuse("password", weak);
        if (input.Refusal is { } wrong) return wrong;

        // 3. Now it is used, by whoever comes first.
        if (!await host.Control.UseLink(hash, host.Clock.GetUtcNow(), cancel))
            return Problems.Status(StatusCodes.Status410Gone, "Link not valid", $"This sign-in link was used already. Get a new one where Cairn runs: cairn users link {account?.Email ?? "EMAIL"}");
        if (isFirst)
        {
            var made = await host.Accounts.Add(By.Of(context, new("link", "Holder of the first sign-in link")), email!, name, AccountRole.Admin, password, cancel);
            if (made.Account is null) return Problems.Conflict($"There is an account {email} already.", "email");
            account = made.Account;
        }
        else if (password is not null) account = (await host.Accounts.SetPassword(By.Of(context, Caller.Of(account!)), account!.Id, password, cancel)).Account ?? account;

        return await SignIn.Complete(context, host, account!, "link")
            ? SignedIn(account!, redirect)
            : Problems.Status(StatusCodes.Status410Gone, "Link not valid", "This account was removed.");
    }

    static JsonAnswer SignedIn(Account account, string? redirect) => new(writer =>
    {
        writer.WriteStartObject();
        writer.WritePropertyName("user");
        writer.WriteStartObject();
        WritePerson(writer, account);
        writer.WriteEndObject();
        writer.WriteString("redirect", SafeRedirect.Of(redirect));
        writer.WriteEndObject();
    });

    static void WritePerson(Utf8JsonWriter writer, Account account)
    {
        writer.WriteString("id", account.Id);
        writer.WriteString("email", account.Email);
        writer.WriteString("name", account.Name);
        writer.WriteString("role", account.Role.Text());
        writer.WriteBoolean("hasPassword", account.PasswordHash is not null);
    }

    static async Task<IResult> Logout(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var caller = Caller.Of(context);
        await host.Sessions.End(caller.SessionId!, host.SelfAudit.Notice(By.Of(context), new("auth.logout", "User", caller.Id, caller.Email)), context.RequestAborted);
        SessionCookie.Clear(context, host.Settings);
        return Results.NoContent();
    }

    static async Task<IResult> Me(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var caller = Caller.Of(context);
        var account = await host.Control.FindAccount(caller.Id!, context.RequestAborted);
        var session = (await host.Sessions.List(context.RequestAborted)).FirstOrDefault(one => one.Id == caller.SessionId);
        if (account is null) return Problems.Status(StatusCodes.Status401Unauthorized, "Not signed in", "This account was removed.");
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            WritePerson(writer, account);
            writer.WriteStartObject("session");
            writer.WriteString("id", caller.SessionId);
            writer.WriteTime("createdAt", session?.CreatedAt);
            writer.WriteTime("expiresAt", host.Clock.GetUtcNow() + Session.Lifetime);
            writer.WriteEndObject();
            writer.WriteEndObject();
        });
    }

    static async Task<IResult> ChangePassword(HttpContext context, CairnHost host)
    {
        var (input, problem) = await Input.Read(context);
        if (problem is not null) return problem;
        var current = input.Text("current", 4 * Password.Longest);
        var password = input.Text("password", 4 * Password.Longest, required: true);
        var cancel = context.RequestAborted;
        if (await host.Control.FindAccount(Caller.Of(context).Id!, cancel) is not { } account) return Problems.Status(StatusCodes.Status401Unauthorized, "Not signed in", "This account was removed.");
        if (password is not null && Password.WhyNot(password, account.Email) is { } weak) input.Refuse("password", weak);
        if (account.PasswordHash is not null && current is null) input.Refuse("current", "is missing");
        if (input.Refusal is { } refusal) return refusal;

        if (account.PasswordHash is not null)
        {
            // Whoever sits at an open browser must not be able to guess on.
            using var attempt = await host.SignIns.Enter(Account.Key(account.Email), Address.Of(context), cancel);
            if (attempt is null) return Problems.TooMany("Very many sign-ins from this address are under way. Try again in a moment.");
            if (!await host.Passwords.Matches(current!, account.PasswordHash, cancel))
            {
                await SignIn.Failed(context, host, account, null, "password change", "wrong password");
                return Problems.Bad(new BadParameter("current", "is not the current password"));
            }
            attempt.Succeeded();
        }
        // Every session ends, this one included: whoever else may know it is out, and a new one begins here.
        var changed = await host.Accounts.SetPassword(By.Of(context), account.Id, password!, cancel, Caller.Of(context).SessionId, account.PasswordHash);
        return changed.Account is { } now && await SignIn.Complete(context, host, now, "password changed")
            ? Results.NoContent()
            : Problems.Status(StatusCodes.Status401Unauthorized, "Not signed in", "This session ended meanwhile. Sign in again.");
    }

    static async Task<IResult> OwnSessions(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var caller = Caller.Of(context);
        var own = (await host.Sessions.List(context.RequestAborted)).Where(session => session.AccountId == caller.Id).ToList();
        return List(context, own, (writer, session) => writer.WriteBoolean("current", session.Id == caller.SessionId));
    }

    static async Task<IResult> AllSessions(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var emails = (await host.Control.Accounts(context.RequestAborted)).ToDictionary(account => account.Id, account => account.Email);
        return List(context, await host.Sessions.List(context.RequestAborted), (writer, session) =>
        {
            writer.WriteString("userId", session.AccountId);
            writer.WriteString("email", emails.GetValueOrDefault(session.AccountId));
        });
    }

    static JsonAnswer List(HttpContext context, IReadOnlyList<Session> sessions, Action<Utf8JsonWriter, Session> more)
    {
        context.Response.Headers["X-Total-Count"] = sessions.Count.ToString();
        return new(writer =>
        {
            writer.WriteStartArray();
            foreach (var session in sessions)
            {
                writer.WriteStartObject();
                writer.WriteString("id", session.Id);
                more(writer, session);
                writer.WriteTime("createdAt", session.CreatedAt);
                writer.WriteTime("lastUsedAt", session.LastUsedAt);
                writer.WriteTime("expiresAt", session.ExpiresAt);
                writer.WriteString("ip", session.Ip);
                writer.WriteString("userAgent", session.UserAgent);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        });
    }

    static Task<IResult> EndOwn(HttpContext context, CairnHost host) => End(context, host, session => session.AccountId == Caller.Of(context).Id);

    static Task<IResult> EndAny(HttpContext context, CairnHost host) => End(context, host, _ => true);

    static async Task<IResult> End(HttpContext context, CairnHost host, Func<Session, bool> may)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var cancel = context.RequestAborted;
        var id = context.RouteText("id");
        var session = (await host.Sessions.List(cancel)).FirstOrDefault(one => one.Id == id && may(one));
        var account = session is null ? null : await host.Control.FindAccount(session.AccountId, cancel);
        if (session is null || account is null) return Problems.NotFound("There is no session with this id.");
        var notice = host.SelfAudit.Notice(By.Of(context), new("auth.session_ended", "User", account.Id, account.Email) { Metadata = Deed.Of(("session", session.Id), ("ip", session.Ip), ("userAgent", session.UserAgent)) });
        return await host.Sessions.End(id, notice, cancel) ? Results.NoContent() : Problems.NotFound("There is no session with this id.");
    }
}
