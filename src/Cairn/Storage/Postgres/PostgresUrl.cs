using System.Globalization;
using Npgsql;

namespace Cairn.Storage.Postgres;

/// <summary>How a connection is made to the database of an address: Cairn's own, or one that it only reads.</summary>
static class PostgresUrl
{
    public const string Allowed = "sslmode, sslrootcert, sslcert, sslkey, connect_timeout, application_name and passfile";

    /// <summary>False when a parameter is not understood; <paramref name="fault"/> then names it, and no value.</summary>
    /// <param name="searchPath">Whether the address may say which schema is meant.</param>
    public static bool TryRead(StoreAddress address, bool searchPath, out NpgsqlConnectionStringBuilder settings, out string fault)
    {
        fault = "";
        settings = new()
        {
            Host = address.Url!.Host.Trim('[', ']'),
            Port = address.Url.Port > 0 ? address.Url.Port : 5432,
            Database = address.Database,
            Username = address.User,
            Password = address.Password,
            ApplicationName = "cairn",
            Timeout = 5,
        };
        foreach (var (name, value) in address.Parameters)
        {
            var understood = true;
            switch (name)
            {
                case "sslmode" when Mode(value) is { } mode: settings.SslMode = mode; break;
                case "sslrootcert": settings.RootCertificate = value; break;
                case "sslcert": settings.SslCertificate = value; break;
                case "sslkey": settings.SslKey = value; break;
                case "connect_timeout" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= 1024: settings.Timeout = seconds; break;
                case "application_name": settings.ApplicationName = value; break;
                case "passfile": settings.Passfile = value; break;
                case "search_path" when searchPath && IsIdentifier(value): settings.SearchPath = value; break;
                default: understood = false; break;
            }
            if (understood) continue;
            fault = $"the parameter '{Records.Texts.Shown(name)}' with a value that is not understood; allowed are {(searchPath ? "search_path (one name of letters, digits and underscores), " : "")}{Allowed}";
            return false;
        }
        return true;
    }

    static SslMode? Mode(string text) => text switch
    {
        "disable" => SslMode.Disable,
        "allow" => SslMode.Allow,
        "prefer" => SslMode.Prefer,
        "require" => SslMode.Require,
        "verify-ca" => SslMode.VerifyCA,
        "verify-full" => SslMode.VerifyFull,
        _ => null,
    };

    static bool IsIdentifier(string text) => text.Length is > 0 and <= 63 && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_');
}
