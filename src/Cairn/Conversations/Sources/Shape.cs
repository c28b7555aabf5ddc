namespace Cairn.Conversations.Sources;

/// <summary>
/// Where a database keeps what a conversation is made of, as SQL expressions over <see cref="From"/>, whose rows are
/// called <c>c</c>. Times are milliseconds since 1970.
/// </summary>
sealed record Shape
{
    public required string From { get; init; }

    /// <summary>What every row must be; nothing when empty.</summary>
    public string Where { get; init; } = "";

    public required string Id { get; init; }
    public required string Title { get; init; }
    public required string Owner { get; init; }

    /// <summary>Title and owner in capitals, where a database keeps them so; null where they have to be compared in any case.</summary>
    public string? TitleFolded { get; init; }

    public string? OwnerFolded { get; init; }

    public required string CreatedMs { get; init; }
    public required string UpdatedMs { get; init; }

    /// <summary>0 active, 1 archived, 2 deleted.</summary>
    public required string State { get; init; }

    /// <summary>A JSON array of texts, or texts with commas between them.</summary>
    public required string Tags { get; init; }

    public required string SharedWith { get; init; }

    /// <summary>0 or 1.</summary>
    public required string IsPublic { get; init; }

    /// <summary>Further columns of <see cref="From"/> that <see cref="Messages"/> needs, with their names.</summary>
    public string Inner { get; init; } = "";

    public required IMessages Messages { get; init; }
}

/// <summary>Where a database keeps messages.</summary>
interface IMessages
{
    /// <summary>Columns that tell how many messages a conversation has and when the last was; the conversation's id is <c>p.id</c>.</summary>
    IReadOnlyList<string> Columns { get; }

    /// <summary>Reads those columns.</summary>
    (long Count, long? LastMs) Read(ReadOnlySpan<object?> columns);

    /// <summary>What must be asked beside the conversation's own row for a page of its messages; null when that row says it all.</summary>
    Question? Ask(IConversationDatabase database, string id, int limit, long skip, Place? after);

    /// <summary>The page, and the place of its last message where there are more.</summary>
    (IReadOnlyList<Message> Messages, Place? Next) Page(object?[] conversation, IReadOnlyList<object?[]> rows, int limit, long skip, Place? after);
}

/// <summary>Messages in a table or view of their own, whose rows are called <c>m</c>.</summary>
sealed record MessageRows : IMessages
{
    public required string From { get; init; }

    /// <summary>An expression that ties a message to the conversation <c>{0}</c>.</summary>
    public required string Of { get; init; }

    public required string Id { get; init; }
    public required string Role { get; init; }
    public required string Content { get; init; }
    public required string CreatedMs { get; init; }
    public required string SenderEmail { get; init; }
    public required string Metadata { get; init; }

    /// <summary>Decides between messages of one time.</summary>
    public required string Tie { get; init; }

    public bool TieIsNumber { get; init; }

    /// <summary>How many there are and when the last was, of the conversation <c>p.id</c>; counted from the rows where a source has not counted by itself.</summary>
    public IReadOnlyList<string>? Counted { get; init; }

    public IReadOnlyList<string> Columns => Counted ??
    [
        $"(SELECT count(*) FROM {From} WHERE {string.Format(Of, "p.id")})",
        $"(SELECT max({CreatedMs}) FROM {From} WHERE {string.Format(Of, "p.id")})",
    ];

    public (long Count, long? LastMs) Read(ReadOnlySpan<object?> columns) => ((long)columns[0]!, (long?)columns[1]);

    public Question Ask(IConversationDatabase database, string id, int limit, long skip, Place? after)
    {
        var ask = new Question(database);
        var where = string.Format(Of, ask.Put(id));
        if (after is { } place) where += $" AND ({CreatedMs}, {Tie}) > ({ask.Put(place.Ms)}, {ask.Put(TieIsNumber ? long.TryParse(place.Tie, out var tie) ? tie : -1 : place.Tie)})";
        ask.Text = $"""
            SELECT {Id}, {Role}, {Content}, {CreatedMs}, {SenderEmail}, {Metadata}, {Tie}
            FROM {From} WHERE {where}
            ORDER BY {CreatedMs}, {Tie} LIMIT {ask.Put((long)limit + 1)} OFFSET {ask.Put(skip)}
            """;
        return ask;
    }

    public (IReadOnlyList<Message> Messages, Place? Next) Page(object?[] conversation, IReadOnlyList<object?[]> rows, int limit, long skip, Place? after)
    {
        var messages = rows.Take(limit).Select(row => new Message(
            Text(row[0]), Text(row[1]) is var role && Message.Roles.Contains(role) ? role : "user", Text(row[2]), (long?)row[3] ?? 0, (string?)row[4], JsonTexts.ObjectOrNull((string?)row[5]))).ToList();
        return (messages, rows.Count > limit ? new(messages[^1].CreatedAtMs, rows[limit - 1][6]!.ToString()!) : null);

        static string Text(object? value) => (string?)value ?? "";
    }
}
