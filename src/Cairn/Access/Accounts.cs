using Cairn.Storage;

namespace Cairn.Access;

/// <summary>What came of a change to an account, and the account as it is now; null when it was not changed.</summary>
readonly record struct AccountResult(AccountChange Change, Account? Account);

/// <summary>Changes to accounts. Each is stored together with the event that tells of it, and ends at once what it takes away.</summary>
sealed class Accounts(IControlStore store, SelfAudit audit, Sessions sessions, TimeProvider clock)
{
    public async Task<AccountResult> Add(By by, string email, string? name, AccountRole role, string? password, CancellationToken cancel, string? subject = null)
    {
        var account = new Account(Guid.CreateVersion7(clock.GetUtcNow()).ToString("D"), email, role, clock.GetUtcNow())
        {
            Name = name,
            PasswordHash = password is null ? null : await Password.Hash(password, cancel),
            Subject = subject,
        };
        var notice = audit.Notice(by, new("user.created", "User", account.Id, email) { Metadata = Deed.Changes([("role", null, role.Text()), .. name is null ? [] : new[] { ("name", (string?)null, (string?)name) }]) });
        return await Finish(await store.Append(account, notice, cancel), account, notice);
    }

    public async Task<AccountResult> SetRole(By by, Account account, AccountRole role, CancellationToken cancel)
    {
        var changed = account with { Role = role };
        var notice = audit.Notice(by, Told("user.role_changed", account, ("role", account.Role.Text(), role.Text())));
        return await Finish(await store.Save(changed, endSessions: true, notice, cancel), changed, notice, endSessions: true);
    }

    public async Task<AccountResult> SetPassword(By by, Account account, string password, CancellationToken cancel)
    {
        var changed = account with { PasswordHash = await Password.Hash(password, cancel) };
        var notice = audit.Notice(by, new("auth.password_changed", "User", account.Id, account.Email));
        return await Finish(await store.Save(changed, endSessions: true, notice, cancel), changed, notice, endSessions: true);
    }

    public async Task<AccountResult> SetDisabled(By by, Account account, bool disabled, CancellationToken cancel)
    {
        var changed = account with { DisabledAt = disabled ? clock.GetUtcNow() : null };
        var notice = audit.Notice(by, Told(disabled ? "user.deactivated" : "user.reactivated", account, ("disabled", disabled ? "false" : "true", disabled ? "true" : "false")));
        return await Finish(await store.Save(changed, endSessions: disabled, notice, cancel), changed, notice, disabled);
    }

    public async Task<AccountResult> SetName(By by, Account account, string? name, CancellationToken cancel)
    {
        var changed = account with { Name = name };
        var notice = audit.Notice(by, Told("user.updated", account, ("name", account.Name, name)));
        return await Finish(await store.Save(changed, endSessions: false, notice, cancel), changed, notice);
    }

    /// <summary>From now on this person may also come by the provider.</summary>
    public async Task<AccountResult> SetSubject(By by, Account account, string subject, CancellationToken cancel)
    {
        var changed = account with { Subject = subject };
        var notice = audit.Notice(by, Told("user.updated", account, ("provider", account.Subject, subject)));
        return await Finish(await store.Save(changed, endSessions: false, notice, cancel), changed, notice);
    }

    public async Task<AccountResult> Remove(By by, Account account, CancellationToken cancel)
    {
        var notice = audit.Notice(by, Told("user.deleted", account, ("role", account.Role.Text(), null)));
        return await Finish(await store.RemoveAccount(account.Id, notice, cancel), account, notice, endSessions: true);
    }

    /// <summary>A link that signs in once: its secret text, and until when.</summary>
    public async Task<(string Token, DateTimeOffset ExpiresAt)> Link(By by, Account? account, CancellationToken cancel)
    {
        var token = Secret.New();
        var link = new SignInLink(account?.Id, clock.GetUtcNow() + SignInLink.Lifetime, null);
        var notice = account is null ? null : audit.Notice(by, new("auth.link_created", "User", account.Id, account.Email));
        await store.Append(link, Secret.Hash(token), notice, cancel);
        if (notice is not null) await audit.Deliver(notice);
        return (token, link.ExpiresAt);
    }

    static Deed Told(string action, Account account, params (string Name, string? From, string? To)[] changes) => new(action, "User", account.Id, account.Email) { Metadata = Deed.Changes(changes) };

    async Task<AccountResult> Finish(AccountChange change, Account account, Notice notice, bool endSessions = false)
    {
        if (change != AccountChange.Done) return new(change, null);
        if (endSessions) await sessions.EndOf(account.Id);
        await audit.Deliver(notice);
        return new(change, account);
    }
}
