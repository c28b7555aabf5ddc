using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Export;
using Cairn.Records;
using Cairn.Requests;
using Microsoft.AspNetCore.WebUtilities;

namespace Cairn.Push;

/// <summary>Another system that the log is pushed to.</summary>
/// <param name="Name">By which its place in the log is kept.</param>
/// <param name="Url"><c>https</c>, <c>http</c>, <c>syslog+tls</c> or <c>syslog+tcp</c>. Its path may be a secret.</param>
/// <param name="Events">Which events; null for none.</param>
/// <param name="Requests">Which requests; null for none.</param>
sealed record PushTarget(string Name, Uri Url, Filter<EventRecord>? Events, Filter<RequestRecord>? Requests)
{
    /// <summary>The filter as it was given; null for everything.</summary>
    public string? Filter { get; init; }

    /// <summary>How each record is written, one of <see cref="Formats.Objects"/>.</summary>
    public string Format { get; init; } = Formats.Jsonl;

    /// <summary>A target that is new begins with the oldest record instead of with the next one.</summary>
    public bool FromBeginning { get; init; }

    /// <summary>What a webhook's calls are signed with: one secret, or two while the receiver changes from one to the other.</summary>
    public IReadOnlyList<byte[]> Secrets { get; init; } = [];

    /// <summary>Sent to a webhook as it stands in the header of this name. A secret.</summary>
    public string? Authorization { get; init; }

    /// <summary>A PEM file with the certificates of who signed the target's; null for those that this machine trusts.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>A PEM file with a certificate and its key that Cairn shows to the target; null for none.</summary>
    public string? Certificate { get; init; }

    public int BatchRecords { get; init; } = 500;

    public int BatchBytes { get; init; } = 512 * 1024;

    /// <summary>How long the target may take to answer a call, or to take what is sent.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Syslog's facility; 13 is that of audit logs.</summary>
    public int Facility { get; init; } = 13;

    public bool IsSyslog => Url.Scheme is "syslog+tcp" or "syslog+tls";

    public bool UsesTls => Url.Scheme is "syslog+tls" or "https";

    public int Port => Url.Port > 0 ? Url.Port : Url.Scheme switch { "syslog+tls" => 6514, "syslog+tcp" => 601, "https" => 443, _ => 80 };

    public string Records => Events is null ? "requests" : Requests is null ? "events" : "both";

    /// <summary>The address as it may be shown: without path and query, which may be secrets.</summary>
    public string Address => $"{Url.Scheme}://{Url.Authority}{(Url.PathAndQuery is "/" or "" ? "" : "/…")}";

    /// <summary>What it does, without secrets; a change of what is hidden changes the letters in parentheses.</summary>
    public override string ToString() =>
        $"{Name}: {Records}{(Filter is null ? "" : $" ({Filter})")}{(Format == Formats.Jsonl ? "" : $" as {Format}")} to {Address}{(Address.EndsWith('…') ? $" ({Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Url.OriginalString)))[..8]})" : "")}";
}

/// <summary>Reads <c>Push:0:...</c>.</summary>
static class PushSettings
{
    /// <summary>What <see cref="Settings"/> takes as known names.</summary>
    public const string Names = "Push:[0-9]+:(Name|Records|Filter|Format|Url|From|Secret|Authorization|CertificateAuthority|Certificate|AllowHttp|BatchRecords|BatchBytes|Timeout|Facility)";

    /// <summary>Each holds a connection of the store while it is pushed to.</summary>
    const int MostTargets = 16;

    const int LongestName = 64, LeastSecret = 24, MostSecret = 64;

    const string Addresses = "https://HOST/PATH, syslog+tls://HOST:PORT, syslog+tcp://HOST:PORT, or http:// for this machine alone";

    public static IReadOnlyList<PushTarget> Read(IConfiguration all, EventCatalog catalog)
    {
        PushTarget[] targets = [.. all.GetSection("Push").GetChildren().OrderBy(section => section.Key, ConfigurationKeyComparer.Instance).Select(section => Read(section, catalog))];
        if (targets.Length > MostTargets) throw Refused("Push", $"{targets.Length} targets", $"{MostTargets} at most");
        return targets.Select(target => target.Name).Distinct(StringComparer.Ordinal).Count() == targets.Length ? targets : throw Refused("Push", "two of one name", "a name for each target that no other has");
    }

    static PushTarget Read(IConfigurationSection section, EventCatalog catalog)
    {
        var name = Value(section, "Name") ?? throw Refused(section.Path + ":Name", "nothing", "a name, by which the target's place in the log is kept");
        if (name.Length > LongestName || name.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('-' or '_' or '.')))
            throw Refused(section.Path + ":Name", name, $"up to {LongestName} letters, digits, dashes, dots and underscores");

