using System.Collections.Concurrent;
using Cairn.Storage;

namespace Cairn.Access;

/// <summary>
/// Who is signed in. A session lasts twelve hours from its last use, and ends at once when it is signed out of or its
/// person is removed, disabled, or given another role or password. Only a hash of it is stored.
/// </summary>
sealed class Sessions(IControlStore store, SelfAudit audit, TimeProvider clock)
{
    /// <summary>How long a look-up is believed; another process may have ended the session meanwhile.</summary>
    static readonly TimeSpan BelievedFor = TimeSpan.FromSeconds(1);

    /// <summary>How often a last use is written down at most.</summary>
    static readonly TimeSpan WrittenEvery = TimeSpan.FromMinutes(1);

    sealed class Live(Session session, Account account)
    {
        public Session Session => session;

        public Account Account { get; set; } = account;

        public CancellationTokenSource Ended { get; } = new();

        public DateTimeOffset UsedAt { get; set; } = session.LastUsedAt;

        public DateTimeOffset WrittenAt { get; set; } = session.LastUsedAt;

        public DateTimeOffset CheckedAt { get; set; } = session.LastUsedAt;

        /// <summary>Set while the store could not be written, which must not keep anyone out: then the session is in memory alone.</summary>
        public (byte[] Hash, Notice Notice)? Unwritten { get; set; }

        public Caller Caller => Caller.Of(Account) with { SessionId = session.Id, Ended = Ended.Token };
    }

    /// <summary>By the hash, so that no session's text stays in memory.</summary>
    readonly ConcurrentDictionary<string, Live> known = new(StringComparer.Ordinal);

    /// <summary>Sessions that ended while the store could not be written, by their id; they end there once it can.</summary>
    readonly ConcurrentDictionary<string, Notice> unended = new(StringComparer.Ordinal);

    DateTimeOffset dropped;
    long endings;

    /// <summary>Signs someone in: the text of a new session, or null when the account is not any longer what it was when they were let in.</summary>
    /// <param name="method">How: password, link, or a provider.</param>
    public async Task<(string Text, Session Session)?> Begin(Account account, HttpContext context, string method, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var by = By.Of(context, Caller.Of(account));
        var session = new Session(Guid.CreateVersion7(now).ToString("D"), account.Id, now, now, by.Ip, by.UserAgent);
        var text = Secret.New();
        var hash = Secret.Hash(text);
        var deed = new Deed("auth.login", "User", account.Id, account.Email) { Metadata = Deed.Of(("method", method)) };
        var notice = audit.Notice(by, deed);
        try
        {
            if (!await store.Append(session, account, hash, notice, cancel)) return null;
            await audit.Deliver(notice);
        }
        catch (LogUnavailableException)
        {
            // A full disk must not keep an administrator from looking: both are written once there is space. A log that can be written has the event at once.
            known[Convert.ToHexString(hash)] = new(session, account) { Unwritten = (hash, notice) };
            await audit.RecordOrKeep(notice);
        }
        return (text, session);
    }

    /// <summary>Whose session this is; null when it is nobody's, or has ended.</summary>
    public async Task<Caller?> Recognise(string text, CancellationToken cancel)
    {
        var hash = Secret.Hash(text);
        var name = Convert.ToHexString(hash);
        var now = clock.GetUtcNow();
        known.TryGetValue(name, out var live);
        var before = Volatile.Read(ref endings);
        if (live is null || (live.Unwritten is null && (now - live.CheckedAt).Duration() >= BelievedFor))
        {
            if (await store.FindSession(hash, cancel) is not { } found || found.Account.DisabledAt is not null || unended.ContainsKey(found.Session.Id))
            {
                await Forget(name);
                return null;
            }
            live = known.GetOrAdd(name, _ => new(found.Session, found.Account));
            // What ended while it was looked up must not be believed.
            if (before != Volatile.Read(ref endings))
            {
                live.CheckedAt = DateTimeOffset.MinValue;
                return await Recognise(text, cancel);
            }
            (live.Account, live.CheckedAt) = (found.Account, now);
            if (found.Session.LastUsedAt > live.UsedAt) live.UsedAt = found.Session.LastUsedAt;
        }
        if (now - live.UsedAt >= Session.Lifetime)
        {
            await Forget(name);
            return null;
        }
        if (now > live.UsedAt) live.UsedAt = now;
        return live.Caller;
    }

    async Task Forget(string name)
    {
        if (known.TryRemove(name, out var live)) await live.Ended.CancelAsync();
    }

    /// <summary>The sessions that have not ended, latest used first.</summary>
    public async Task<IReadOnlyList<Session>> List(CancellationToken cancel)
    {
        await WriteUses(cancel);
        var edge = clock.GetUtcNow() - Session.Lifetime;
        return [.. (await store.Sessions(cancel)).Where(session => session.LastUsedAt > edge)];
    }

    /// <summary>Ends one session, also while the store cannot be written. False when there is none with this id.</summary>
    public async Task<bool> End(string id, Notice notice, CancellationToken cancel)
    {
        Interlocked.Increment(ref endings);
        foreach (var (name, live) in known)
        {
            if (live.Session.Id != id) continue;
            await Forget(name);
            if (live.Unwritten is null) continue;
            await audit.RecordOrKeep(notice);
            return true;
        }
        try
        {
            if (!await store.EndSession(id, notice, cancel)) return false;
            await audit.Deliver(notice);
            return true;
        }
        catch (LogUnavailableException)
        {
            unended[id] = notice;
            await audit.RecordOrKeep(notice);
            return true;
        }
    }

    /// <summary>Ends, in this process, whatever the store no longer has of an account. The store was told before.</summary>
    public async Task EndOf(string accountId)
    {
        Interlocked.Increment(ref endings);
        foreach (var (name, live) in known)
            if (live.Session.AccountId == accountId) await Forget(name);
    }

    /// <summary>Writes what waits to be written, and ends what has run out or was ended by another process. Called every few seconds.</summary>
    public async Task Refresh(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (now - dropped > TimeSpan.FromMinutes(10))
        {
            await store.DropSessions(now - Session.Lifetime, cancel);
            dropped = now;
        }
        foreach (var (id, notice) in unended)
        {
            if (await store.EndSession(id, notice, cancel)) await audit.Deliver(notice);
            unended.TryRemove(id, out _);
        }
        if (known.IsEmpty) return;

        foreach (var live in known.Values)
        {
            if (live.Unwritten is not { } unwritten) continue;
            var isStored = await store.Append(live.Session, live.Account, unwritten.Hash, unwritten.Notice, cancel);
            live.Unwritten = null;
            if (!isStored) continue;
            await audit.Deliver(unwritten.Notice);
        }
        await WriteUses(cancel);

        var stored = (await store.Sessions(cancel)).ToDictionary(session => session.Id);
        foreach (var (name, live) in known)
        {
            if (live.Unwritten is not null) continue;
            if (!stored.TryGetValue(live.Session.Id, out var session) || now - (session.LastUsedAt > live.UsedAt ? session.LastUsedAt : live.UsedAt) >= Session.Lifetime) await Forget(name);
        }
    }

    async Task WriteUses(CancellationToken cancel)
    {
        var used = known.Values.Where(live => live.Unwritten is null && live.UsedAt - live.WrittenAt >= WrittenEvery).Select(live => (live, live.UsedAt)).ToArray();
        if (used.Length == 0) return;
        await store.TouchSessions(used.ToDictionary(one => one.live.Session.Id, one => one.UsedAt), cancel);
        foreach (var (live, at) in used) live.WrittenAt = at;
    }
}
