using System.Text.Json;

namespace Cairn.Conversations.Sources;

/// <summary>
/// Open WebUI's own database, as it is. A row of <c>chat</c> holds a whole conversation as JSON, in which every message names the one that it
/// answers. What someone sees is the branch from the current message up to the first; other branches are earlier tries.
/// </summary>
static class OpenWebUi
{
    static readonly string[] ChatColumns = ["id", "user_id", "title", "chat", "created_at", "updated_at", "share_id", "archived"], UserColumns = ["id", "email"];

    public static async Task<Shape> Shape(IConversationDatabase database, CancellationToken cancel)
    {
        var isPostgres = database is PostgresDatabase;
        var chat = await Columns(database, "chat", ChatColumns, cancel);
        await Columns(database, "user", UserColumns, cancel);

        const string owner = """coalesce(u.email, c.user_id)""";
        return new()
        {
            // A chat that is shared was, in earlier releases, copied to a row of its own that belongs to no one.
            From = """chat c LEFT JOIN "user" u ON u.id = c.user_id""",
            Where = "(c.user_id IS NULL OR c.user_id NOT LIKE 'shared-%')",
            Id = "c.id", Title = "c.title", Owner = owner,
            CreatedMs = Time("c.created_at"), UpdatedMs = $"coalesce({Time("c.updated_at")}, {Time("c.created_at")})",
            State = isPostgres ? "CASE WHEN c.archived THEN 1 ELSE 0 END" : "CASE WHEN c.archived = 1 THEN 1 ELSE 0 END",
            // Tags stand in meta since there is such a column, and in a table of their own before.
            Tags = chat.ContainsKey("meta") ? isPostgres ? "CAST(CAST(c.meta AS jsonb) -> 'tags' AS text)" : "CASE WHEN json_valid(c.meta) THEN json_extract(c.meta, '$.tags') END"
                : await database.Columns("chatidtag", cancel) is null ? "CAST(NULL AS text)"
                : isPostgres ? "(SELECT CAST(json_agg(t.tag_name) AS text) FROM chatidtag t WHERE t.chat_id = c.id)" : "(SELECT json_group_array(t.tag_name) FROM chatidtag t WHERE t.chat_id = c.id)",
            SharedWith = "CAST(NULL AS text)",
            IsPublic = "CASE WHEN c.share_id IS NULL THEN 0 ELSE 1 END",
            Inner = $"u.email AS email",
            Messages = new ChatTrees("(SELECT CAST(chat.chat AS text) FROM chat WHERE chat.id = p.id)"),
        };

        // Seconds since 1970.
        static string Time(string column) => $"(CAST({column} AS bigint) * 1000)";
    }

    static async Task<IReadOnlyDictionary<string, string>> Columns(IConversationDatabase database, string table, string[] wanted, CancellationToken cancel)
    {
        var found = await database.Columns(table, cancel) ?? throw new WrongShapeException($"the database has no table {table}, so that it is not Open WebUI's");
        var missing = wanted.Where(column => !found.ContainsKey(column)).ToArray();
        if (missing.Length > 0) throw new WrongShapeException($"{table} lacks the column{(missing.Length > 1 ? "s" : "")} {string.Join(", ", missing)}, so that it is not Open WebUI's, or of a release that this Cairn does not know");
        foreach (var time in wanted.Where(column => column.EndsWith("_at", StringComparison.Ordinal)))
            if (found[time] is not ("bigint" or "integer" or "" or "int")) throw new WrongShapeException($"{table}.{time} is of the type {found[time]}; Open WebUI has seconds since 1970 there");
        return found;
    }
}

/// <summary>Messages as a tree in JSON, of which the current branch is the transcript.</summary>
/// <param name="Json">Answers the JSON of the conversation <c>p.id</c>.</param>
sealed record ChatTrees(string Json) : IMessages
{
    public IReadOnlyList<string> Columns => [Json, "p.email"];

    public (long Count, long? LastMs) Read(ReadOnlySpan<object?> columns)
    {
        using var tree = Tree((string?)columns[0]);
        var branch = Branch(tree);
        return (branch.Count, branch.Count == 0 ? null : branch.Max(one => TimeMs(one.Message)));
    }

    public Question? Ask(IConversationDatabase database, string id, int limit, long skip, Place? after) => null;

