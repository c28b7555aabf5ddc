using System.Text;
using Cairn.Access;
using Cairn.Records;
using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Conversations;

public sealed class ConversationIngestTests
{
    const string Conversations = "/api/v1/conversations", List = "/api/admin/audit-logs";

    static Task<CairnApp> Start(Func<ILogStore, ILogStore>? around = null, string? place = null) => CairnApp.Start(settings => settings with { AuditLogsEnabled = true }, around: around, place: place);

    static (int Accepted, int Duplicates, int Rejected) Taken(Answer answer) =>
        (answer.Expect(200).Json.GetProperty("accepted").GetInt32(), answer.Json.GetProperty("duplicates").GetInt32(), answer.Json.GetProperty("rejected").GetArrayLength());

    [Fact]
    public async Task Only_a_key_with_its_scope_sends_and_anonymous_calls_learn_nothing()
    {
        await using var app = await Start();
        foreach (var (who, status) in new[] { (app.Gateway(), 401), (app.Gateway(await app.Key(Scopes.EventsWrite, Scopes.AuditRead, Scopes.Inference)), 403) })
        {
            (await who.Put(Conversations + "/c-1", """{"owner_id":"ada@example.com"}""")).Expect(status);
            (await who.Post(Conversations + "/c-1/messages", "[]")).Expect(status);
            (await who.Delete(Conversations + "/c-1")).Expect(status);
        }
    }

    [Fact]
    public async Task Saying_the_same_again_changes_nothing_and_other_words_under_a_known_id_are_rejected()
    {
        await using var app = await Start();
        var (sender, admin) = (app.Gateway(await app.Key(Scopes.ConversationsWrite)), await app.Person());
        var chat = Chats.Make(10, seed: 5).First(one => one.Messages.Length >= 4);
        var path = $"{Conversations}/{chat.Id}";

        (await sender.Post(path + "/messages", chat.MessagesBody())).Expect(404);
        Assert.True((await sender.Put(path, chat.PutBody())).Expect(200).Json.GetProperty("created").GetBoolean());
        Assert.Equal((chat.Messages.Length, 0, 0), Taken(await sender.Post(path + "/messages", chat.MessagesBody())));
        var before = (await admin.Get($"{List}/{chat.Id}/messages?page_size=100")).Expect(200).Text;

        for (var i = 0; i < 3; i++)
        {
            Assert.False((await sender.Put(path, chat.PutBody())).Expect(200).Json.GetProperty("created").GetBoolean());
            Assert.Equal((0, chat.Messages.Length, 0), Taken(await sender.Post(path + "/messages", chat.MessagesBody())));
            Assert.Equal((0, 1, 0), Taken(await sender.Post(path + "/messages", Single(chat.Messages[0]))));
        }
        // Each field by itself makes it another message.
        var first = chat.Messages[0];
        foreach (var other in new[] { first with { Content = first.Content + "." }, first with { Role = first.Role == "user" ? "tool" : "user" }, first with { CreatedAtMs = first.CreatedAtMs + 1 }, first with { SenderEmail = "eve@example.com" }, first with { Metadata = """{"other":1}""" } })
        {
            var answer = await sender.Post(path + "/messages", Single(other));
            Assert.Equal((0, 0, 1), Taken(answer));
            Assert.Contains("recorded before with other content", answer.Text, StringComparison.Ordinal);
        }
        Assert.Equal(before, (await admin.Get($"{List}/{chat.Id}/messages?page_size=100")).Expect(200).Text);

        // A conversation may be said anew: it is what was said last, and keeps its messages.
        (await sender.Put(path, """{"owner_id":"grace@example.com","title":"anew"}""")).Expect(200);
        var anew = (await admin.Get($"{List}/{chat.Id}/messages")).Expect(200).Json.GetProperty("conversation");
        Assert.Equal(("anew", "grace@example.com", "active", Iso.Text(chat.CreatedAtMs), chat.Messages.Length), (anew.GetProperty("title").GetString(), anew.GetProperty("owner_id").GetString(), anew.GetProperty("status").GetString(), anew.GetProperty("created_at").GetString(), anew.GetProperty("message_count").GetInt32()));

        // The same id in another conversation is another message.
        (await sender.Put(Conversations + "/other", """{"owner_id":"grace@example.com"}""")).Expect(200);
        Assert.Equal((1, 0, 0), Taken(await sender.Post(Conversations + "/other/messages", Single(first with { Content = "elsewhere" }))));

        static string Single(Message message) => RecordJson.Text(message.Write);
    }

