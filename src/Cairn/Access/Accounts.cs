using Cairn.Storage;

namespace Cairn.Access;

/// <summary>
/// Changes to accounts. Each is made of the account as it is at that moment, is stored together with the event that tells of
/// it, and ends at once what it takes away.
/// </summary>
sealed class Accounts(IControlStore store, Passwords passwords, SelfAudit audit, Sessions sessions, TimeProvider clock)
{
    public async Task<AccountResult> Add(By by, string email, string? name, AccountRole role, string? password, CancellationToken cancel, string? subject = null)
    {
        var account = new Account(Guid.CreateVersion7(clock.GetUtcNow()).ToString("D"), email, role, clock.GetUtcNow())
        {
            Name = name,
            PasswordHash = password is null ? null : await passwords.Hash(password, cancel),
            Subject = subject,
        };
        var notice = audit.Notice(by, Told("user.created", account, [("role", null, role.Text()), .. name is null ? [] : new[] { ("name", (string?)null, (string?)name) }]));
        var change = await store.Append(account, notice, cancel);
        if (change != AccountChange.Done) return new(change, null);
        await audit.Deliver(notice);
        return new(change, account);
    }

    public Task<AccountResult> SetRole(By by, string id, AccountRole role, CancellationToken cancel) =>
        Change(by, id, now => now with { Role = role }, now => Told("user.role_changed", now, ("role", now.Role.Text(), role.Text())), endSessions: true, null, cancel);

    /// <param name="verified">The hash that the person's current password was compared with, where they change it themselves in the session <paramref name="session"/>.</param>
    public async Task<AccountResult> SetPassword(By by, string id, string password, CancellationToken cancel, string? session = null, string? verified = null)
    {
        var hash = await passwords.Hash(password, cancel);
        return await Change(by, id, now => session is null || now.PasswordHash == verified ? now with { PasswordHash = hash } : null, now => new("auth.password_changed", "User", id, now.Email), endSessions: true, session, cancel);
    }

    public Task<AccountResult> SetDisabled(By by, string id, bool disabled, CancellationToken cancel) => Change(
        by, id, now => now with { DisabledAt = disabled ? now.DisabledAt ?? clock.GetUtcNow() : null },
        now => Told(disabled ? "user.deactivated" : "user.reactivated", now, ("disabled", now.DisabledAt is null ? "false" : "true", disabled ? "true" : "false")), endSessions: disabled, null, cancel);

    public Task<AccountResult> SetName(By by, string id, string? name, CancellationToken cancel) =>
        Change(by, id, now => now with { Name = name }, now => Told("user.updated", now, ("name", now.Name, name)), endSessions: false, null, cancel);

    /// <summary>From now on this person may also come by the provider.</summary>
    public Task<AccountResult> SetSubject(By by, string id, string subject, CancellationToken cancel) =>
        Change(by, id, now => now.Subject is null ? now with { Subject = subject } : null, now => Told("user.updated", now, ("provider", now.Subject, subject)), endSessions: false, null, cancel);

    public async Task<AccountResult> Remove(By by, Account account, CancellationToken cancel)
    {
        var notice = audit.Notice(by, Told("user.deleted", account, ("role", account.Role.Text(), null)));
        var change = await store.RemoveAccount(account.Id, notice, cancel);
        if (change != AccountChange.Done) return new(change, null);
        await sessions.EndOf(account.Id);
        await audit.Deliver(notice);
        return new(change, account);
    }

    /// <summary>A link that signs in once: its secret text, and until when.</summary>
    public async Task<(string Token, DateTimeOffset ExpiresAt)> Link(By by, Account? account, CancellationToken cancel)
    {
        var token = Secret.New();
        var now = clock.GetUtcNow();
        var notice = account is null ? null : audit.Notice(by, new("auth.link_created", "User", account.Id, account.Email));
        await store.Append(new SignInLink(account?.Id, now + SignInLink.Lifetime, null), Secret.Hash(token), now, notice, cancel);
        if (notice is not null) await audit.Deliver(notice);
        return (token, now + SignInLink.Lifetime);
    }

    static Deed Told(string action, Account account, params (string Name, string? From, string? To)[] changes) => new(action, "User", account.Id, account.Email) { Metadata = Deed.Changes(changes) };

    async Task<AccountResult> Change(By by, string id, Func<Account, Account?> change, Func<Account, Deed> deed, bool endSessions, string? session, CancellationToken cancel)
    {
        Notice? notice = null;
        var result = await store.Change(id, now =>
        {
            if (change(now) is not { } changed) return null;
            notice = audit.Notice(by, deed(now));
            return (changed, notice);
        }, endSessions, session, cancel);
        if (result.Account is null) return result;
        if (endSessions) await sessions.EndOf(id);
        await audit.Deliver(notice!);
        return result;
    }
}
