namespace Cairn.Records;

/// <summary>A field is one of <see cref="Any"/> (when there are some) and none of <see cref="None"/>.</summary>
sealed record Condition<T>(Field<T> Field, IReadOnlyList<string> Any, IReadOnlyList<string> None);

/// <summary>Which records. The same for a page, an export, a count and a live tail.</summary>
sealed record Filter<T> where T : class, IRecord, new()
{
    public static readonly Filter<T> Everything = new();

    /// <summary>The first millisecond that counts.</summary>
    public long? FromMs { get; init; }

    /// <summary>The first millisecond that no longer counts.</summary>
    public long? UntilMs { get; init; }

    public IReadOnlyList<Condition<T>> Conditions { get; init; } = [];

    /// <summary>A text that one of the searched fields contains, in any case.</summary>
    public string? Search { get; init; }

    /// <summary>One record by its identity, whenever it was.</summary>
    public string? Identity { get; init; }

    public bool IsEverything => this == Everything || (FromMs is null && UntilMs is null && Conditions.Count == 0 && Search is null && Identity is null);

    /// <summary>The same question asked of one record in memory.</summary>
    public bool Matches(Kind<T> kind, T record)
    {
        if (record.TimeMs < FromMs || record.TimeMs >= UntilMs) return false;
        if (Identity is not null && !string.Equals(kind.Identity.Text!(record), Identity, StringComparison.Ordinal)) return false;

        foreach (var (field, any, none) in Conditions)
        {
            var value = field.Text!(record);
            if (any.Count > 0 && !any.Any(asked => Is(field, value, asked))) return false;
            if (none.Any(refused => Is(field, value, refused))) return false;
        }

        return Search is null || kind.Fields.Any(field => field.Search != Records.Search.None && Contains(field, field.Text!(record), Search));
    }

    static bool Is(Field<T> field, string? value, string asked) => value is null ? asked == field.AbsentName : value == asked;

    public static bool Contains(Field<T> field, string? value, string search) =>
        value is not null && (field.SearchText?.Invoke(value) ?? value).Contains(search, StringComparison.OrdinalIgnoreCase);
}
