using Cairn.Access;
using Cairn.Push;

namespace Cairn.Storage;

/// <summary>
/// The small storage: rows that change, such as accounts, sessions, keys and settings. Every call is durable when it
/// returns, wholly or not at all, and throws <see cref="LogUnavailableException"/> when it cannot be. A change that people
/// are told of carries its <see cref="Notice"/>, which is stored exactly when the change is.
/// </summary>
interface IControlStore : IAsyncDisposable
{
    /// <summary>Why nothing can be changed, and what mends it; null while it can, and where only asking tells.</summary>
    string? Problem => null;

    Task<IReadOnlyList<ApiKey>> Keys(CancellationToken cancel);

    /// <summary>The key with this hash, revoked and expired ones included, or null.</summary>
    Task<ApiKey?> FindKey(byte[] hash, CancellationToken cancel);

    Task Append(ApiKey key, byte[] hash, Notice? notice, CancellationToken cancel);

    /// <summary>The key as it is after it was revoked; null when there is none with this id. Revoking twice keeps the first time.</summary>
    Task<ApiKey?> RevokeKey(string id, DateTimeOffset at, Notice notice, CancellationToken cancel);

    /// <summary>Notes when keys were last used. A later time wins over an earlier one.</summary>
    Task TouchKeys(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel);

    /// <summary>All accounts, by e-mail address.</summary>
    Task<IReadOnlyList<Account>> Accounts(CancellationToken cancel);

    Task<Account?> FindAccount(string id, CancellationToken cancel);

    /// <param name="email">In any case.</param>
    Task<Account?> FindAccountByEmail(string email, CancellationToken cancel);

    Task<Account?> FindAccountBySubject(string subject, CancellationToken cancel);

    /// <summary>Whether someone who is not disabled may do everything.</summary>
    Task<bool> HasAdministrator(CancellationToken cancel);

    Task<AccountChange> Append(Account account, Notice notice, CancellationToken cancel);

    /// <summary>
    /// Changes an account: reads it, asks for what it becomes, and writes that, with no other change in between. What it
    /// becomes is null where, seen as it is now, it must not be changed any longer.
    /// </summary>
    /// <param name="change">The account and the notice of it, made of the account as it is.</param>
    /// <param name="endSessions">Ends the account's sessions and unused links.</param>
    /// <param name="by">The session that must still be there; null for none.</param>
    Task<AccountResult> Change(string id, Func<Account, (Account Account, Notice Notice)?> change, bool endSessions, string? by, CancellationToken cancel);

    /// <summary>Removes an account with its sessions and links.</summary>
    Task<AccountChange> RemoveAccount(string id, Notice notice, CancellationToken cancel);

    /// <summary>Stores a session, and when its person signed in. False when the account is not any longer what it was when its person was let in.</summary>
    /// <param name="seen">The account as it was then: its role and password, and that it is not disabled.</param>
    Task<bool> Append(Session session, Account seen, byte[] hash, Notice notice, CancellationToken cancel);

    /// <summary>The session with this hash and whose it is, or null.</summary>
    Task<(Session Session, Account Account)?> FindSession(byte[] hash, CancellationToken cancel);

    /// <summary>All sessions, latest first, expired ones that were not dropped included.</summary>
    Task<IReadOnlyList<Session>> Sessions(CancellationToken cancel);

    /// <summary>Notes when sessions were last used. A later time wins over an earlier one.</summary>
    Task TouchSessions(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel);

    /// <summary>Ends a session. False when there is none with this id; then the notice is not stored either.</summary>
    Task<bool> EndSession(string id, Notice? notice, CancellationToken cancel);

    /// <summary>Forgets sessions that were last used before a time, and links that ended before it.</summary>
    Task DropSessions(DateTimeOffset before, CancellationToken cancel);

    /// <summary>Stores a link. Unused ones of the same account end with it.</summary>
    Task Append(SignInLink link, byte[] hash, DateTimeOffset at, Notice? notice, CancellationToken cancel);

    Task<SignInLink?> FindLink(byte[] hash, CancellationToken cancel);

    /// <summary>Uses a link up. True for the first who does so in time, and for nobody after.</summary>
    Task<bool> UseLink(byte[] hash, DateTimeOffset at, CancellationToken cancel);

    /// <summary>What waits to be brought into the log, oldest first.</summary>
    Task<IReadOnlyList<Notice>> Notices(CancellationToken cancel);

    Task RemoveNotices(IReadOnlyList<string> ids, CancellationToken cancel);

    Task<string?> FindSetting(string name, CancellationToken cancel);

    Task SaveSetting(string name, string value, CancellationToken cancel);

    /// <summary>How far a target of a push is; null when nothing was stored of it.</summary>
    Task<PushState?> FindPush(string name, CancellationToken cancel);

    /// <summary>
    /// Stores how far a target is, with the next version. False when its version is not the stored one any longer, because
    /// another process stored it meanwhile; then the notice is not stored either.
    /// </summary>
    Task<bool> SavePush(PushState state, Notice? notice, CancellationToken cancel);

    /// <summary>
    /// Takes what this name stands for, for this process alone among those that share the store; null while another has it. A process
    /// that ends, or loses the store, has it no longer. Where no other process can share the store, nothing has to be taken.
    /// </summary>
    Task<Hold?> TryHold(string name, CancellationToken cancel) => Task.FromResult<Hold?>(Hold.Alone);
}
