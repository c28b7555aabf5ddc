using Cairn.Access;
using Cairn.Push;

namespace Cairn.Storage.Sqlite;

/// <summary>Accounts, sessions, keys and settings in a small database of their own, so that a full log does not keep an administrator out.</summary>
sealed class SqliteControlStore : IControlStore
{
    readonly RecordFile file;

    SqliteControlStore(RecordFile file) => this.file = file;

    public static SqliteControlStore Open(string directory) => new(new(Path.Combine(directory, "control.db"), "control", "What accounts, sessions and keys are kept in"));

    public string? Problem => file.Problem;

    // Keys.

    const string KeyColumns = "id, name, scopes, created_at, expires_at, last_used_at, revoked_at";

    static ApiKey Key(Statement row) => new(row.Text(0), row.Text(1), row.Text(2).Split(' '), Time(row, 3)!.Value, Time(row, 4), Time(row, 5), Time(row, 6));

    public Task<IReadOnlyList<ApiKey>> Keys(CancellationToken cancel) => Look<IReadOnlyList<ApiKey>>(() => All(Statement($"SELECT {KeyColumns} FROM api_keys ORDER BY created_at, id"), Key), cancel);

    public Task<ApiKey?> FindKey(byte[] hash, CancellationToken cancel) => Look(() => One(Statement($"SELECT {KeyColumns} FROM api_keys WHERE hash = ?").BindBlob(1, hash), Key), cancel);

