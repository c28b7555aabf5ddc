using Cairn.Access;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Conversations;

/// <summary>The same answers from Cairn's own tables and from two views of other databases, compared with what was put there.</summary>
public sealed class ConversationListTests
{
    const string List = "/api/admin/audit-logs";

    /// <summary>A Cairn that reads these conversations from one kind of source, and an administrator of it.</summary>
    static async Task<(CairnApp App, Client Admin, IAsyncDisposable? Server)> Start(string source, Chat[] chats, TempDirectory directory)
    {
        PostgresServer? server = null;
        string? connection = null;
        if (source == "sqlite")
        {
            var file = Path.Combine(directory.Path, "platform.db");
            Chats.FillSqlite(file, chats);
            connection = "sqlite:" + file;
        }
        if (source == "postgres")
        {
            server = await PostgresServer.Start();
            connection = await server.NewDatabase();
            await Chats.FillPostgres(connection, chats);
        }
        var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true, ConversationSource = connection is null ? "builtin" : "sql", ConversationConnection = connection });
        if (connection is null) await Chats.Send(app, chats);
        return (app, await app.Person(), server);
    }

    [Theory]
    [InlineData("builtin")]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Every_filter_order_page_and_cursor_answers_what_is_there(string source)
    {
        var chats = Chats.Make(120, seed: 7);
        using var directory = new TempDirectory();
        var (app, admin, server) = await Start(source, chats, directory);
        await using var _ = app;
        await using var __ = server;
        var counts = source == "builtin";

        // 1. Each filter alone and some together, in both orders, page by page and by cursor.
        (string Query, Func<Chat, bool> Matches)[] filters =
        [
            ("", chat => chat.DeletedAtMs is null),
            ("include_deleted=true", _ => true),
            ("status=active", chat => chat.Status == "active"), ("status=archived", chat => chat.Status == "archived"), ("status=deleted", chat => chat.Status == "deleted"),
            ("status=active&include_deleted=true", chat => chat.Status == "active"),
            .. new[] { "ada@", "EXAMPLE", "grace@example.com", ".*", "%", "_", "50%_", "o'brien", "ÜNAL", "nobody", "u-17" }.Select(text => ("include_deleted=true&owner_email=" + Uri.EscapeDataString(text), (Func<Chat, bool>)(chat => Has(chat.Owner, text)))),
            .. new[] { ".*", "%", "_", "\\", "ALERT(1)", "äöü", "привет", "日本", "👩", "'; drop", "=1+1", "number 1", "\u202E" }.Select(text => ("include_deleted=true&search=" + Uri.EscapeDataString(text), (Func<Chat, bool>)(chat => Has(chat.Title, text)))),
            ("date_from=2025-03-02&date_to=2025-03-03&include_deleted=true", chat => chat.CreatedAtMs >= Some.Midnight + Some.Day && chat.CreatedAtMs < Some.Midnight + 3 * Some.Day),
            ("date_from=2025-03-02&date_to=2025-03-02&tz=Asia/Tokyo", chat => chat.DeletedAtMs is null && chat.CreatedAtMs >= Some.Midnight + 15 * Some.Hour && chat.CreatedAtMs < Some.Midnight + 39 * Some.Hour),
            ("owner_email=example.com&search=number&status=archived&date_from=2025-03-01", chat => Has(chat.Owner, "example.com") && Has(chat.Title, "number") && chat.Status == "archived"),
        ];
        foreach (var (query, matches) in filters)
            foreach (var byUpdate in new[] { false, true })
            {
                long Sorted(Chat chat) => byUpdate ? Chats.Updated(chat, counts) : chat.CreatedAtMs;
                var wanted = chats.Where(matches).OrderByDescending(Sorted).ThenByDescending(chat => chat.Id, StringComparer.Ordinal).Select(chat => Chats.Known(chat, counts)).ToArray();
                var path = $"{List}?{query}{(byUpdate ? "&sort=updated_at" : "")}";
                var whole = (await admin.Get(path + "&page_size=100")).Expect(200);
                Assert.Equal((wanted.Length, wanted.Length), (whole.Total, whole.Json.GetProperty("total").GetInt64()));
                Assert.Equal(wanted.Take(100), whole.Items.Select(Chats.Said));
                if (query.Length > 30 && byUpdate) continue;

                var (byPage, byCursor) = (new List<string>(), new List<string>());
                for (var page = 1; ; page++)
                {
                    var answer = (await admin.Get($"{path}&page={page}&page_size=17")).Expect(200);
                    Assert.Equal((page, 17, wanted.Length), (answer.Json.GetProperty("page").GetInt32(), answer.Json.GetProperty("page_size").GetInt32(), answer.Json.GetProperty("total").GetInt32()));
                    byPage.AddRange(answer.Items.Select(Chats.Said));
                    Assert.Equal(byPage.Count < wanted.Length, answer.Json.GetProperty("has_more").GetBoolean());
                    if (!answer.Json.GetProperty("has_more").GetBoolean()) break;
                }
                for (string? cursor = ""; cursor is not null;)
                {
                    var answer = (await admin.Get($"{path}&page_size=13{(cursor.Length > 0 ? "&cursor=" + cursor : "")}")).Expect(200);
                    byCursor.AddRange(answer.Items.Select(Chats.Said));
                    cursor = answer.Json.GetProperty("next_cursor").GetString();
                }
                Assert.Equal(wanted, byPage);
                Assert.Equal(wanted, byCursor);
            }

        // 2. Every transcript, to the letter, also one page after the other.
        foreach (var chat in chats)
        {
            var answer = (await admin.Get($"{List}/{chat.Id}/messages?page_size=100")).Expect(200);
            Assert.Equal(Chats.Known(chat, counts), Chats.Said(answer.Json.GetProperty("conversation")));
            var messages = answer.Json.GetProperty("messages");
            Assert.Equal((chat.Messages.Length, 1, 100, false), (messages.GetProperty("total").GetInt32(), messages.GetProperty("page").GetInt32(), messages.GetProperty("page_size").GetInt32(), messages.GetProperty("has_more").GetBoolean()));
            Assert.Equal(chat.Messages.Select(Chats.Known), messages.GetProperty("items").EnumerateArray().Select(item => Chats.Said(item, "message")));
        }
        var longest = chats.MaxBy(chat => chat.Messages.Length)!;
        var (pages, walked) = (new List<string>(), new List<string>());
        for (var page = 1; page <= (longest.Messages.Length + 2) / 3; page++)
            pages.AddRange((await admin.Get($"{List}/{longest.Id}/messages?page={page}&page_size=3")).Expect(200).Json.GetProperty("messages").GetProperty("items").EnumerateArray().Select(item => Chats.Said(item, "message")));
        for (string? cursor = ""; cursor is not null;)
        {
            var messages = (await admin.Get($"{List}/{longest.Id}/messages?page_size=3{(cursor.Length > 0 ? "&cursor=" + cursor : "")}")).Expect(200).Json.GetProperty("messages");
            walked.AddRange(messages.GetProperty("items").EnumerateArray().Select(item => Chats.Said(item, "message")));
            cursor = messages.GetProperty("next_cursor").GetString();
        }
        Assert.Equal(longest.Messages.Select(Chats.Known), pages);
        Assert.Equal(longest.Messages.Select(Chats.Known), walked);

        // 3. Owners: distinct, sorted, in any case, no letter with a meaning of its own.
        foreach (var (text, owners) in new[] { ("", Chats.Owners), (".*", [".*@example.com"]), ("%", ["50%_off@example.com"]), ("GRACE", ["Grace@Example.com"]), ("ünal", ["Ünal@example.com"]), ("nobody", Array.Empty<string>()) })
            Assert.Equal(owners.Order(StringComparer.Ordinal), (await admin.Get($"{List}/owners?q={Uri.EscapeDataString(text)}")).Expect(200).Json.GetProperty("owners").EnumerateArray().Select(one => one.GetString()!));

        (await admin.Get(List + "/nowhere/messages")).Expect(404);
        (await admin.Get(List + "/nowhere/views")).Expect(404);
        (await admin.Get($"{List}/{Uri.EscapeDataString("' OR 1=1 --")}/messages")).Expect(404);

        static bool Has(string text, string part) => text.Contains(part, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task What_is_not_understood_is_refused_by_name()
    {
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true });
        var admin = await app.Person();
        foreach (var (query, name) in new[]
        {
            ("page=0", "page"), ("page_size=101", "page_size"), ("page_size=0", "page_size"), ("page_size=x", "page_size"), ("status=gone", "status"), ("include_deleted=1", "include_deleted"), ("sort=title", "sort"),
            ("date_from=yesterday", "date_from"), ("date_from=2026-01-02&date_to=2026-01-01", "date_to"), ("tz=Nowhere/There", "tz"), ("owner=x", "owner"), ("search=a&search=b", "search"), ("cursor=x", "cursor"), ("search=%00", "search"),
        })
            Assert.Equal(name, (await admin.Get($"{List}?{query}")).Expect(400).Json.GetProperty("parameter").GetString());
        foreach (var path in new[] { "/x/messages?page=0", "/x/messages?limit=5", "/x/messages?cursor=zzz", "/owners?q=a&q=b", "/owners?limit=3", "/export?format=xml", "/export?page=2", "/x/views?page_size=1000" }) (await admin.Get(List + path)).Expect(400);

        // A cursor of one list is none of another.
        await Chats.Send(app, Chats.Make(40, seed: 3));
        var next = (await admin.Get(List + "?page_size=2")).Expect(200).Json.GetProperty("next_cursor").GetString();
        (await admin.Get($"{List}?cursor={next}&sort=updated_at")).Expect(400);
        (await admin.Get($"{List}?cursor={next}&page=2")).Expect(400);
        (await admin.Get($"{List}?cursor={next}")).Expect(200);
        // An empty value is as if absent.
        Assert.Equal((await admin.Get(List)).Total, (await admin.Get(List + "?search=&owner_email=&status=&date_from=&page=&cursor=")).Expect(200).Total);
    }

    [Fact]
    public async Task A_walk_by_cursor_neither_repeats_nor_skips_what_was_there_while_conversations_arrive_and_go()
    {
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true });
        var chats = Chats.Make(60, seed: 11);
        await Chats.Send(app, chats);
        var admin = await app.Person();
        var (sender, walked, round) = (app.Gateway(await app.Key(Scopes.ConversationsWrite)), new List<string>(), 0);
        for (string? cursor = ""; cursor is not null; round++)
        {
            var answer = (await admin.Get($"{List}?include_deleted=true&page_size=7{(cursor.Length > 0 ? "&cursor=" + cursor : "")}")).Expect(200);
            walked.AddRange(answer.Items.Select(item => item.GetProperty("id").GetString()!));
            cursor = answer.Json.GetProperty("next_cursor").GetString();
            (await sender.Put("/api/v1/conversations/new-" + round, $$"""{"owner_id":"ada@example.com","created_at":"{{Iso.Text(Some.Midnight + round * Some.Day)}}"}""")).Expect(200);
            // The one that the cursor stands on goes away.
            (await sender.Delete("/api/v1/conversations/" + walked[^1])).Expect(204);
        }
        Assert.Equal(chats.Select(chat => chat.Id).Order(), walked.Where(id => !id.StartsWith("new-", StringComparison.Ordinal)).Order());
        Assert.Equal(walked.Count, walked.Distinct().Count());
    }
}
