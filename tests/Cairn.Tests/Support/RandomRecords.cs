using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Support;

/// <summary>Records and filters of every shape, the same ones for the same seed. A new field takes part by itself.</summary>
sealed class RandomRecords(int seed)
{
    /// <summary>Texts that have broken a log somewhere.</summary>
    public static readonly string[] Hostile =
    [
        "", " ", "x", "AND", "a OR b NOT c", "\"", "\"\"\"", "*", "wor*", "%", "_", "w_rk", "'", "''; DROP TABLE event; --", "\\", "NEAR(a b)", "{tokens} : x", "a^2", "-", "+1", "(", ")",
        "System", "null", "0", "\t", "line\r\nbreak", "\u0001\u001b[31m", "\u202etxt.exe", "\u0627\u0644\u0633\u062c\u0644", "\u05e9\u05dc\u05d5\u05dd", "\ufeffbom", "e\u0301t\u00e9", "\u00c9T\u00c9", "\u00e9t\u00e9",
        "stra\u00dfe", "STRASSE", "\u0130stanbul", "\u0131stanbul", "istanbul", "ISTANBUL", "\u017ftop", "\u212aelvin", "\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3", "\u01c5", "\ud801\udc28\ud801\udc29\ud801\udc2a", "\ud801\udc00\ud801\udc01\ud801\udc02",
        "\ud83d\ude00", "\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67", "work \ud83d\udee0 shop", "\uffff", "Work", "WORKSHOP", "framework-7",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3F2504E0-4F89-41D3-9A0C-0305E82C3301", "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}", "3f2504e04f8941d39a0c0305e82c3301", "3F2504E04F8941D39A0C0305E82C3301",
        "chatcmpl-0195a1b2c3d4e5f60718293a", "chatcmpl-0195A1B2C3D4E5F60718293A", "CHATCMPL-0195a1b2c3d4e5f60718293a", "msg-0195a1b2c3d4e5f60718293a", "chatcmpl-0195a1b2c3d4e5f60718293g",
        new string('w', 3_000), string.Concat(Enumerable.Repeat("long \ud83d\ude00 ", 300)),
    ];

    static readonly Dictionary<string, string?[]> Usual = new()
    {
        ["model"] = ["llama-3", "gpt-4o", "claude-3", "Llama-3", "framework-7"],
        ["status"] = ["success", "error", "timeout"],
        ["action"] = ["workspace.created", "workspace.destroyed", "workspace.started", "project.deleted", "billing.invoice_paid", "auth.login"],
        ["resource"] = ["Workspace", "Project", null],
        ["resourceId"] = ["1", "2", null],
        ["outcome"] = ["success", "success", "failure", "denied"],
        ["actorId"] = ["u1", "u2", "System", null],
        ["metadata"] = ["{}", "{\"a\":[1,\"\\u0000\"]}", null],
    };

    public Random Random { get; } = new(seed);

    readonly Random choosing = new(seed);

    public T Pick<T>(IReadOnlyList<T> from) => from[Random.Next(from.Count)];

    /// <summary>Others each time, so that in many rounds all have their turn. What a seed makes of records and filters is the same with it and without.</summary>
    public T[] Few<T>(IReadOnlyList<T> from) => [.. from.OrderBy(_ => choosing.Next()).Take(4)];

    public bool Chance(double share) => Random.NextDouble() < share;

    public string Case(string text) => Random.Next(4) switch
    {
        0 => text.ToUpperInvariant(),
        1 => text.ToLowerInvariant(),
        _ => text,
    };

    public RequestRecord Request(long ms) => Record(Some.RequestKind, ms, Pick(RequestId.Prefixes) + Hex($"{ms:x12}{Random.Next():x12}"));

    public EventRecord Event(long ms)
    {
        Span<byte> bytes = stackalloc byte[16];
        Random.NextBytes(bytes);
        var record = Record(Some.EventKind, ms, Hex(new Guid(bytes).ToString()));
        record.TimeIsGiven = Chance(0.8);
        return record;
    }

    string Hex(string digits) => Chance(0.1) ? digits.ToUpperInvariant() : digits;

    T Record<T>(Kind<T> kind, long ms, string identity) where T : class, IRecord, new()
    {
        var record = new T();
        foreach (var field in kind.Stored)
        {
            if (field == kind.Identity) field.SetText!(record, identity);
            else if (field == kind.Time) field.SetNumber!(record, ms);
            else if (field.IsText) field.SetText!(record, Text(field));
            else if (field.Type == FieldType.Time) field.SetNumber!(record, ms + Random.Next(-5_000, 100_000));
            else if (field.Type == FieldType.Boolean) field.SetNumber!(record, Chance(0.3) ? null : Random.Next(2));
            else field.SetNumber!(record, Chance(0.2) ? null : Chance(0.05) ? -Random.Next(10) : (long)Math.Exp(Random.NextDouble() * 16));
        }
        return record;
    }

    string? Text<T>(Field<T> field) =>
        Chance(0.15) && field.Name is not "outcome" ? Pick(Hostile)
        : Usual.TryGetValue(field.Name, out var usual) ? Pick(usual)
        : Chance(0.2) ? null
        : $"{field.Name} {Random.Next(4)}";

    /// <summary>A filter that asks for what the records hold, or nearly.</summary>
    public Filter<T> Filter<T>(Kind<T> kind, IReadOnlyList<T> records) where T : class, IRecord, new()
    {
        var conditions = new List<Condition<T>>();
        while (Chance(0.45)) conditions.Add(Condition(kind, records));
        return new()
        {
            Conditions = conditions,
            FromMs = Chance(0.35) ? Time(records) : null,
            UntilMs = Chance(0.35) ? Time(records) : null,
            Search = Chance(0.35) ? Search(kind, records) : null,
            Identity = Chance(0.05) && records.Count > 0 ? kind.Identity.Text!(Pick(records)) : null,
        };
    }

    Condition<T> Condition<T>(Kind<T> kind, IReadOnlyList<T> records) where T : class, IRecord, new()
    {
        var field = Pick(kind.ByParameter.Values);
        var (any, none) = (new List<string>(), new List<string>());
        do (Chance(0.6) ? any : none).Add(Value(field, records)); while (Chance(0.5));
        return new(field, any, none);
    }

    string Value<T>(Field<T> field, IReadOnlyList<T> records) =>
        Chance(0.1) ? "value that exists nowhere"
        : Chance(0.1) ? field.AbsentName ?? Pick(Hostile)
        : records.Count > 0 && field.Text!(Pick(records)) is { } text ? text
        : Pick(Hostile);

    /// <summary>Near a record, and often on the edge of an hour or a day or just beside it.</summary>
    public long Time<T>(IReadOnlyList<T> records) where T : class, IRecord, new()
    {
        var ms = records.Count == 0 ? Some.Midnight : Pick(records).TimeMs + Random.Next(-1, 2);
        return Random.Next(3) switch
        {
            0 => ms,
            1 => ms / Some.Hour * Some.Hour + Random.Next(-1, 2),
            _ => ms / Some.Day * Some.Day + Random.Next(-1, 2),
        };
    }

    public string Search<T>(Kind<T> kind, IReadOnlyList<T> records) where T : class, IRecord, new()
    {
        var fields = kind.Fields.Where(field => field.Search != Records.Search.None).ToArray();
        var field = Pick(fields);
        var text = records.Count > 0 && Chance(0.85) ? field.Text!(Pick(records)) : Pick(Hostile);
        if (string.IsNullOrEmpty(text)) text = "work";
        if (field.SearchText is { } more && Chance(0.5)) text = more(text);

        // A part of it, not cut within a character.
        var runes = text.EnumerateRunes().ToArray();
        var start = Random.Next(runes.Length);
        var length = Chance(0.3) ? runes.Length : Math.Min(runes.Length - start, 1 + Random.Next(Chance(0.5) ? 4 : 40));
        if (length == runes.Length) start = 0;
        return Case(string.Concat(runes.Skip(start).Take(length)));
    }
}
