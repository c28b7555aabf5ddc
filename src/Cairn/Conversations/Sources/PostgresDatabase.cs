using System.Data;
using System.Net.Sockets;
using Npgsql;
using NpgsqlTypes;

namespace Cairn.Conversations.Sources;

/// <summary>Somebody else's PostgreSQL. Connections begin read-only, every transaction says so again, and nothing is prepared or left behind.</summary>
sealed class PostgresDatabase : IConversationDatabase
{
    readonly NpgsqlDataSource source;

    /// <summary>Knows the letters of all languages, whatever the database's own locale; null until it was asked for, empty where it is missing.</summary>
    string? collation;

    public PostgresDatabase(NpgsqlConnectionStringBuilder connection)
    {
        connection.Options = "-c default_transaction_read_only=on";
        var builder = new NpgsqlSlimDataSourceBuilder(connection.ToString());
        builder.EnableTransportSecurity();
        source = builder.Build();
    }

    public string Engine => "postgresql";

    public string Parameter(int number) => $"${number}";

    /// <summary>Not LIKE: in a text that someone searches for, no letter has a meaning of its own.</summary>
    public string Contains(string text, string part) => $"strpos(lower({text}{collation}), lower({part}::text{collation})) > 0";

    public string InByteOrder(string text) => $"""({text}) COLLATE "C" """;

    public Task<IReadOnlyList<object?[]>[]> Read(IReadOnlyList<Question> questions, CancellationToken cancel) => Do(async transaction =>
    {
        var answers = new IReadOnlyList<object?[]>[questions.Count];
        for (var i = 0; i < answers.Length; i++) answers[i] = await Rows(transaction, questions[i].Text, questions[i].Values, cancel);
        return answers;
    }, cancel);

    public Task<IReadOnlyDictionary<string, string>?> Columns(string relation, CancellationToken cancel) => Do(async transaction =>
    {
        var rows = await Rows(transaction, """
            SELECT lower(attname), format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(quote_ident($1)) AND attnum > 0 AND NOT attisdropped
            """, [relation], cancel);
        return rows.Count == 0 ? null : (IReadOnlyDictionary<string, string>?)rows.ToDictionary(row => (string)row[0]!, row => (string)row[1]!, StringComparer.Ordinal);
    }, cancel);

    static async Task<List<object?[]>> Rows(NpgsqlTransaction transaction, string text, IReadOnlyList<object?> values, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(text, transaction.Connection, transaction);
        foreach (var value in values) command.Parameters.Add(new() { NpgsqlDbType = value is long ? NpgsqlDbType.Bigint : NpgsqlDbType.Text, Value = value ?? DBNull.Value });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var rows = new List<object?[]>();
        while (await reader.ReadAsync(cancel))
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++)
                row[i] = reader.GetValue(i) switch { DBNull => null, int number => (long)number, bool flag => flag ? 1L : 0L, var value => value };
            rows.Add(row);
        }
        return rows;
    }

    async Task<T> Do<T>(Func<NpgsqlTransaction, Task<T>> read, CancellationToken cancel)
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(cancel);
            await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancel);
            await using (var readOnly = new NpgsqlCommand("SET TRANSACTION READ ONLY", connection, transaction)) await readOnly.ExecuteNonQueryAsync(cancel);
            collation ??= (await Rows(transaction, "SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu' LIMIT 1", [], cancel)).Count > 0 ? """ COLLATE "und-x-icu" """ : "";
            var result = await read(transaction);
            await transaction.CommitAsync(cancel);
            return result;
        }
        catch (Exception away) when (away is NpgsqlException or SocketException or TimeoutException or IOException)
        {
            throw new SourceAwayException(away is PostgresException said ? $"PostgreSQL says: {said.MessageText} ({said.SqlState})" : away.InnerException is { } inner ? $"{away.Message}: {inner.Message}" : away.Message, away);
        }
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();
}
