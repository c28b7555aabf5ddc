using System.Text.Json;
using System.Text.RegularExpressions;
using Cairn.Events;
using Cairn.Gateway;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>A setting that is not understood. The message is the one line that the start ends with.</summary>
sealed class SettingException(string message) : Exception(message);

/// <summary>Which listeners a process opens.</summary>
enum Role { Both, Gateway, Console }

/// <summary>Every setting, read and checked once at start. What each means and its default stand in docs/configuration.md.</summary>
sealed partial record Settings
{
    /// <summary>Where everything is kept; made with mode 0700 when it is not there. <c>--data</c>, default <c>./data</c>.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Which engine keeps the log. <c>--store</c>, default <c>sqlite</c>.</summary>
    public string Store { get; init; } = "sqlite";

    public Role Role { get; init; }

    public Uri Gateway { get; init; } = new("http://localhost:10243");

    public Uri Console { get; init; } = new("http://localhost:10242");

    /// <summary>Days after which requests are removed; 0 keeps them for ever. Default 30.</summary>
    public int RequestDays { get; init; } = 30;

    /// <summary>Days after which events are removed; 0 keeps them for ever. Default 365.</summary>
    public int EventDays { get; init; } = 365;

    /// <summary>Bytes that records may take; beyond, the oldest are removed. 0, the default, sets no limit.</summary>
    public long MaxBytes { get; init; }

    /// <summary>Rows at which an export of events stops; 0 sets no limit. Default 10,000.</summary>
    public int ExportRows { get; init; } = 10_000;

    public GatewaySettings Inference { get; init; } = new();

    public EventCatalog Catalog { get; init; } = EventCatalog.Known;

    /// <param name="args">Command line settings: <c>--data DIR --store S --gateway URL --console URL --role R</c>.</param>
    public static Settings Read(IReadOnlyDictionary<string, string?> args)
    {
        var environment = new ConfigurationBuilder().AddEnvironmentVariables("Cairn__").AddInMemoryCollection(args).Build();
        var directory = Path.GetFullPath(Value(environment, "Data") ?? "data");
        try
        {
            return Read(directory, new ConfigurationBuilder()
                .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
                .AddJsonFile(Path.Combine(directory, "cairn.json"), optional: true)
                .AddEnvironmentVariables("Cairn__")
                .AddInMemoryCollection(args)
                .Build());
        }
        catch (InvalidDataException unreadable)
        {
            throw new SettingException(Why(unreadable));
        }
    }

    static string Why(InvalidDataException unreadable) => unreadable.InnerException switch
    {
        { InnerException: JsonException { LineNumber: { } line } broken } => $"{unreadable.Message} It is not valid JSON: line {line + 1}, byte {broken.BytePositionInLine + 1}.",
        { } why => $"{unreadable.Message} {why.Message}",
        null => unreadable.Message,
    };

    static Settings Read(string directory, IConfigurationRoot all)
    {
        // A name that is mistyped must not pass for the default.
        if (all.AsEnumerable().FirstOrDefault(setting => setting.Value is not null && !Known().IsMatch(setting.Key)) is { Key: { } unknown })
            throw new SettingException($"Setting {Texts.Shown(unknown)} is not known; docs/configuration.md lists those that are.");

        var store = Value(all, "Store") ?? "sqlite";
        if (store != "sqlite") throw Refused("Store", store.Contains('@', StringComparison.Ordinal) ? "(hidden: holds a password)" : store, "sqlite");
        return new()
        {
            DataDirectory = directory,
            Store = store,
            Role = (Value(all, "Role") ?? "both") switch
            {
                "both" => Role.Both,
                "gateway" => Role.Gateway,
                "console" => Role.Console,
                var other => throw Refused("Role", other, "both, gateway or console"),
            },
            Gateway = Url(all, "Gateway:Url", "http://localhost:10243"),
            Console = Url(all, "Console:Url", "http://localhost:10242"),
            RequestDays = (int)Number(all, "Retention:RequestDays", 30, 0, 36_500),
            EventDays = (int)Number(all, "Retention:EventDays", 365, 0, 36_500),
            MaxBytes = Number(all, "Retention:MaxBytes", 0, 0, long.MaxValue),
            ExportRows = (int)Number(all, "Export:MaxRows", 10_000, 0, int.MaxValue),
            Inference = GatewaySettings.Read(all),
            Catalog = new(
                all.GetSection("Events:Actions").GetChildren().Select(action => KeyValuePair.Create(action.Key, action.Value ?? throw Refused(action.Path, "nothing", "a label"))),
                all.GetSection("Events:Resources").GetChildren().Select(ReadResource)),
        };
    }

    [GeneratedRegex("^(" + GatewaySettings.Names + "|Data|Store|Role|(Gateway|Console):Url|Retention:(RequestDays|EventDays|MaxBytes)|Export:MaxRows|Events:Actions:[^:]+|Events:Resources:[^:]+:(Label|Link))$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Known();

    static ResourceType ReadResource(IConfigurationSection section)
    {
        var link = Value(section, "Link");
        if (link is not null && !(link.StartsWith('/') && !link.StartsWith("//", StringComparison.Ordinal)) && !link.StartsWith("https://", StringComparison.Ordinal) && !link.StartsWith("http://", StringComparison.Ordinal))
            throw Refused(section.Path + ":Link", link, "a path such as /admin/users/{id}, or an http(s) address");
        return new(section.Key, Value(section, "Label") ?? section.Key, link);
    }

    static string? Value(IConfiguration all, string key) => string.IsNullOrWhiteSpace(all[key]) ? null : all[key];

    static long Number(IConfiguration all, string key, long absent, long least, long most)
    {
        if (Value(all, key) is not { } text) return absent;
        return long.TryParse(text, out var number) && number >= least && number <= most ? number : throw Refused(key, text, $"a whole number from {least} to {most}");
    }

    static Uri Url(IConfiguration all, string key, string absent)
    {
        var text = Value(all, key) ?? absent;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme == "http" && url.AbsolutePath == "/" && url.Query == "" && url.UserInfo == ""
            && (url.Host == "localhost" || System.Net.IPAddress.TryParse(url.Host.Trim('[', ']'), out _))
            ? url
            : throw Refused(key, url is { UserInfo.Length: > 0 } ? "(hidden: holds a password)" : text, "localhost or an IP address with a port, such as http://localhost:10243 or http://0.0.0.0:10243 for every interface (TLS is a reverse proxy's work)");
    }

    static SettingException Refused(string key, string given, string allowed) => new($"Setting {key} is '{Texts.Shown(given)}'; allowed is {allowed}.");
}
