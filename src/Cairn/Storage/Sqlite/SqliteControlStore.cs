using Cairn.Access;

namespace Cairn.Storage.Sqlite;

/// <summary>Keys and settings in a small database of their own, so that a full log does not keep an administrator out.</summary>
sealed class SqliteControlStore : IControlStore
{
    readonly Connection connection;
    readonly SemaphoreSlim gate = new(1);
    readonly Dictionary<string, Statement> statements = new(StringComparer.Ordinal);

    SqliteControlStore(Connection connection) => this.connection = connection;

    public static SqliteControlStore Open(string directory)
    {
        var file = Path.Combine(directory, "control.db");
        var isNew = !File.Exists(file);
        var connection = Connection.OpenWriter(file);
        Schema.Apply(connection, "control");
        if (isNew) Durable.SyncDirectory(directory);
        return new(connection);
    }

    public Task<IReadOnlyList<ApiKey>> Keys(CancellationToken cancel) => Do<IReadOnlyList<ApiKey>>(() =>
    {
        var keys = new List<ApiKey>();
        var list = Statement($"SELECT {KeyColumns} FROM api_keys ORDER BY created_at, id");
        while (list.Step()) keys.Add(Key(list));
        return keys;
    }, cancel);

    public Task<ApiKey?> FindKey(byte[] hash, CancellationToken cancel) => Do(() => One(Statement($"SELECT {KeyColumns} FROM api_keys WHERE hash = ?").BindBlob(1, hash)), cancel);

    public Task Append(ApiKey key, byte[] hash, CancellationToken cancel) => Do(() =>
    {
        Statement("INSERT INTO api_keys (id, hash, name, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
            .Bind(1, key.Id).BindBlob(2, hash).Bind(3, key.Name).Bind(4, string.Join(' ', key.Scopes))
            .Bind(5, key.CreatedAt.ToUnixTimeMilliseconds()).Bind(6, key.ExpiresAt?.ToUnixTimeMilliseconds()).Run();
        return true;
    }, cancel);

    public Task<ApiKey?> RevokeKey(string id, DateTimeOffset at, CancellationToken cancel) => Do(() =>
    {
        Statement("UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?").Bind(1, at.ToUnixTimeMilliseconds()).Bind(2, id).Run();
        return One(Statement($"SELECT {KeyColumns} FROM api_keys WHERE id = ?").Bind(1, id));
    }, cancel);

    public Task TouchKeys(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel) => Do(() =>
    {
        connection.Run("BEGIN IMMEDIATE");
        try
        {
            var touch = Statement("UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?");
            foreach (var (id, at) in used) touch.Bind(1, at.ToUnixTimeMilliseconds()).Bind(2, id).Run();
            connection.Run("COMMIT");
        }
        finally
        {
            if (connection.InTransaction) connection.Run("ROLLBACK");
        }
        return true;
    }, cancel);

    public Task<string?> FindSetting(string name, CancellationToken cancel) => Do(() =>
    {
        var find = Statement("SELECT value FROM settings WHERE name = ?").Bind(1, name);
        if (!find.Step()) return null;
        var value = find.Text(0);
        find.Reset();
        return value;
    }, cancel);

    public Task SaveSetting(string name, string value, CancellationToken cancel) => Do(() =>
    {
        Statement("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value").Bind(1, name).Bind(2, value).Run();
        return true;
    }, cancel);

    const string KeyColumns = "id, name, scopes, created_at, expires_at, last_used_at, revoked_at";

    static ApiKey? One(Statement find)
    {
        if (!find.Step()) return null;
        var key = Key(find);
        find.Reset();
        return key;
    }

    static ApiKey Key(Statement row) => new(
        row.Text(0), row.Text(1), row.Text(2).Split(' '), DateTimeOffset.FromUnixTimeMilliseconds(row.Integer(3)), Time(row, 4), Time(row, 5), Time(row, 6));

    static DateTimeOffset? Time(Statement row, int column) => row.IntegerOrNull(column) is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null;

    Statement Statement(string sql) => statements.TryGetValue(sql, out var statement) ? statement : statements[sql] = connection.Prepare(sql);

    async Task<TResult> Do<TResult>(Func<TResult> work, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel);
        try
        {
            var result = work();
            if (connection.WriteAheadPages > 1_000) connection.Checkpoint(restart: false);
            return result;
        }
        catch (SqliteException refused)
        {
            throw new LogUnavailableException(refused.IsFull ? "The disk is full. Free some space; writing goes on by itself." : refused.Message, refused);
        }
        finally
        {
            gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await gate.WaitAsync();
        connection.Dispose();
        gate.Dispose();
    }
}
