using System.Globalization;
using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

public sealed class ConversationsPageTests(Browser browser) : IClassFixture<Browser>
{
    const string Page = "/admin/audit-logs/conversations", Api = "/api/admin/audit-logs", List = "Conversations";

    static Task<CairnApp> Start(Func<Settings, Settings>? change = null) => Site.Start(settings => (change?.Invoke(settings) ?? settings) with { AuditLogsEnabled = true });

    static string Ago(CairnApp app, double hours) => Iso.Text(app.Clock.NowMs - (long)(hours * Some.Day / 24));

    static async Task Put(CairnApp app, params (string Id, object Conversation, object[] Messages)[] conversations)
    {
        var chat = app.Gateway(await app.Key(Scopes.ConversationsWrite));
        foreach (var (id, conversation, messages) in conversations)
        {
            (await chat.Put("/api/v1/conversations/" + id, JsonSerializer.Serialize(conversation))).Expect(200);
            if (messages.Length > 0) (await chat.Post($"/api/v1/conversations/{id}/messages", JsonSerializer.Serialize(messages))).Expect(200);
        }
    }

    /// <summary>Owners and states in turn, an hour apart, the newest first, with as many messages as their number.</summary>
    static Task Mixed(CairnApp app, int count) => Put(app, [.. Enumerable.Range(0, count).Select(n => ("c" + n, (object)new
    {
        title = $"chat {n} about {(n % 2 == 0 ? "travel" : "budgets")}",
        owner_id = new[] { "ada@example.com", "grace@example.com", "linus@example.com" }[n % 3],
        created_at = Ago(app, n + 0.6),
        updated_at = Ago(app, (n + 0.6) / 2.0 + (n % 2 == 0 ? 0 : 0.25)),
        is_archived = n % 5 == 4,
        deleted_at = n % 9 == 8 ? Ago(app, n + 0.3) : null,
        tags = n % 2 == 0 ? new[] { "finance", "trip" } : [],
    }, Enumerable.Range(0, n % 4).Select(m => (object)new { id = "m" + m, role = "user", content = "hello " + m, created_at = Ago(app, n + 0.5) }).ToArray()))]);

    /// <summary>A minute apart, the oldest first.</summary>
    static object[] Messages(CairnApp app, int count, Func<int, string> content) => [.. Enumerable.Range(0, count).Select(n => (object)new
    {
        id = $"m{n:0000}",
        role = new[] { "user", "assistant", "system", "tool" }[n % 4],
        content = content(n),
        created_at = Iso.Text(app.Clock.NowMs - (count - n) * 60_000L),
        sender_email = n % 4 == 0 ? "ada@example.com" : null,
    })];

    static ILocator Dialog(Visit visit, string title) => visit.Page.GetByRole(AriaRole.Dialog, new() { Name = title });

    static ILocator Transcript(Visit visit) => visit.Page.GetByRole(AriaRole.Region, new() { Name = "Messages", Exact = true });

    static async Task<long> Deeds(CairnApp app, string action) => (await app.Reader.Get("/api/v1/admin/audit-logs?action=" + action)).Expect(200).Total;

