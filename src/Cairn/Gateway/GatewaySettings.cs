using System.Globalization;
using Cairn.Hosting;

namespace Cairn.Gateway;

/// <summary>When a request must be on disk.</summary>
enum RecordAt { Start, End }

/// <summary>What becomes of a request that the log cannot take.</summary>
enum OnAuditFailure { Refuse, Allow }

/// <summary>Where models are.</summary>
/// <param name="Type">What records name as <c>backend_type</c>; <c>anthropic</c> gets its key the way Anthropic wants it.</param>
/// <param name="Url">What stands for the client's <c>/v1</c>.</param>
/// <param name="Key">Sent to this backend alone, never logged; null for none.</param>
/// <param name="Timeout">For every path; absent, each path's own.</param>
sealed record BackendSettings(string Name, string Type, Uri Url, string? Key, TimeSpan? Timeout = null, TimeSpan? ChatTimeout = null, TimeSpan? CompletionsTimeout = null, TimeSpan? EmbeddingsTimeout = null)
{
    /// <summary>The key is a secret, also where someone prints the settings.</summary>
    public override string ToString() => $"{Name} ({Type}) at {Url}";
}

/// <param name="Model">A model's name, or a pattern in which <c>*</c> stands for any letters.</param>
sealed record RouteSettings(string Model, string Backend);

/// <summary>The inference gateway's settings: which models are where, and how strictly calls are recorded.</summary>
sealed record GatewaySettings
{
    public IReadOnlyList<BackendSettings> Backends { get; init; } = [];

    /// <summary>In order; the first that fits a model decides.</summary>
    public IReadOnlyList<RouteSettings> Routes { get; init; } = [];

    /// <summary>Start, the default: a request is on disk before a backend sees it. End: it is written in the background, and a crash loses what was under way.</summary>
    public RecordAt Record { get; init; }

    /// <summary>Refuse, the default: what cannot be recorded is answered 503 and reaches no backend. Allow: it is served, counted, and the gap is marked.</summary>
    public OnAuditFailure OnAuditFailure { get; init; }

    /// <summary>What <see cref="Hosting.Settings"/> takes as known names.</summary>
    public const string Names = "Gateway:(Record|OnAuditFailure|Backends:[0-9]+:(Name|Type|Url|Key|Timeout|ChatTimeout|CompletionsTimeout|EmbeddingsTimeout)|Routes:[0-9]+:(Model|Backend))";

