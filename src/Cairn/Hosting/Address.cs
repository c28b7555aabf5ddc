using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>Where a call came from.</summary>
static class Address
{
    const int LongestUserAgent = 512;

    /// <summary>As people write it; null for the owner's socket.</summary>
    public static string? Of(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        return (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString();
    }

    /// <summary>What the caller's program calls itself, as far as it can be stored; null when it says nothing.</summary>
    public static string? UserAgent(HttpContext context)
    {
        var said = context.Request.Headers.UserAgent.ToString();
        if (said.Length > LongestUserAgent) said = said[..LongestUserAgent];
        return said.Length > 0 && Texts.IsSound(said) ? said : null;
    }
}
