using System.Net.Sockets;
using Cairn.Access;
using Cairn.Push;
using Npgsql;

namespace Cairn.Storage.Postgres;

/// <summary>
/// Accounts, sessions, keys and settings that several processes share. Changes take one lock, so that what a change was
/// made of is still so when it is stored.
/// </summary>
sealed class PostgresControlStore : IControlStore
{
    readonly Database database;

    /// <param name="database">It lets go of it at its end.</param>
    public PostgresControlStore(Database database) => this.database = database;

    /// <exception cref="IOException">One line that says what is wrong and what mends it.</exception>
    public static async Task<PostgresControlStore> Open(StoreAddress address) => new(await Database.Open(address));

    // Keys.

    const string KeyColumns = "id, name, scopes, created_at, expires_at, last_used_at, revoked_at";

    static ApiKey Key(NpgsqlDataReader row) => new(row.GetString(0), row.GetString(1), row.GetString(2).Split(' '), Time(row, 3)!.Value, Time(row, 4), Time(row, 5), Time(row, 6));

    public Task<IReadOnlyList<ApiKey>> Keys(CancellationToken cancel) => All(new($"SELECT {KeyColumns} FROM api_keys ORDER BY created_at, id"), Key, cancel);

    public Task<ApiKey?> FindKey(byte[] hash, CancellationToken cancel) => One(new($"SELECT {KeyColumns} FROM api_keys WHERE hash = $1", hash), Key, cancel);

    public Task Append(ApiKey key, byte[] hash, Notice? notice, CancellationToken cancel) => Change(notice, async transaction =>
    {
        var sql = new Sql("INSERT INTO api_keys (id, hash, name, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)", key.Id, hash, key.Name, string.Join(' ', key.Scopes), Ms(key.CreatedAt));
        sql.NumberOrNull(Ms(key.ExpiresAt));
        return await Changes(transaction, sql) > 0;
    }, cancel);

    public async Task<ApiKey?> RevokeKey(string id, DateTimeOffset at, Notice notice, CancellationToken cancel)
    {
        await Change(notice, async transaction => await Changes(transaction, new("UPDATE api_keys SET revoked_at = coalesce(revoked_at, $1) WHERE id = $2", Ms(at), id)) > 0, cancel);
        return await One(new($"SELECT {KeyColumns} FROM api_keys WHERE id = $1", id), Key, cancel);
    }

    public Task TouchKeys(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel) => Touch("api_keys", used, cancel);

    // Accounts.

    static readonly string[] AccountColumns = ["id", "email", "name", "role", "password_hash", "subject", "created_at", "last_sign_in_at", "disabled_at"];

    static string AccountColumnsOf(string table) => string.Join(", ", AccountColumns.Select(column => table + "." + column));

    static Account Account(NpgsqlDataReader row) => Account(row, 0);

    static Account Account(NpgsqlDataReader row, int first) => new(row.GetString(first), row.GetString(first + 1), (AccountRole)row.GetInt32(first + 3), Time(row, first + 6)!.Value)
    {
        Name = Text(row, first + 2),
        PasswordHash = Text(row, first + 4),
        Subject = Text(row, first + 5),
        LastSignInAt = Time(row, first + 7),
        DisabledAt = Time(row, first + 8),
    };

    public Task<IReadOnlyList<Account>> Accounts(CancellationToken cancel) => All(new($"SELECT {AccountColumnsOf("a")} FROM accounts a ORDER BY email_key"), Account, cancel);

    public Task<Account?> FindAccount(string id, CancellationToken cancel) => FindAccount("id", id, cancel);

    public Task<Account?> FindAccountByEmail(string email, CancellationToken cancel) => FindAccount("email_key", Access.Account.Key(email), cancel);

    public Task<Account?> FindAccountBySubject(string subject, CancellationToken cancel) => FindAccount("subject", subject, cancel);

    Task<Account?> FindAccount(string column, string value, CancellationToken cancel) => One(new($"SELECT {AccountColumnsOf("a")} FROM accounts a WHERE {column} = $1", value), Account, cancel);

    public Task<bool> HasAdministrator(CancellationToken cancel) => database.Read(HasAdministrator, cancel);

    static async Task<bool> HasAdministrator(Transaction transaction) => await transaction.Number(new("SELECT count(*) FROM accounts WHERE role = $1 AND disabled_at IS NULL", (int)AccountRole.Admin)) > 0;

    public Task<AccountChange> Append(Account account, Notice notice, CancellationToken cancel) => ChangeAccount(async transaction =>
    {
        if (await IsTaken(transaction, account)) return (AccountChange.Taken, null);
        await transaction.Run(Values("INSERT INTO accounts (email, email_key, name, role, password_hash, subject, last_sign_in_at, disabled_at, id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", account));
        return (AccountChange.Done, notice);
    }, cancel);

