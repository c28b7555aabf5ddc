using System.Collections.Concurrent;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Access;

/// <summary>Makes, recognises and revokes API keys. A key that was recognised is remembered, so that a call costs no look-up.</summary>
sealed class ApiKeys(IControlStore store, SelfAudit audit, TimeProvider clock)
{
    const int MostRemembered = 10_000;

    /// <summary>How long a look-up is believed; another process may have revoked the key meanwhile.</summary>
    static readonly TimeSpan BelievedFor = TimeSpan.FromSeconds(1);

    /// <summary>How long a key that was recognised goes on working while the store is away.</summary>
    static readonly TimeSpan KeptFor = TimeSpan.FromMinutes(15);

    sealed record Known(ApiKey Key, CancellationTokenSource Ended)
    {
        public DateTimeOffset CheckedAt { get; set; }

        /// <summary>When the store was last found away.</summary>
        public DateTimeOffset AwayAt { get; set; }

        public Caller Caller { get; } = new("key:" + Key.Id, Key.Name) { Scopes = Key.Scopes, Ended = Ended.Token };
    }

    /// <summary>By the hash, so that no key's text stays in memory.</summary>
    readonly ConcurrentDictionary<string, Known> known = new(StringComparer.Ordinal);
    long revocations;
    readonly ConcurrentDictionary<string, DateTimeOffset> used = new(StringComparer.Ordinal);

    public Task<IReadOnlyList<ApiKey>> List(CancellationToken cancel) => store.Keys(cancel);

    /// <summary>A new key and its text, which is not kept.</summary>
    public async Task<(ApiKey Key, string Text)> Create(By by, string name, IReadOnlyList<string> scopes, DateTimeOffset? expiresAt, CancellationToken cancel)
    {
        var text = KeyText.New();
        var key = new ApiKey(Guid.CreateVersion7().ToString("N")[12..], name, scopes, clock.GetUtcNow(), expiresAt, null, null);
        var notice = audit.Notice(by, Told("api_key.created", key));
        await store.Append(key, KeyText.Hash(text), notice, cancel);
        await audit.Deliver(notice);
        return (key, text);
    }

    /// <summary>Ends a key at once, with whatever is connected by it. Null when there is none with this id.</summary>
    public async Task<ApiKey?> Revoke(By by, string id, CancellationToken cancel)
    {
        var key = (await store.Keys(cancel)).FirstOrDefault(one => one.Id == id);
        if (key is null or { RevokedAt: not null }) return key;
        var notice = audit.Notice(by, Told("api_key.revoked", key));
        var revoked = await store.RevokeKey(id, clock.GetUtcNow(), notice, cancel);
        Interlocked.Increment(ref revocations);
        foreach (var (hash, entry) in known)
            if (entry.Key.Id == id && known.TryRemove(hash, out _)) await entry.Ended.CancelAsync();
        await audit.Deliver(notice);
        return revoked;
    }

    static Deed Told(string action, ApiKey key) => new(action, "ApiKey", key.Id, key.Name)
    {
        Metadata = Deed.Of(("scopes", string.Join(", ", key.Scopes)), ("expiresAt", key.ExpiresAt is { } end ? Iso.Text(end.ToUnixTimeMilliseconds()) : null)),
    };

    /// <summary>Who calls with these headers, or why that cannot be told.</summary>
    public async Task<(Caller? Caller, string? Why)> Recognise(IHeaderDictionary headers, CancellationToken cancel)
    {
        if (TextOf(headers) is not { } text) return (null, null);
        if (!KeyText.IsWellFormed(text)) return (null, "This is not an API key: its checksum is wrong. Was it copied whole?");

        var hash = KeyText.Hash(text);
        var name = Convert.ToHexString(hash);
        if (!known.TryGetValue(name, out var entry))
        {
            var before = Volatile.Read(ref revocations);
            if (await store.FindKey(hash, cancel) is not { } key) return (null, "This API key is not known.");
            if (key.RevokedAt is not null) return (null, "This API key was revoked.");
            if (known.Count >= MostRemembered) known.Clear();
            entry = known.GetOrAdd(name, new Known(key, new()) { CheckedAt = clock.GetUtcNow() });
            // A key that was revoked while it was looked up must not be remembered.
            if (before != Volatile.Read(ref revocations))
            {
                known.TryRemove(name, out _);
                return await Recognise(headers, cancel);
            }
            if (key.ExpiresAt is { } end && end - clock.GetUtcNow() is { TotalDays: > 0 and < 40 } left) _ = new Expiry(entry.Ended, clock, left);
        }

        var now = clock.GetUtcNow();
        if ((now - entry.CheckedAt).Duration() >= BelievedFor && ((now - entry.AwayAt).Duration() >= BelievedFor || (now - entry.CheckedAt).Duration() >= KeptFor) && !await IsStillGood(hash, name, entry, now, cancel)) return (null, "This API key was revoked.");
        if (entry.Key.ExpiresAt <= now) return (null, "This API key has expired.");
        used[entry.Key.Id] = now;
        return (entry.Caller, null);
    }

    async Task<bool> IsStillGood(byte[] hash, string name, Known entry, DateTimeOffset now, CancellationToken cancel)
    {
        try
        {
            if (await store.FindKey(hash, cancel) is { RevokedAt: null })
            {
                entry.CheckedAt = now;
                return true;
            }
        }
        catch (LogUnavailableException) when ((now - entry.CheckedAt).Duration() < KeptFor)
        {
            entry.AwayAt = now;
            return true;
        }
        await Forget(name);
        return false;
    }

    async Task Forget(string name)
    {
        if (known.TryRemove(name, out var entry)) await entry.Ended.CancelAsync();
    }

    /// <summary>Ends, with whatever is connected by them, the keys that another process revoked. Called every few seconds.</summary>
    public async Task Refresh(CancellationToken cancel)
    {
        if (known.IsEmpty) return;
        var good = (await store.Keys(cancel)).Where(key => key.RevokedAt is null).Select(key => key.Id).ToHashSet();
        foreach (var (name, entry) in known)
            if (!good.Contains(entry.Key.Id)) await Forget(name);
    }

    /// <summary>Rings the end of a key when its time comes, so that a live connection does not outlast it.</summary>
    sealed class Expiry
    {
        readonly ITimer timer;

        public Expiry(CancellationTokenSource ended, TimeProvider clock, TimeSpan left) => timer = clock.CreateTimer(_ =>
        {
            ended.Cancel();
            timer!.Dispose();
        }, null, left, Timeout.InfiniteTimeSpan);
    }

    /// <summary>True when a call presents a key, right or wrong.</summary>
    public static bool IsPresented(IHeaderDictionary headers) => TextOf(headers) is not null;

    static string? TextOf(IHeaderDictionary headers)
    {
        var authorization = headers.Authorization.ToString();
        if (authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return authorization["Bearer ".Length..].Trim();
        var key = headers["x-api-key"].ToString();
        return key.Length > 0 ? key : null;
    }

    /// <summary>Writes down when keys were last used; called now and then, so that a call does not wait for a disk.</summary>
    public async Task WriteLastUses(CancellationToken cancel)
    {
        var uses = used.ToArray();
        if (uses.Length == 0) return;
        await store.TouchKeys(uses.ToDictionary(), cancel);
        foreach (var use in uses) used.TryRemove(use);
    }
}
