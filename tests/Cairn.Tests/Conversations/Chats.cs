using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Records;
using Cairn.Storage.Sqlite;
using Cairn.Support;
using Npgsql;
using NpgsqlTypes;

namespace Cairn.Conversations;

/// <summary>A conversation as a test has it, with its messages, oldest first.</summary>
sealed record Chat(string Id, string Title, string Owner, long CreatedAtMs, long? UpdatedAtMs, bool IsArchived, long? DeletedAtMs, bool IsPublic, string[] Tags, string[] SharedWith, Message[] Messages)
{
    public string Status => DeletedAtMs is not null ? "deleted" : IsArchived ? "archived" : "active";

    public long? LastMessageAtMs => Messages.Length == 0 ? null : Messages.Max(message => message.CreatedAtMs);

    public string PutBody() => RecordJson.Text(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("id", Id);
        writer.WriteString("title", Title);
        writer.WriteString("owner_id", Owner);
        writer.WriteString("created_at", Iso.Text(CreatedAtMs));
        writer.WriteString("updated_at", UpdatedAtMs is { } updated ? Iso.Text(updated) : null);
        writer.WriteBoolean("is_archived", IsArchived);
        writer.WriteString("deleted_at", DeletedAtMs is { } deleted ? Iso.Text(deleted) : null);
        writer.WriteBoolean("is_public", IsPublic);
        writer.WriteStartArray("tags");
        foreach (var tag in Tags) writer.WriteStringValue(tag);
        writer.WriteEndArray();
        writer.WriteStartArray("shared_with");
        foreach (var person in SharedWith) writer.WriteStringValue(person);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    public string MessagesBody() => RecordJson.Text(writer =>
    {
        writer.WriteStartArray();
        foreach (var message in Messages) message.Write(writer);
        writer.WriteEndArray();
    });
}

/// <summary>Conversations that are awkward in every way, and the places that they are put into.</summary>
static class Chats
{
    /// <summary>What people and programs have put into fields of text before.</summary>
    public static readonly string[] Hostile =
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](https://example.com/x.png)", "=1+1", "@SUM(A1)", "-2+3", "a,b\"c\"\r\nd", "'; DROP TABLE messages; --", "100%_\\", ".*", "%", "_",
        "\u202Egnp.exe", "zero\u200Bwidth", "ÄÖÜ straße", "ПРИВЕТ мир", "日本語のタイトル", "emoji 👩‍👩‍👧 \U0001F600", "tab\tand\nline", "\u0001\u001B[31mred", " ", "javascript:alert(1)",
    ];

    public static readonly string[] Owners = ["ada@example.com", "Grace@Example.com", "alan.turing@example.org", ".*@example.com", "o'brien@example.com", "50%_off@example.com", "Ünal@example.com", "u-17"];

