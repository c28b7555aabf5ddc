using System.Globalization;
using System.Text.Json;
using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Conversations;

/// <summary>What looking leaves behind, and what is handed out once it has.</summary>
public sealed class TraceTests
{
    const string List = "/api/admin/audit-logs", Events = "/api/v1/admin/audit-logs";

    [Fact]
    public async Task Every_look_is_an_event_that_says_who_and_what_and_never_what_was_said()
    {
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true });
        var chats = Chats.Make(30, seed: 21);
        await Chats.Send(app, chats);
        var (first, second) = (await app.Person(email: "first@example.com"), await app.Person(email: "second@example.com"));
        var chat = chats.MaxBy(one => one.Messages.Length)!;

        var read = new List<(string Who, int Rows)>();
        async Task<JsonElement> Look(Client who, string name, string query)
        {
            var messages = (await who.Get($"{List}/{chat.Id}/messages?{query}")).Expect(200).Json.GetProperty("messages");
            read.Add((name, messages.GetProperty("items").GetArrayLength()));
            return messages;
        }
        await Look(first, "first@example.com", "page_size=2");
        await Look(first, "first@example.com", "page=2&page_size=2");
        var cursor = (await Look(second, "second@example.com", "page_size=3")).GetProperty("next_cursor").GetString();
        await Look(second, "second@example.com", "page_size=3&cursor=" + cursor);
        await Look(second, "second@example.com", "page=99");

        var told = (await app.Reader.Get($"{Events}?resource=Conversation&resourceId={chat.Id}&action=audit.conversation_viewed")).Expect(200);
        Assert.Equal(read, told.Items.Reverse().Select(item => (item.GetProperty("actorEmail").GetString()!, item.GetProperty("metadata").GetProperty("rows").GetInt32())));
        Assert.All(told.Items, item => Assert.Equal((chat.Owner, "127.0.0.1"), (item.GetProperty("metadata").GetProperty("owner").GetString()!, item.GetProperty("ip").GetString()!)));
        Assert.Equal(JsonValueKind.Null, told.Items[0].GetProperty("resourceName").ValueKind);

        // The conversation shows who has looked at it; looking at that leaves nothing.
        var views = (await first.Get($"{List}/{chat.Id}/views?page_size=3")).Expect(200);
        Assert.Equal((5, 5, true), (views.Total, views.Json.GetProperty("total").GetInt32(), views.Json.GetProperty("has_more").GetBoolean()));
        var rest = (await first.Get($"{List}/{chat.Id}/views?page_size=3&cursor={views.Json.GetProperty("next_cursor").GetString()}")).Expect(200);
        Assert.Equal(told.Items.Select(item => (item.GetProperty("id").GetString(), item.GetProperty("createdAt").GetString(), item.GetProperty("actorEmail").GetString())),
            views.Items.Concat(rest.Items).Select(item => (item.GetProperty("event_id").GetString(), item.GetProperty("viewed_at").GetString(), item.GetProperty("viewer_email").GetString())));
        Assert.Equal(0, (await first.Get($"{List}/{chats.First(one => one != chat).Id}/views")).Expect(200).Total);

        // Owner search and export, with what was asked and how many rows.
        var owners = (await second.Get(List + "/owners?q=EXAMPLE.com")).Expect(200).Json.GetProperty("owners").GetArrayLength();
        var searched = Assert.Single((await app.Reader.Get(Events + "?action=audit.searched_owners")).Items);
        Assert.Equal(("second@example.com", "EXAMPLE.com", owners), (searched.GetProperty("actorEmail").GetString(), searched.GetProperty("metadata").GetProperty("filter").GetProperty("q").GetString(), searched.GetProperty("metadata").GetProperty("rows").GetInt32()));
        var rows = (await second.Get(List + "/export?status=archived&search=number")).Expect(200).Total;
        var exported = Assert.Single((await app.Reader.Get(Events + "?action=audit.exported&resource=Conversation")).Items).GetProperty("metadata");
        Assert.Equal(("conversations", "csv", rows, "archived", "number"), (exported.GetProperty("log").GetString(), exported.GetProperty("format").GetString(), exported.GetProperty("rows").GetInt64(), exported.GetProperty("filter").GetProperty("status").GetString(), exported.GetProperty("filter").GetProperty("search").GetString()));

        // Lists, what is not found and what is not understood leave none.
        var before = (await app.Reader.Get(Events + "?resource=Conversation")).Total;
        (await first.Get(List)).Expect(200);
        (await first.Get(List + "/nowhere/messages")).Expect(404);
        (await first.Get($"{List}/{chat.Id}/messages?page=0")).Expect(400);
        Assert.Equal(before, (await app.Reader.Get(Events + "?resource=Conversation")).Total);
    }

    [Fact]
    public async Task While_the_log_cannot_take_the_event_nothing_is_shown()
    {
        FaultyStore? store = null;
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true }, around: inner => store = new(inner));
        var chats = Chats.Make(10, seed: 2);
        await Chats.Send(app, chats);
        var admin = await app.Person();
        var chat = chats.First(one => one.Messages.Length > 0);
        store!.FailBefore = batch => batch.Events.Any(told => told.Action.StartsWith("audit.", StringComparison.Ordinal)) ? new LogUnavailableException("The disk is full.") : null;
        foreach (var path in new[] { $"/{chat.Id}/messages", "/owners?q=a", "/export", "/export?format=jsonl" })
        {
            var answer = (await admin.Get(List + path)).Expect(503);
            Assert.Equal("application/problem+json", answer.Header("Content-Type"));
            Assert.DoesNotContain(chat.Owner, answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(chat.Id, answer.Text, StringComparison.Ordinal);
        }
        store.FailBefore = _ => null;
        (await admin.Get($"{List}/{chat.Id}/messages")).Expect(200);
    }

    [Fact]
    public async Task An_export_has_the_rows_of_the_list_in_its_order_and_says_where_it_stops()
    {
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true, ExportRows = 600 });
        var chats = Chats.Make(640, seed: 31).Select(chat => chat with { Messages = [.. chat.Messages.Take(1)] }).ToArray();
        await Chats.Send(app, chats);
        var admin = await app.Person();

        foreach (var query in new[] { "status=archived", "include_deleted=true&sort=updated_at", "search=%3Dcmd", "owner_email=.*", "date_from=2025-03-01&date_to=2025-03-04&include_deleted=true" })
        {
            var listed = new List<string[]>();
            long total;
            for (var page = 1; ; page++)
            {
                var answer = (await admin.Get($"{List}?{query}&page={page}&page_size=100")).Expect(200);
                total = answer.Total;
                listed.AddRange(answer.Items.Select(Cells));
                if (!answer.Json.GetProperty("has_more").GetBoolean()) break;
            }
            var file = (await admin.Get($"{List}/export?{query}")).Expect(200);
            Assert.Equal((total, total > 600 ? "true" : null, "text/csv; charset=utf-8", "no-store", $"attachment; filename=\"audit-logs-{app.Clock.Now:yyyy-MM-dd}.csv\""),
                (file.Total, file.Header("X-Truncated"), file.Header("Content-Type"), file.Header("Cache-Control"), file.Header("Content-Disposition")));
            Assert.StartsWith("Conversation ID,Owner,Title,Status,Messages,Created,Updated,Last Message,Tags,Shared With,Is Public\r\n", file.Text, StringComparison.Ordinal);
            using var csv = CsvHelper.CsvReader.FromText(file.Text, new() { HasHeader = false });
            var rows = new List<string[]>();
            while (csv.Read()) rows.Add([.. Enumerable.Range(0, csv.FieldCount).Select(csv.GetString)]);
            Assert.Equal(listed.Take(600).Select(Guarded), rows.Skip(1).Select(row => string.Join('\u241F', row)));

            var lines = (await admin.Get($"{List}/export?{query}&format=jsonl")).Expect(200);
            Assert.Equal(("application/jsonl", $"attachment; filename=\"audit-logs-{app.Clock.Now:yyyy-MM-dd}.jsonl\""), (lines.Header("Content-Type"), lines.Header("Content-Disposition")));
            Assert.Equal(listed.Take(600).Select(row => row[0]), lines.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetString()!));
        }

        static string[] Cells(JsonElement item) =>
        [
            item.GetProperty("id").GetString()!, item.GetProperty("owner_id").GetString()!, item.GetProperty("title").GetString()!, item.GetProperty("status").GetString()!, item.GetProperty("message_count").ToString(),
            item.GetProperty("created_at").GetString()!, item.GetProperty("updated_at").GetString()!, item.GetProperty("last_message_at").GetString() ?? "", Joined(item.GetProperty("tags")), Joined(item.GetProperty("shared_with")), item.GetProperty("is_public").GetBoolean() ? "true" : "false",
        ];

        static string Joined(JsonElement texts) => string.Join("; ", texts.EnumerateArray().Select(text => text.GetString()));

        static string Guarded(string[] cells) => string.Join('\u241F', cells.Select(cell => cell.Length > 0 && "=+-@\t\r".Contains(cell[0], StringComparison.Ordinal) && !double.TryParse(cell, CultureInfo.InvariantCulture, out _) ? "'" + cell : cell));
    }
}
