using System.Text.Json;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>
/// The JSON object of a call's body, read strictly: what is unknown, mistyped or out of bounds is refused by name. The
/// first fault is kept; ask <see cref="Refusal"/> once everything was read.
/// </summary>
sealed class Input
{
    const int MostBytes = 64 * 1024;

    readonly Dictionary<string, JsonElement> members = new(StringComparer.Ordinal);
    readonly HashSet<string> read = new(StringComparer.Ordinal);
    BadParameter? fault;

    /// <summary>What is wrong with the body; null when nothing is.</summary>
    public IResult? Refusal => (fault ?? (members.Keys.FirstOrDefault(name => !read.Contains(name)) is { } unknown
        ? new(Records.Texts.Shown(unknown), $"is not a field of this call; it takes {string.Join(", ", read.Order(StringComparer.Ordinal))}")
        : null)) is { } wrong ? Problems.Bad(wrong) : null;

    /// <summary>Reads the body of a call that takes no parameters.</summary>
    public static async Task<(Input Input, IResult? Problem)> Read(HttpContext context)
    {
        var input = new Input();
        if (new Query(context.Request).Fault is { } unknown) return (input, Problems.Bad(unknown));
        var (body, problem) = await Body.Read(context, MostBytes);
        if (problem is not null) return (input, problem);
        if (body!.IsLines) return (input, Problems.WrongType("application/json"));
        try
        {
            using var document = JsonDocument.Parse(body.Bytes, new() { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) return (input, Problems.Bad("The body is not a JSON object."));
            foreach (var member in document.RootElement.EnumerateObject()) input.members[member.Name] = member.Value.Clone();
            return (input, null);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // The latter for names that are not valid Unicode, which the parser passes over.
            return (input, Problems.Bad("The body is not valid JSON, or has a field twice."));
        }
    }

    public void Refuse(string name, string why) => fault ??= new(name, why);

    public bool Has(string name) => members.TryGetValue(name, out var value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>A text as it stands; null when it is absent or refused.</summary>
    public string? Text(string name, int most, bool required = false)
    {
        read.Add(name);
        if (!Has(name))
        {
            if (required) Refuse(name, "is missing");
            return null;
        }
        if (members[name].ValueKind != JsonValueKind.String || Sound(members[name]) is not { } text)
        {
            Refuse(name, "is not a text");
            return null;
        }
        if (text.Length > most) Refuse(name, $"is longer than {most} characters");
        else if (required && text.Length == 0) Refuse(name, "is empty");
        else return text.Length == 0 ? null : text;
        return null;
    }

    /// <summary>A name as people give one: without white space around it, on one line.</summary>
    public string? Name(string name, int most, bool required = false)
    {
        var text = Text(name, most, required)?.Trim();
        if (text is null) return null;
        if (!Records.Texts.IsPlain(text)) Refuse(name, "holds characters that cannot be seen");
        if (required && text.Length == 0) Refuse(name, "is empty");
        return text.Length == 0 ? null : text;
    }

    public string? Choice(string name, string[] allowed, bool required = false)
    {
        if (Text(name, 100, required) is not { } text) return null;
        if (!allowed.Contains(text)) Refuse(name, $"is '{Records.Texts.Shown(text)}'; it takes {string.Join(", ", allowed)}");
        return text;
    }

    /// <summary>One or several of what is allowed, each once.</summary>
    public string[] Choices(string name, string[] allowed)
    {
        read.Add(name);
        var texts = Has(name) && members[name].ValueKind == JsonValueKind.Array
            ? members[name].EnumerateArray().Select(one => one.ValueKind == JsonValueKind.String ? Sound(one) ?? "" : "").Distinct().ToArray()
            : [];
        if (texts.Length == 0 || !texts.All(allowed.Contains)) Refuse(name, $"is not a list of some of {string.Join(", ", allowed)}");
        return texts;
    }

    public bool? Flag(string name)
    {
        read.Add(name);
        if (!Has(name)) return null;
        if (members[name].ValueKind is JsonValueKind.True or JsonValueKind.False) return members[name].GetBoolean();
        Refuse(name, "is not true or false");
        return null;
    }

    /// <summary>Any texts, in their order; none when it is absent.</summary>
    public string[] Texts(string name, int most, int mostLetters)
    {
        read.Add(name);
        if (!Has(name)) return [];
        if (members[name].ValueKind != JsonValueKind.Array || members[name].EnumerateArray().Any(one => one.ValueKind != JsonValueKind.String || Sound(one) is not { } text || text.Length > mostLetters))
        {
            Refuse(name, $"is not a list of texts of at most {mostLetters} characters");
            return [];
        }
        if (members[name].GetArrayLength() > most) Refuse(name, $"has more than {most} texts");
        return [.. members[name].EnumerateArray().Select(one => one.GetString()!)];
    }

    /// <summary>A time that a record can have; null when it is absent or refused.</summary>
    public long? Time(string name)
    {
        if (Text(name, 100) is not { } text) return null;
        if (Iso.TryRead(text, TimeZoneInfo.Utc, out var ms) && ms is >= 0 and <= Iso.MostMs) return ms;
        Refuse(name, "is not an ISO 8601 time from 1970 to 2199, such as 2026-01-31T12:00:00.000Z");
        return null;
    }

    /// <summary>A time that is still to come.</summary>
    public DateTimeOffset? TimeToCome(string name, DateTimeOffset now)
    {
        if (Text(name, 100) is not { } text) return null;
        if (Iso.TryRead(text, TimeZoneInfo.Utc, out var ms) && ms > now.ToUnixTimeMilliseconds() && ms <= Iso.MostMs) return DateTimeOffset.FromUnixTimeMilliseconds(ms);
        Refuse(name, "is not an ISO 8601 time to come");
        return null;
    }

    static string? Sound(JsonElement value)
    {
        try
        {
            return value.GetString() is { } text && Records.Texts.IsSound(text) ? text : null;
        }
        catch (InvalidOperationException)
        {
            // Not valid Unicode, which the parser passes over and says only when the text is asked for.
            return null;
        }
    }
}
