namespace Cairn.Conversations.Sources;

/// <summary>A database that conversations are read from, and never written to. What its rows mean is a <see cref="Shape"/>.</summary>
interface IConversationDatabase : IAsyncDisposable
{
    /// <summary>How people call it.</summary>
    string Engine { get; }

    /// <summary>The name of the n-th parameter of a question, counted from 1.</summary>
    string Parameter(int number);

    /// <summary>An expression that is true when a text contains another one, letter for letter, in any case.</summary>
    string Contains(string text, string part);

    /// <summary>An expression whose order is that of the bytes of a text.</summary>
    string InByteOrder(string text);

    /// <summary>
    /// Answers several questions, all from one state of the database, in one transaction that cannot write. A value is a text,
    /// a <c>long</c> or null.
    /// </summary>
    /// <exception cref="SourceAwayException">It cannot be read now; the message says why.</exception>
    Task<IReadOnlyList<object?[]>[]> Read(IReadOnlyList<Question> statements, CancellationToken cancel);

    /// <summary>The columns of a table or view, by name, each with its type as the database calls it; null when there is none of this name.</summary>
    /// <exception cref="SourceAwayException">It cannot be read now; the message says why.</exception>
    Task<IReadOnlyDictionary<string, string>?> Columns(string relation, CancellationToken cancel);
}

/// <summary>The conversations cannot be read now. The message is for who runs Cairn, and not for callers.</summary>
sealed class SourceAwayException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>A question under construction, with the values that it binds: no value ever becomes a part of its text.</summary>
sealed class Question(IConversationDatabase database)
{
    readonly List<object?> values = [];

    public string Text { get; set; } = "";

    public IReadOnlyList<object?> Values => values;

    /// <summary>The parameter that stands for a value.</summary>
    public string Put(object? value)
    {
        values.Add(value);
        return database.Parameter(values.Count);
    }
}
