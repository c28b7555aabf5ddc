using System.Net;
using System.Net.Sockets;

namespace Cairn.Export;

static class IpAddress
{
    /// <summary>True for an address as every system reads it: four numbers, or IPv6 without a zone. <c>1</c> and <c>0x7f.1</c> are addresses to some alone.</summary>
    public static bool IsPlain(string? text) =>
        text is { Length: > 1 } && IPAddress.TryParse(text, out var address)
        && (address.AddressFamily == AddressFamily.InterNetworkV6 ? text[0] != '[' && !text.Contains('%', StringComparison.Ordinal) : address.ToString() == text);
}
