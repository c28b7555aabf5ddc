using Cairn.Hosting;

namespace Cairn.Access;

/// <summary>Who may call a route. It stands on the route; a route without one is closed to everyone.</summary>
/// <param name="Scope">The scope that a key needs; null when no key will do.</param>
sealed record AccessRule(string? Scope, bool IsOpen = false)
{
    /// <summary>Anyone at all.</summary>
    public static readonly AccessRule Open = new(null, IsOpen: true);

    /// <summary>A full administrator; no key is one.</summary>
    public static readonly AccessRule Administrator = new((string?)null);

    public static AccessRule Key(string scope) => new(scope);

    /// <summary>Tells a caller that they may not, in another shape than a problem's; takes the status and why.</summary>
    public Func<HttpContext, int, string, Task>? Refuse { get; init; }
}

static class AccessGate
{
    /// <summary>Finds out who calls and holds every route to its rule.</summary>
    public static void UseAccess(this WebApplication app, ApiKeys keys, bool isOwnersSocket) => app.Use(async (context, next) =>
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

        if (rule is not { IsOpen: true }) context.Response.Headers.CacheControl = "no-store";
        if (isOwnersSocket) context.Features.Set(Caller.Owner);
        else if (rule is not { IsOpen: true })
        {
            var (caller, why) = await keys.Recognise(context.Request.Headers, context.RequestAborted);
            var refusal = Refusal(rule, caller, why);
            if (refusal is not null)
            {
                if (caller is null) context.Response.Headers.WWWAuthenticate = "Bearer";
                await (rule?.Refuse?.Invoke(context, refusal.Code, refusal.Detail) ?? refusal.ExecuteAsync(context));
                return;
            }
            context.Features.Set(caller);
        }

        await next(context);
    });

    static Problem? Refusal(AccessRule? rule, Caller? caller, string? why)
    {
        if (caller is null) return Problems.Status(StatusCodes.Status401Unauthorized, "Not signed in", why ?? "Send an API key: Authorization: Bearer crn_...");
        if (rule?.Scope is null) return Problems.Status(StatusCodes.Status403Forbidden, "Not allowed", "This takes a full administrator; an API key is none.");
        return caller.May(rule.Scope) ? null : Problems.Status(StatusCodes.Status403Forbidden, "Not allowed", $"This key lacks the scope {rule.Scope}.");
    }
}
