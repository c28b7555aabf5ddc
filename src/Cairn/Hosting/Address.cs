namespace Cairn.Hosting;

static class Address
{
    /// <summary>Where a call came from, as people write it; null for the owner's socket.</summary>
    public static string? Of(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        return (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString();
    }
}