    [Fact]
    public async Task The_tab_is_there_for_full_administrators_where_reviewing_is_enabled()
    {
        await using (var closed = await Site.Start())
        await using (var visit = await browser.Open(closed, await closed.Person()))
        {
            var asked = 0;
            visit.Page.Request += (_, request) => asked += request.Url.Contains("/api/admin/", StringComparison.Ordinal) ? 1 : 0;
            await visit.Go(Page);
            await visit.Sees(visit.Heading("Reviewing conversations is not enabled"));
            await visit.Sees(visit.Link("Requests"));
            await Assertions.Expect(visit.Link("Conversations")).ToHaveCountAsync(0);
            Assert.Equal(0, asked);
            await visit.IsAccessible();
        }

        await using var app = await Start();
        await Mixed(app, 3);
        await using (var visit = await browser.Open(app, await app.Person()))
        {
            await visit.Go("/admin/audit-logs");
            await visit.Link("Conversations").ClickAsync();
            await visit.IsAt(Page);
            await visit.SeesRows(3, List);
            await Assertions.Expect(visit.Link("Conversations")).ToHaveAttributeAsync("aria-current", "page");
            await visit.Sees("Opening a conversation is recorded.");
        }

        await using (var visit = await browser.Open(app, await app.Person("viewer")))
        {
            await visit.Go("/admin/audit-logs");
            await visit.Sees(visit.Rows().First);
            await Assertions.Expect(visit.Link("Conversations")).ToHaveCountAsync(0);
            await visit.Go(Page);
            await visit.IsAt("/dashboard");
        }

        await using (var visit = await browser.Open(app))
        {
            await visit.Go(Page + "?status=deleted");
            await visit.IsAt("/login?redirect=" + Uri.EscapeDataString(Page + "?status=deleted"));
        }
    }

    [Fact]
    public async Task The_list_shows_whose_conversations_there_are_and_how_they_stand()
    {
        await using var app = await Start();
        await Mixed(app, 6);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        await visit.SeesRows(6, List);
        Assert.Equal(["Title", "Owner", "Status", "Messages", "Created", "Updated", "Tags"], await visit.Page.GetByRole(AriaRole.Columnheader).AllInnerTextsAsync());
        var created = TimeZoneInfo.ConvertTime(DateTimeOffset.Parse(Ago(app, 4.6), CultureInfo.InvariantCulture), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"));
        var cells = (await visit.Rows(List).Nth(4).GetByRole(AriaRole.Cell).AllInnerTextsAsync()).Select(text => text.Trim()).ToArray();
        Assert.Equal(["chat 4 about travel", "grace@example.com", "Archived", "0", created.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)], cells[..5]);
        Assert.Equal("finance, trip", cells[6]);
    }

