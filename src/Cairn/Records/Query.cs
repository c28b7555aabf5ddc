using Microsoft.Extensions.Primitives;

namespace Cairn.Records;

/// <summary>
/// The query of a call, read strictly: what is unknown, repeated, out of range or unreadable is refused by name, never
/// ignored. The first fault is kept; ask <see cref="Fault"/> once everything was read.
/// </summary>
sealed class Query(IQueryCollection query)
{
    const int MostLetters = 1_000, MostValues = 200;

    /// <param name="request">Its query is looked at as it was sent too: what is not UTF-8 is a text of percent signs once it is decoded.</param>
    public Query(HttpRequest request) : this(request.Query) => fault = Unreadable(request.QueryString.Value);

    static BadParameter? Unreadable(string? sent)
    {
        foreach (var part in (sent ?? "").TrimStart('?').Split('&'))
        {
            if (!part.Contains('%', StringComparison.Ordinal)) continue;
            var bytes = System.Net.WebUtility.UrlDecodeToBytes(System.Text.Encoding.UTF8.GetBytes(part), 0, System.Text.Encoding.UTF8.GetByteCount(part));
            if (!System.Text.Unicode.Utf8.IsValid(bytes)) return new(Texts.Shown(part.Split('=')[0]), "is not valid Unicode");
        }
        return null;
    }

    readonly HashSet<string> read = new(StringComparer.Ordinal);
    BadParameter? fault;
    TimeZoneInfo? zone;

    /// <summary>What is wrong with the call; null when nothing is.</summary>
    public BadParameter? Fault => fault ?? (query.Keys.FirstOrDefault(name => !read.Contains(name)) is { } unknown
        ? new(unknown, $"is not a parameter of this call; it takes {string.Join(", ", read.Order(StringComparer.Ordinal))}")
        : null);

    public void Refuse(string name, string why) => fault ??= new(name, why);

    /// <summary>The one value of a parameter; null when it is absent or empty.</summary>
    public string? One(string name)
    {
        var values = Values(name);
        if (values.Count > 1) Refuse(name, "is given more than once and takes one value");
        return values.Count == 0 ? null : values[0];
    }

    List<string> Values(string name)
    {
        read.Add(name);
        var values = (query.TryGetValue(name, out var found) ? found : StringValues.Empty).OfType<string>().Where(value => value.Length > 0).ToList();
        if (values.Count > MostValues) Refuse(name, $"is given {values.Count} times; {MostValues} are taken");
        if (values.Exists(value => value.Length > MostLetters)) Refuse(name, $"is longer than {MostLetters} characters");
        if (values.Exists(value => !Texts.IsSound(value))) Refuse(name, "holds NUL or is not valid Unicode");
        return values;
    }

    public long Number(string name, long absent, long least, long most)
    {
        if (One(name) is not { } text) return absent;
        if (long.TryParse(text, System.Globalization.NumberStyles.AllowLeadingSign, null, out var number) && number >= least && number <= most) return number;
        Refuse(name, $"is '{Texts.Shown(text)}'; it takes a whole number from {least} to {most}");
        return absent;
    }

    public string Choice(string name, string absent, params string[] allowed)
    {
        if (One(name) is not { } text) return absent;
        if (allowed.Contains(text)) return text;
        Refuse(name, $"is '{Texts.Shown(text)}'; it takes {string.Join(", ", allowed)}");
        return absent;
    }

    /// <summary>The time zone of the call's days: parameter <c>tz</c>, UTC when absent.</summary>
    public TimeZoneInfo Zone()
    {
        if (zone is not null) return zone;
        zone = TimeZoneInfo.Utc;
        if (One("tz") is not { } name) return zone;
        // A name is looked up as a file among those of the zones, and must not leave them.
        if (name[0] != '/' && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '/' or '_' or '-' or '+') && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var found)) return zone = found;
        Refuse("tz", $"is '{Texts.Shown(name)}'; it takes the name of a time zone, such as Europe/Berlin");
        return zone;
    }

    long? Time(string name, bool isEnd)
    {
        if (One(name) is not { } text) return null;
        if (Iso.TryReadDate(text, out var date))
        {
            if (isEnd && date == DateOnly.MaxValue) return null;
            return Iso.StartMs(isEnd ? date.AddDays(1) : date, Zone());
        }
        if (Iso.TryRead(text, Zone(), out var ms)) return isEnd ? ms + 1 : ms;
        Refuse(name, $"is '{Texts.Shown(text)}'; it takes a date (2026-01-31) or a date and time (2026-01-31T12:00:00Z)");
        return null;
    }

    /// <summary>A time brought within what a record can have, so that no later reckoning leaves the calendar.</summary>
    static long? Within(long? ms) => ms is { } time ? Math.Clamp(time, 0, Iso.MostMs + 1) : null;

    /// <summary>A range of time: the first millisecond that counts, and the first that no longer does.</summary>
    public (long? FromMs, long? UntilMs) Range(string from, string until)
    {
        Zone();
        var (fromMs, untilMs) = (Time(from, isEnd: false), Time(until, isEnd: true));
        if (untilMs <= fromMs) Refuse(until, $"is before {from}");
        return (Within(fromMs), Within(untilMs));
    }

    /// <summary>The list's filter: one parameter for each field that has one, a range of time and a search.</summary>
    public Filter<T> Filter<T>(Kind<T> kind, string from, string until) where T : class, IRecord, new()
    {
        var (fromMs, untilMs) = Range(from, until);

        var conditions = new List<Condition<T>>();
        foreach (var (name, field) in kind.ByParameter.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var values = Values(name);
            if (values.Count == 0) continue;
            var none = values.Where(value => value[0] == '!').Select(value => value[1..]).ToArray();
            var any = values.Where(value => value[0] != '!').Select(value => value.StartsWith("\\!", StringComparison.Ordinal) ? value[1..] : value).ToArray();
            if (field.Allowed is { } allowed && any.Concat(none).FirstOrDefault(value => !allowed.Contains(value)) is { } strange)
                Refuse(name, $"is '{Texts.Shown(strange)}'; it takes {string.Join(", ", allowed)}");
            conditions.Add(new(field, any, none));
        }

        var search = One("search");
        if (search is not null && kind.IsIdentity(search)) return new() { Identity = search, Conditions = conditions };
        return new() { FromMs = fromMs, UntilMs = untilMs, Conditions = conditions, Search = search };
    }

    /// <summary>A list's cursor: the place that the last page ended at.</summary>
    public long? ListCursor(string kind)
    {
        if (One("cursor") is not { } text) return null;
        if (Cursor.TryReadList(kind, text, out var cursor)) return cursor.Place;
        Refuse("cursor", "is not a cursor of this list");
        return null;
    }

    /// <summary>A tail's cursor: the place that the last frame was at.</summary>
    public long? TailCursor(string name, string kind)
    {
        if (One(name) is not { } text) return null;
        if (Cursor.TryReadTail(kind, text, out var cursor)) return cursor.Place;
        Refuse(name, "is not the cursor of a live frame (a list's cursor is another thing)");
        return null;
    }
}

/// <summary>A parameter of a call, and what is wrong with it.</summary>
sealed record BadParameter(string Name, string Why);
