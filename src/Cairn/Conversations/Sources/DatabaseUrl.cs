using Npgsql;

namespace Cairn.Conversations.Sources;

/// <summary>Where another database is, as settings write it: <c>sqlite:PATH</c>, or <c>postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require</c>.</summary>
static class DatabaseUrl
{
    const string Sqlite = "sqlite:";

    static readonly TimeSpan ConnectsWithin = TimeSpan.FromSeconds(5);

    /// <summary>What is wrong with it; null when nothing is.</summary>
    public static string? WhyNot(string text)
    {
        if (text.StartsWith(Sqlite, StringComparison.Ordinal)) return text.Length > Sqlite.Length ? null : "the path is missing";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("postgres" or "postgresql")) return "it begins with neither sqlite: nor postgres://";
        if (url.Host.Length == 0) return "the host is missing";
        if (url.AbsolutePath.Trim('/') is not { Length: > 0 } database || database.Contains('/', StringComparison.Ordinal)) return "the path is not the name of one database";
        foreach (var (name, value) in Parameters(url))
        {
            if (name == "sslmode" && Mode(value) is null) return "sslmode is disable, prefer, require, verify-ca or verify-full";
            if (name is not ("sslmode" or "search_path")) return "behind the ? it takes sslmode and search_path";
            if (name == "search_path" && !IsIdentifier(value)) return "search_path is one name of letters, digits and underscores";
        }
        return null;
    }

    /// <summary>As it may be shown and kept: without user and password.</summary>
    public static string? WithoutSecrets(string? text)
    {
        if (text is null || text.StartsWith(Sqlite, StringComparison.Ordinal)) return text;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Host.Length > 0
            ? $"{url.Scheme}://{url.Authority.Split('@')[^1]}{url.AbsolutePath}"
            : "(hidden: may hold a password)";
    }

    public static IConversationDatabase Open(string text)
    {
        if (text.StartsWith(Sqlite, StringComparison.Ordinal)) return SqliteDatabase.Foreign(Path.GetFullPath(text[Sqlite.Length..]));
        var url = new Uri(text);
        var (parameters, login) = (Parameters(url).ToDictionary(StringComparer.Ordinal), url.UserInfo.Split(':', 2));
        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = url.Host.Trim('[', ']'),
            Port = url.Port > 0 ? url.Port : 5432,
            Database = Uri.UnescapeDataString(url.AbsolutePath.Trim('/')),
            Username = login[0].Length > 0 ? Uri.UnescapeDataString(login[0]) : null,
            Password = login.Length > 1 ? Uri.UnescapeDataString(login[1]) : null,
            Timeout = (int)ConnectsWithin.TotalSeconds,
            CommandTimeout = 60,
            MaxPoolSize = 8,
            ApplicationName = "Cairn",
        };
        if (parameters.TryGetValue("sslmode", out var mode)) connection.SslMode = Mode(mode)!.Value;
        if (parameters.TryGetValue("search_path", out var path)) connection.SearchPath = path;
        return new PostgresDatabase(connection);
    }

    static IEnumerable<KeyValuePair<string, string>> Parameters(Uri url) => url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=', 2)).Select(pair => KeyValuePair.Create(Uri.UnescapeDataString(pair[0]), pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : "")).DistinctBy(pair => pair.Key);

    static SslMode? Mode(string text) => text switch
    {
        "disable" => SslMode.Disable,
        "prefer" => SslMode.Prefer,
        "require" => SslMode.Require,
        "verify-ca" => SslMode.VerifyCA,
        "verify-full" => SslMode.VerifyFull,
        _ => null,
    };

    static bool IsIdentifier(string text) => text.Length is > 0 and <= 63 && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_');
}