    [Fact]
    public async Task Bad_messages_are_named_by_their_place_and_the_good_ones_are_kept()
    {
        await using var app = await Start();
        var (sender, admin) = (app.Gateway(await app.Key(Scopes.ConversationsWrite)), await app.Person());
        (await sender.Put(Conversations + "/c-1", """{"owner_id":"ada@example.com"}""")).Expect(200);
        string[] bad =
        [
            """{"content":"x"}""", """{"role":"user"}""", """{"role":"robot","content":"x"}""", """{"role":"user","content":5}""", """{"role":"user","content":"x","created_at":"soon"}""",
            """{"role":"user","content":"x","unknown":1}""", """{"role":"user","content":"x","content":"y"}""", """{"role":"user","content":"\u0000"}""", """{"role":"user","content":"\ud800"}""", """{"role":"user","content":"x","metadata":[1]}""",
            """{"role":"user","content":"x","metadata":{"a":1,"a":2}}""", """7""", """{"role":"user","content":"x","id":"IDIDID"}""".Replace("IDIDID", new string('i', 257), StringComparison.Ordinal),
            """{"role":"user","content":"CCC"}""".Replace("CCC", new string('c', 1024 * 1024 + 1), StringComparison.Ordinal),
        ];
        var answer = await sender.Post(Conversations + "/c-1/messages", $"[{string.Join(',', bad)},{{\"role\":\"user\",\"content\":\"good\"}}]");
        Assert.Equal((1, 0, bad.Length), Taken(answer));
        Assert.Equal(Enumerable.Range(0, bad.Length), answer.Json.GetProperty("rejected").EnumerateArray().Select(one => one.GetProperty("index").GetInt32()));
        Assert.Equal(1, (await admin.Get(List + "/c-1/messages")).Expect(200).Json.GetProperty("messages").GetProperty("total").GetInt32());

        // One a line, and packed.
        Assert.Equal((2, 0, 1), Taken(await sender.Post(Conversations + "/c-1/messages", Client.Gzip("""
            {"role":"user","content":"one"}
            not json
            {"role":"assistant","content":""}
            """u8.ToArray()), "application/x-ndjson", "gzip")));

        foreach (var (body, name) in new[]
        {
            ("{}", "owner_id"), ("""{"owner_id":""}""", "owner_id"), ("""{"owner_id":"a","status":"active"}""", "status"), ("""{"owner_id":"a","message_count":1}""", "message_count"), ("""{"owner_id":"a","id":"c-2"}""", "id"),
            ("""{"owner_id":"a","tags":"x"}""", "tags"), ("""{"owner_id":"a","tags":[1]}""", "tags"), ("""{"owner_id":"a","created_at":"1969-01-01T00:00:00Z"}""", "created_at"), ("""{"owner_id":"a","is_public":"yes"}""", "is_public"), ("""{"owner_id":"a","title":"\ud800"}""", "title"),
        })
            Assert.Equal(name, (await sender.Put(Conversations + "/c-1", body)).Expect(400).Json.GetProperty("parameter").GetString());
        (await sender.Put($"{Conversations}/{new string('i', 257)}", """{"owner_id":"a"}""")).Expect(400);
        (await sender.Post(Conversations + "/c-1/messages", "{", "application/json")).Expect(400);
        (await sender.Post(Conversations + "/c-1/messages", "x", "text/plain")).Expect(415);
        (await sender.Post(Conversations + "/c-1/messages?x=1", "[]")).Expect(400);
        (await sender.Post(Conversations + "/c-1/messages", new byte[8 * 1024 * 1024 + 1])).Expect(413);
    }

