using System.Globalization;
using System.Text.RegularExpressions;
using Cairn.Records;

namespace Cairn.Storage.ClickHouse;

/// <summary>Where a log in ClickHouse is, and as who this process writes to it.</summary>
/// <param name="Hosts">Servers of one cluster; each is asked in turn when the one before is away, and each has its tables made.</param>
sealed partial record ClickHouseAddress(IReadOnlyList<Uri> Hosts, string Database, string User, string Password)
{
    public const string Allowed = "clickhouse://user:password@host:8123/database, and after ? with & between them host=HOST:PORT for each further server, cluster=NAME, writer=0 to 4095, replay=1h to 720h, tls=true";

    const int MostWriters = 4_096, MostReplayHours = 720;

    /// <summary>The name of the cluster, as the servers' configuration has it; null for a single server.</summary>
    public string? Cluster { get; init; }

    /// <summary>Tells the processes that write to one log apart: each has its own number. Default 0.</summary>
    public int Writer { get; init; }

    /// <summary>How long what was delivered is kept on this machine, to fill what a server lost in a power cut. Default 24 hours.</summary>
    public TimeSpan Replay { get; init; } = TimeSpan.FromHours(24);

    /// <summary>As it may be shown: without the password.</summary>
    public override string ToString() => $"clickhouse://{Texts.Shown(User)}@{string.Join(',', Hosts.Select(host => host.Authority))}/{Database}";

    /// <summary>False when the address has what ClickHouse does not know; <paramref name="fault"/> then says what, and no secret.</summary>
    public static bool TryRead(StoreAddress store, out ClickHouseAddress address, out string fault)
    {
        (address, fault) = (null!, "");
        var (user, password) = (store.User ?? "default", store.Password ?? "");
        if (!Name().IsMatch(store.Database)) return Wrong("a database whose name is not letters, digits and underscores", out fault);
        if ((user + password).Any(char.IsControl)) return Wrong("a user or password with control characters", out fault);

        string? cluster = null;
        var (writer, hours, tls) = (0, 24, false);
        var hosts = new List<string> { store.Url!.Port > 0 ? store.Url.Authority[(store.Url.Authority.LastIndexOf('@') + 1)..] : store.Url.Host };
        foreach (var (name, value) in store.Parameters)
        {
            var understood = name switch
            {
                "host" => Host().IsMatch(value),
                "cluster" => Name().IsMatch(value),
                "writer" => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out writer) && writer < MostWriters,
                "replay" => value.EndsWith('h') && int.TryParse(value.AsSpan(0, value.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out hours) && hours is >= 1 and <= MostReplayHours,
                "tls" => value is "true" or "false",
                _ => false,
            };
            if (!understood) return Wrong($"{Texts.Shown(name)}={(name is "host" or "cluster" or "writer" or "replay" or "tls" ? Texts.Shown(value) : "...")}", out fault);
            if (name == "host") hosts.Add(value);
            else if (name == "cluster") cluster = value;
            else if (name == "tls") tls = value == "true";
        }
        address = new([.. hosts.Select(Http)], store.Database, user, password) { Cluster = cluster, Writer = writer, Replay = TimeSpan.FromHours(hours) };
        return true;

        Uri Http(string host)
        {
            var url = new UriBuilder($"{(tls ? "https" : "http")}://{host}");
            if (!Port().IsMatch(host)) url.Port = tls ? 8443 : 8123;
            return url.Uri;
        }

        static bool Wrong(string what, out string fault)
        {
            fault = what;
            return false;
        }
    }

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,63}$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"^([A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$", RegexOptions.CultureInvariant)]
    private static partial Regex Host();

    [GeneratedRegex(":[0-9]{1,5}$", RegexOptions.CultureInvariant)]
    private static partial Regex Port();
}