        var url = ReadUrl(section);
        var records = Choice(section, "Records", "events", "requests", "both");
        var filter = Value(section, "Filter")?.TrimStart('?');
        if (filter is not null && records == "both") throw Refused(section.Path + ":Filter", filter, "nothing while Records is both; give events and requests a target each");
        var target = new PushTarget(
            name, url,
            records == "requests" ? null : ReadFilter(section, filter, EventFields.KindOf(catalog)),
            records == "events" ? null : ReadFilter(section, filter, RequestFields.Kind))
        {
            Filter = filter,
            Format = Choice(section, "Format", Formats.Objects),
            FromBeginning = Choice(section, "From", "now", "beginning") == "beginning",
            CertificateAuthority = Pem(section, "CertificateAuthority", "certificates", file => new X509Certificate2Collection().ImportFromPemFile(file)),
            Certificate = Pem(section, "Certificate", "a certificate and its key, without a password", file => X509Certificate2.CreateFromPemFile(file, file).Dispose()),
            BatchRecords = Number(section, "BatchRecords", 500, 1, 10_000),
            BatchBytes = Number(section, "BatchBytes", 512 * 1024, 64 * 1024, 16 * 1024 * 1024),
            Timeout = Time(section, "Timeout"),
            Facility = Number(section, "Facility", 13, 0, 23),
            Secrets = ReadSecrets(section),
            Authorization = Value(section, "Authorization"),
        };
        if (target.Authorization is { } authorization && authorization.Any(letter => letter is < ' ' or > '~')) throw Refused(section.Path + ":Authorization", "(hidden)", "visible ASCII letters, such as Bearer and a token");
        foreach (var (key, allowed) in new[] { ("Secret", !target.IsSyslog), ("Authorization", !target.IsSyslog), ("AllowHttp", url.Scheme == "http"), ("Facility", target.IsSyslog), ("CertificateAuthority", target.UsesTls), ("Certificate", target.UsesTls) })
            if (!allowed && Value(section, key) is not null) throw Refused($"{section.Path}:{key}", "there", $"nothing for {url.Scheme}, which has no use for it");
        return target;
    }

    static Uri ReadUrl(IConfigurationSection section)
    {
        var key = section.Path + ":Url";
        var text = Value(section, "Url") ?? throw Refused(key, "nothing", Addresses);
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Host == "") throw Refused(key, "not an address", Addresses);
        if (url.UserInfo != "") throw Refused(key, "(hidden: holds a password)", Addresses + "; what a webhook wants to be let in goes to Authorization");
        var allowHttp = Choice(section, "AllowHttp", "false", "true") == "true";
        switch (url.Scheme)
        {
            case "https": break;
            case "http" when url.IsLoopback || allowHttp: break;
            case "http": throw Refused(key, "http://" + url.Authority, "https, because anyone on the way could read the log; AllowHttp=true takes it all the same");
            case "syslog+tls" or "syslog+tcp" when url.AbsolutePath is "" or "/" && url.Query == "": break;
            case "syslog+tls" or "syslog+tcp": throw Refused(key, $"{url.Scheme}://{url.Authority} with a path", $"{url.Scheme}://HOST:PORT");
            default: throw Refused(key, url.Scheme + "://", Addresses);
        }
        return url.Fragment == "" ? url : throw Refused(key, "an address with a # in it", Addresses);
    }

    /// <summary>The query of the list over HTTP, read as strictly.</summary>
    static Filter<T> ReadFilter<T>(IConfigurationSection section, string? text, Kind<T> kind) where T : class, IRecord, new()
    {
        if (text is null) return Filter<T>.Everything;
        var query = new Query(new QueryCollection(QueryHelpers.ParseQuery(text)));
        var filter = query.Filter(kind, "from", "to");
        if (filter.FromMs is not null || filter.UntilMs is not null) query.Refuse("from", "has no meaning here: what is pushed begins with From, and does not end");
        return query.Fault is { } fault ? throw new SettingException($"Setting {section.Path}:Filter is '{Texts.Shown(text)}', in which {fault.Name} {fault.Why}; allowed is what the list of {kind.Name}s takes, such as {(kind.Name == "event" ? "outcome=!success&resource=User" : "status=error&status=timeout")}.") : filter;
    }

    static IReadOnlyList<byte[]> ReadSecrets(IConfigurationSection section)
    {
        const string prefix = "whsec_";
        return [.. (Value(section, "Secret") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Read)];

        byte[] Read(string text)
        {
            var bytes = new byte[MostSecret];
            return text.StartsWith(prefix, StringComparison.Ordinal) && Convert.TryFromBase64String(text[prefix.Length..], bytes, out var length) && length >= LeastSecret
                ? bytes[..length]
                : throw Refused(section.Path + ":Secret", "(hidden)", $"{prefix} and {LeastSecret} to {MostSecret} bytes in Base64, as this makes them: echo {prefix}$(openssl rand -base64 32)");
        }
    }

    static string? Pem(IConfigurationSection section, string name, string what, Action<string> read)
    {
        if (Value(section, name) is not { } file) return null;
        try
        {
            read(file);
            return Path.GetFullPath(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw Refused($"{section.Path}:{name}", file, $"a PEM file with {what} ({unreadable.Message})");
        }
    }

    static TimeSpan Time(IConfigurationSection section, string name)
    {
        if (Value(section, name) is not { } text) return TimeSpan.FromSeconds(30);
        var isInMinutes = text.EndsWith('m');
        var seconds = int.TryParse(text.TrimEnd('s', 'm'), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number * (isInMinutes ? 60L : 1) : 0;
        return seconds is >= 1 and <= 600 ? TimeSpan.FromSeconds(seconds) : throw Refused($"{section.Path}:{name}", text, "a time from 1s to 10m such as 30s; a bare number is seconds");
    }

    static string Choice(IConfigurationSection section, string name, params string[] allowed) =>
        Value(section, name) is not { } text ? allowed[0] : allowed.Contains(text) ? text : throw Refused($"{section.Path}:{name}", text, string.Join(" or ", allowed));

    static int Number(IConfigurationSection section, string name, int absent, int least, int most) =>
        Value(section, name) is not { } text ? absent
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
        : throw Refused($"{section.Path}:{name}", text, $"a whole number from {least} to {most}");

    static string? Value(IConfiguration all, string key) => string.IsNullOrWhiteSpace(all[key]) ? null : all[key]!.Trim();

    static SettingException Refused(string key, string given, string allowed) => new($"Setting {key} is '{Texts.Shown(given)}'; allowed is {allowed}.");
}