    public async Task<AccountResult> Change(string id, Func<Account, (Account Account, Notice Notice)?> change, bool endSessions, string? by, CancellationToken cancel)
    {
        Account? changed = null;
        var outcome = await ChangeAccount(async transaction =>
        {
            Account? now = null;
            await transaction.Each(new($"SELECT {AccountColumnsOf("a")} FROM accounts a WHERE id = $1", id), row => now = Account(row));
            if (now is null) return (AccountChange.NotFound, null);
            if (by is not null && await transaction.Number(new("SELECT count(*) FROM sessions WHERE id = $1", by)) == 0) return (AccountChange.Outdated, null);
            if (change(now) is not { } wanted) return (AccountChange.Outdated, null);
            changed = wanted.Account;
            if (await IsTaken(transaction, changed)) return (AccountChange.Taken, null);
            var hadAdministrator = await HasAdministrator(transaction);
            await transaction.Run(Values("UPDATE accounts SET email = $1, email_key = $2, name = $3, role = $4, password_hash = $5, subject = $6, last_sign_in_at = $7, disabled_at = $8, created_at = $10 WHERE id = $9", changed));
            if (hadAdministrator && !await HasAdministrator(transaction)) return (AccountChange.LastAdministrator, null);
            if (endSessions)
                await transaction.Run(new Sql("DELETE FROM sessions WHERE account_id = $1", id), new("DELETE FROM sign_in_links WHERE account_id = $1 AND used_at IS NULL", id));
            return (AccountChange.Done, wanted.Notice);
        }, cancel);
        return new(outcome, outcome == AccountChange.Done ? changed : null);
    }

    public Task<AccountChange> RemoveAccount(string id, Notice notice, CancellationToken cancel) => ChangeAccount(async transaction =>
    {
        var hadAdministrator = await HasAdministrator(transaction);
        if (await Changes(transaction, new("DELETE FROM accounts WHERE id = $1", id)) == 0) return (AccountChange.NotFound, null);
        if (hadAdministrator && !await HasAdministrator(transaction)) return (AccountChange.LastAdministrator, null);
        await transaction.Run(new Sql("DELETE FROM sessions WHERE account_id = $1", id), new("DELETE FROM sign_in_links WHERE account_id = $1", id));
        return (AccountChange.Done, notice);
    }, cancel);

    static async Task<bool> IsTaken(Transaction transaction, Account account)
    {
        var sql = new Sql("SELECT count(*) FROM accounts WHERE (email_key = $1 OR subject = $3) AND id <> $2", Access.Account.Key(account.Email), account.Id);
        sql.TextOrNull(account.Subject);
        return await transaction.Number(sql) > 0;
    }

    static Sql Values(string text, Account account)
    {
        var sql = new Sql(text, account.Email, Access.Account.Key(account.Email));
        sql.TextOrNull(account.Name);
        sql.Value((int)account.Role);
        sql.TextOrNull(account.PasswordHash);
        sql.TextOrNull(account.Subject);
        sql.NumberOrNull(Ms(account.LastSignInAt));
        sql.NumberOrNull(Ms(account.DisabledAt));
        sql.Value(account.Id);
        sql.Value(Ms(account.CreatedAt));
        return sql;
    }

    async Task<AccountChange> ChangeAccount(Func<Transaction, Task<(AccountChange Outcome, Notice? Notice)>> change, CancellationToken cancel)
    {
        var outcome = AccountChange.Done;
        await Change(async transaction =>
        {
            (outcome, var notice) = await change(transaction);
            return (outcome == AccountChange.Done, notice);
        }, cancel);
        return outcome;
    }

    // Sessions.

    const string SessionColumns = "s.id, s.account_id, s.created_at, s.last_used_at, s.ip, s.user_agent";

    static Session Session(NpgsqlDataReader row) => new(row.GetString(0), row.GetString(1), Time(row, 2)!.Value, Time(row, 3)!.Value, Text(row, 4), Text(row, 5));

    public Task<bool> Append(Session session, Account seen, byte[] hash, Notice notice, CancellationToken cancel) => Change(notice, async transaction =>
    {
        var append = new Sql("INSERT INTO sessions (id, hash, account_id, created_at, last_used_at, ip, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7)", session.Id, hash, session.AccountId, Ms(session.CreatedAt), Ms(session.LastUsedAt));
        append.TextOrNull(session.Ip);
        append.TextOrNull(session.UserAgent);
        var touch = new Sql("UPDATE accounts SET last_sign_in_at = $1 WHERE id = $2 AND role = $3 AND password_hash IS NOT DISTINCT FROM $4 AND disabled_at IS NULL", Ms(session.CreatedAt), seen.Id, (int)seen.Role);
        touch.TextOrNull(seen.PasswordHash);
        // Someone who was removed, or lost the password they came with, a moment ago does not get in.
        return (await transaction.Run(append, touch))[1] > 0;
    }, cancel);

