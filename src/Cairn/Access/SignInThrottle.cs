using System.Net;
using System.Net.Sockets;

namespace Cairn.Access;

/// <summary>
/// Slows guessing down. After five failures for an account or from an address each further attempt waits before it is
/// looked at: longer with each failure, four seconds at most. It is never refused for what others tried, so that nobody can
/// be locked out; only an address that has very many attempts waiting at once is told to come back.
/// </summary>
sealed class SignInThrottle(TimeProvider clock)
{
    const int FreeFailures = 5, MostRemembered = 10_000, MostWaitingOfAddress = 20;

    static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250), LongestDelay = TimeSpan.FromSeconds(4), ForgottenAfter = TimeSpan.FromMinutes(15);

    sealed class Count
    {
        public int Failures { get; set; }

        public int Waiting { get; set; }

        public DateTimeOffset Last { get; set; }

        /// <summary>Of one address one password is computed at a time, so that many of its attempts leave the processors to others.</summary>
        public SemaphoreSlim Turn { get; } = new(1);
    }

    readonly Lock counting = new();
    readonly Dictionary<string, Count> counts = new(StringComparer.Ordinal);

    /// <summary>
    /// Waits as long as this attempt has to. Every attempt counts as failed until it says otherwise, so that many at once
    /// wait as one after the other would.
    /// </summary>
    /// <returns>Null when too many attempts of this address wait already.</returns>
    public async Task<Attempt?> Enter(string accountKey, string? address, CancellationToken cancel)
    {
        Count account, origin;
        TimeSpan delay;
        lock (counting)
        {
            (account, origin) = (Of("account " + accountKey), Of("address " + Network(address)));
            if (origin.Waiting >= MostWaitingOfAddress) return null;
            delay = Delay(Math.Max(account.Failures, origin.Failures));
            foreach (var count in new[] { account, origin })
            {
                count.Failures++;
                count.Waiting++;
                count.Last = clock.GetUtcNow();
            }
        }

        var attempt = new Attempt(hadTurn => Leave(account, origin, hadTurn), () => Succeed(account, origin));
        try
        {
            if (delay > TimeSpan.Zero) await Task.Delay(delay, clock, cancel);
            await origin.Turn.WaitAsync(cancel);
            attempt.HasTurn = true;
            return attempt;
        }
        catch (OperationCanceledException)
        {
            attempt.Dispose();
            throw;
        }
    }

    static TimeSpan Delay(int failures)
    {
        if (failures < FreeFailures) return TimeSpan.Zero;
        var doubled = FirstDelay * Math.Pow(2, Math.Min(failures - FreeFailures, 10));
        return doubled < LongestDelay ? doubled : LongestDelay;
    }

    void Leave(Count account, Count origin, bool hadTurn)
    {
        if (hadTurn) origin.Turn.Release();
        lock (counting)
        {
            account.Waiting--;
            origin.Waiting--;
        }
    }

    /// <summary>The right password clears the account; of the address it takes back this one attempt, because others may still guess from there.</summary>
    void Succeed(Count account, Count origin)
    {
        lock (counting)
        {
            account.Failures = 0;
            origin.Failures = Math.Max(0, origin.Failures - 1);
        }
    }

    Count Of(string name)
    {
        var now = clock.GetUtcNow();
        if (counts.TryGetValue(name, out var count))
        {
            if (now - count.Last > ForgottenAfter) count.Failures = 0;
            return count;
        }
        if (counts.Count >= MostRemembered)
        {
            var idle = counts.Where(pair => pair.Value.Waiting == 0).OrderBy(pair => pair.Value.Last).Take(MostRemembered / 10).Select(pair => pair.Key).ToList();
            foreach (var one in idle) counts.Remove(one);
        }
        return counts[name] = new() { Last = now };
    }

    /// <summary>Who has one address of IPv6 has a whole network of them.</summary>
    static string Network(string? address)
    {
        if (!IPAddress.TryParse(address, out var parsed) || parsed.AddressFamily != AddressFamily.InterNetworkV6) return address ?? "";
        return Convert.ToHexString(parsed.GetAddressBytes().AsSpan(0, 8));
    }

    /// <summary>An attempt under way; disposed when it was answered.</summary>
    public sealed class Attempt(Action<bool> leave, Action succeed) : IDisposable
    {
        public bool HasTurn { get; set; }

        public void Succeeded() => succeed();

        public void Dispose() => leave(HasTurn);
    }
}
