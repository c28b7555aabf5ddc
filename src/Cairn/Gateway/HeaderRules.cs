using System.Collections.Frozen;

namespace Cairn.Gateway;

/// <summary>Which headers go no further than the gateway.</summary>
static class HeaderRules
{
    static readonly string[] HopByHop = ["Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade"];

    /// <summary>Of a client: what speaks of its connection, its keys, who stands before it, and what the gateway says anew.</summary>
    static readonly FrozenSet<string> OfRequest = HopByHop.Concat(
    [
        "Host", "Content-Length", "Expect", "Accept-Encoding", "Authorization", "x-api-key", "api-key", "x-goog-api-key", "Cookie", "Cookie2", "Forwarded", "Via", "X-Real-IP", "X-Request-Id",
        "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Original-URL", "X-Rewrite-URL", "Origin", "Referer",
    ]).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Of a backend: what speaks of its connection and its site, and what the gateway says itself.</summary>
    static readonly FrozenSet<string> OfAnswer = HopByHop.Concat(
    [
        "Set-Cookie", "Set-Cookie2", "Server", "X-Powered-By", "Via", "Alt-Svc", "Strict-Transport-Security", "X-Request-Id", "Date",
        "X-Content-Type-Options", "Referrer-Policy", "Content-Security-Policy", "Cache-Control", "Clear-Site-Data", "Link", "NEL", "Report-To",
    ]).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool PassesOn(string name, string? connection) =>
        !OfRequest.Contains(name) && !name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase) && !name.StartsWith(':') && !IsNamed(connection, name);

    public static bool PassesBack(string name, string? connection) =>
        !OfAnswer.Contains(name) && !name.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase) && !IsNamed(connection, name);

    /// <summary>True for a header that <c>Connection</c> names as meant for the next hop alone.</summary>
    static bool IsNamed(string? connection, string name)
    {
        if (string.IsNullOrEmpty(connection)) return false;
        foreach (var part in connection.AsSpan().Split(','))
            if (connection.AsSpan()[part].Trim().Equals(name, StringComparison.OrdinalIgnoreCase)) return true;
        return false;
    }
}