    public Task<(Session Session, Account Account)?> FindSession(byte[] hash, CancellationToken cancel) => database.Read(async transaction =>
    {
        (Session, Account)? found = null;
        await transaction.AskLast((new($"SELECT {SessionColumns}, {AccountColumnsOf("a")} FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.hash = $1", hash), row => found = (Session(row), Account(row, 6))));
        return found;
    }, cancel);

    public Task<IReadOnlyList<Session>> Sessions(CancellationToken cancel) => All(new($"SELECT {SessionColumns} FROM sessions s ORDER BY s.last_used_at DESC, s.id"), Session, cancel);

    public Task TouchSessions(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel) => Touch("sessions", used, cancel);

    public Task<bool> EndSession(string id, Notice? notice, CancellationToken cancel) => Change(notice, async transaction => await Changes(transaction, new("DELETE FROM sessions WHERE id = $1", id)) > 0, cancel);

    public Task DropSessions(DateTimeOffset before, CancellationToken cancel) => Change(null, async transaction =>
    {
        await transaction.Run(new Sql("DELETE FROM sessions WHERE last_used_at < $1", Ms(before)), new("DELETE FROM sign_in_links WHERE expires_at < $1", Ms(before)));
        return true;
    }, cancel);

    // Links.

    public Task Append(SignInLink link, byte[] hash, DateTimeOffset at, Notice? notice, CancellationToken cancel) => Change(notice, async transaction =>
    {
        var end = new Sql("UPDATE sign_in_links SET expires_at = least(expires_at, $1) WHERE account_id IS NOT DISTINCT FROM $2 AND used_at IS NULL", Ms(at));
        end.TextOrNull(link.AccountId);
        var append = new Sql("INSERT INTO sign_in_links (hash, account_id, expires_at) VALUES ($1, $3, $2)", hash, Ms(link.ExpiresAt));
        append.TextOrNull(link.AccountId);
        await transaction.Run(end, append);
        return true;
    }, cancel);

    public Task<SignInLink?> FindLink(byte[] hash, CancellationToken cancel) =>
        One(new("SELECT account_id, expires_at, used_at FROM sign_in_links WHERE hash = $1", hash), row => new SignInLink(Text(row, 0), Time(row, 1)!.Value, Time(row, 2)), cancel);

    public Task<bool> UseLink(byte[] hash, DateTimeOffset at, CancellationToken cancel) =>
        Change(null, async transaction => await Changes(transaction, new("UPDATE sign_in_links SET used_at = $1 WHERE hash = $2 AND used_at IS NULL AND expires_at > $1", Ms(at), hash)) > 0, cancel);

    // Notices and settings.

    public Task<IReadOnlyList<Notice>> Notices(CancellationToken cancel) => All(new("SELECT id, json FROM notices ORDER BY position"), row => new Notice(row.GetString(0), row.GetString(1)), cancel);

    public Task RemoveNotices(IReadOnlyList<string> ids, CancellationToken cancel) => Change(null, async transaction =>
    {
        await transaction.Run(new Sql("DELETE FROM notices WHERE id = ANY($1)", ids.ToArray()));
        return true;
    }, cancel);

    public Task<string?> FindSetting(string name, CancellationToken cancel) => One(new("SELECT value FROM settings WHERE name = $1", name), row => row.GetString(0), cancel);

