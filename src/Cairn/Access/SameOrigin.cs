using Cairn.Hosting;

namespace Cairn.Access;

/// <summary>
/// Whether a browser makes a call for a page of this console. Browsers say so themselves (Sec-Fetch-Site, else Origin); who
/// says neither is no browser, and has no one's cookie but their own.
/// </summary>
static class SameOrigin
{
    /// <summary>Why a call that changes something is refused; null when it is not.</summary>
    public static Problem? Refusal(HttpContext context, Settings settings)
    {
        var request = context.Request;
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method)) return null;

        var site = request.Headers["Sec-Fetch-Site"].ToString();
        var origin = request.Headers.Origin.ToString();
        var isOurs = site.Length > 0 ? site is "same-origin" or "none" : origin.Length == 0 || IsConsole(context, settings, origin);
        if (!isOurs) return Problems.Status(StatusCodes.Status403Forbidden, "Cross-site call", "This call came from a page of another site. Make it from the console itself.");

        // A form can be sent across sites without being asked for; JSON cannot.
        var hasBody = request.ContentType is not null || request.ContentLength > 0 || request.Headers.TransferEncoding.Count > 0;
        var type = request.ContentType?.Split(';')[0].Trim();
        return hasBody && !"application/json".Equals(type, StringComparison.OrdinalIgnoreCase) ? Problems.WrongType("application/json") : null;
    }

    /// <summary>Why a live connection that a browser opens with a cookie is refused; null when it is not. Browsers always say where they are.</summary>
    public static Problem? RefusalOfSocket(HttpContext context, Settings settings)
    {
        if (!context.WebSockets.IsWebSocketRequest) return null;
        var origin = context.Request.Headers.Origin.ToString();
        return IsConsole(context, settings, origin)
            ? null
            : Problems.Status(StatusCodes.Status403Forbidden, "Cross-site call", $"A live connection with a session is opened by the console's own pages only, whose origin is {ConsoleOrigin(context, settings)}. Behind a proxy, set Console:PublicUrl.");
    }

    static bool IsConsole(HttpContext context, Settings settings, string origin) => origin.Equals(ConsoleOrigin(context, settings), StringComparison.OrdinalIgnoreCase);

    /// <summary>The console as browsers address it, without a slash at the end.</summary>
    public static string ConsoleOrigin(HttpContext context, Settings settings) =>
        settings.PublicUrl is { } url ? url.GetLeftPart(UriPartial.Authority) : $"{context.Request.Scheme}://{context.Request.Host}";

    public static bool IsHttps(HttpContext context, Settings settings) => settings.PublicUrl is { } url ? url.Scheme == "https" : context.Request.IsHttps;
}