    /// <summary>The same for a seed, whenever it is asked.</summary>
    public static Chat[] Make(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            // Few enough moments that many conversations share one.
            var created = Some.Midnight + random.Next(count / 3 + 1) * (Some.Day / 7);
            long? updated = random.Next(3) > 0 ? created + random.Next(1_000_000) : null;
            var messages = Enumerable.Range(0, random.Next(5) == 0 ? 0 : random.Next(9)).Select(n => new Message(
                $"m{n:00}", Message.Roles[random.Next(4)], Hostile[random.Next(Hostile.Length)] + " " + n, created + n / 2 * 1_000, n % 2 == 0 ? Owners[random.Next(Owners.Length)] : null,
                random.Next(2) == 0 ? null : $$$"""{"model":"m-{{{n}}}","nested":{"list":[1,2.50,null,true,"\"x"]}}""")).ToArray();
            return new Chat(
                $"c-{seed}-{i:0000}", Hostile[random.Next(Hostile.Length)] + (random.Next(2) == 0 ? " number " + i : ""), Owners[random.Next(Owners.Length)], created, updated, random.Next(3) == 0,
                random.Next(5) == 0 ? created + Some.Day : null, random.Next(4) == 0, [.. Hostile[..random.Next(4)]], [.. Owners[..random.Next(3)]], messages);
        })];
    }

    /// <summary>Sends them to Cairn's own tables.</summary>
    public static async Task Send(CairnApp app, IEnumerable<Chat> chats)
    {
        var sender = app.Gateway(await app.Key(Scopes.ConversationsWrite));
        foreach (var chat in chats)
        {
            (await sender.Put("/api/v1/conversations/" + chat.Id, chat.PutBody())).Expect(200);
            if (chat.Messages.Length == 0) continue;
            var taken = (await sender.Post($"/api/v1/conversations/{chat.Id}/messages", chat.MessagesBody())).Expect(200);
            Assert.True(taken.Json.GetProperty("accepted").GetInt32() == chat.Messages.Length, taken.Text);
        }
    }

    static string Json(string[] texts) => RecordJson.Text(writer =>
    {
        writer.WriteStartArray();
        foreach (var text in texts) writer.WriteStringValue(text);
        writer.WriteEndArray();
    });

    public const string SqliteViews = """
        CREATE TABLE talks (key TEXT PRIMARY KEY, heading TEXT, person TEXT, begun TEXT, touched INTEGER, shelved INTEGER, erased TEXT, open INTEGER, labels TEXT, readers TEXT);
        CREATE TABLE lines (talk TEXT, key TEXT, speaker TEXT, said TEXT, at INTEGER, address TEXT, extra TEXT);
        CREATE VIEW cairn_conversations AS SELECT key AS id, heading AS title, person AS owner_id, begun AS created_at, touched AS updated_at,
            CASE WHEN erased IS NOT NULL THEN 'deleted' WHEN shelved THEN 'archived' ELSE 'active' END AS status, labels AS tags, readers AS shared_with, open AS is_public, 99 AS message_count FROM talks;
        CREATE VIEW cairn_messages AS SELECT key AS id, talk AS conversation_id, speaker AS role, said AS content, at AS created_at, address AS sender_email, extra AS metadata FROM lines;
        """;

    /// <summary>Puts them into a SQLite file with tables of its own and the two views.</summary>
    public static void FillSqlite(string file, IEnumerable<Chat> chats)
    {
        using var connection = Connection.OpenWriter(file);
        connection.Run(SqliteViews);
        connection.Run("BEGIN");
        using var talk = connection.Prepare("INSERT INTO talks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        using var line = connection.Prepare("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)");
        foreach (var chat in chats)
        {
            talk.Bind(1, chat.Id).Bind(2, chat.Title).Bind(3, chat.Owner).Bind(4, Iso.Text(chat.CreatedAtMs)).Bind(5, chat.UpdatedAtMs).Bind(6, chat.IsArchived ? 1 : 0)
                .Bind(7, chat.DeletedAtMs is { } at ? Iso.Text(at) : null).Bind(8, chat.IsPublic ? 1 : 0).Bind(9, Json(chat.Tags)).Bind(10, Json(chat.SharedWith)).Run();
            foreach (var message in chat.Messages)
                line.Bind(1, chat.Id).Bind(2, message.Id).Bind(3, message.Role).Bind(4, message.Content).Bind(5, message.CreatedAtMs).Bind(6, message.SenderEmail).Bind(7, message.Metadata).Run();
        }
        connection.Run("COMMIT");
        connection.Checkpoint(restart: true);
    }

    public const string PostgresViews = """
        CREATE TABLE talks (key varchar(80) PRIMARY KEY, heading text, person text, begun timestamptz, touched timestamp, shelved boolean, erased timestamptz, open boolean, labels text[], readers jsonb);
        CREATE TABLE lines (talk varchar(80), key text, speaker text, said text, at bigint, address text, extra json);
        CREATE VIEW cairn_conversations AS SELECT key AS id, heading AS title, person AS owner_id, begun AS created_at, touched AS updated_at, shelved AS is_archived, erased AS deleted_at,
            labels AS tags, readers AS shared_with, open AS is_public FROM talks;
        CREATE VIEW cairn_messages AS SELECT key AS id, talk AS conversation_id, speaker AS role, said AS content, at AS created_at, address AS sender_email, extra AS metadata FROM lines;
        """;

    /// <summary>Puts them into a PostgreSQL database with tables of its own and the two views.</summary>
    public static async Task FillPostgres(string url, IEnumerable<Chat> chats)
    {
        await PostgresServer.Run(url, PostgresViews);
        await using var connection = await PostgresServer.Connect(url);
        foreach (var chat in chats)
        {
            await Insert("INSERT INTO talks VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", new() { Value = chat.Id }, new() { Value = chat.Title }, new() { Value = chat.Owner },
                new() { Value = DateTimeOffset.FromUnixTimeMilliseconds(chat.CreatedAtMs) },
                new() { Value = chat.UpdatedAtMs is { } updated ? DateTime.SpecifyKind(DateTime.UnixEpoch.AddMilliseconds(updated), DateTimeKind.Unspecified) : DBNull.Value, NpgsqlDbType = NpgsqlDbType.Timestamp },
                new() { Value = chat.IsArchived }, new() { Value = chat.DeletedAtMs is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz },
                new() { Value = chat.IsPublic }, new() { Value = chat.Tags }, new() { Value = Json(chat.SharedWith), NpgsqlDbType = NpgsqlDbType.Jsonb });
            foreach (var message in chat.Messages)
                await Insert("INSERT INTO lines VALUES ($1, $2, $3, $4, $5, $6, $7)", new() { Value = chat.Id }, new() { Value = message.Id }, new() { Value = message.Role }, new() { Value = message.Content }, new() { Value = message.CreatedAtMs },
                    new() { Value = (object?)message.SenderEmail ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text }, new() { Value = (object?)message.Metadata ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Json });
        }

        async Task Insert(string sql, params NpgsqlParameter[] values)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            command.Parameters.AddRange(values);
            await command.ExecuteNonQueryAsync(Client.Cancel);
        }
    }

    /// <summary>What an answer says of a conversation, as one text to compare.</summary>
    public static string Said(JsonElement item) => string.Join("\u241F", new[] { "id", "title", "owner_id", "created_at", "updated_at", "last_message_at", "message_count", "status", "tags", "shared_with", "is_public" }.Select(name => Plain(item.GetProperty(name))));

    /// <summary>What the test knows of it.</summary>
    /// <param name="countsMessages">True when a conversation that its sender never touched again was touched by its last message.</param>
    public static string Known(Chat chat, bool countsMessages) => string.Join("\u241F",
    [
        chat.Id, chat.Title, chat.Owner, Iso.Text(chat.CreatedAtMs), Iso.Text(Updated(chat, countsMessages)), chat.LastMessageAtMs is { } last ? Iso.Text(last) : "",
        chat.Messages.Length.ToString(), chat.Status, string.Join('|', chat.Tags), string.Join('|', chat.SharedWith), chat.IsPublic ? "True" : "False",
    ]);

    public static long Updated(Chat chat, bool countsMessages) => chat.UpdatedAtMs ?? (countsMessages ? Math.Max(chat.CreatedAtMs, chat.LastMessageAtMs ?? 0) : chat.CreatedAtMs);

    static string Plain(JsonElement value) => value.ValueKind == JsonValueKind.Array ? string.Join('|', value.EnumerateArray().Select(one => one.GetString())) : value.ToString();

    public static string Said(JsonElement item, string _) => string.Join("\u241F", new[] { "id", "role", "content", "created_at", "sender_email" }.Select(name => Plain(item.GetProperty(name)))) + "\u241F" + Canonical(item.GetProperty("metadata"));

    public static string Known(Message message) => string.Join("\u241F", [message.Id, message.Role, message.Content, Iso.Text(message.CreatedAtMs), message.SenderEmail ?? ""]) + "\u241F" + (message.Metadata is null ? "null" : Canonical(JsonDocument.Parse(message.Metadata).RootElement));

    static string Canonical(JsonElement element)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, RecordJson.Writing)) element.WriteTo(writer);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
