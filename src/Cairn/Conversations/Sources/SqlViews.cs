namespace Cairn.Conversations.Sources;

/// <summary>
/// Any database that offers two views (or tables) with the columns of a conversation and of a message: <c>cairn_conversations</c> and
/// <c>cairn_messages</c>. docs/conversations.md shows them.
/// </summary>
static class SqlViews
{
    const string Conversations = "cairn_conversations", Messages = "cairn_messages";

    /// <summary>What a column may be.</summary>
    enum Kind { Text, Time, Flag, List, Json }

    static readonly (string Name, Kind Kind)[] ConversationColumns =
    [
        ("id", Kind.Text), ("title", Kind.Text), ("owner_id", Kind.Text), ("created_at", Kind.Time), ("updated_at", Kind.Time), ("tags", Kind.List), ("shared_with", Kind.List), ("is_public", Kind.Flag),
    ];

    static readonly (string Name, Kind Kind)[] MessageColumns =
    [
        ("id", Kind.Text), ("conversation_id", Kind.Text), ("role", Kind.Text), ("content", Kind.Text), ("created_at", Kind.Time), ("sender_email", Kind.Text), ("metadata", Kind.Json),
    ];

    public static async Task<Shape> Shape(IConversationDatabase database, CancellationToken cancel)
    {
        var isPostgres = database is PostgresDatabase;
        var conversations = await Columns(database, Conversations, ConversationColumns, cancel);
        var messages = await Columns(database, Messages, MessageColumns, cancel);

        string state;
        if (conversations.TryGetValue("status", out var status))
        {
            Require(Conversations, "status", status, Kind.Text, isPostgres);
            state = "CASE c.status WHEN 'deleted' THEN 2 WHEN 'archived' THEN 1 ELSE 0 END";
        }
        else
        {
            if (!conversations.ContainsKey("deleted_at") || !conversations.TryGetValue("is_archived", out var archived))
                throw new WrongShapeException($"{Conversations} lacks the column status (active, archived or deleted), or in its place the columns is_archived and deleted_at");
            Require(Conversations, "is_archived", archived, Kind.Flag, isPostgres);
            state = $"CASE WHEN c.deleted_at IS NOT NULL THEN 2 WHEN {Flag("c.is_archived")} = 1 THEN 1 ELSE 0 END";
        }

        var shape = new Shape
        {
            From = $"{Conversations} c",
            Id = Text("c.id"), Title = Text("c.title"), Owner = Text("c.owner_id"),
            CreatedMs = Time("c.created_at", conversations["created_at"]), UpdatedMs = $"coalesce({Time("c.updated_at", conversations["updated_at"])}, {Time("c.created_at", conversations["created_at"])})",
            State = state, Tags = List("c.tags", conversations["tags"]), SharedWith = List("c.shared_with", conversations["shared_with"]), IsPublic = Flag("c.is_public"),
            Messages = new MessageRows
            {
                From = $"{Messages} m",
                Of = $"{Text("m.conversation_id")} = {{0}}",
                Id = Text("m.id"), Role = Text("m.role"), Content = Text("m.content"), CreatedMs = Time("m.created_at", messages["created_at"]),
                SenderEmail = Text("m.sender_email"), Metadata = Text("m.metadata"), Tie = database.InByteOrder(Text("m.id")),
            },
        };
        await TryOut(database, shape, cancel);
        return shape;

        string Text(string column) => $"CAST({column} AS text)";
        string Flag(string column) => $"CASE WHEN CAST({column} AS text) IN ('1', 'true', 't') THEN 1 ELSE 0 END";

        string Time(string column, string type) => !isPostgres ? $"to_ms({column})"
            : type.StartsWith("timestamp with time", StringComparison.Ordinal) ? $"CAST(floor(extract(epoch FROM {column}) * 1000) AS bigint)"
            : type.StartsWith("timestamp", StringComparison.Ordinal) ? $"CAST(floor(extract(epoch FROM {column} AT TIME ZONE 'UTC') * 1000) AS bigint)"
            : $"CAST({column} AS bigint)";

        string List(string column, string type) => isPostgres && type.EndsWith("[]", StringComparison.Ordinal) ? $"CAST(to_json({column}) AS text)" : Text(column);
    }

    static async Task<IReadOnlyDictionary<string, string>> Columns(IConversationDatabase database, string relation, (string Name, Kind Kind)[] wanted, CancellationToken cancel)
    {
        var found = await database.Columns(relation, cancel) ?? throw new WrongShapeException($"the database has no view {relation}; docs/conversations.md shows how to make it");
        var missing = wanted.Where(column => !found.ContainsKey(column.Name)).Select(column => column.Name).ToArray();
        if (missing.Length > 0) throw new WrongShapeException($"{relation} lacks the column{(missing.Length > 1 ? "s" : "")} {string.Join(", ", missing)}");
        foreach (var (name, kind) in wanted) Require(relation, name, found[name], kind, database is PostgresDatabase);
        return found;
    }

    /// <summary>SQLite lets a column hold anything and often knows no type of a view's column; what it does not declare is found out by trying.</summary>
    static void Require(string relation, string column, string type, Kind kind, bool isPostgres)
    {
        type = type.Split('(')[0].Trim();
        if (type.Length == 0 || (!isPostgres && type is "any" or "blob" or "numeric")) return;
        string[] texts = ["text", "character varying", "varchar", "character", "char", "nvarchar", "clob", "uuid", "citext", "name"], numbers = ["integer", "int", "bigint", "smallint"];
        var (isFit, wanted) = kind switch
        {
            Kind.Text => (texts.Contains(type) || (column.EndsWith("id", StringComparison.Ordinal) && numbers.Contains(type)) || type.Contains("enum", StringComparison.Ordinal), "a text"),
            Kind.Time => (type.StartsWith("timestamp", StringComparison.Ordinal) || type is "bigint" || (!isPostgres && (texts.Contains(type) || numbers.Contains(type) || type is "datetime" or "date" or "real")),
                isPostgres ? "a timestamp, or a bigint with milliseconds since 1970" : "an ISO 8601 text, or an integer with milliseconds since 1970"),
            Kind.Flag => (type is "boolean" or "bool" or "tinyint" || numbers.Contains(type), "a boolean"),
            Kind.List => (texts.Contains(type) || type is "json" or "jsonb" or "text[]" or "character varying[]" or "uuid[]" or "citext[]", "a JSON array, as text or json, or text[]"),
            _ => (texts.Contains(type) || type is "json" or "jsonb", "a JSON object, as text or json"),
        };
        if (!isFit) throw new WrongShapeException($"{relation}.{column} is of the type {type}; it takes {wanted}");
    }

    /// <summary>Reads one row of each, so that what no declaration tells is known before someone asks.</summary>
    static async Task TryOut(IConversationDatabase database, Shape shape, CancellationToken cancel)
    {
        var messages = (MessageRows)shape.Messages;
        foreach (var (relation, columns) in new[]
        {
            (shape.From, new[] { ("created_at", shape.CreatedMs), ("updated_at", shape.UpdatedMs) }),
            (messages.From, [("created_at", messages.CreatedMs)]),
        })
            foreach (var (name, expression) in columns)
            {
                try
                {
                    await database.Read([new(database) { Text = $"SELECT {expression} FROM {relation} LIMIT 100" }], cancel);
                }
                catch (SourceAwayException wrong) when (wrong.Message.Contains("a time is neither", StringComparison.Ordinal))
                {
                    throw new WrongShapeException($"{relation.Split(' ')[0]}.{name} holds what is no time: it takes ISO 8601, or milliseconds since 1970");
                }
            }
    }
}
