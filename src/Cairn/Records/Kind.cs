using System.Collections.Frozen;

namespace Cairn.Records;

/// <summary>What every record has, whatever its kind.</summary>
interface IRecord
{
    /// <summary>The place in the log: 1, 2, 3 ... in the order of recording, without holes. Zero until it is stored.</summary>
    long Position { get; set; }

    /// <summary>The place in the order of time, which a list's cursor holds. Set when it is read from a list.</summary>
    long Place { get; set; }

    /// <summary>When it happened, in milliseconds since 1970.</summary>
    long TimeMs { get; }

    /// <summary>False when the sender left the time to Cairn, so that sending again does not conflict.</summary>
    bool TimeIsGiven { get; set; }

    /// <summary>Whether the thing the record speaks of is still there.</summary>
    bool SubjectExists { get; set; }
}

/// <summary>How long a span one kept count covers.</summary>
[Flags]
enum Spans { Ever = 1, Day = 2, Hour = 4, All = Ever | Day | Hour }

/// <summary>
/// Counts and sums kept for every combination of some fields, so that totals do not touch records. A field with more than
/// <see cref="MostTerms"/> distinct values shares one count for the rest, so that a flood of invented values stays bounded.
/// </summary>
sealed record Rollup<T>(string Name, Field<T>[] Fields, Spans Spans, bool Sums = false, bool Histogram = false, int MostTerms = int.MaxValue)
{
    public bool Covers(IEnumerable<Field<T>> fields) => fields.All(Fields.Contains);

    /// <summary>True for one that counts every combination of these fields and of nothing else.</summary>
    public bool IsWholly(IReadOnlyCollection<Field<T>> fields) => Fields.Length > 0 && MostTerms == int.MaxValue && Spans.HasFlag(Spans.Ever) && Fields.ToHashSet().SetEquals(fields);
}

/// <summary>What a record says about the existence of the thing it speaks of.</summary>
readonly record struct Fate(string Subject, bool Ends, bool Begins);

/// <summary>A record kind: its list of fields and what is derived from the list. Adding a field is one line in the list.</summary>
sealed class Kind<T> where T : class, IRecord, new()
{
    /// <summary>In the singular, as tables are named: <c>request</c>, <c>event</c>.</summary>
    public required string Name { get; init; }

    /// <summary>All fields in the order of the JSON object.</summary>
    public required Field<T>[] Fields { get; init; }

    /// <summary>The field that is different in every record and that makes sending again harmless.</summary>
    public required Field<T> Identity { get; init; }

    public required Field<T> Time { get; init; }

    /// <summary>The columns of a CSV file, in order.</summary>
    public required Field<T>[] Csv { get; init; }

    public required Rollup<T>[] Rollups { get; init; }

    /// <summary>The kind's rollups, and two that every kind has: of everything, and of the fields that a text search looks at.</summary>
    public Rollup<T>[] AllRollups => allRollups ??=
    [
        new("all", [], Spans.All, Sums: Sums.Length > 0, Histogram: Measured is not null),
        .. Rollups,
        .. Searched.Length > 0 && !Rollups.Any(rollup => rollup.IsWholly(Searched)) ? [new Rollup<T>("search", Searched, Spans.Ever)] : Array.Empty<Rollup<T>>(),
    ];
    Rollup<T>[]? allRollups;

    /// <summary>The rollup that counts what a text search finds; null where there is nothing to search.</summary>
    public Rollup<T>? OfSearch => AllRollups.FirstOrDefault(rollup => rollup.IsWholly(Searched));

    /// <summary>The numbers that statistics add up.</summary>
    public Field<T>[] Sums { get; init; } = [];

    /// <summary>The number that statistics give percentiles of.</summary>
    public Field<T>? Measured { get; init; }

    /// <summary>True for a text that can only be a whole identity; a search for one is a look-up.</summary>
    public required Func<string, bool> IsIdentity { get; init; }

    /// <summary>True when an identity that Cairn made could contain this text.</summary>
    public required Func<string, bool> MayBeInIdentity { get; init; }

    /// <summary>Null when the record speaks of nothing that can come to an end.</summary>
    public Func<T, Fate?> Fate { get; init; } = _ => null;

    /// <summary>How a record of the kind stands in the formats of other systems, by the format's name.</summary>
    public FrozenDictionary<string, Format<T>> Formats => formats ??= MakeFormats(this).ToFrozenDictionary(StringComparer.Ordinal);
    FrozenDictionary<string, Format<T>>? formats;

    public required Func<Kind<T>, IEnumerable<KeyValuePair<string, Format<T>>>> MakeFormats { get; init; }

    public Field<T>[] Stored => stored ??= [.. Fields.Where(one => one.Stored)];
    Field<T>[]? stored;

    /// <summary>The fields whose distinct values a text search looks at.</summary>
    public Field<T>[] Searched => searched ??= [.. Stored.Where(one => one.Search is Search.Listing or Search.Index)];
    Field<T>[]? searched;

    public FrozenDictionary<string, Field<T>> ByParameter =>
        byParameter ??= Fields.Where(one => one.Parameter is not null).ToFrozenDictionary(one => one.Parameter!);
    FrozenDictionary<string, Field<T>>? byParameter;

    public Field<T> this[string name] => Fields.First(field => field.Name == name);

    /// <summary>True when <paramref name="incoming"/> says nothing else than <paramref name="stored"/>: it was sent again.</summary>
    public bool IsRepeat(T stored, T incoming)
    {
        foreach (var field in Stored)
        {
            if (!field.Sent || (field == Time && !incoming.TimeIsGiven)) continue;
            var same = field.IsText
                ? string.Equals(field.Text!(stored), field.Text(incoming), StringComparison.Ordinal)
                : field.Number!(stored) == field.Number(incoming);
            if (!same) return false;
        }
        return true;
    }
}
