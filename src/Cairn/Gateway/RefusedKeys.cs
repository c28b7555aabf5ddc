using System.Collections.Concurrent;
using System.Net;

namespace Cairn.Gateway;

/// <summary>
/// Calls without a key that may call. They are counted; of each address, at most one in a minute becomes an event, so that
/// whoever tries keys writes nothing to the disk with each try.
/// </summary>
sealed class RefusedKeys(TimeProvider clock, Func<string, Task> tell)
{
    /// <summary>Addresses told apart; those beyond share one place.</summary>
    const int MostAddresses = 10_000;

    readonly ConcurrentDictionary<string, long> told = new(StringComparer.Ordinal);
    long count;

    public long Count => Volatile.Read(ref count);

    public void Note(IPAddress? address)
    {
        Interlocked.Increment(ref count);
        var minute = clock.GetUtcNow().ToUnixTimeMilliseconds() / 60_000;
        if (told.Count >= MostAddresses)
            foreach (var (known, last) in told)
                if (last < minute) told.TryRemove(known, out _);

        var place = told.Count < MostAddresses ? Place(address) : "";
        if (told.TryGetValue(place, out var before) ? before >= minute || !told.TryUpdate(place, minute, before) : !told.TryAdd(place, minute)) return;
        _ = tell(address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4().ToString() : address?.ToString() ?? "");
    }

    /// <summary>Of a version 6 address the network, since whoever has one has all of its addresses.</summary>
    static string Place(IPAddress? address)
    {
        if (address is null) return "";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.ToString();
    }
}
