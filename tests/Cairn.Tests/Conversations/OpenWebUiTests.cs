using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage.Sqlite;
using Cairn.Support;

namespace Cairn.Conversations;

/// <summary>Open WebUI's database as its releases make it, with histories that branch, read through Cairn and compared with the branch that was put there.</summary>
public sealed class OpenWebUiTests
{
    const string List = "/api/admin/audit-logs";

    /// <summary>Of the first releases with migrations: the chat is a text, and tags stand in a table of their own.</summary>
    const string EarlierSchema = """
        CREATE TABLE "user" (id VARCHAR NOT NULL PRIMARY KEY, name VARCHAR, email VARCHAR, role VARCHAR, profile_image_url TEXT, last_active_at BIGINT, updated_at BIGINT, created_at BIGINT, api_key VARCHAR UNIQUE, settings TEXT, info TEXT, oauth_sub TEXT UNIQUE);
        CREATE TABLE chat (id VARCHAR NOT NULL PRIMARY KEY, user_id VARCHAR, title TEXT, chat TEXT, created_at BIGINT, updated_at BIGINT, share_id TEXT UNIQUE, archived BOOLEAN);
        CREATE TABLE chatidtag (id VARCHAR NOT NULL PRIMARY KEY, tag_name VARCHAR, chat_id VARCHAR, user_id VARCHAR, timestamp BIGINT);
        """;

    /// <summary>Of later ones.</summary>
    const string LaterSchema = """
        CREATE TABLE "user" (id VARCHAR NOT NULL PRIMARY KEY, name VARCHAR, email VARCHAR, username VARCHAR(50), role VARCHAR, profile_image_url TEXT, bio TEXT, last_active_at BIGINT, updated_at BIGINT, created_at BIGINT, settings JSON, info JSON, oauth JSON);
        CREATE TABLE chat (id VARCHAR NOT NULL PRIMARY KEY, user_id VARCHAR, title TEXT, chat JSON, created_at BIGINT, updated_at BIGINT, share_id TEXT UNIQUE, archived BOOLEAN, pinned BOOLEAN, meta JSON DEFAULT '{}' NOT NULL, folder_id TEXT);
        """;

    sealed record Talk(string Id, string UserId, string? Email, string Title, string Json, long CreatedSeconds, long UpdatedSeconds, string? ShareId, bool IsArchived, string[] Tags, (string Id, string Role, string Content, long Seconds)[] Branch);