    [Fact]
    public async Task Erasing_leaves_no_word_on_disk_and_one_event_without_any()
    {
        using var place = new TempDirectory();
        await using var app = await Start(place: place.Path);
        var (sender, admin) = (app.Gateway(await app.Key(Scopes.ConversationsWrite)), await app.Person());
        const string title = "unmistakabletitle", word = "unmistakableword";
        foreach (var id in new[] { "gone", "stays" })
        {
            var mark = id == "gone" ? "" : "stays";
            (await sender.Put($"{Conversations}/{id}", $$"""{"owner_id":"ada@example.com","title":"{{title}}{{mark}}"}""")).Expect(200);
            (await sender.Post($"{Conversations}/{id}/messages", "[" + string.Join(',', Enumerable.Range(0, 200).Select(i => $$"""{"id":"m{{i}}","role":"user","content":"{{word}}{{mark}} {{new string('x', 500)}}"}""")) + "]")).Expect(200);
        }
        Assert.True(Found(word + " ") > 0);

        (await sender.Delete(Conversations + "/nowhere")).Expect(404);
        (await sender.Delete(Conversations + "/gone")).Expect(204);
        (await sender.Delete(Conversations + "/gone")).Expect(404);
        (await admin.Get(List + "/gone/messages")).Expect(404);
        Assert.Equal(200, (await admin.Get(List + "/stays/messages")).Expect(200).Json.GetProperty("messages").GetProperty("total").GetInt32());

        var told = Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs?action=conversation.erased")).Items);
        Assert.Equal(("Conversation", "gone", "Erased conversation"), (told.GetProperty("resource").GetString(), told.GetProperty("resourceId").GetString(), told.GetProperty("actionLabel").GetString()));
        Assert.DoesNotContain("unmistakable", told.GetRawText(), StringComparison.Ordinal);
        Assert.Equal((0, 0), (Found(word + " "), Found(title + "\"")));
        Assert.True(Found(word + "stays") > 0);

        // The same id may begin again, without what was erased.
        (await sender.Put(Conversations + "/gone", """{"owner_id":"ada@example.com"}""")).Expect(200);
        Assert.Equal(0, (await admin.Get(List + "/gone/messages")).Expect(200).Json.GetProperty("messages").GetProperty("total").GetInt32());

        int Found(string text) => Directory.EnumerateFiles(Path.Combine(place.Path, "data"), "conversations.db*").Sum(file =>
        {
            using var read = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[read.Length];
            read.ReadExactly(bytes);
            var (count, mark) = (0, Encoding.UTF8.GetBytes(text));
            for (var at = bytes.AsSpan().IndexOf(mark); at >= 0; count++)
            {
                var next = bytes.AsSpan(at + 1).IndexOf(mark);
                at = next < 0 ? -1 : at + 1 + next;
            }
            return count;
        });
    }

    [Fact]
    public async Task An_erasing_that_the_log_could_not_take_is_told_once_it_can_also_after_a_restart()
    {
        using var place = new TempDirectory();
        FaultyStore? store = null;
        await using (var app = await Start(inner => store = new(inner), place.Path))
        {
            var sender = app.Gateway(await app.Key(Scopes.ConversationsWrite));
            (await sender.Put(Conversations + "/gone", """{"owner_id":"ada@example.com"}""")).Expect(200);
            store!.FailBefore = batch => batch.Events.Any(told => told.Action == "conversation.erased") ? new LogUnavailableException("The disk is full.") : null;
            (await sender.Delete(Conversations + "/gone")).Expect(204);
            Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs?action=conversation.erased")).Total);
        }
        await using var again = await Start(place: place.Path);
        await Until.True(async () => (await again.Reader.Get("/api/v1/admin/audit-logs?action=conversation.erased")).Total == 1);
        (await again.Reader.Get("/api/v1/admin/audit-logs?action=conversation.erased&resourceId=gone")).Expect(200);
    }

    [Fact]
    public async Task Retention_removes_what_was_not_touched_for_so_long_and_keeps_the_rest()
    {
        await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = true, ConversationDays = 10 });
        var (sender, admin, now) = (app.Gateway(await app.Key(Scopes.ConversationsWrite)), await app.Person(), app.Clock.NowMs);
        await Make("old", 11, null, null);
        await Make("updated", 11, 9, null);
        await Make("spoken-to", 11, null, 9);
        await Make("new", 9, null, null);
        await Make("just", 10, null, null);

        Assert.Equal(1, (await app.Owner.Post("/api/v1/admin/retention/run?dry_run=true", "")).Expect(200).Json.GetProperty("conversations").GetInt32());
        Assert.Equal(5, (await admin.Get(List)).Total);
        Assert.Equal(1, (await app.Owner.Post("/api/v1/admin/retention/run", "")).Expect(200).Json.GetProperty("conversations").GetInt32());
        Assert.Equal(["just", "new", "spoken-to", "updated"], (await admin.Get(List)).Items.Select(item => item.GetProperty("id").GetString()!).Order());

        async Task Make(string id, int created, int? updated, int? spoken)
        {
            (await sender.Put($"{Conversations}/{id}", $$"""{"owner_id":"ada@example.com","created_at":"{{At(created)}}","updated_at":{{(updated is { } days ? $"\"{At(days)}\"" : "null")}}}""")).Expect(200);
            if (spoken is { } then) (await sender.Post($"{Conversations}/{id}/messages", $$"""{"role":"user","content":"x","created_at":"{{At(then)}}"}""")).Expect(200);
        }

        string At(int days) => Iso.Text(now - days * Some.Day);
    }
}
