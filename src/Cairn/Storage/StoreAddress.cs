using Cairn.Records;

namespace Cairn.Storage;

enum StoreEngine { Sqlite, Postgres, ClickHouse }

/// <summary>Which engine keeps the log, and where it is when it is not in the data directory.</summary>
/// <param name="Url">Null for the data directory. It may hold a password: what is shown is <see cref="ToString"/>.</param>
sealed record StoreAddress(StoreEngine Engine, Uri? Url)
{
    public static readonly StoreAddress Sqlite = new(StoreEngine.Sqlite, null);

    /// <summary>What a person may give.</summary>
    public const string Allowed = "sqlite, postgres://user:password@host:5432/database or clickhouse://user:password@host:8123/database";

    public static bool TryRead(string text, out StoreAddress address)
    {
        address = Sqlite;
        if (text == "sqlite") return true;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host == "" || url.Fragment != "") return false;
        StoreEngine? engine = url.Scheme switch
        {
            "postgres" or "postgresql" => StoreEngine.Postgres,
            "clickhouse" => StoreEngine.ClickHouse,
            _ => null,
        };
        if (engine is null || url.AbsolutePath.Trim('/').Length == 0 || url.AbsolutePath.Trim('/').Contains('/', StringComparison.Ordinal)) return false;
        address = new(engine.Value, url);
        return true;
    }

    /// <summary>What was given, without what may be a password, also when it cannot be read.</summary>
    public static string Shown(string text) => text.Contains('@', StringComparison.Ordinal) || text.Contains('?', StringComparison.Ordinal) ? "(hidden: may hold a password)" : text;

    public string? User => Part(0);

    public string? Password => Part(1);

    public string Database => Uri.UnescapeDataString(Url!.AbsolutePath.Trim('/'));

    string? Part(int index)
    {
        var parts = Url!.UserInfo.Split(':', 2);
        return parts.Length > index && parts[index] != "" ? Uri.UnescapeDataString(parts[index]) : null;
    }

    /// <summary>Parameters that follow a question mark, in order.</summary>
    public IEnumerable<(string Name, string Value)> Parameters => Url!.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair =>
    {
        var parts = pair.Split('=', 2);
        return (Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "");
    });

    /// <summary>As it may be shown and logged: without password and parameters.</summary>
    public override string ToString() => Url is null ? "sqlite" : $"{Url.Scheme}://{(User is { } user ? Texts.Shown(user) + "@" : "")}{Url.Authority}/{Texts.Shown(Database)}";
}
