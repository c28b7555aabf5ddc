using System.Diagnostics;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace Cairn.Client;

/// <summary>The call under way, from which an event takes what its recorder left out.</summary>
static class AuditContext
{
    const int MostUserAgent = 512;

    /// <summary>Emptied when the call ends: what goes on in the background after it must not read a context that serves another call.</summary>
    sealed class Call
    {
        public HttpContext? Context { get; set; }
    }

    static readonly AsyncLocal<Call?> Current = new();

    public static async Task During(HttpContext context, RequestDelegate next)
    {
        var call = Current.Value = new() { Context = context };
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            call.Context = null;
        }
    }

    public static NewEvent Complete(NewEvent recorded, CairnOptions options)
    {
        var known = recorded with { TraceId = recorded.TraceId ?? Activity.Current?.TraceId.ToHexString() };
        if (Current.Value?.Context is not { } context) return known;
        var agent = context.Request.Headers.UserAgent.ToString();
        return known with
        {
            Actor = known.Actor ?? (context.User.Identity?.IsAuthenticated == true ? options.ActorOf(context.User) : null),
            Ip = known.Ip ?? Address(context),
            UserAgent = known.UserAgent ?? (agent.Length == 0 ? null : agent.Length > MostUserAgent ? agent[..MostUserAgent] : agent),
            RequestId = known.RequestId ?? context.TraceIdentifier,
        };
    }

    static string? Address(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } address ? (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString() : null;

    public static Actor? ActorOf(ClaimsPrincipal person)
    {
        var id = First("sub", ClaimTypes.NameIdentifier);
        var (name, email) = (First("name", ClaimTypes.Name), First("email", ClaimTypes.Email));
        return (id ?? email ?? name) is { } known ? new(known, name, email, First("role", ClaimTypes.Role)) : null;

        string? First(string one, string other) => person.FindFirst(one)?.Value ?? person.FindFirst(other)?.Value;
    }
}
