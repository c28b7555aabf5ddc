using Cairn.Access;
using Cairn.Hosting;
using Cairn.Storage.Sqlite;
using Cairn.Support;

namespace Cairn.Conversations;

/// <summary>A database that is not Cairn's: what is wrong with it is said at start, what happens to it later is said in health, and it is never written to.</summary>
public sealed class OtherDatabaseTests
{
    const string List = "/api/admin/audit-logs";

    static Task<CairnApp> Start(string connection) => CairnApp.Start(settings => settings with { AuditLogsEnabled = true, ConversationSource = "sql", ConversationConnection = connection });

    public static TheoryData<string, string> Wrong => new()
    {
        { "DROP VIEW cairn_conversations", "no view cairn_conversations" },
        { "DROP VIEW cairn_messages", "no view cairn_messages" },
        { Conversations("key AS id, heading AS title, begun AS created_at, touched AS updated_at, 'active' AS status, open AS is_public, labels AS tags"), "cairn_conversations lacks the columns owner_id, shared_with" },
        { Conversations("key AS id, heading AS title, person AS owner_id, begun AS created_at, touched AS updated_at, open AS is_public, labels AS tags, readers AS shared_with"), "cairn_conversations lacks the column status" },
        { Messages("key AS id, talk AS conversation_id, speaker AS role, at AS created_at, address AS sender_email, extra AS metadata"), "cairn_messages lacks the column content" },
    };

    static string Conversations(string columns) => $"DROP VIEW cairn_conversations; CREATE VIEW cairn_conversations AS SELECT {columns} FROM talks";

