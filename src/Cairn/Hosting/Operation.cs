using Cairn.Export;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>A parameter of a call, as the API's description tells it.</summary>
sealed record Parameter(string Name, string Description, string Type = "string", bool IsRepeatable = false, string[]? Allowed = null, long? Least = null, long? Most = null, string? Default = null);

/// <summary>What a route takes and answers, as the API's description tells it. It stands beside the route, so that neither is without the other.</summary>
sealed record Operation(string Summary)
{
    public Parameter[] Query { get; init; } = [];

    /// <summary>The schema of the body; null for a call without one.</summary>
    public string? Takes { get; init; }

    public string[] TakesTypes { get; init; } = ["application/json"];

    /// <summary>Further types that the body may have, each with its schema.</summary>
    public (string Type, string Schema)[] TakesToo { get; init; } = [];

    /// <summary>The schema of what it answers when it refuses.</summary>
    public (string Type, string Schema) Refusal { get; init; } = ("application/problem+json", "Problem");

    /// <summary>The schema of the answer; null where the type says it all.</summary>
    public string? Answers { get; init; }

    public string[] AnswerTypes { get; init; } = ["application/json"];

    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>What it may be refused with beyond what every call of its kind may be.</summary>
    public int[] Refuses { get; init; } = [];

    /// <summary>Headers of the answer that a client reads.</summary>
    public string[] Headers { get; init; } = [];

    /// <summary>The parameters of a list's filter.</summary>
    public static Parameter[] Filter<T>(Kind<T> kind, string from, string until) where T : class, IRecord, new() =>
    [
        .. kind.ByParameter.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair =>
            new Parameter(pair.Key, $"Exact value of {pair.Value.Name}. Repeated values are alternatives; !value excludes; a literal leading ! is written \\!.", IsRepeatable: true)),
        new("search", "A text that one of the searched fields contains, in any case."),
        new(from, "The first moment that counts: a date or a date and time (ISO 8601)."),
        new(until, "The last moment that counts; a bare date includes that whole day."),
        new("tz", "The time zone whose days are meant (IANA name).", Default: "UTC"),
    ];

    public static readonly Parameter Cursor = new("cursor", "Where the last page ended, as it was answered.");

    public static Parameter Limit(long most, long absent) => new("limit", "Entries in one page.", "integer", Least: 1, Most: most, Default: absent.ToString());

    public static Parameter Format(string absent, params string[] formats) => new("format", "The kind of file; docs/formats.md tells where the fields of a record stand in each.", Allowed: formats, Default: absent);

    public static readonly Parameter LiveFormat = new("format", "How a record stands in its frame.", Allowed: Formats.Objects, Default: Formats.Jsonl);

    public static readonly Parameter After = new("after", "The cursor of the last frame received; without it the newest 100 records come first.");
}