    static readonly string[] OpenAiModels = ["gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "text-embedding-*"], AnthropicModels = ["claude-*"];

    public static GatewaySettings Read(IConfiguration all)
    {
        BackendSettings[] backends = [.. all.GetSection("Gateway:Backends").GetChildren().Select(ReadBackend)];
        if (backends.Length == 0) backends = Found(Environment.GetEnvironmentVariable("OPENAI_API_KEY"), Environment.GetEnvironmentVariable("ANTHROPIC_API_KEY"));
        if (backends.GroupBy(backend => backend.Name, StringComparer.Ordinal).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw Refused("Gateway:Backends", twice.Key, "a name for each backend that no other has");

        RouteSettings[] routes = [.. all.GetSection("Gateway:Routes").GetChildren().Select(section => ReadRoute(section, backends))];
        return new()
        {
            Backends = backends,
            Routes = routes.Length > 0 ? routes : [.. DefaultRoutes(backends)],
            Record = Choice(all, "Gateway:Record", RecordAt.Start),
            OnAuditFailure = Choice(all, "Gateway:OnAuditFailure", OnAuditFailure.Refuse),
        };
    }

    /// <summary>The same with one more backend: it takes the models that begin with its name, and all that would go to no other, or to an Ollama that nobody named.</summary>
    public GatewaySettings With(BackendSettings more)
    {
        var unnamed = Backends.Where(backend => backend.Url == Ollama).Select(backend => backend.Name).ToHashSet();
        return this with { Backends = [.. Backends, more], Routes = [new(more.Name + "*", more.Name), .. Routes.Where(route => !unnamed.Contains(route.Backend)), new("*", more.Name)] };
    }

    /// <summary>Where a backend is that nobody named, and that need not be there.</summary>
    public static readonly Uri Ollama = new("http://localhost:11434/v1");

    /// <summary>What is there without anything configured: the providers whose keys stand in the environment, and an Ollama on its usual port.</summary>
    public static BackendSettings[] Found(string? openAiKey, string? anthropicKey) =>
    [
        .. string.IsNullOrWhiteSpace(openAiKey) ? Array.Empty<BackendSettings>() : [new("openai", "openai", new("https://api.openai.com/v1"), openAiKey.Trim())],
        .. string.IsNullOrWhiteSpace(anthropicKey) ? Array.Empty<BackendSettings>() : [new("anthropic", "anthropic", new("https://api.anthropic.com/v1"), anthropicKey.Trim())],
        new("local", "local", Ollama, null),
    ];

    /// <summary>Each provider's models to it, and everything else to the first backend of another type, or to the only one.</summary>
    public static IEnumerable<RouteSettings> DefaultRoutes(IReadOnlyList<BackendSettings> backends)
    {
        if (backends.Count > 1)
            foreach (var (type, models) in new[] { ("openai", OpenAiModels), ("anthropic", AnthropicModels) })
                if (backends.FirstOrDefault(backend => backend.Type == type) is { } backend)
                    foreach (var model in models) yield return new(model, backend.Name);
        if ((backends.Count == 1 ? backends[0] : backends.FirstOrDefault(backend => backend.Type is not ("openai" or "anthropic"))) is { } rest) yield return new("*", rest.Name);
    }

    static BackendSettings ReadBackend(IConfigurationSection section)
    {
        var type = Value(section, "Type") ?? "local";
        if (type.Length > 32 || type.Any(letter => !char.IsAsciiLetterLower(letter) && !char.IsAsciiDigit(letter) && letter is not ('-' or '_')))
            throw Refused(section.Path + ":Type", type, "local, openai, anthropic, or another word of small letters");
        var key = Value(section, "Key");
        if (key is not null && key.Any(letter => letter is < '!' or > '~')) throw Refused(section.Path + ":Key", "(hidden)", "a key of visible ASCII letters");
        return new(Value(section, "Name") ?? type, type, Url(section), key,
            Time(section, "Timeout"), Time(section, "ChatTimeout"), Time(section, "CompletionsTimeout"), Time(section, "EmbeddingsTimeout"));
    }

    static Uri Url(IConfigurationSection section)
    {
        var text = Value(section, "Url") ?? throw Refused(section.Path + ":Url", "", "the address that stands for /v1, such as http://localhost:11434/v1");
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.Query == "" && url.Fragment == "" && url.UserInfo == ""
            ? url
            : throw Refused(section.Path + ":Url", url is { UserInfo.Length: > 0 } or { Query.Length: > 0 } ? "(hidden: may hold a secret)" : text, "an http or https address without query and password, such as https://api.openai.com/v1");
    }

    static RouteSettings ReadRoute(IConfigurationSection section, BackendSettings[] backends)
    {
        var model = Value(section, "Model") ?? throw Refused(section.Path + ":Model", "", "a model's name, or a pattern such as gpt-* or *");
        var backend = Value(section, "Backend") ?? "";
        return backends.Any(one => one.Name == backend) ? new(model, backend) : throw Refused(section.Path + ":Backend", backend, "the name of a backend: " + string.Join(", ", backends.Select(one => one.Name)));
    }

    static TimeSpan? Time(IConfigurationSection section, string name)
    {
        if (Value(section, name) is not { } text) return null;
        var unit = text.EndsWith("ms", StringComparison.Ordinal) ? 2 : char.IsAsciiLetter(text[^1]) ? 1 : 0;
        var factor = text[^unit..] switch { "ms" => 0.001, "" or "s" => 1, "m" => 60, "h" => 3_600, _ => -1 };
        var seconds = double.TryParse(text[..^unit], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number * factor
            : text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out var span) ? span.TotalSeconds : -1;
        return seconds is > 0 and <= 24 * 3_600 ? TimeSpan.FromSeconds(seconds) : throw Refused(section.Path + ":" + name, text, "a time up to 24h such as 90s, 15m or 1h; a bare number is seconds");
    }

    static T Choice<T>(IConfiguration all, string key, T absent) where T : struct, Enum =>
        Value(all, key) is not { } text ? absent
        : Enum.GetNames<T>().Contains(text, StringComparer.OrdinalIgnoreCase) && Enum.TryParse<T>(text, ignoreCase: true, out var value) ? value
        : throw Refused(key, text, string.Join(" or ", Enum.GetNames<T>().Select(name => name.ToLowerInvariant())));

    static string? Value(IConfiguration all, string key) => string.IsNullOrWhiteSpace(all[key]) ? null : all[key];

    static SettingException Refused(string key, string given, string allowed) => new($"Setting {key} is '{Records.Texts.Shown(given)}'; allowed is {allowed}.");
}
