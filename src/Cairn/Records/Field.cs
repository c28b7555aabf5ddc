namespace Cairn.Records;

enum FieldType { Text, Integer, Boolean, Time, Json }

/// <summary>How a store keeps a text.</summary>
enum Keep
{
    /// <summary>In the row: for what is different in almost every record.</summary>
    Plain,

    /// <summary>Once in a table of terms and as a number in the row: for what repeats.</summary>
    Term,
}

/// <summary>How a text search ("contains, any case") reaches a field.</summary>
enum Search
{
    None,

    /// <summary>By looking at each distinct value: for fields with thousands of them at most.</summary>
    Listing,

    /// <summary>By passing over the distinct values side by side in memory: for fields that may have millions.</summary>
    Index,

    /// <summary>By looking at the record's own identity, which is different in every record.</summary>
    Identity,
}

/// <summary>
/// One field of a record kind. Stores make columns and indexes of it, endpoints make parameters of it, exports make columns of it.
/// A text has <see cref="Text"/>, every other type has <see cref="Number"/> (times are milliseconds since 1970, booleans 0 and 1).
/// </summary>
sealed class Field<T>
{
    /// <summary>The name in JSON, in CSV and in the stores.</summary>
    public required string Name { get; init; }

    public required FieldType Type { get; init; }

    public Keep Keep { get; init; }

    /// <summary>The query parameter that filters by it; null for a field that no filter names.</summary>
    public string? Parameter { get; init; }

    /// <summary>What a filter calls the absent value ("System" for events without an actor).</summary>
    public string? AbsentName { get; init; }

    public Search Search { get; init; }

    /// <summary>The text that a search looks at, where that is more than the value (an action's label).</summary>
    public Func<string, string>? SearchText { get; init; }

    /// <summary>Characters of a text at most; a longer one is refused.</summary>
    public int MaxLength { get; init; } = 256;

    /// <summary>The only values that there are; null when any is.</summary>
    public string[]? Allowed { get; init; }

    /// <summary>True for a field that every sender must fill.</summary>
    public bool Required { get; init; }

    /// <summary>False for what Cairn adds on the way out; such a field is in no store.</summary>
    public bool Stored { get; init; } = true;

    /// <summary>False for what the sender does not say, so that it does not tell a repeated record from another one.</summary>
    public bool Sent { get; init; } = true;

    public Func<T, string?>? Text { get; init; }
    public Action<T, string?>? SetText { get; init; }
    public Func<T, long?>? Number { get; init; }
    public Action<T, long?>? SetNumber { get; init; }

    public bool IsText => Text is not null;

    /// <summary>True when a store can find records by it.</summary>
    public bool IsIndexed => Stored && IsText && (Parameter is not null || Search is Search.Listing or Search.Index);
}