    [Fact]
    public async Task Every_filter_narrows_the_list_and_stands_in_the_address()
    {
        await using var app = await Start();
        await Mixed(app, 60);
        await Put(app, ("old", new { title = "an old chat", owner_id = "ada@example.com", created_at = Ago(app, 24 * 20) }, []));
        var person = await app.Person();
        await using var visit = await browser.Open(app, person);
        await visit.Go(Page);
        await visit.Sees("Showing 1–20 of 54");
        foreach (var (change, address, asked) in new (Func<Task>, string, string)[]
        {
            (() => visit.Choose("Status", "Archived"), "?status=archived", "?status=archived"),
            (() => visit.Choose("Status", "Deleted"), "?status=deleted", "?status=deleted"),
            (() => visit.Choose("Sort", "Last updated first"), "?sort=updated_at", "?sort=updated_at&date_from=" + Ago(app, 24 * 7)),
            (() => visit.Page.GetByRole(AriaRole.Checkbox, new() { Name = "Include deleted" }).ClickAsync(), "?include_deleted=true", "?include_deleted=true&date_from=" + Ago(app, 24 * 7)),
            (() => visit.Choose("Time range", "Last 24 hours"), "?range=24h", "?date_from=" + Ago(app, 24)),
            (() => visit.Choose("Time range", "All time"), "?range=all", "?"),
            (() => visit.Page.GetByRole(AriaRole.Searchbox).FillAsync("BUDGETS"), "?search=BUDGETS", "?search=budgets"),
        })
        {
            await change();
            await visit.IsAt(Page + address);
            await Sees(asked);
            await visit.Page.ReloadAsync();
            await Sees(asked);
            await visit.Button("Reset filters").ClickAsync();
            await visit.IsAt(Page);
            await visit.Sees("Showing 1–20 of 54");
        }

        // They add up, and the way back leads through each of them.
        await visit.Rows(List).First.GetByRole(AriaRole.Button, new() { Name = "ada@example.com" }).ClickAsync();
        await visit.IsAt(Page + "?owner_email=ada%40example.com");
        await Sees("?owner_email=ada@example.com&date_from=" + Ago(app, 24 * 7));
        await visit.Choose("Status", "Active");
        await visit.IsAt(Page + "?owner_email=ada%40example.com&status=active");
        await Sees("?owner_email=ada@example.com&status=active&date_from=" + Ago(app, 24 * 7));
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Checkbox, new() { Name = "Include deleted" })).ToBeDisabledAsync();
        await visit.Page.GoBackAsync();
        await Sees("?owner_email=ada@example.com&date_from=" + Ago(app, 24 * 7));

        // What is not understood is said, not passed over; where nothing matches, the way out is to clear the filters.
        await visit.Go(Page + "?status=broken");
        await visit.Sees(visit.Page.GetByText("status is 'broken'").First);
        await visit.Go(Page + "?search=nothing+like+this");
        await visit.Sees(visit.Heading("No conversations match your filters."));
        await visit.Button("Clear filters").ClickAsync();
        await visit.IsAt(Page + "?range=all");
        await visit.Sees("Showing 1–20 of 55");

        async Task Sees(string asked)
        {
            var answer = (await person.Get(Api + asked.Replace("+", "%2B", StringComparison.Ordinal))).Expect(200);
            await visit.Sees($"Showing 1–{answer.Items.Count} of {answer.Total}");
            await Assertions.Expect(visit.Rows(List).First.GetByRole(AriaRole.Link)).ToHaveTextAsync(answer.Items[0].GetProperty("title").GetString()!);
        }
    }

    [Fact]
    public async Task Owners_are_found_by_two_letters_and_asked_for_once()
    {
        await using var app = await Start();
        await Mixed(app, 6);
        await using var visit = await browser.Open(app, await app.Person());
        var asked = new List<string>();
        visit.Page.Request += (_, request) =>
        {
            if (request.Url.Contains("/owners", StringComparison.Ordinal)) asked.Add(new Uri(request.Url).Query);
        };
        await visit.Go(Page);
        await visit.Button("Owner: All owners").ClickAsync();
        var options = visit.Page.GetByRole(AriaRole.Option);
        await visit.Sees(visit.Page.GetByText("Each search for owners is recorded."));
        // At once: how fast a machine presses keys must not decide how often is asked.
        var owner = visit.Page.GetByRole(AriaRole.Combobox);
        await owner.FillAsync("G");
        await visit.Sees("Type on");
        await owner.FillAsync("GRACE");
        await Assertions.Expect(options).ToHaveTextAsync("grace@example.com");
        await options.First.ClickAsync();
        await visit.IsAt(Page + "?owner_email=grace%40example.com");
        await visit.SeesRows(2, List);
        await visit.Sees(visit.Button("Owner: grace@example.com"));
        Assert.Equal("?q=grace", Assert.Single(asked));
        Assert.Equal(1, await Deeds(app, "audit.searched_owners"));

        await visit.Choose("Owner", "All owners");
        await visit.IsAt(Page);
        Assert.Single(asked);
    }

    [Fact]
    public async Task Pages_hold_20_and_say_which_part_they_are()
    {
        await using var app = await Start();
        await Mixed(app, 50);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        await visit.Sees("Showing 1–20 of 45");
        await visit.Button("Next").ClickAsync();
        await visit.Sees("Showing 21–40 of 45");
        await visit.IsAt(Page + "?page=2");
        await visit.Page.ReloadAsync();
        await visit.Sees("Showing 21–40 of 45");
        await visit.Button("Next").ClickAsync();
        await visit.SeesRows(5, List);
        await Assertions.Expect(visit.Button("Next")).ToBeDisabledAsync();
        await visit.Go(Page + "?page=9");
        await visit.Button("Go to the first page").ClickAsync();
        await visit.Sees("Showing 1–20 of 45");
    }

    [Fact]
    public async Task While_nothing_is_there_it_says_what_brings_something()
    {
        await using var app = await Start();
        await using var visit = await browser.Open(app, await app.Person());
        var loaded = new TaskCompletionSource();
        await visit.Page.RouteAsync("**" + Api + "?*", async route =>
        {
            await loaded.Task;
            await route.ContinueAsync();
        });
        await visit.Go(Page);
        await Assertions.Expect(visit.Page.Locator("tbody[data-skeleton] tr")).ToHaveCountAsync(10);
        loaded.SetResult();
        await visit.Sees(visit.Heading("There are no conversations yet."));
        await Assertions.Expect(visit.Button("Export")).ToBeDisabledAsync();
    }

    [Fact]
    public async Task A_source_that_is_away_is_told_with_the_reason_and_can_be_tried_again()
    {
        await using var app = await Start(settings => settings with { ConversationSource = "sql", ConversationConnection = "sqlite:" + Path.Combine(settings.DataDirectory, "not-there.db") });
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        await visit.Sees(visit.Page.GetByText("The database of conversations cannot be read now"));
        await visit.Sees(visit.Page.GetByText("The reason:"));
        await visit.IsAccessible();
        var again = await visit.Page.RunAndWaitForRequestAsync(() => visit.Button("Try again").ClickAsync(), request => request.Url.Contains(Api + "?", StringComparison.Ordinal));
        Assert.NotNull(again);
    }

    [Theory]
    [InlineData("CSV")]
    [InlineData("JSONL")]
    public async Task The_exported_file_is_what_the_API_gives_for_the_filters(string format)
    {
        await using var app = await Start();
        await Mixed(app, 30);
        var person = await app.Person();
        await using var visit = await browser.Open(app, person);
        await visit.Go(Page + "?search=travel&status=archived&range=all");
        await visit.SeesRows(3, List);
        var download = await visit.Page.RunAndWaitForDownloadAsync(() => ExportAs(visit, format));
        Assert.Equal($"audit-logs-{app.Clock.Now:yyyy-MM-dd}.{format.ToLowerInvariant()}", download.SuggestedFilename);
        using var reader = new StreamReader(await download.CreateReadStreamAsync(), Encoding.UTF8);
        Assert.Equal((await person.Get($"{Api}/export?search=travel&status=archived&format={format.ToLowerInvariant()}")).Expect(200).Text, await reader.ReadToEndAsync(Client.Cancel));
    }

    static async Task ExportAs(Visit visit, string format)
    {
        await visit.Button("Export").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Menuitem, new() { NameRegex = new("^" + format) }).ClickAsync();
    }

    [Fact]
    public async Task An_export_that_would_stop_early_is_announced_with_the_numbers_before_it_starts()
    {
        await using var app = await Start(settings => settings with { ExportRows = 10 });
        await Mixed(app, 30);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        await visit.Sees("Showing 1–20 of 27");
        await ExportAs(visit, "CSV");
        await visit.Sees(visit.Heading("Export the newest 10 of 27 conversations?"));
        Assert.Equal(0, await Deeds(app, "audit.exported"));
        var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Button("Export 10 conversations").ClickAsync());
        using var reader = new StreamReader(await download.CreateReadStreamAsync(), Encoding.UTF8);
        Assert.Equal(11, (await reader.ReadToEndAsync(Client.Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal(1, await Deeds(app, "audit.exported"));
    }

    [Fact]
    public async Task A_long_transcript_begins_with_the_newest_messages_and_does_not_jump_while_older_ones_come()
    {
        await using var app = await Start();
        await Mixed(app, 3);
        await Put(app, ("long", new { title = "A long one", owner_id = "ada@example.com", created_at = Ago(app, 0.5), shared_with = new[] { "grace@example.com" } }, Messages(app, 350, n => $"message {n}\n  of {(n == 120 ? "the needle" : "many")}")));
        await using var visit = await browser.Open(app, await app.Person(email: "reviewer@example.com"));
        await visit.Go(Page);
        await visit.Rows(List).First.GetByText("ada@example.com").HoverAsync();
        await visit.Rows(List).First.GetByRole(AriaRole.Cell).Nth(3).ClickAsync();
        await visit.IsAt(Page + "?conversation=long");
        var dialog = Dialog(visit, "A long one");
        foreach (var text in new[] { "ada@example.com", "Active", "350", "grace@example.com" }) await visit.Sees(dialog.GetByText(text, new() { Exact = true }).First);
        var transcript = Transcript(visit);
        await Assertions.Expect(transcript.GetByText("message 349")).ToBeInViewportAsync();
        Assert.Equal(1, await Deeds(app, "audit.conversation_viewed"));
        await visit.Sees(dialog.GetByText("The newest 50 of 350 messages"));
        Assert.Equal("message 349\n  of many", await transcript.GetByRole(AriaRole.Listitem).Last.Locator("p").EvaluateAsync<string>("text => text.innerText"));
        foreach (var role in new[] { "User", "Assistant", "System", "Tool" }) await visit.Sees(transcript.GetByRole(AriaRole.Heading, new() { NameRegex = new("^" + role) }).Last);

        // To the top: what is in sight stays where it is while a hundred more come before it.
        for (var (first, loaded) = (300, 50); loaded < 350; (first, loaded) = (first - 100, loaded + 100))
        {
            // The message that heads the list is where the reader is; nothing else moves it.
            var moved = await transcript.EvaluateAsync<double>("""
                async (list, first) => {
                    const head = [...list.querySelectorAll('li')].find(item => item.innerText.includes(`message ${first}\n`))
                    const count = list.querySelectorAll('li').length
                    list.scrollTop = -list.scrollHeight
                    const before = head.getBoundingClientRect().top
                    while (list.querySelectorAll('li').length === count) await new Promise(resolve => requestAnimationFrame(resolve))
                    await new Promise(resolve => requestAnimationFrame(resolve))
                    return Math.abs(head.getBoundingClientRect().top - before)
                }
                """, first);
            Assert.True(moved <= 2, $"The list jumped by {moved} pixels.");
            await Assertions.Expect(dialog.GetByRole(AriaRole.Status).GetByText($"100 older messages loaded, {loaded + 100} of 350")).ToHaveCountAsync(1);
        }
        await visit.Sees(dialog.GetByText("The beginning of the conversation"));
        Assert.Equal(Enumerable.Range(0, 350).Select(n => "message " + n), (await transcript.Locator("li p").AllInnerTextsAsync()).Select(text => text.Split('\n')[0]));
        Assert.Equal(4, await Deeds(app, "audit.conversation_viewed"));

        // Its trace is shown, and leads to the event.
        await dialog.GetByText("Viewed 4 times, last by reviewer@example.com").ClickAsync();
        var looks = dialog.GetByRole(AriaRole.List, new() { Name = "Views" }).GetByRole(AriaRole.Listitem);
        await Assertions.Expect(looks).ToHaveCountAsync(4);
        await Assertions.Expect(looks.First).ToContainTextAsync("reviewer@example.com");

        // Escape leads back to the row.
        await visit.Escape();
        await visit.IsAt(Page);
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Link("A long one")).ToBeFocusedAsync();
        Assert.Equal(4, await Deeds(app, "audit.conversation_viewed"));
    }

    [Fact]
    public async Task A_text_is_found_among_loaded_messages_and_the_others_can_be_loaded()
    {
        await using var app = await Start();
        await Put(app, ("long", new { title = "A long one", owner_id = "ada@example.com", created_at = Ago(app, 0.5) }, Messages(app, 250, n => n % 60 == 30 ? $"a Needle in {n}" : n == 249 ? "x " + new string('y', 8_000) + " hidden needle" : $"hay {n}")));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page + "?conversation=long");
        var dialog = Dialog(visit, "A long one");
        var field = dialog.GetByRole(AriaRole.Searchbox, new() { Name = "Find in transcript" });
        await field.FillAsync("needle");
        var marks = dialog.Locator("mark");
        await visit.Sees(dialog.GetByText("2 of 2 in the newest 50 messages; older ones are not loaded yet"));
        await Assertions.Expect(dialog.Locator("mark[aria-current]")).ToBeInViewportAsync();
        await Assertions.Expect(marks).ToHaveCountAsync(2);

        await dialog.GetByRole(AriaRole.Button, new() { Name = "Load all 250" }).ClickAsync();
        await visit.Sees(dialog.GetByText("5 of 5", new() { Exact = true }));
        await Assertions.Expect(marks).ToHaveCountAsync(5);
        await field.PressAsync("Enter");
        await visit.Sees(dialog.GetByText("4 of 5", new() { Exact = true }));
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Previous match" }).ClickAsync();
        await visit.Sees(dialog.GetByText("3 of 5", new() { Exact = true }));
        await Assertions.Expect(dialog.Locator("mark[aria-current]")).ToBeInViewportAsync();
        await Assertions.Expect(dialog.Locator("p:has(mark[aria-current])")).ToHaveTextAsync("a Needle in 150");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Next match" }).ClickAsync();
        await visit.Sees(dialog.GetByText("4 of 5", new() { Exact = true }));
        await field.FillAsync("nowhere");
        await visit.Sees(dialog.GetByText("No match", new() { Exact = true }));
        await visit.IsAccessible();
    }

    [Fact]
    public async Task Code_between_fences_is_shown_as_code_and_copied_as_it_was_sent()
    {
        await using var app = await Start();
        await Put(app, ("code", new { title = "Code", owner_id = "ada@example.com", created_at = Ago(app, 0.5) }, [new { id = "1", role = "assistant", content = "Here:\n```python\nif x:\n\tprint(\"<b>\")\n```\n**done** [here](https://evil.example) <u>now</u>" }]));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page + "?conversation=code");
        var code = visit.Page.GetByRole(AriaRole.Group, new() { Name = "Code, python" });
        await Assertions.Expect(code).ToHaveTextAsync("if x:\n\tprint(\"<b>\")");
        Assert.Contains("monospace", await code.EvaluateAsync<string>("code => getComputedStyle(code).fontFamily"), StringComparison.OrdinalIgnoreCase);
        await visit.Button("Copy code").ClickAsync();
        await visit.Sees(visit.Button("Copied"));
        Assert.Equal("if x:\n\tprint(\"<b>\")", await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()"));
        await visit.Sees("**done** [here](https://evil.example) <u>now</u>");
        await Assertions.Expect(Transcript(visit).Locator("a, b, u, img, strong")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_link_to_a_conversation_opens_it_and_it_leads_on_to_what_belongs_to_it()
    {
        await using var app = await Start();
        await Mixed(app, 4);
        await app.Send("""{"action":"workspace.started","resource":"Workspace","resourceName":"of this chat","conversationId":"c2"}""");
        var request = Some.Request(app.Clock.NowMs - 1_000, "a-model");
        request.ConversationId = "c2";
        await app.Import(request);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page + "?status=active&conversation=c2");
        var dialog = Dialog(visit, "chat 2 about travel");
        await visit.Sees(dialog.GetByText("hello 1"));
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Copy link" }).ClickAsync();
        await visit.Sees(dialog.GetByRole(AriaRole.Button, new() { Name = "Copied" }));
        Assert.EndsWith(Page + "?conversation=c2", await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()"), StringComparison.Ordinal);

        await dialog.GetByRole(AriaRole.Link, new() { Name = "Events of this conversation" }).ClickAsync();
        await visit.IsAt("/admin/audit-logs?conversationId=c2&range=all");
        await visit.Sees("of this chat");
        await visit.Page.GoBackAsync();
        await dialog.GetByRole(AriaRole.Link, new() { Name = "Requests of this conversation" }).ClickAsync();
        await visit.IsAt("/admin/audit-logs/requests?conversation_id=c2&range=all");
        await visit.Sees("a-model");

        // Each opening is a look of its own; closed, it leaves the list, and the focus at its row.
        await visit.Page.GoBackAsync();
        await visit.Sees(dialog.GetByText("Viewed 3 times"));
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
        await visit.IsAt(Page + "?status=active");
        await Assertions.Expect(visit.Link("chat 2 about travel")).ToBeFocusedAsync();

        await visit.Go(Page + "?conversation=not-there");
        await visit.Sees(visit.Page.GetByText("There is no conversation with this ID."));
    }

    [Fact]
    public async Task What_is_hostile_is_text_and_breaks_no_layout()
    {
        await using var app = await Start();
        string[] texts =
        [
            "<img src=x onerror=\"document.title='owned'\">", "<script>document.title='owned'</script>", "[x](javascript:alert(1))", "![x](https://evil.example/x.png)", "{{constructor.constructor('alert(1)')()}}",
            "invoice\u202Egpj.exe", "\u200F\u2067RTL\u2069", "مرحبا بالعالم שלום", "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0301\u0301", new('W', 250), "a\u0007b\u001bc", "",
        ];
        await Put(app, [.. texts.Select((text, n) => ("h" + n, (object)new { title = text, owner_id = "x" + text, created_at = Ago(app, 1 + n), tags = new[] { text + "t" }, shared_with = Enumerable.Repeat("s" + text, 40) },
            new object[] { new { id = "1", role = "user", content = string.Concat(Enumerable.Repeat(text + " ", 50)), sender_email = text }, new { id = "2", role = "tool", content = $"```{text}\n{text}{text}\n```\n{text}", metadata = new Dictionary<string, string> { ["k" + text] = text } } }))]);
        foreach (var width in new[] { 1280, 360 })
        {
            await using var visit = await browser.Open(app, await app.Person(), width);
            await visit.Go(Page);
            await visit.SeesRows(texts.Length, List);
            foreach (var text in texts[..5]) await visit.Sees(text);
            await visit.Sees("invoice⟨U+202E⟩gpj.exe");
            await visit.Sees("Untitled conversation");
            await visit.IsAccessible();
            for (var n = 0; n < texts.Length; n++)
            {
                await visit.Go($"{Page}?conversation=h{n}");
                await visit.Sees(Transcript(visit).GetByRole(AriaRole.Button, new() { Name = "Copy code" }));
                await visit.Page.Locator("details > summary").First.WaitForAsync();
                Assert.DoesNotContain("owned", await visit.Page.TitleAsync(), StringComparison.Ordinal);
                Assert.Equal(0, await visit.Page.Locator("main img, [role=dialog] img, [role=dialog] script, [role=dialog] iframe, [role=dialog] ol[role=list] a, a[href^='javascript' i]").CountAsync());
                Assert.Equal(0, await visit.Page.EvaluateAsync<int>("Math.max(0, ...[document.documentElement, ...document.querySelectorAll('[role=dialog], [data-scrolls]')].map(box => box.scrollWidth - box.clientWidth))"));
                // The transcript keeps its room, however much is said about it.
                Assert.True((await Transcript(visit).BoundingBoxAsync())!.Height > 150);
                if (n is 0 or 9) await visit.IsAccessible();
            }
        }
    }

    [Fact]
    public async Task The_keyboard_alone_opens_reads_and_closes_a_transcript()
    {
        await using var app = await Start();
        await Mixed(app, 4);
        await Put(app, ("long", new { title = "A long one", owner_id = "ada@example.com", created_at = Ago(app, 0.5) }, Messages(app, 150, n => $"message {n}")));
        await using var visit = await browser.Open(app, await app.Person());
        var keyboard = visit.Page.Keyboard;
        await visit.Go(Page);
        await visit.SeesRows(5, List);
        foreach (var name in new[] { "Export", "Search audit logs", "Owner: All owners", "Status: All Status", "Time range: Last 7 days", "Sort: Newest first", "Include deleted", "A long one" }) await Reach(name);
        await keyboard.PressAsync("Enter");
        await visit.IsAt(Page + "?conversation=long");
        await visit.Sees(Transcript(visit).GetByText("message 149"));
        foreach (var name in new[] { "Events of this conversation", "Requests of this conversation", "Copy link", "Find in transcript" }) await Reach(name);
        await keyboard.TypeAsync("message 12");
        await visit.Sees("10 of 10 in the newest 50 messages; older ones are not loaded yet");
        await keyboard.PressAsync("Enter");
        await visit.Sees("9 of 10 in the newest 50 messages; older ones are not loaded yet");
        await Reach("Messages");
        await Until.True(async () =>
        {
            await keyboard.PressAsync("Home");
            return await Transcript(visit).EvaluateAsync<bool>("list => list.querySelectorAll('li').length === 150");
        });
        await visit.Sees(Transcript(visit).GetByText("The beginning of the conversation"));
        await visit.Escape();
        await visit.IsAt(Page);
        await Assertions.Expect(visit.Link("A long one")).ToBeFocusedAsync();

        async Task Reach(string name)
        {
            for (var steps = 0; steps < 60; steps++)
            {
                await keyboard.PressAsync("Tab");
                if (await visit.Page.EvaluateAsync<string>("(element => element.getAttribute('aria-label') ?? (document.getElementById(element.getAttribute('aria-labelledby')) ?? element.labels?.[0] ?? element).textContent.trim())(document.activeElement)") == name) return;
            }
            Assert.Fail($"{name} is not reached with the Tab key.");
        }
    }

    [Theory]
    [InlineData(1280, false)]
    [InlineData(1280, true)]
    [InlineData(360, false)]
    public async Task List_and_transcript_are_without_fault_to_axe_and_fit_the_screen(int width, bool dark)
    {
        await using var app = await Start();
        await Mixed(app, 30);
        await Put(app, ("long", new { title = "A long one", owner_id = "ada@example.com", created_at = Ago(app, 0.5), tags = new[] { "one", "two" }, is_public = true },
            [.. Messages(app, 120, n => n % 3 == 0 ? $"Do {n}:\n```sh\n{string.Concat(Enumerable.Repeat("echo needle ", 30))}\n```" : string.Concat(Enumerable.Repeat($"words {n} ", n == 119 ? 1_000 : 20)))]));
        await using var visit = await browser.Open(app, await app.Person(), width, dark);
        await visit.Go(Page + "?include_deleted=true");
        await visit.SeesRows(20, List);
        await visit.IsAccessible();
        await visit.Button("Owner: All owners").ClickAsync();
        await visit.Page.Keyboard.TypeAsync("exa");
        await visit.Sees(visit.Page.GetByRole(AriaRole.Option).GetByText("ada@example.com"));
        await visit.IsAccessible(isMenuOpen: true);
        await visit.Go(Page + "?search=nothing+like+this");
        await visit.Sees(visit.Heading("No conversations match your filters."));
        await visit.IsAccessible();

        await visit.Go(Page + "?conversation=long");
        await visit.Sees(visit.Page.GetByText("Viewed "));
        await visit.IsAccessible();
        await visit.Page.GetByText("Viewed ").First.ClickAsync();
        await visit.Page.GetByRole(AriaRole.Searchbox, new() { Name = "Find in transcript" }).FillAsync("needle");
        await visit.Sees(visit.Page.Locator("mark[aria-current]"));
        await visit.IsAccessible();
        Assert.Equal(0, await visit.Page.EvaluateAsync<int>("Math.max(...[...document.querySelectorAll('[role=dialog], [data-scrolls]')].map(box => box.scrollWidth - box.clientWidth))"));
    }
}
