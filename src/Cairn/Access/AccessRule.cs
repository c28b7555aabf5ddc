using Cairn.Hosting;
using Cairn.Storage;

namespace Cairn.Access;

/// <summary>Who may call a route. It stands on the route; a route without one is closed to everyone.</summary>
/// <param name="Scope">The scope that a key needs; null when no key will do.</param>
/// <param name="Least">The least that a person must be; null when no person's session will do.</param>
sealed record AccessRule(string? Scope, AccountRole? Least, bool IsOpen = false)
{
    /// <summary>Anyone at all.</summary>
    public static readonly AccessRule Open = new(null, null, IsOpen: true);

    /// <summary>Whoever is signed in.</summary>
    public static readonly AccessRule SignedIn = new(null, AccountRole.User);

    /// <summary>Who reads requests and events: an administrator, also a read-only one, or a key made for it.</summary>
    public static readonly AccessRule Reader = new(Scopes.AuditRead, AccountRole.Viewer);

    /// <summary>A full administrator; no key is one.</summary>
    public static readonly AccessRule Administrator = new(null, AccountRole.Admin);

    public static AccessRule Key(string scope) => new(scope, null);

    /// <summary>Tells a caller that they may not, or that it cannot be looked up now, in another shape than a problem's.</summary>
    public Func<HttpContext, Problem, Task>? Refuse { get; init; }

    /// <summary>Why the route is closed to everyone, also to who would be allowed; null, or answering null, while it is open. Who is not signed in is not told.</summary>
    public Func<Settings, string?>? Closed { get; init; }

    public bool Allows(Caller caller) => IsOpen || caller.IsOwner || (Scope is not null && caller.Scopes.Contains(Scope)) || (Least is { } least && caller.Role >= least);

    /// <summary>In words, for who was refused and for the API's description.</summary>
    public string Wanted => this switch
    {
        { Scope: { } scope, Least: null } => $"a key with the scope {scope}",
        { Scope: { } scope, Least: { } least } => $"the role {least.Text()}, or a key with the scope {scope}",
        { Least: AccountRole.User } => "someone who is signed in",
        { Least: AccountRole.Admin } => "a full administrator",
        _ => "nobody",
    };
}

/// <summary>Which way a call came in.</summary>
enum Door { Gateway, Console, Owners }

/// <summary>
/// Finds out who calls and holds every route to its rule. The order is: is there such a route, who calls, does a browser
/// call on behalf of another site, may they.
/// </summary>
static class AccessGate
{
    public static void UseAccess(this WebApplication app, CairnHost host, Door door) => app.Use(async (context, next) =>
    {
        if (context.GetEndpoint() is not { } endpoint)
        {
            await Problems.NotFound("There is nothing at this path of this listener.").ExecuteAsync(context);
            return;
        }

        var rule = endpoint.Metadata.GetMetadata<AccessRule>();
        if (rule is null && endpoint is not RouteEndpoint)
        {
            // Routing's own answer: the path is there, and takes other methods.
            await next(context);
            await Problems.Status(StatusCodes.Status405MethodNotAllowed, "Method not allowed", $"This path takes {context.Response.Headers.Allow}.").ExecuteAsync(context);
            return;
        }

        context.Response.Headers.CacheControl = "no-store";
        if (door == Door.Owners)
        {
            context.Features.Set(Caller.Owner);
            if (rule is not null && Closed(rule, host) is { } closed)
            {
                await closed.ExecuteAsync(context);
                return;
            }
        }
        else if (await Refusal(context, host, door, rule) is { } refusal)
        {
            if (refusal != Problems.CannotLookUp && Caller.Of(context) == Caller.Nobody) context.Response.Headers.WWWAuthenticate = "Bearer";
            await (rule?.Refuse is { } refuse ? refuse(context, refusal) : refusal.ExecuteAsync(context));
            return;
        }

        await next(context);
    });

    static async Task<Problem?> Refusal(HttpContext context, CairnHost host, Door door, AccessRule? rule)
    {
        try
        {
            return await Judge(context, host, door, rule);
        }
        catch (LogUnavailableException away)
        {
            // Why is for who runs Cairn: it may name machines and files, and whoever calls may be a stranger.
            HostLog.LookUpFailed(host.Logs.CreateLogger("Cairn.Access"), away.Message);
            return Problems.CannotLookUp;
        }
    }

    static async Task<Problem?> Judge(HttpContext context, CairnHost host, Door door, AccessRule? rule)
    {
        // 1. A key, where one is presented; a cookie beside it does not count. No key is needed for what is open.
        if (rule is not { IsOpen: true } && ApiKeys.IsPresented(context.Request.Headers))
        {
            var (key, why) = await host.Keys.Recognise(context.Request.Headers, context.RequestAborted);
            if (key is null) return Problems.Status(StatusCodes.Status401Unauthorized, "Not signed in", why ?? "This is not an API key.");
            context.Features.Set(key);
            return Closed(rule, host) ?? (rule is not null && rule.Allows(key) ? null : Forbidden(rule, key));
        }

        // 2. A session, which opens the console alone: browsers send a cookie to every port of a host.
        Caller? person = null;
        if (door == Door.Console && SessionCookie.Read(context, host.Settings) is { } text)
        {
            person = await host.Sessions.Recognise(text, context.RequestAborted);
            if (person is not null) context.Features.Set(person);
        }
        if (person is null && rule is not { IsOpen: true })
            return Problems.Status(StatusCodes.Status401Unauthorized, "Not signed in", door == Door.Console ? "Sign in, or send an API key: Authorization: Bearer crn_..." : "Send an API key: Authorization: Bearer crn_...");

        // 3. A browser must not do anything here for another site.
        if (door == Door.Console && (SameOrigin.Refusal(context, host.Settings) ?? (person is null ? null : SameOrigin.RefusalOfSocket(context, host.Settings))) is { } crossSite) return crossSite;

        return Closed(rule, host) ?? (rule is { IsOpen: true } || (rule is not null && rule.Allows(person!)) ? null : Forbidden(rule, person!));
    }

    static Problem? Closed(AccessRule? rule, CairnHost host) =>
        rule?.Closed?.Invoke(host.Settings) is { } why ? Problems.Status(StatusCodes.Status403Forbidden, "Not enabled", why) : null;

    static Problem Forbidden(AccessRule? rule, Caller caller)
    {
        var detail = caller.Role is { } role ? $"This takes {rule?.Wanted}; your role is {role.Text()}."
            : rule?.Scope is { } scope ? $"This key lacks the scope {scope}."
            : $"This takes {rule?.Wanted ?? "nobody"}; an API key is none.";
        return Problems.Status(StatusCodes.Status403Forbidden, "Not allowed", detail);
    }
}