    static string Messages(string columns) => $"DROP VIEW cairn_messages; CREATE VIEW cairn_messages AS SELECT {columns} FROM lines";

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task What_is_missing_is_named_at_start_on_both_engines(string change, string named)
    {
        using var directory = new TempDirectory();
        var file = Path.Combine(directory.Path, "platform.db");
        Chats.FillSqlite(file, Chats.Make(3, seed: 1));
        using (var made = Connection.OpenWriter(file)) made.Run(change);
        Assert.Contains(named, (await Assert.ThrowsAsync<SettingException>(() => Start("sqlite:" + file))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_missing_or_of_another_type_is_named_at_start_by_PostgreSQL()
    {
        await using var server = await PostgresServer.Start();
        foreach (var (change, named) in new[]
        {
            ("DROP VIEW cairn_messages", "no view cairn_messages"),
            ("DROP VIEW cairn_conversations; CREATE VIEW cairn_conversations AS SELECT key AS id, heading AS title, begun AS created_at, touched AS updated_at, shelved AS is_archived, erased AS deleted_at, labels AS tags, readers AS shared_with, open AS is_public FROM talks", "lacks the column owner_id"),
            ("DROP VIEW cairn_conversations; CREATE VIEW cairn_conversations AS SELECT key AS id, heading AS title, person AS owner_id, heading AS created_at, touched AS updated_at, shelved AS is_archived, erased AS deleted_at, labels AS tags, readers AS shared_with, open AS is_public FROM talks", "cairn_conversations.created_at is of the type text"),
            ("DROP VIEW cairn_conversations; CREATE VIEW cairn_conversations AS SELECT key AS id, heading AS title, person AS owner_id, begun AS created_at, touched AS updated_at, shelved AS is_archived, erased AS deleted_at, labels AS tags, readers AS shared_with, begun AS is_public FROM talks", "cairn_conversations.is_public is of the type timestamp with time zone"),
            ("DROP VIEW cairn_messages; CREATE VIEW cairn_messages AS SELECT key AS id, talk AS conversation_id, speaker AS role, at AS content, at AS created_at, address AS sender_email, extra AS metadata FROM lines", "cairn_messages.content is of the type bigint"),
        })
        {
            var url = await server.NewDatabase();
            await PostgresServer.Run(url, Chats.PostgresViews);
            await PostgresServer.Run(url, change);
            var message = (await Assert.ThrowsAsync<SettingException>(() => Start(url))).Message;
            Assert.Contains(named, message, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_time_that_is_none_is_named_at_start()
    {
        using var directory = new TempDirectory();
        var file = Path.Combine(directory.Path, "platform.db");
        Chats.FillSqlite(file, Chats.Make(3, seed: 1));
        using (var made = Connection.OpenWriter(file)) made.Run("UPDATE talks SET begun = 'some day'");
        Assert.Contains("cairn_conversations.created_at holds what is no time", (await Assert.ThrowsAsync<SettingException>(() => Start("sqlite:" + file))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_away_is_a_503_whose_reason_stands_in_health_alone_and_reading_goes_on_when_it_is_back()
    {
        using var directory = new TempDirectory();
        var (file, hidden) = (Path.Combine(directory.Path, "platform.db"), Path.Combine(directory.Path, "hidden.db"));
        Chats.FillSqlite(hidden, Chats.Make(5, seed: 1));
        // Not there when Cairn starts, and there later.
        await using var app = await Start("sqlite:" + file);
        var admin = await app.Person();
        await Away();
        File.Move(hidden, file);
        Assert.NotEmpty((await admin.Get(List)).Expect(200).Items);
        Assert.Equal("sql", (await Health()).GetProperty("source").GetString());
        Assert.Null((await Health()).GetProperty("problem").GetString());
        File.Move(file, hidden);
        await Away();
        File.Move(hidden, file);
        (await admin.Get(List + "/c-1-0000/messages")).Expect(200);

        async Task<System.Text.Json.JsonElement> Health() => (await app.Reader.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("conversations");

        async Task Away()
        {
            foreach (var path in new[] { "", "/c-1-0000/messages", "/owners", "/export" })
            {
                var answer = (await admin.Get(List + path)).Expect(503);
                Assert.DoesNotContain("platform", answer.Text, StringComparison.Ordinal);
                Assert.DoesNotContain("SQLite", answer.Text, StringComparison.Ordinal);
            }
            Assert.Contains("unable to open", (await Health()).GetProperty("problem").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_server_that_is_away_is_a_503_whose_reason_stands_in_health_alone_and_reading_goes_on_when_it_is_back()
    {
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        await Chats.FillPostgres(url, Chats.Make(5, seed: 1));
        await using var app = await Start(url);
        var admin = await app.Person();
        (await admin.Get(List)).Expect(200);
        await server.Stop();
        foreach (var path in new[] { "", "/c-1-0000/messages", "/owners", "/export" })
        {
            var answer = (await admin.Get(List + path)).Expect(503);
            Assert.DoesNotContain("127.0.0.1", answer.Text, StringComparison.Ordinal);
            Assert.Equal("5", answer.Header("Retry-After"));
        }
        var problem = (await app.Reader.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("conversations").GetProperty("problem").GetString();
        Assert.NotNull(problem);
        Assert.DoesNotContain("secret", problem, StringComparison.Ordinal);
        await server.StartAgain();
        await Until.True(async () => (await admin.Get(List)).Status == 200);
    }

    [Fact]
    public async Task Nothing_is_written_to_it_and_nothing_is_taken_beside_it()
    {
        using var directory = new TempDirectory();
        var file = Path.Combine(directory.Path, "platform.db");
        Chats.FillSqlite(file, Chats.Make(20, seed: 1));
        var before = await File.ReadAllBytesAsync(file, Client.Cancel);
        await using (var app = await Start("sqlite:" + file))
        {
            var (admin, sender) = (await app.Person(), app.Gateway(await app.Key(Scopes.ConversationsWrite)));
            foreach (var path in new[] { "", "/c-1-0000/messages", "/owners", "/export" }) (await admin.Get(List + path)).Expect(200);
            (await sender.Put("/api/v1/conversations/c-1-0000", """{"owner_id":"a"}""")).Expect(409);
            (await sender.Post("/api/v1/conversations/c-1-0000/messages", "[]")).Expect(409);
            (await sender.Delete("/api/v1/conversations/c-1-0000")).Expect(409);
        }
        Assert.Equal(before, await File.ReadAllBytesAsync(file, Client.Cancel));

        // PostgreSQL itself refuses whoever would try over a connection like Cairn's.
        await using var server = await PostgresServer.Start();
        var url = await server.NewDatabase();
        await Chats.FillPostgres(url, Chats.Make(1, seed: 1));
        await using var database = Sources.DatabaseUrl.Open(url);
        foreach (var sql in new[] { "INSERT INTO talks (key) VALUES ('x') RETURNING 1", "SELECT 1 FROM (SELECT nextval('s')) x", "CREATE TABLE x (a int)" })
            await Assert.ThrowsAsync<Sources.SourceAwayException>(() => database.Read([new(database) { Text = sql }], Client.Cancel));
    }


    [Theory]
    [InlineData("Conversations:Source", "mongodb", "builtin, sql or openwebui")]
    [InlineData("Conversations:Connection", "sqlite:x", "while Conversations:Source is builtin")]
    public void A_setting_that_is_not_understood_stops_the_start(string name, string value, string allowed)
    {
        var refused = Assert.Throws<SettingException>(() => Settings.Read(new Dictionary<string, string?> { [name] = value }));
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mysql://ada:pass-word@db/chats")]
    [InlineData("sqlite:")]
    [InlineData("postgres://ada:pass-word@db")]
    [InlineData("postgres://ada:pass-word@db/chats?sslmode=maybe")]
    [InlineData("postgres://ada:pass-word@db/chats?search_path=a;b")]
    [InlineData("postgres://ada:pass-word@db/chats?user=x")]
    [InlineData("Host=db;Password=pass-word")]
    public void A_connection_that_is_not_understood_stops_the_start_without_its_password(string connection)
    {
        var refused = Assert.Throws<SettingException>(() => Settings.Read(new Dictionary<string, string?> { ["Conversations:Source"] = "sql", ["Conversations:Connection"] = connection }));
        Assert.Contains("Conversations:Connection", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("pass-word", refused.Message, StringComparison.Ordinal);
    }
}
