using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Access.Oidc;

/// <summary>
/// Signing in with an OpenID Connect provider: authorization code with PKCE. What one sign-in needs to remember is in a
/// cookie of its own for ten minutes, so that several can be under way in several tabs, and any console can finish it.
/// </summary>
static class OidcEndpoints
{
    const string Path = "/api/auth/oidc";

    static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    public static void MapOidc(this WebApplication app, CairnHost host) => app.Routes(host, Path, AccessRule.Open)
        .Get("/start", Start, new("Sends a browser to the OpenID Connect provider") { Query = [new("redirect", "Where to go in the end: a path of this console.")], Status = StatusCodes.Status302Found, Refuses = [404] })
        .Get("/callback", Callback, new("Where the provider sends the browser back to") { Query = [.. CallbackParameters.Select(name => new Parameter(name, "As the provider gives it."))], Status = StatusCodes.Status302Found, Refuses = [404] });

    static readonly string[] CallbackParameters = ["code", "state", "iss", "error", "error_description", "session_state"];

    static async Task<IResult> Start(HttpContext context, CairnHost host)
    {
        var redirect = SafeRedirect.Of(context.Request.Query["redirect"].FirstOrDefault());
        if (host.Oidc is not { } provider || host.Settings.Oidc is not { } settings) return Problems.NotFound("No OpenID Connect provider is configured.");
        try
        {
            if (!await host.Control.HasAdministrator(context.RequestAborted)) throw new OidcException(OidcFault.NoAdministrator, SignIn.NoAdministrator);
            var doors = await provider.Doors(context.RequestAborted);
            var begun = new Begun(Secret.New(), Secret.New(), Secret.New(), redirect);
            context.Response.Cookies.Append(begun.CookieName, begun.Text, CookieOptions(context, host));
            return Results.Redirect(Url(doors.Authorization, new()
            {
                ["response_type"] = "code",
                ["client_id"] = settings.ClientId,
                ["redirect_uri"] = CallbackUrl(context, host),
                ["scope"] = settings.Scope,
                ["state"] = begun.State,
                ["nonce"] = begun.Nonce,
                ["code_challenge"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(begun.Verifier))),
                ["code_challenge_method"] = "S256",
            }));
        }
        catch (OidcException failed)
        {
            return Failed(context, host, failed, redirect);
        }
    }

    static async Task<IResult> Callback(HttpContext context, CairnHost host)
    {
        if (host.Oidc is not { } provider || host.Settings.Oidc is not { } settings) return Problems.NotFound("No OpenID Connect provider is configured.");
        string Given(string name) => context.Request.Query[name].FirstOrDefault() ?? "";
        var redirect = SafeRedirect.StartPage;
        string? email = null;
        Account? account = null;
        var begun = Begun.Find(context, Given("state"));
        try
        {
            // 1. It was begun in this browser, and not long ago. Until here anyone may have made the call up, so nothing is recorded.
            if (begun is null) return Failed(context, host, new(OidcFault.Expired, "A sign-in came back that was not begun in this browser, or too long ago."), redirect);
            redirect = begun.Redirect;
            context.Response.Cookies.Delete(begun.CookieName, CookieOptions(context, host));

            // 2. The provider said yes, and it is the provider that was asked.
            if (Given("iss") is { Length: > 0 } issuer && issuer != settings.Issuer.OriginalString) throw new OidcException(OidcFault.RefusedToken, "Another issuer sent the browser back.");
            if (Given("error") is { Length: > 0 } error) throw new OidcException(error is "access_denied" or "login_required" ? OidcFault.Cancelled : OidcFault.ProviderAway, $"The provider said {Texts.Shown(error)}.");
            if (Given("code") is not { Length: > 0 } code) throw new OidcException(OidcFault.RefusedToken, "The provider sent no code.");

            // 3. Who is it?
            var cancel = context.RequestAborted;
            var (token, accessToken) = await provider.Exchange(code, begun.Verifier, CallbackUrl(context, host), cancel);
            var claims = IdToken.Read(token, await provider.Keys(IdToken.KeyId(token), cancel), settings.Issuer.OriginalString, settings.ClientId, begun.Nonce, host.Clock.GetUtcNow());
            var sub = Json.Text(claims, "sub")!;
            JsonElement? more = accessToken is not null && (Json.Text(claims, "email") is null || Roles(claims, settings.RoleClaim).Count == 0) ? await provider.UserInfo(accessToken, cancel) : null;
            if (more is { } info && Json.Text(info, "sub") != sub) throw new OidcException(OidcFault.RefusedToken, "The provider's user info is about someone else.");
            var said = new[] { claims }.Concat(more is { } beside ? [beside] : []).ToArray();
            var name = Said("name") is { Length: <= Account.LongestName } given && Texts.IsPlain(given) ? given : null;
            email = Said("email");
            // Events name people by their address: one that the provider says it did not check could be anyone's.
            if (email is null || !Account.IsEmail(email) || IsSaid("email_verified", JsonValueKind.False)) throw new OidcException(OidcFault.EmailUnverified, "The provider gives no e-mail address that it has checked.");

            // 4. What may they do?
            var role = settings.RoleOf([.. said.SelectMany(one => Roles(one, settings.RoleClaim))]);
            account = await Find(context, host, new($"{settings.Issuer.OriginalString} {sub}", email, IsSaid("email_verified", JsonValueKind.True), name, role));
            if (!await SignIn.Complete(context, host, account, "provider")) throw new OidcException(OidcFault.AccountDisabled, "The account was removed.");
            return Results.LocalRedirect(redirect);

            bool IsSaid(string claim, JsonValueKind value) => said.Any(one => one.TryGetProperty(claim, out var found) && found.ValueKind == value);

            string? Said(string claim) => said.Select(one => Json.Text(one, claim)).FirstOrDefault(text => !string.IsNullOrWhiteSpace(text))?.Trim();
        }
        catch (OidcException failed)
        {
            await SignIn.Failed(context, host, account, email, "provider", failed.Fault.Code(), failed.Fault is OidcFault.NoRole or OidcFault.AccountDisabled or OidcFault.NoAdministrator or OidcFault.LastAdministrator ? "denied" : "failure");
            return Failed(context, host, failed, redirect);
        }
    }

    /// <summary>Who signs in, as the provider has them.</summary>
    sealed record Person(string Subject, string Email, bool IsVerified, string? Name, AccountRole? Role);

    /// <summary>The account of a person, made or brought up to what the provider says.</summary>
    static async Task<Account> Find(HttpContext context, CairnHost host, Person person)
    {
        var cancel = context.RequestAborted;
        var by = By.Of(context, new("provider", host.Settings.Oidc!.Name));
        if (!await host.Control.HasAdministrator(cancel)) throw new OidcException(OidcFault.NoAdministrator, SignIn.NoAdministrator);

        var account = await host.Control.FindAccountBySubject(person.Subject, cancel);
        if (person.Role is not { } role)
        {
            // Who may nothing any longer loses what they had, and every session with it.
            if (account is { Role: not AccountRole.User }) Done(await host.Accounts.SetRole(by, account.Id, AccountRole.User, cancel));
            throw new OidcException(OidcFault.NoRole, $"The claim {host.Settings.Oidc.RoleClaim} gives no role.");
        }
        if (account is null && await host.Control.FindAccountByEmail(person.Email, cancel) is { } same)
        {
            // Whoever could call themselves anything at the provider would else take over the account.
            if (!person.IsVerified || same.Subject is not null) throw new OidcException(OidcFault.EmailTaken, "Another account has this e-mail address.");
            account = Done(await host.Accounts.SetSubject(by, same.Id, person.Subject, cancel));
        }
        account ??= Done(await host.Accounts.Add(by, person.Email, person.Name, role, null, cancel, person.Subject));
        if (account.DisabledAt is not null) throw new OidcException(OidcFault.AccountDisabled, "The account is disabled.");
        if (account.Role != role) account = Done(await host.Accounts.SetRole(by, account.Id, role, cancel));
        if (person.Name is not null && account.Name != person.Name) account = Done(await host.Accounts.SetName(by, account.Id, person.Name, cancel));
        return account;

        static Account Done(AccountResult result) => result.Account ?? throw (result.Change switch
        {
            AccountChange.Taken => new OidcException(OidcFault.EmailTaken, "Another account has this e-mail address."),
            AccountChange.LastAdministrator => new OidcException(OidcFault.LastAdministrator, "The provider no longer makes the last administrator one."),
            _ => new OidcException(OidcFault.AccountDisabled, "The account was removed."),
        });
    }

    /// <summary>The values of a claim, to which dots may lead through objects; a name with dots in it is found as well.</summary>
    static IReadOnlyList<string> Roles(JsonElement claims, string claim)
    {
        if (Json.Texts(claims, claim) is { Count: > 0 } found) return found;
        var path = claim.Split('.');
        var inner = claims;
        foreach (var step in path[..^1])
            if (inner.ValueKind != JsonValueKind.Object || !inner.TryGetProperty(step, out inner)) return [];
        return Json.Texts(inner, path[^1]);
    }

    static IResult Failed(HttpContext context, CairnHost host, OidcException failed, string redirect)
    {
        OidcLog.SignInFailed(host.Logs.CreateLogger("Cairn.Access.Oidc"), failed.Fault.Code(), failed.Message);
        return Results.LocalRedirect(Url(null, new() { ["problem"] = failed.Fault.Code(), ["redirect"] = redirect }));
    }

    /// <summary>A provider's address with parameters; the sign-in page's when there is none.</summary>
    static string Url(Uri? door, Dictionary<string, string> parameters) =>
        (door is null ? "/login?" : door.OriginalString + (door.Query.Length > 0 ? "&" : "?")) + string.Join('&', parameters.Select(pair => pair.Key + "=" + Uri.EscapeDataString(pair.Value)));

    static string CallbackUrl(HttpContext context, CairnHost host) => SameOrigin.ConsoleOrigin(context, host.Settings) + Path + "/callback";

    static CookieOptions CookieOptions(HttpContext context, CairnHost host) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = SameOrigin.IsHttps(context, host.Settings), Path = Path, MaxAge = Patience, IsEssential = true };

    /// <summary>What a sign-in that is under way needs to remember.</summary>
    sealed record Begun(string State, string Nonce, string Verifier, string Redirect)
    {
        public string CookieName => NameFor(State);

        public string Text => string.Join('.', State, Nonce, Verifier, Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Redirect)));

        static string NameFor(string state) => "cairn_oidc_" + state[..8];

        public static Begun? Find(HttpContext context, string state)
        {
            if (state.Length != 43 || context.Request.Cookies[NameFor(state)] is not { } text || text.Split('.') is not [var kept, var nonce, var verifier, var redirect]) return null;
            if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(kept), Encoding.UTF8.GetBytes(state))) return null;
            var target = new byte[redirect.Length];
            return Base64Url.TryDecodeFromChars(redirect, target, out var length) ? new(kept, nonce, verifier, SafeRedirect.Of(Encoding.UTF8.GetString(target, 0, length))) : null;
        }
    }
}

static partial class OidcLog
{
    [LoggerMessage(LogLevel.Warning, "Signing in with the provider failed ({Code}): {Why}")]
    public static partial void SignInFailed(ILogger log, string code, string why);
}
