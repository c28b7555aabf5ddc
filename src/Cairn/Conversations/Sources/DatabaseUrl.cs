using Cairn.Storage;
using Cairn.Storage.Postgres;

namespace Cairn.Conversations.Sources;

/// <summary>Where another database is, as settings write it: <c>sqlite:PATH</c>, or <c>postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require</c>.</summary>
static class DatabaseUrl
{
    const string Sqlite = "sqlite:";

    /// <summary>What is wrong with it; null when nothing is.</summary>
    public static string? WhyNot(string text)
    {
        if (text.StartsWith(Sqlite, StringComparison.Ordinal)) return text.Length > Sqlite.Length ? null : "the path is missing";
        if (!IsPostgres(text, out var address)) return "it is neither sqlite: with a path nor postgres:// with a host and one database";
        return PostgresUrl.TryRead(address, searchPath: true, out _, out var fault) ? null : "it has " + fault;
    }

    static bool IsPostgres(string text, out StoreAddress address) => StoreAddress.TryRead(text, out address) && address.Engine == StoreEngine.Postgres;

    /// <summary>As it may be shown and kept: without user and password.</summary>
    public static string? WithoutSecrets(string? text)
    {
        if (text is null || text.StartsWith(Sqlite, StringComparison.Ordinal)) return text;
        return IsPostgres(text, out var address) ? $"{address.Url!.Scheme}://{address.Url.Authority}{address.Url.AbsolutePath}" : "(hidden: may hold a password)";
    }

    public static IConversationDatabase Open(string text)
    {
        if (text.StartsWith(Sqlite, StringComparison.Ordinal)) return SqliteDatabase.Foreign(Path.GetFullPath(text[Sqlite.Length..]));
        if (!IsPostgres(text, out var address) || !PostgresUrl.TryRead(address, searchPath: true, out var connection, out _)) throw new ArgumentException(WhyNot(text), nameof(text));
        (connection.CommandTimeout, connection.MaxPoolSize) = (60, 8);
        return new PostgresDatabase(connection);
    }
}
