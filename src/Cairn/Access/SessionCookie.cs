using Cairn.Hosting;

namespace Cairn.Access;

/// <summary>The cookie that carries a session: for this host alone, out of reach of scripts, gone when the browser is closed.</summary>
static class SessionCookie
{
    // With HTTPS the name itself makes browsers refuse one that was set by a neighbouring host or without encryption.
    const string Plain = "cairn_session", Secure = "__Host-cairn_session";

    public static string? Read(HttpContext context, Settings settings) => context.Request.Cookies[Name(SameOrigin.IsHttps(context, settings))];

    public static void Set(HttpContext context, Settings settings, string session)
    {
        var isHttps = SameOrigin.IsHttps(context, settings);
        context.Response.Cookies.Append(Name(isHttps), session, Options(isHttps));
    }

    public static void Clear(HttpContext context, Settings settings)
    {
        var isHttps = SameOrigin.IsHttps(context, settings);
        context.Response.Cookies.Delete(Name(isHttps), Options(isHttps));
    }

    static string Name(bool isHttps) => isHttps ? Secure : Plain;

    static CookieOptions Options(bool isHttps) => new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = isHttps, Path = "/", IsEssential = true };
}