    public (IReadOnlyList<Message> Messages, Place? Next) Page(object?[] conversation, IReadOnlyList<object?[]> rows, int limit, long skip, Place? after)
    {
        var (json, email) = ((string?)conversation[^2], (string?)conversation[^1]);
        using var tree = Tree(json);
        var branch = Branch(tree);
        if (after is { } place)
        {
            // Behind the message that the last page ended with; by its number where someone has turned to another branch since.
            var found = branch.FindIndex(one => one.Id == place.Tie);
            skip += found >= 0 ? found + 1 : place.Ms;
        }
        var messages = branch.Skip((int)Math.Min(skip, int.MaxValue)).Take(limit).Select(one => Read(one.Id, one.Message, email)).ToList();
        return (messages, skip + messages.Count < branch.Count && messages.Count > 0 ? new(skip + messages.Count, messages[^1].Id) : null);
    }

    static JsonDocument? Tree(string? json) => json is null ? null : JsonTexts.TryParse(json);

    /// <summary>From the first message to the current one. A message that is not there, or was on the way already, ends it.</summary>
    static List<(string Id, JsonElement Message)> Branch(JsonDocument? tree)
    {
        var branch = new List<(string, JsonElement)>();
        if (Member(tree?.RootElement, "history") is not { } history || Member(history, "messages") is not { ValueKind: JsonValueKind.Object } all) return branch;
        var messages = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var (name, message) in Members(all))
            if (message.ValueKind == JsonValueKind.Object) messages[name] = message;

        var id = Member(history, "currentId") is { } current ? JsonTexts.Text(current) : null;
        for (var seen = new HashSet<string>(StringComparer.Ordinal); id is not null && seen.Add(id) && messages.TryGetValue(id, out var message);)
        {
            branch.Add((id, message));
            id = Member(message, "parentId") is { } parent ? JsonTexts.Text(parent) : null;
        }
        branch.Reverse();
        return branch;
    }

    static Message Read(string id, JsonElement message, string? ownersEmail)
    {
        var role = Member(message, "role") is { } said && JsonTexts.Text(said) is { } known && Message.Roles.Contains(known) ? known : "user";
        var sender = role == "user" ? Member(message, "user") is { } user && Member(user, "email") is { } email ? JsonTexts.Text(email) ?? ownersEmail : ownersEmail : null;
        return new(id, role, Member(message, "content") is { } content ? Content(content) : "", TimeMs(message) ?? 0, sender, Metadata(message));
    }

    /// <summary>A text, or the texts of a list of parts.</summary>
    static string Content(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.Array => string.Join("\n", content.EnumerateArray().Select(part => part.ValueKind == JsonValueKind.Object ? Member(part, "text") is { } text ? JsonTexts.Text(text) : JsonTexts.Compact(part) : JsonTexts.Text(part)).OfType<string>()),
        JsonValueKind.Object => JsonTexts.Compact(content) ?? "",
        _ => JsonTexts.Text(content) ?? "",
    };

    /// <summary>What else is told of an answer: which model gave it, and with what files.</summary>
    static string? Metadata(JsonElement message)
    {
        var told = new List<string>();
        foreach (var name in new[] { "model", "modelName", "models", "usage", "error", "files", "annotation" })
            if (Member(message, name) is { ValueKind: not JsonValueKind.Null } value && JsonTexts.Compact(value) is { Length: <= 16 * 1024 } json) told.Add($"\"{name}\":{json}");
        return told.Count == 0 ? null : "{" + string.Join(",", told) + "}";
    }

    /// <summary>Seconds since 1970, in some releases milliseconds.</summary>
    static long? TimeMs(JsonElement message)
    {
        if (Member(message, "timestamp") is not { ValueKind: JsonValueKind.Number } time || !time.TryGetDouble(out var number) || !double.IsFinite(number)) return null;
        return (long)Math.Clamp(number > 10_000_000_000 ? number : number * 1000, 0, Records.Iso.MostMs);
    }

    static JsonElement? Member(JsonElement? element, string name) => element is { ValueKind: JsonValueKind.Object } of && of.TryGetProperty(name, out var member) ? member : null;

    static IEnumerable<(string Name, JsonElement Value)> Members(JsonElement element)
    {
        foreach (var member in element.EnumerateObject())
        {
            string name;
            try
            {
                name = member.Name;
            }
            catch (InvalidOperationException)
            {
                continue;
            }
            yield return (name, member.Value);
        }
    }
}
