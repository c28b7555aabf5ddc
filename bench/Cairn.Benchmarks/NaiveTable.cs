using Cairn.Records;
using Cairn.Storage.Sqlite;

namespace Cairn.Benchmarks;

/// <summary>What one would write first: a table with a text column for each text, the time as ISO 8601, and five indexes on texts.</summary>
sealed class NaiveTable<T> : IDisposable where T : class, IRecord, new()
{
    const int CheckpointAfterPages = 8_000;

    readonly Kind<T> kind;
    readonly Connection connection;
    Statement? insert;

    public NaiveTable(string file, Kind<T> kind)
    {
        this.kind = kind;
        connection = Connection.OpenWriter(file);
    }

    public Connection Connection => connection;

    /// <summary>The indexed columns.</summary>
    public static string[] Indexes(Kind<T> kind) => kind.Name == "request" ? ["timestamp", "model", "status", "api_key_id", "user"] : ["createdAt", "actorId", "action", "resource", "resourceName"];

    public void Create() =>
        connection.Run($"CREATE TABLE naive (place INTEGER PRIMARY KEY, {string.Join(", ", kind.Stored.Select(field => $"\"{field.Name}\" {(field.IsText || field.Type == FieldType.Time ? "TEXT" : "INTEGER")}"))})");

    public void CreateIndexes()
    {
        foreach (var column in Indexes(kind)) connection.Run($"CREATE INDEX naive_{column} ON naive (\"{column}\")");
    }

    public void Append(List<T> records)
    {
        insert ??= connection.Prepare($"INSERT INTO naive ({string.Join(", ", kind.Stored.Select(field => $"\"{field.Name}\""))}) VALUES ({string.Join(", ", kind.Stored.Select(_ => "?"))})");
        connection.Run("BEGIN IMMEDIATE");
        foreach (var record in records)
        {
            for (var i = 0; i < kind.Stored.Length; i++)
            {
                var field = kind.Stored[i];
                if (field.IsText)
                {
                    if (field.Text!(record) is { } text) insert.Bind(1 + i, text);
                    else insert.BindNull(1 + i);
                }
                else if (field.Type == FieldType.Time && field.Number!(record) is { } ms) insert.Bind(1 + i, Iso(ms));
                else insert.Bind(1 + i, field.Number!(record));
            }
            insert.Run();
        }
        connection.Run("COMMIT");
        if (connection.WriteAheadPages >= CheckpointAfterPages) connection.Checkpoint(restart: false);
    }

    public static string Iso(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'");

    public void Dispose() => connection.Dispose();
}
