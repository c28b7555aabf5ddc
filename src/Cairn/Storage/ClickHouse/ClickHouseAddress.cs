using System.Globalization;
using System.Text.RegularExpressions;

namespace Cairn.Storage.ClickHouse;

/// <summary>
/// <c>clickhouse://user:password@host:port,host:port/database?cluster=C&amp;writer=N&amp;replay=24h&amp;tls=true</c>: where the log is. Several
/// hosts are servers of one cluster; each is asked in turn when the one before is away.
/// </summary>
sealed partial record ClickHouseAddress(IReadOnlyList<Uri> Hosts, string Database, string User, string Password)
{
    public const string Form = "clickhouse://user:password@host:8123/database (several hosts with commas between them; after ? cluster=NAME, writer=0-4095, replay=1h-720h, tls=true)";

    /// <summary>The name of the cluster, as the servers' configuration has it; null for a single server.</summary>
    public string? Cluster { get; init; }

    /// <summary>Tells the processes that write to one log apart: each has its own.</summary>
    public int Writer { get; init; }

    /// <summary>How long what was delivered is kept here, to fill what a server lost in a power cut. Default 24 hours.</summary>
    public TimeSpan Replay { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The address without the password, as it may be shown.</summary>
    public override string ToString() => $"clickhouse://{User}@{string.Join(',', Hosts.Select(host => host.Authority))}/{Database}";

    /// <summary>False when the text is none, with what is wrong; never with the password in it.</summary>
    public static bool TryRead(string text, out ClickHouseAddress address, out string fault)
    {
        (address, fault) = (null!, "");
        var match = Parts().Match(text);
        if (!match.Success) return Wrong("it is not of that form", out fault);

        var (cluster, writer, tls, replay) = ((string?)null, 0, false, TimeSpan.FromHours(24));
        foreach (var option in match.Groups["options"].Value.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = option.Split('=', 2) is [var key, var said] ? (key, Uri.UnescapeDataString(said)) : (option, "");
            switch (name)
            {
                case "cluster" when Names().IsMatch(value):
                    cluster = value;
                    break;
                case "writer" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out writer) && writer < 4096:
                    break;
                case "replay" when value.EndsWith('h') && int.TryParse(value[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var hours) && hours is >= 1 and <= 720:
                    replay = TimeSpan.FromHours(hours);
                    break;
                case "tls" when value is "true" or "false":
                    tls = value == "true";
                    break;
                default:
                    return Wrong($"its option '{name}' is not understood", out fault);
            }
        }

        var hosts = new List<Uri>();
        foreach (var host in match.Groups["hosts"].Value.Split(','))
        {
            if (!Uri.TryCreate($"{(tls ? "https" : "http")}://{host}", UriKind.Absolute, out var one) || one.Host == "" || one.AbsolutePath != "/") return Wrong($"'{host}' is no host", out fault);
            hosts.Add(PortGiven().IsMatch(host) ? one : new UriBuilder(one) { Port = tls ? 8443 : 8123 }.Uri);
        }
        var database = Uri.UnescapeDataString(match.Groups["database"].Value);
        if (!Names().IsMatch(database)) return Wrong("the database's name may have letters, digits and underscores", out fault);
        var user = match.Groups["user"].Success ? Uri.UnescapeDataString(match.Groups["user"].Value) : "default";
        var password = Uri.UnescapeDataString(match.Groups["password"].Value);
        if ((user + password).Any(char.IsControl)) return Wrong("user and password have no control characters", out fault);
        address = new(hosts, database, user, password) { Cluster = cluster, Writer = writer, Replay = replay };
        return true;

        static bool Wrong(string why, out string fault)
        {
            fault = why;
            return false;
        }
    }

    [GeneratedRegex("^clickhouse://((?<user>[^:@/?]+)(:(?<password>[^@/?]*))?@)?(?<hosts>[^@/?]+)/(?<database>[^@/?]+)(\\?(?<options>.*))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Parts();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,63}$", RegexOptions.CultureInvariant)]
    private static partial Regex Names();

    [GeneratedRegex(":[0-9]+$", RegexOptions.CultureInvariant)]
    private static partial Regex PortGiven();
}