    public Task Append(ApiKey key, byte[] hash, Notice? notice, CancellationToken cancel) => Change(notice, () =>
    {
        Statement("INSERT INTO api_keys (id, hash, name, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
            .Bind(1, key.Id).BindBlob(2, hash).Bind(3, key.Name).Bind(4, string.Join(' ', key.Scopes))
            .Bind(5, Ms(key.CreatedAt)).Bind(6, Ms(key.ExpiresAt)).Run();
        return true;
    }, cancel);

    public async Task<ApiKey?> RevokeKey(string id, DateTimeOffset at, Notice notice, CancellationToken cancel)
    {
        await Change(notice, () =>
        {
            Statement("UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?").Bind(1, Ms(at)).Bind(2, id).Run();
            return file.Writer.Changes > 0;
        }, cancel);
        return await Look(() => One(Statement($"SELECT {KeyColumns} FROM api_keys WHERE id = ?").Bind(1, id), Key), cancel);
    }

    public Task TouchKeys(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel) => Touch("api_keys", used, cancel);

    // Accounts.

    const string AccountColumns = "id, email, name, role, password_hash, subject, created_at, last_sign_in_at, disabled_at";

    static Account Account(Statement row) => Account(row, 0);

    static Account Account(Statement row, int first) => new(row.Text(first), row.Text(first + 1), (AccountRole)row.Integer(first + 3), Time(row, first + 6)!.Value)
    {
        Name = row.TextOrNull(first + 2),
        PasswordHash = row.TextOrNull(first + 4),
        Subject = row.TextOrNull(first + 5),
        LastSignInAt = Time(row, first + 7),
        DisabledAt = Time(row, first + 8),
    };

    public Task<IReadOnlyList<Account>> Accounts(CancellationToken cancel) => Look<IReadOnlyList<Account>>(() => All(Statement($"SELECT {AccountColumns} FROM accounts ORDER BY email_key"), Account), cancel);

    public Task<Account?> FindAccount(string id, CancellationToken cancel) => FindAccount("id", id, cancel);

    public Task<Account?> FindAccountByEmail(string email, CancellationToken cancel) => FindAccount("email_key", Access.Account.Key(email), cancel);

    public Task<Account?> FindAccountBySubject(string subject, CancellationToken cancel) => FindAccount("subject", subject, cancel);

    Task<Account?> FindAccount(string column, string value, CancellationToken cancel) =>
        Look(() => One(Statement($"SELECT {AccountColumns} FROM accounts WHERE {column} = ?").Bind(1, value), Account), cancel);

    public Task<bool> HasAdministrator(CancellationToken cancel) => Look(HasAdministrator, cancel);

    bool HasAdministrator() => Statement("SELECT count(*) FROM accounts WHERE role = ? AND disabled_at IS NULL").Bind(1, (int)AccountRole.Admin).Number() > 0;

    public Task<AccountChange> Append(Account account, Notice notice, CancellationToken cancel) => ChangeAccount(() =>
    {
        if (IsTaken(account)) return (AccountChange.Taken, null);
        Bind(Statement("INSERT INTO accounts (email, email_key, name, role, password_hash, subject, last_sign_in_at, disabled_at, id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"), account)
            .Bind(10, Ms(account.CreatedAt)).Run();
        return (AccountChange.Done, notice);
    }, cancel);

    public async Task<AccountResult> Change(string id, Func<Account, (Account Account, Notice Notice)?> change, bool endSessions, string? by, CancellationToken cancel)
    {
        Account? changed = null;
        var outcome = await ChangeAccount(() =>
        {
            if (One(Statement($"SELECT {AccountColumns} FROM accounts WHERE id = ?").Bind(1, id), Account) is not { } now) return (AccountChange.NotFound, null);
            if (by is not null && Statement("SELECT count(*) FROM sessions WHERE id = ?").Bind(1, by).Number() == 0) return (AccountChange.Outdated, null);
            if (change(now) is not { } wanted) return (AccountChange.Outdated, null);
            changed = wanted.Account;
            if (IsTaken(changed)) return (AccountChange.Taken, null);
            var hadAdministrator = HasAdministrator();
            Bind(Statement("UPDATE accounts SET email = ?, email_key = ?, name = ?, role = ?, password_hash = ?, subject = ?, last_sign_in_at = ?, disabled_at = ? WHERE id = ?"), changed).Run();
            if (hadAdministrator && !HasAdministrator()) return (AccountChange.LastAdministrator, null);
            if (endSessions)
            {
                Statement("DELETE FROM sessions WHERE account_id = ?").Bind(1, id).Run();
                Statement("DELETE FROM sign_in_links WHERE account_id = ? AND used_at IS NULL").Bind(1, id).Run();
            }
            return (AccountChange.Done, wanted.Notice);
        }, cancel);
        return new(outcome, outcome == AccountChange.Done ? changed : null);
    }

    public Task<AccountChange> RemoveAccount(string id, Notice notice, CancellationToken cancel) => ChangeAccount(() =>
    {
        var hadAdministrator = HasAdministrator();
        Statement("DELETE FROM accounts WHERE id = ?").Bind(1, id).Run();
        if (file.Writer.Changes == 0) return (AccountChange.NotFound, null);
        if (hadAdministrator && !HasAdministrator()) return (AccountChange.LastAdministrator, null);
        Statement("DELETE FROM sessions WHERE account_id = ?").Bind(1, id).Run();
        Statement("DELETE FROM sign_in_links WHERE account_id = ?").Bind(1, id).Run();
        return (AccountChange.Done, notice);
    }, cancel);

    bool IsTaken(Account account) =>
        Statement("SELECT count(*) FROM accounts WHERE (email_key = ? OR subject = ?) AND id <> ?").Bind(1, Access.Account.Key(account.Email)).Bind(2, account.Subject).Bind(3, account.Id).Number() > 0;

    static Statement Bind(Statement change, Account account) => change
        .Bind(1, account.Email).Bind(2, Access.Account.Key(account.Email)).Bind(3, account.Name).Bind(4, (int)account.Role).Bind(5, account.PasswordHash).Bind(6, account.Subject)
        .Bind(7, Ms(account.LastSignInAt)).Bind(8, Ms(account.DisabledAt)).Bind(9, account.Id);

    async Task<AccountChange> ChangeAccount(Func<(AccountChange Outcome, Notice? Notice)> change, CancellationToken cancel)
    {
        var outcome = AccountChange.Done;
        await Change(() =>
        {
            (outcome, var notice) = change();
            return (outcome == AccountChange.Done, notice);
        }, cancel);
        return outcome;
    }

    // Sessions.

    const string SessionColumns = "s.id, s.account_id, s.created_at, s.last_used_at, s.ip, s.user_agent";

    static Session Session(Statement row) => new(row.Text(0), row.Text(1), Time(row, 2)!.Value, Time(row, 3)!.Value, row.TextOrNull(4), row.TextOrNull(5));

    public Task<bool> Append(Session session, Account seen, byte[] hash, Notice notice, CancellationToken cancel) => Change(notice, () =>
    {
        Statement("INSERT INTO sessions (id, hash, account_id, created_at, last_used_at, ip, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .Bind(1, session.Id).BindBlob(2, hash).Bind(3, session.AccountId).Bind(4, Ms(session.CreatedAt)).Bind(5, Ms(session.LastUsedAt)).Bind(6, session.Ip).Bind(7, session.UserAgent).Run();
        Statement("UPDATE accounts SET last_sign_in_at = ? WHERE id = ? AND role = ? AND password_hash IS ? AND disabled_at IS NULL")
            .Bind(1, Ms(session.CreatedAt)).Bind(2, seen.Id).Bind(3, (int)seen.Role).Bind(4, seen.PasswordHash).Run();
        // Someone who was removed, or lost the password they came with, a moment ago does not get in.
        return file.Writer.Changes > 0;
    }, cancel);

    public Task<(Session Session, Account Account)?> FindSession(byte[] hash, CancellationToken cancel) => Look(() =>
    {
        var find = Statement($"SELECT {SessionColumns}, {string.Join(", ", AccountColumns.Split(", ").Select(column => "a." + column))} FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.hash = ?").BindBlob(1, hash);
        if (!find.Step()) return ((Session, Account)?)null;
        var found = (Session(find), Account(find, 6));
        find.Reset();
        return found;
    }, cancel);

    public Task<IReadOnlyList<Session>> Sessions(CancellationToken cancel) => Look<IReadOnlyList<Session>>(() => All(Statement($"SELECT {SessionColumns} FROM sessions s ORDER BY s.last_used_at DESC, s.id"), Session), cancel);

    public Task TouchSessions(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel) => Touch("sessions", used, cancel);

    public Task<bool> EndSession(string id, Notice? notice, CancellationToken cancel) => Change(notice, () =>
    {
        Statement("DELETE FROM sessions WHERE id = ?").Bind(1, id).Run();
        return file.Writer.Changes > 0;
    }, cancel);

    public Task DropSessions(DateTimeOffset before, CancellationToken cancel) => Change(null, () =>
    {
        Statement("DELETE FROM sessions WHERE last_used_at < ?").Bind(1, Ms(before)).Run();
        Statement("DELETE FROM sign_in_links WHERE expires_at < ?").Bind(1, Ms(before)).Run();
        return true;
    }, cancel);

    // Links.

    public Task Append(SignInLink link, byte[] hash, DateTimeOffset at, Notice? notice, CancellationToken cancel) => Change(notice, () =>
    {
        Statement("UPDATE sign_in_links SET expires_at = min(expires_at, ?) WHERE account_id IS ? AND used_at IS NULL").Bind(1, Ms(at)).Bind(2, link.AccountId).Run();
        Statement("INSERT INTO sign_in_links (hash, account_id, expires_at) VALUES (?, ?, ?)").BindBlob(1, hash).Bind(2, link.AccountId).Bind(3, Ms(link.ExpiresAt)).Run();
        return true;
    }, cancel);

    public Task<SignInLink?> FindLink(byte[] hash, CancellationToken cancel) => Look(() =>
        One(Statement("SELECT account_id, expires_at, used_at FROM sign_in_links WHERE hash = ?").BindBlob(1, hash), row => new SignInLink(row.TextOrNull(0), Time(row, 1)!.Value, Time(row, 2))), cancel);

    public Task<bool> UseLink(byte[] hash, DateTimeOffset at, CancellationToken cancel) => Change(null, () =>
    {
        Statement("UPDATE sign_in_links SET used_at = ? WHERE hash = ? AND used_at IS NULL AND expires_at > ?").Bind(1, Ms(at)).BindBlob(2, hash).Bind(3, Ms(at)).Run();
        return file.Writer.Changes > 0;
    }, cancel);

    // Notices and settings.

    public Task<IReadOnlyList<Notice>> Notices(CancellationToken cancel) => Look<IReadOnlyList<Notice>>(() => All(Statement("SELECT id, json FROM notices ORDER BY position"), row => new Notice(row.Text(0), row.Text(1))), cancel);

    public Task RemoveNotices(IReadOnlyList<string> ids, CancellationToken cancel) => Change(null, () =>
    {
        var remove = Statement("DELETE FROM notices WHERE id = ?");
        foreach (var id in ids) remove.Bind(1, id).Run();
        return true;
    }, cancel);

    public Task<string?> FindSetting(string name, CancellationToken cancel) => Look(() => One(Statement("SELECT value FROM settings WHERE name = ?").Bind(1, name), row => row.Text(0)), cancel);

    public Task SaveSetting(string name, string value, CancellationToken cancel) => Change(null, () =>
    {
        Statement("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value").Bind(1, name).Bind(2, value).Run();
        return true;
    }, cancel);

    // Targets of a push.

    public Task<PushState?> FindPush(string name, CancellationToken cancel) => Look(() =>
        One(Statement("SELECT version, event_position, request_position, removed, removed_told, succeeded_at, failing_since, problem, refused, told FROM push_targets WHERE name = ?").Bind(1, name), row => new PushState(name, row.Integer(0), row.Integer(1), row.Integer(2))
        {
            Removed = row.Integer(3),
            RemovedTold = row.Integer(4),
            SucceededAt = Time(row, 5),
            FailingSince = Time(row, 6),
            Problem = row.TextOrNull(7),
            IsRefused = row.Integer(8) != 0,
            IsTold = row.Integer(9) != 0,
        }), cancel);

    public Task<bool> SavePush(PushState state, Notice? notice, CancellationToken cancel) => Change(notice, () =>
    {
        var save = state.Version == 0
            ? Statement("INSERT INTO push_targets (version, event_position, request_position, removed, removed_told, succeeded_at, failing_since, problem, refused, told, name) VALUES (1 + ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
            : Statement("UPDATE push_targets SET version = 1 + ?1, event_position = ?2, request_position = ?3, removed = ?4, removed_told = ?5, succeeded_at = ?6, failing_since = ?7, problem = ?8, refused = ?9, told = ?10 WHERE name = ?11 AND version = ?1");
        save.Bind(1, state.Version).Bind(2, state.Events).Bind(3, state.Requests).Bind(4, state.Removed).Bind(5, state.RemovedTold)
            .Bind(6, Ms(state.SucceededAt)).Bind(7, Ms(state.FailingSince)).Bind(8, state.Problem).Bind(9, state.IsRefused ? 1 : 0).Bind(10, state.IsTold ? 1 : 0).Bind(11, state.Name).Run();
        return file.Writer.Changes > 0;
    }, cancel);

    // What all of them use.

    static long Ms(DateTimeOffset at) => at.ToUnixTimeMilliseconds();

    static long? Ms(DateTimeOffset? at) => at?.ToUnixTimeMilliseconds();

    static DateTimeOffset? Time(Statement row, int column) => row.IntegerOrNull(column) is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null;

    static T? One<T>(Statement find, Func<Statement, T> read) where T : class
    {
        if (!find.Step()) return null;
        var found = read(find);
        find.Reset();
        return found;
    }

    static List<T> All<T>(Statement list, Func<Statement, T> read)
    {
        var found = new List<T>();
        while (list.Step()) found.Add(read(list));
        return found;
    }

    Task<bool> Touch(string table, IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel) => Change(null, () =>
    {
        var touch = Statement($"UPDATE {table} SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?");
        foreach (var (id, at) in used) touch.Bind(1, Ms(at)).Bind(2, id).Run();
        return true;
    }, cancel);

    Statement Statement(string sql) => file.Statement(sql);

    Task<TResult> Look<TResult>(Func<TResult> read, CancellationToken cancel) => file.Look(read, cancel);

    Task<bool> Change(Notice? notice, Func<bool> change, CancellationToken cancel) => Change(() => (change(), notice), cancel);

    /// <summary>Makes a change and stores its notice, in one transaction; neither when the change answers false.</summary>
    Task<bool> Change(Func<(bool IsMade, Notice? Notice)> change, CancellationToken cancel) => file.Write(
        () =>
        {
            var (isMade, notice) = change();
            if (isMade && notice is not null) Statement("INSERT INTO notices (id, json) VALUES (?, ?)").Bind(1, notice.Id).Bind(2, notice.Json).Run();
            return isMade;
        },
        cancel,
        isMade => isMade);

    public ValueTask DisposeAsync()
    {
        file.Dispose();
        return ValueTask.CompletedTask;
    }
}
