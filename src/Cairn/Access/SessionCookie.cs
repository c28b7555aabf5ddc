using Cairn.Hosting;

namespace Cairn.Access;

/// <summary>The cookie that carries a session: for this host alone, out of reach of scripts, gone when the browser is closed.</summary>
static class SessionCookie
{
    // With HTTPS the name itself makes browsers refuse one that was set by a neighbouring host or without encryption.
    const string Plain = "cairn_session", Secure = "__Host-cairn_session";

    public static string? Read(HttpContext context) => context.Request.Cookies[Secure] ?? context.Request.Cookies[Plain];

    public static void Set(HttpContext context, Settings settings, string session)
    {
        var isHttps = SameOrigin.IsHttps(context, settings);
        context.Response.Cookies.Append(isHttps ? Secure : Plain, session, Options(isHttps));
    }

    public static void Clear(HttpContext context)
    {
        foreach (var name in new[] { Plain, Secure })
            if (context.Request.Cookies.ContainsKey(name)) context.Response.Cookies.Delete(name, Options(name == Secure));
    }

    static CookieOptions Options(bool isHttps) => new() { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = isHttps, Path = "/", IsEssential = true };
}