    public Task SaveSetting(string name, string value, CancellationToken cancel) => Change(null, async transaction =>
    {
        await transaction.Run(new Sql("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value));
        return true;
    }, cancel);

    // Targets of a push.

    public Task<PushState?> FindPush(string name, CancellationToken cancel) =>
        One(new("SELECT version, event_position, request_position, removed, removed_told, succeeded_at, failing_since, problem, refused, told FROM push_targets WHERE name = $1", name), row => new PushState(name, row.GetInt64(0), row.GetInt64(1), row.GetInt64(2))
        {
            Removed = row.GetInt64(3),
            RemovedTold = row.GetInt64(4),
            SucceededAt = Time(row, 5),
            FailingSince = Time(row, 6),
            Problem = Text(row, 7),
            IsRefused = row.GetInt32(8) != 0,
            IsTold = row.GetInt32(9) != 0,
        }, cancel);

    public Task<bool> SavePush(PushState state, Notice? notice, CancellationToken cancel) => Change(notice, async transaction =>
    {
        var save = new Sql(state.Version == 0
            ? "INSERT INTO push_targets (version, event_position, request_position, removed, removed_told, refused, told, name, succeeded_at, failing_since, problem) VALUES (1 + $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING"
            : "UPDATE push_targets SET version = 1 + $1, event_position = $2, request_position = $3, removed = $4, removed_told = $5, refused = $6, told = $7, succeeded_at = $9, failing_since = $10, problem = $11 WHERE name = $8 AND version = $1",
            state.Version, state.Events, state.Requests, state.Removed, state.RemovedTold, state.IsRefused ? 1 : 0, state.IsTold ? 1 : 0, state.Name);
        save.NumberOrNull(Ms(state.SucceededAt));
        save.NumberOrNull(Ms(state.FailingSince));
        save.TextOrNull(state.Problem);
        return await Changes(transaction, save) > 0;
    }, cancel);

    /// <summary>An advisory lock of a connection that does nothing else: it is free again as soon as the process is gone, and within about a minute when its machine is.</summary>
    public async Task<Hold?> TryHold(string name, CancellationToken cancel)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            NpgsqlConnection? connection = null;
            try
            {
                connection = await database.Connect(cancel);
                await using var take = new NpgsqlCommand("SELECT pg_try_advisory_lock(hashtextextended($1, 0)), set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)", connection) { Parameters = { new NpgsqlParameter<string> { TypedValue = name } } };
                if (await take.ExecuteScalarAsync(cancel) is true) return Held(connection);
                await connection.DisposeAsync();
                return null;
            }
            catch (Exception error)
            {
                if (connection is not null) await connection.DisposeAsync();
                // The server was restarted and this connection was of before: a new one may do.
                if (isFirst && Database.IsAway(error)) database.Forget();
                else if (error is NpgsqlException or SocketException or TimeoutException) throw new LogUnavailableException(database.Why(error), error);
                else throw;
            }
        }
    }

    static Hold Held(NpgsqlConnection connection)
    {
        return new(cancel => Answers("SELECT 1", cancel), LetGo);

        // The pool would keep the lock with the connection until somebody else uses it.
        async ValueTask LetGo()
        {
            await Answers("SELECT pg_advisory_unlock_all()", CancellationToken.None);
            await connection.DisposeAsync();
        }

        async Task<bool> Answers(string question, CancellationToken cancel)
        {
            try
            {
                await using var ask = new NpgsqlCommand(question, connection);
                await ask.ExecuteScalarAsync(cancel);
                return true;
            }
            catch (Exception error) when (error is NpgsqlException or SocketException or TimeoutException or InvalidOperationException)
            {
                return false;
            }
        }
    }

    // What all of them use.

    static long Ms(DateTimeOffset at) => at.ToUnixTimeMilliseconds();

    static long? Ms(DateTimeOffset? at) => at?.ToUnixTimeMilliseconds();

    static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    static DateTimeOffset? Time(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));

    static async Task<int> Changes(Transaction transaction, Sql sql) => (await transaction.Run(sql))[0];

    Task<T?> One<T>(Sql question, Func<NpgsqlDataReader, T> read, CancellationToken cancel) where T : class => database.Read(async transaction =>
    {
        T? found = null;
        await transaction.AskLast((question, row => found = read(row)));
        return found;
    }, cancel);

    Task<IReadOnlyList<T>> All<T>(Sql question, Func<NpgsqlDataReader, T> read, CancellationToken cancel) => database.Read<IReadOnlyList<T>>(async transaction =>
    {
        var found = new List<T>();
        await transaction.AskLast((question, row => found.Add(read(row))));
        return found;
    }, cancel);

    Task<bool> Touch(string table, IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel) => Change(null, async transaction =>
    {
        await transaction.Run(new Sql($"UPDATE {table} t SET last_used_at = greatest(t.last_used_at, u.at) FROM unnest($1, $2) AS u (id, at) WHERE t.id = u.id", used.Keys.ToArray(), used.Values.Select(Ms).ToArray()));
        return true;
    }, cancel);

    Task<bool> Change(Notice? notice, Func<Transaction, Task<bool>> change, CancellationToken cancel) => Change(async transaction => (await change(transaction), notice), cancel);

    /// <summary>Makes a change and stores its notice, in one transaction; neither when the change answers false.</summary>
    Task<bool> Change(Func<Transaction, Task<(bool IsMade, Notice? Notice)>> change, CancellationToken cancel) => database.Write(async transaction =>
    {
        await transaction.Run($"SELECT pg_advisory_xact_lock({Database.ControlLock})");
        var (isMade, notice) = await change(transaction);
        if (isMade && notice is not null) await transaction.Run(new Sql("INSERT INTO notices (id, json) VALUES ($1, $2)", notice.Id, notice.Json));
        return isMade;
    }, cancel, isMade => isMade);

    public ValueTask DisposeAsync() => database.DisposeAsync();
}
