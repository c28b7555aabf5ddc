using System.Text.Json;
using System.Text.RegularExpressions;
using Cairn.Access;
using Cairn.Access.Oidc;
using Cairn.Conversations.Sources;
using Cairn.Events;
using Cairn.Gateway;
using Cairn.Push;
using Cairn.Records;
using Cairn.Requests.Remote;
using Cairn.Storage;

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

    /// <summary>Fills a fresh data directory with a month of invented records and adds a backend without a model. <c>--demo</c>, off by default.</summary>
    public bool Demo { get; init; }

    /// <summary>Where the log is kept. <c>--store</c>, default <c>sqlite</c>, in the data directory.</summary>
    public StoreAddress Store { get; init; } = StoreAddress.Sqlite;

    public Role Role { get; init; }

    public Uri Gateway { get; init; } = new("http://localhost:10243");

    public Uri Console { get; init; } = new("http://localhost:10242");

    /// <summary>Days after which requests are removed; 0 keeps them for ever. Default 30.</summary>
    public int RequestDays { get; init; } = 30;

    /// <summary>Days after which events are removed; 0 keeps them for ever. Default 365.</summary>
    public int EventDays { get; init; } = 365;

    /// <summary>Days after which Cairn's own conversations are removed, counted from when they were last touched; 0, the default, keeps them for ever.</summary>
    public int ConversationDays { get; init; }

    /// <summary>Bytes that records may take; beyond, the oldest are removed. 0, the default, sets no limit.</summary>
    public long MaxBytes { get; init; }

    /// <summary>Rows at which an export of events or conversations stops; 0 sets no limit. Default 10,000.</summary>
    public int ExportRows { get; init; } = 10_000;

    /// <summary>Whether conversations may be reviewed: the environment variable AUDIT_LOGS_ENABLED is exactly <c>true</c>. Off by default.</summary>
    public bool AuditLogsEnabled { get; init; }

    /// <summary>Where conversations are: <c>builtin</c>, the default, in the data directory; <c>sql</c> and <c>openwebui</c> in another database.</summary>
    public string ConversationSource { get; init; } = "builtin";

    /// <summary>The other database: <c>sqlite:PATH</c> or <c>postgres://USER:PASSWORD@HOST:PORT/DATABASE</c>. A secret.</summary>
    public string? ConversationConnection { get; init; }

    public GatewaySettings Inference { get; init; } = new();

    /// <summary>Other systems that the log is pushed to. None by default.</summary>
    public IReadOnlyList<PushTarget> Push { get; init; } = [];

    /// <summary>The console as browsers address it, when a proxy stands before it. Null, the default, takes the address that each call names.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>Proxies (addresses or networks) whose X-Forwarded-For and X-Forwarded-Proto are believed. None by default.</summary>
    public IReadOnlyList<System.Net.IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>How the console calls itself.</summary>
    public string ProductName { get; init; } = "Cairn";

    /// <summary>Where the console's "back" leads; null for no such link.</summary>
    public ConsoleLink? BackLink { get; init; }

    /// <summary>Further links of the console's sidebar.</summary>
    public IReadOnlyList<ConsoleLink> Links { get; init; } = [];

    /// <summary>Gateways in other processes whose requests this console shows. None by default, and only for the role console.</summary>
    public IReadOnlyList<GatewayAddress> Gateways { get; init; } = [];

    /// <summary>The first administrator, for unattended installs; used while there is none. Null, the default, prints a link instead.</summary>
    public (string Email, string Password)? Admin { get; init; }

    /// <summary>A provider to sign in with; null for none.</summary>
    public OidcSettings? Oidc { get; init; }

    public EventCatalog Catalog { get; init; } = EventCatalog.Known;

    /// <summary>The settings that decide what is kept and who may see it, as texts; a change of one is an event. None of them is a secret.</summary>
    public IEnumerable<(string Name, string? Value)> Audited =>
    [
        ("Retention:RequestDays", RequestDays.ToString()), ("Retention:EventDays", EventDays.ToString()), ("Retention:ConversationDays", ConversationDays.ToString()), ("Retention:MaxBytes", MaxBytes.ToString()), ("Export:MaxRows", ExportRows.ToString()),
        ("Store", Store.ToString()), ("Role", Role.ToString().ToLowerInvariant()), ("Gateway:Url", Gateway.OriginalString), ("Console:Url", Console.OriginalString), ("Console:PublicUrl", PublicUrl?.OriginalString),
        ("AUDIT_LOGS_ENABLED", AuditLogsEnabled ? "true" : "false"), ("Conversations:Source", ConversationSource), ("Conversations:Connection", DatabaseUrl.WithoutSecrets(ConversationConnection)),
        ("TrustedProxies", TrustedProxies.Count == 0 ? null : string.Join(", ", TrustedProxies)),
        ("Console:Gateways", Gateways.Count == 0 ? null : string.Join(", ", Gateways.Select(gateway => $"{gateway.Name} {gateway.Url}"))),
        ("Push", Push.Count == 0 ? null : string.Join("; ", Push)),
        ("Oidc:Issuer", Oidc?.Issuer.OriginalString), ("Oidc:ClientId", Oidc?.ClientId), ("Oidc:RoleClaim", Oidc?.RoleClaim),
        ("Oidc:AdminValues", Joined(Oidc?.AdminValues)), ("Oidc:ViewerValues", Joined(Oidc?.ViewerValues)), ("Oidc:UserValues", Joined(Oidc?.UserValues)),
    ];

    static string? Joined(IReadOnlyList<string>? values) => values is null ? null : string.Join(", ", values);

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
        if (!StoreAddress.TryRead(store, out var address)) throw Refused("Store", StoreAddress.Shown(store), StoreAddress.Allowed);
        var (source, connection) = ReadConversations(all);
        var catalog = new EventCatalog(
            all.GetSection("Events:Actions").GetChildren().Select(action => KeyValuePair.Create(action.Key, action.Value ?? throw Refused(action.Path, "nothing", "a label"))),
            all.GetSection("Events:Resources").GetChildren().Select(ReadResource));
        return new()
        {
            DataDirectory = directory,
            Demo = Value(all, "Demo") switch { null or "false" => false, "true" => true, var other => throw Refused("Demo", other, "true or false") },
            Store = address,
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
            ConversationDays = (int)Number(all, "Retention:ConversationDays", 0, 0, 36_500),
            AuditLogsEnabled = Environment.GetEnvironmentVariable("AUDIT_LOGS_ENABLED") == "true",
            ConversationSource = source,
            ConversationConnection = connection,
            Inference = GatewaySettings.Read(all),
            PublicUrl = ReadPublicUrl(all),
            TrustedProxies = [.. List(all, "TrustedProxies", []).Select(text => ReadNetwork("TrustedProxies", text))],
            ProductName = Value(all, "Console:ProductName") ?? "Cairn",
            BackLink = Value(all, "Console:BackUrl") is { } back ? new("", Value(all, "Console:BackLabel") ?? "Back to app", Link("Console:BackUrl", back)) : null,
            Links = [.. all.GetSection("Console:Links").GetChildren().Select(link => new ConsoleLink(
                Value(link, "Group") ?? "More", Value(link, "Label") ?? throw Refused(link.Path + ":Label", "nothing", "a label"), Link(link.Path + ":Url", Value(link, "Url") ?? "")))],
            Gateways = ReadGateways(all),
            Admin = ReadAdmin(all),
            Oidc = ReadOidc(all),
            Catalog = catalog,
            Push = PushSettings.Read(all, catalog),
        };
    }

    /// <summary>All names that a setting can have, as alternatives of a regular expression.</summary>
    public const string Names = GatewaySettings.Names + "|" + PushSettings.Names + "|Data|Store|Role|Demo|(Gateway|Console):Url|TrustedProxies|Console:(PublicUrl|ProductName|BackUrl|BackLabel)|Console:Gateways:[^:]+:(Name|Url|Key)|Console:Links:[^:]+:(Group|Label|Url)|Admin:(Email|Password)|Oidc:(Name|Issuer|ClientId|ClientSecret|Scope|RoleClaim|AdminValues|ViewerValues|UserValues)|Retention:(RequestDays|EventDays|ConversationDays|MaxBytes)|Conversations:(Source|Connection)|Export:MaxRows|Events:Actions:[^:]+|Events:Resources:[^:]+:(Label|Link)";

    [GeneratedRegex("^(" + Names + ")$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Known();

    static ResourceType ReadResource(IConfigurationSection section)
    {
        var link = Value(section, "Link");
        return new(section.Key, Value(section, "Label") ?? section.Key, link is null ? null : Link(section.Path + ":Link", link));
    }

    /// <summary>Where a link of the console may lead: never to a script.</summary>
    static string Link(string key, string link) =>
        (link.StartsWith('/') && !link.StartsWith("//", StringComparison.Ordinal)) || link.StartsWith("https://", StringComparison.Ordinal) || link.StartsWith("http://", StringComparison.Ordinal)
            ? link
            : throw Refused(key, link, "a path such as /admin/users/{id}, or an http(s) address");

    static Uri? ReadPublicUrl(IConfiguration all)
    {
        if (Value(all, "Console:PublicUrl") is not { } text) return null;
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.AbsolutePath == "/" && url.Query == "" && url.Fragment == "" && url.UserInfo == ""
            ? url
            : throw Refused("Console:PublicUrl", url is { UserInfo.Length: > 0 } ? "(hidden: holds a password)" : text, "an address without a path, such as https://cairn.example.com");
    }

    static System.Net.IPNetwork ReadNetwork(string key, string text)
    {
        if (System.Net.IPNetwork.TryParse(text, out var network)) return network;
        return System.Net.IPAddress.TryParse(text, out var address)
            ? new(address, address.GetAddressBytes().Length * 8)
            : throw Refused(key, text, "IP addresses and networks, separated by commas, such as 10.0.0.5, 10.1.0.0/16");
    }

    static List<GatewayAddress> ReadGateways(IConfiguration all)
    {
        var gateways = all.GetSection("Console:Gateways").GetChildren().Select(gateway =>
        {
            var text = Value(gateway, "Url") ?? throw Refused(gateway.Path + ":Url", "nothing", "a gateway's address, such as http://10.0.0.5:10243");
            if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.AbsolutePath != "/" || url.Query != "" || url.UserInfo != "")
                throw Refused(gateway.Path + ":Url", url is { UserInfo.Length: > 0 } ? "(hidden: holds a password)" : text, "a gateway's address without a path, such as http://10.0.0.5:10243");
            var key = Value(gateway, "Key") ?? throw Refused(gateway.Path + ":Key", "nothing", "an API key of that gateway with the scope audit:read");
            return KeyText.IsWellFormed(key) ? new GatewayAddress(Value(gateway, "Name") ?? url.Authority, url, key) : throw Refused(gateway.Path + ":Key", "(hidden)", "an API key of that gateway: crn_ and 36 letters and digits");
        }).ToList();
        if (gateways.Count > 0 && Value(all, "Role") != "console") throw Refused("Console:Gateways", "there", "nothing, unless Role is console: a console beside its own gateway shows that one's requests");
        if (gateways.Count > 0 && StoreAddress.TryRead(Value(all, "Store") ?? "sqlite", out var store) && store.Engine == StoreEngine.Postgres)
            throw Refused("Console:Gateways", "there", "nothing, where the log is in PostgreSQL: the console reads there what every gateway over it records (a console over gateways with logs of their own has the Store sqlite)");
        return gateways.Select(gateway => gateway.Name).Distinct().Count() == gateways.Count ? gateways : throw Refused("Console:Gateways", "two of one name", "a name for each gateway");
    }

    static (string Source, string? Connection) ReadConversations(IConfiguration all)
    {
        var (source, connection) = (Value(all, "Conversations:Source") ?? "builtin", Value(all, "Conversations:Connection"));
        if (source is not ("builtin" or "sql" or "openwebui")) throw Refused("Conversations:Source", source, "builtin, sql or openwebui");
        if (source == "builtin") return connection is null ? (source, null) : throw Refused("Conversations:Connection", "there", "nothing while Conversations:Source is builtin");
        const string wanted = "sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE";
        if (connection is null) throw Refused("Conversations:Connection", "nothing", wanted);
        return DatabaseUrl.WhyNot(connection) is null ? (source, connection) : throw Refused("Conversations:Connection", DatabaseUrl.WithoutSecrets(connection) ?? "", $"{wanted}; {DatabaseUrl.WhyNot(connection)}");
    }

    static (string, string)? ReadAdmin(IConfiguration all)
    {
        var (email, password) = (Value(all, "Admin:Email"), Value(all, "Admin:Password"));
        if (email is null && password is null) return null;
        if (email is null || !Account.IsEmail(email)) throw Refused("Admin:Email", email ?? "nothing", "an e-mail address");
        if (password is null) throw Refused("Admin:Password", "nothing", "the first administrator's password");
        if (Password.WhyNot(password, email) is { } why) throw new SettingException($"Setting Admin:Password {why}.");
        return (email, password);
    }

    static OidcSettings? ReadOidc(IConfiguration all)
    {
        if (!all.GetSection("Oidc").Exists()) return null;
        var text = Value(all, "Oidc:Issuer") ?? throw Refused("Oidc:Issuer", "nothing", "the provider's issuer, such as https://id.example.com/realms/main");
        // Without TLS anyone on the way could say who signs in; on this machine there is no way.
        if (!Uri.TryCreate(text, UriKind.Absolute, out var issuer) || issuer.Query != "" || issuer.Fragment != "" || issuer.UserInfo != "" || !(issuer.Scheme == "https" || (issuer.Scheme == "http" && issuer.IsLoopback)))
            throw Refused("Oidc:Issuer", issuer is { UserInfo.Length: > 0 } ? "(hidden: holds a password)" : text, "an https address (http for this machine alone), to the letter as the provider calls itself");
        var plain = new OidcSettings(issuer, Value(all, "Oidc:ClientId") ?? throw Refused("Oidc:ClientId", "nothing", "the client id that the provider knows Cairn by"));
        var scope = Value(all, "Oidc:Scope") ?? plain.Scope;
        if (!scope.Split(' ').Contains("openid")) throw Refused("Oidc:Scope", scope, "a list with openid in it, separated by spaces");
        return plain with
        {
            Name = Value(all, "Oidc:Name") ?? plain.Name,
            ClientSecret = Value(all, "Oidc:ClientSecret"),
            Scope = scope,
            RoleClaim = Value(all, "Oidc:RoleClaim") ?? plain.RoleClaim,
            AdminValues = List(all, "Oidc:AdminValues", plain.AdminValues),
            ViewerValues = List(all, "Oidc:ViewerValues", plain.ViewerValues),
            UserValues = List(all, "Oidc:UserValues", plain.UserValues),
        };
    }

    /// <summary>Values with commas between them; a single dash stands for none.</summary>
    static IReadOnlyList<string> List(IConfiguration all, string key, IReadOnlyList<string> absent) => Value(all, key) switch
    {
        null => absent,
        "-" => [],
        var text => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
    };

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