    /// <summary>Trees in which every few messages were tried anew, of which one branch is the current one.</summary>
    static Talk[] Make(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var (messages, branch) = (new List<(string Id, string? Parent, string Role, string Content, long Seconds)>(), new List<(string, string, string, long)>());
            var begun = Some.Midnight / 1000 + i * 600;
            string? parent = null;
            for (var n = 0; n < i % 13; n++)
            {
                var role = n % 2 == 0 ? "user" : "assistant";
                for (var other = random.Next(3); other > 0; other--)
                {
                    // A try that was given up, and what followed upon it.
                    var abandoned = $"x{n}-{other}-{random.Next():x}";
                    messages.Add((abandoned, parent, role, "abandoned", begun + n * 10 + 500));
                    messages.Add((abandoned + "-next", abandoned, role == "user" ? "assistant" : "user", "abandoned as well", begun + n * 10 + 900));
                }
                var (id, content) = ($"m{n}-{random.Next():x}", Chats.Hostile[random.Next(Chats.Hostile.Length)]);
                messages.Add((id, parent, role, content, begun + n * 10));
                branch.Add((id, role, content, begun + n * 10));
                parent = id;
            }
            var json = RecordJson.Text(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("title", "not this one");
                writer.WriteStartObject("history");
                writer.WriteString("currentId", parent);
                writer.WriteStartObject("messages");
                foreach (var message in messages.OrderBy(_ => random.Next()))
                {
                    writer.WriteStartObject(message.Id);
                    writer.WriteString("id", message.Id);
                    writer.WriteString("parentId", message.Parent);
                    writer.WriteStartArray("childrenIds");
                    foreach (var child in messages.Where(one => one.Parent == message.Id)) writer.WriteStringValue(child.Id);
                    writer.WriteEndArray();
                    writer.WriteString("role", message.Role);
                    writer.WriteString("content", message.Content);
                    writer.WriteNumber("timestamp", message.Seconds);
                    if (message.Role == "assistant") writer.WriteString("model", "llama-3.3-70b");
                    writer.WriteEndObject();
                }
                writer.WriteEndObject();
                writer.WriteEndObject();
                writer.WriteEndObject();
            });
            var user = "user-" + i % 4;
            return new Talk($"chat-{i:000}", user, i % 4 == 3 ? null : $"{user}@example.com", Chats.Hostile[random.Next(Chats.Hostile.Length)], json, begun, begun + 5_000, i % 5 == 0 ? "share-" + i : null, i % 3 == 0, [.. new[] { "work", "a;b", "日本" }.Take(i % 4)], [.. branch]);
        })];
    }

    static string Sql(string? text) => text is null ? "NULL" : "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    static string Fill(Talk[] talks, bool isLater, bool isPostgres)
    {
        string Flag(bool flag) => isPostgres ? flag ? "true" : "false" : flag ? "1" : "0";
        var sql = (isLater ? LaterSchema : EarlierSchema) + "\n";
        // One of them was removed and left chats behind.
        for (var user = 0; user < 3; user++) sql += $"INSERT INTO \"user\" (id, name, email, role) VALUES ('user-{user}', 'Somebody', 'user-{user}@example.com', 'user');\n";
        foreach (var talk in talks)
        {
            var tags = RecordJson.Text(writer =>
            {
                writer.WriteStartObject();
                writer.WriteStartArray("tags");
                foreach (var tag in talk.Tags) writer.WriteStringValue(tag);
                writer.WriteEndArray();
                writer.WriteEndObject();
            });
            sql += $"INSERT INTO chat (id, user_id, title, chat, created_at, updated_at, share_id, archived{(isLater ? ", pinned, meta" : "")}) VALUES ({Sql(talk.Id)}, {Sql(talk.UserId)}, {Sql(talk.Title)}, {Sql(talk.Json)}, {talk.CreatedSeconds}, {talk.UpdatedSeconds}, {Sql(talk.ShareId)}, {Flag(talk.IsArchived)}{(isLater ? $", {Flag(false)}, {Sql(tags)}" : "")});\n";
            if (!isLater) foreach (var tag in talk.Tags) sql += $"INSERT INTO chatidtag VALUES ({Sql(talk.Id + tag)}, {Sql(tag)}, {Sql(talk.Id)}, {Sql(talk.UserId)}, 1);\n";
            // The copy that sharing makes is no conversation of anyone.
            if (talk.ShareId is { } share) sql += $"INSERT INTO chat (id, user_id, title, chat, created_at, updated_at, archived{(isLater ? ", meta" : "")}) VALUES ({Sql(share)}, {Sql("shared-" + talk.Id)}, 'a copy', {Sql(talk.Json)}, {talk.CreatedSeconds}, {talk.UpdatedSeconds}, {Flag(false)}{(isLater ? ", '{}'" : "")});\n";
        }
        return sql;
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task The_current_branch_is_the_transcript_and_the_owner_is_the_users_address(bool isLater, bool isPostgres)
    {
        var talks = Make(40, seed: 17);
        using var directory = new TempDirectory();
        await using var server = isPostgres ? await PostgresServer.Start() : null;
        var connection = server is null ? "sqlite:" + Path.Combine(directory.Path, "webui.db") : await server.NewDatabase();
        if (server is null)
        {
            using var made = Connection.OpenWriter(connection["sqlite:".Length..]);
            made.Run(Fill(talks, isLater, isPostgres));
        }
        else await PostgresServer.Run(connection, Fill(talks, isLater, isPostgres));

        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true, ConversationSource = "openwebui", ConversationConnection = connection });
        var admin = await app.Person();
        var listed = (await admin.Get(List + "?page_size=100")).Expect(200);
        Assert.Equal(talks.Reverse().Select(Known), listed.Items.Select(Said));
        Assert.Equal(talks.Length, listed.Total);
        foreach (var (query, matches) in new (string, Func<Talk, bool>)[]
        {
            ("status=archived", talk => talk.IsArchived), ("status=deleted", _ => false), ("owner_email=USER-1@", talk => talk.UserId == "user-1"), ("owner_email=user-3", talk => talk.UserId == "user-3"), ("search=.*", talk => talk.Title.Contains(".*", StringComparison.Ordinal)),
        })
            Assert.Equal(talks.Where(matches).Reverse().Select(Known), (await admin.Get($"{List}?page_size=100&{query}")).Expect(200).Items.Select(Said));

        foreach (var talk in talks)
        {
            var (items, cursor) = (new List<string>(), "");
            for (var more = true; more;)
            {
                var messages = (await admin.Get($"{List}/{talk.Id}/messages?page_size=5{cursor}")).Expect(200).Json.GetProperty("messages");
                items.AddRange(messages.GetProperty("items").EnumerateArray().Select(item => string.Join('\u241F', item.GetProperty("id").GetString(), item.GetProperty("role").GetString(), item.GetProperty("content").GetString(), item.GetProperty("created_at").GetString(), item.GetProperty("sender_email").GetString(), item.GetProperty("metadata").ToString())));
                Assert.Equal(talk.Branch.Length, messages.GetProperty("total").GetInt32());
                more = messages.GetProperty("has_more").GetBoolean();
                cursor = "&cursor=" + messages.GetProperty("next_cursor").GetString();
            }
            Assert.Equal(talk.Branch.Select(one => string.Join('\u241F', one.Id, one.Role, one.Content, Iso.Text(one.Seconds * 1000), one.Role == "user" ? talk.Email : null, one.Role == "assistant" ? """{"model":"llama-3.3-70b"}""" : "")), items);
        }
        Assert.Equal(["user-0@example.com", "user-1@example.com", "user-2@example.com", "user-3"], (await admin.Get(List + "/owners")).Expect(200).Json.GetProperty("owners").EnumerateArray().Select(one => one.GetString()!));
        Assert.Equal(talks.Length, (await admin.Get(List + "/export")).Expect(200).Total);
        (await admin.Get(List + "/share-0/messages")).Expect(404);

        static string Known(Talk talk) => string.Join('\u241F', talk.Id, talk.Email ?? talk.UserId, talk.Title, talk.IsArchived ? "archived" : "active", talk.Branch.Length, talk.Branch.Length == 0 ? "" : Iso.Text(talk.Branch[^1].Seconds * 1000),
            Iso.Text(talk.CreatedSeconds * 1000), Iso.Text(talk.UpdatedSeconds * 1000), string.Join('|', talk.Tags.Order(StringComparer.Ordinal)), talk.ShareId is not null);
        static string Said(JsonElement item) => string.Join('\u241F', item.GetProperty("id").GetString(), item.GetProperty("owner_id").GetString(), item.GetProperty("title").GetString(), item.GetProperty("status").GetString(), item.GetProperty("message_count").GetInt32(),
            item.GetProperty("last_message_at").GetString() ?? "", item.GetProperty("created_at").GetString(), item.GetProperty("updated_at").GetString(), string.Join('|', item.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()!).Order(StringComparer.Ordinal)), item.GetProperty("is_public").GetBoolean());
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"history":5}""")]
    [InlineData("""{"history":{"messages":[],"currentId":"a"}}""")]
    [InlineData("""{"history":{"messages":{"a":{"role":"user","content":"x","parentId":"b"},"b":{"role":"user","content":"y","parentId":"a"}},"currentId":"a"}}""")]
    [InlineData("""{"history":{"messages":{"a":{"role":"robot","content":["p",{"text":"q"}],"parentId":null,"timestamp":"soon"},"b":7},"currentId":"a"}}""")]
    [InlineData("""{"history":{"messages":{"a":{"content":"\ud800","parentId":"missing"}},"currentId":"a"}}""")]
    public async Task A_chat_that_is_not_as_it_should_be_is_shown_as_far_as_it_goes(string json)
    {
        using var directory = new TempDirectory();
        var file = Path.Combine(directory.Path, "webui.db");
        using (var made = Connection.OpenWriter(file))
        {
            made.Run(LaterSchema);
            made.Run($"INSERT INTO chat (id, user_id, title, chat, created_at, updated_at, archived) VALUES ('odd', 'nobody', NULL, {Sql(json)}, 1740787200, NULL, NULL)");
        }
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true, ConversationSource = "openwebui", ConversationConnection = "sqlite:" + file });
        var admin = await app.Person();
        Assert.Equal("odd", Assert.Single((await admin.Get(List)).Expect(200).Items).GetProperty("id").GetString());
        var messages = (await admin.Get(List + "/odd/messages")).Expect(200).Json.GetProperty("messages");
        Assert.Equal(messages.GetProperty("total").GetInt32(), messages.GetProperty("items").GetArrayLength());
        (await admin.Get(List + "/export")).Expect(200);
    }

    [Theory]
    [InlineData("""DROP TABLE chat; CREATE TABLE chat (id TEXT, user_id TEXT, chat JSON, created_at BIGINT, updated_at BIGINT, share_id TEXT, archived BOOLEAN);""", "title")]
    [InlineData("""DROP TABLE chat; CREATE TABLE chat (id TEXT, user_id TEXT, title TEXT, chat JSON, created_at TEXT, updated_at BIGINT, share_id TEXT, archived BOOLEAN);""", "chat.created_at")]
    [InlineData("""DROP TABLE "user";""", "user")]
    public async Task A_database_that_is_another_program_s_is_refused_at_start(string change, string named)
    {
        using var directory = new TempDirectory();
        var file = Path.Combine(directory.Path, "webui.db");
        using (var made = Connection.OpenWriter(file)) made.Run(LaterSchema + change);
        var refused = await Assert.ThrowsAsync<SettingException>(() => CairnApp.Start(settings => settings with { ConversationSource = "openwebui", ConversationConnection = "sqlite:" + file }));
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
        Assert.Contains("Conversations:Connection", refused.Message, StringComparison.Ordinal);
    }
}
