using System.Text;
using System.Text.Json;
using Cairn.Events;
using Cairn.Records;
using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

public sealed class EventsPageTests(Browser browser) : IClassFixture<Browser>
{
    /// <summary>Actors, actions, types and outcomes in turn, a minute apart, the newest first.</summary>
    static IEnumerable<EventRecord> Mixed(CairnApp app, int count) => Enumerable.Range(0, count).Select(n =>
    {
        var record = Some.Event(app.Clock.NowMs - n * 60_000, (n % 3) switch { 0 => "workspace.started", 1 => "project.created", _ => "auth.login_failed" }, (n % 3) switch { 0 => "Workspace", 1 => "Project", _ => "User" }, $"r{n}", $"thing {n}");
        (record.ActorId, record.ActorName, record.ActorEmail) = (n % 4) switch { 0 => ("u1", "Ada", "ada@example.com"), 1 => ("u2", "Grace", "grace@example.com"), 2 => ("u3", "Linus", "linus@example.com"), _ => ((string?)null, (string?)null, (string?)null) };
        if (n % 3 == 2) record.Outcome = n % 2 == 0 ? "failure" : "denied";
        record.Ip = "192.0.2." + n % 5;
        return record;
    });

    static async Task<IReadOnlyList<string>> Texts(ILocator cells) => [.. (await cells.AllInnerTextsAsync()).Select(text => text.ReplaceLineEndings(" ").Trim())];

    [Fact]
    public async Task The_list_shows_who_did_what_to_which_resource()
    {
        await using var app = await Site.Start(settings => settings with { Catalog = new([], [new("Workspace", "Workspace", "/workspaces/{id}")]) });
        var at = app.Clock.Now.AddMinutes(-5);
        await app.Send(
            $$"""{"action":"workspace.created","resource":"Workspace","resourceId":"w 1","resourceName":"blue","actorId":"u1","actorName":"Ada","createdAt":"{{Iso.Text(at.ToUnixTimeMilliseconds())}}"}""",
            $$"""{"action":"workspace.created","resource":"Workspace","resourceId":"w2","resourceName":"gone","actorId":"u1","actorName":"Ada","createdAt":"{{Iso.Text(at.ToUnixTimeMilliseconds() - 1_000)}}"}""",
            $$"""{"action":"workspace.destroyed","resource":"Workspace","resourceId":"w2","resourceName":"gone","createdAt":"{{Iso.Text(at.ToUnixTimeMilliseconds() - 500)}}"}""");
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?resource=Workspace");
        await visit.SeesRows(3);
        Assert.Equal(["Time", "Actor", "Action", "Resource", "Details"], await Texts(visit.Page.GetByRole(AriaRole.Columnheader)));

        var rows = visit.Rows();
        Assert.Contains(TimeZoneInfo.ConvertTime(at, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")).ToString("yyyy-MM-dd HH:mm:ss"), await rows.Nth(0).InnerTextAsync(), StringComparison.Ordinal);
        await Assertions.Expect(rows.Nth(0).GetByRole(AriaRole.Cell).Nth(1)).ToHaveTextAsync("Ada");
        await Assertions.Expect(rows.Nth(0).GetByRole(AriaRole.Cell).Nth(1).Locator("svg")).ToHaveAttributeAsync("width", "16");
        await Assertions.Expect(rows.Nth(0).GetByRole(AriaRole.Cell).Nth(2)).ToHaveTextAsync("Created workspace");
        await Assertions.Expect(rows.Nth(0).GetByRole(AriaRole.Link, new() { Name = "blue" })).ToHaveAttributeAsync("href", "/workspaces/w%201");
        await Assertions.Expect(rows.Nth(1).GetByRole(AriaRole.Cell).Nth(1)).ToHaveTextAsync("System");
        await Assertions.Expect(rows.Nth(1).GetByRole(AriaRole.Cell).Nth(1).Locator("svg")).ToHaveCountAsync(0);
        await Assertions.Expect(rows.Nth(2).GetByRole(AriaRole.Link, new() { Name = "gone" })).ToHaveCountAsync(0);

        await rows.Nth(0).GetByRole(AriaRole.Link).First.HoverAsync();
        await visit.Sees(visit.Page.GetByText($"5 minutes ago · {at.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff} UTC"));
    }

    [Fact]
    public async Task Every_filter_narrows_the_list_and_stands_in_the_address()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 24));
        await using var visit = await browser.Open(app, await app.Person());

        // Signing in is an event too; what is looked at are the things.
        await visit.Go("/admin/audit-logs");
        await visit.SeesRows(25);
        foreach (var (filter, option, address, rows) in new[]
        {
            ("Actor", "Grace", "?actorId=u2", 6), ("Actor", "System", "?actorId=System", 0), ("Resource type", "Project", "?resource=Project", 8), ("Action", "Created project", "?action=project.created", 8),
            ("Outcome", "Denied", "?outcome=denied", 4), ("Outcome", "Failure", "?outcome=failure", 4),
        })
        {
            await visit.Choose(filter, option);
            await visit.IsAt("/admin/audit-logs" + address);
            var total = (await app.Reader.Get("/api/v1/admin/audit-logs" + address)).Expect(200).Total;
            if (rows > 0) Assert.Equal(rows, total);
            await visit.SeesRows((int)Math.Min(25, total));
            await visit.Page.ReloadAsync();
            await visit.SeesRows((int)Math.Min(25, total));
            await visit.Button("Reset filters").ClickAsync();
            await visit.IsAt("/admin/audit-logs");
            await visit.SeesRows(25);
        }

        // They add up, and the way back leads through each of them.
        await visit.Choose("Actor", "Ada");
        await visit.SeesRows(6);
        await visit.Choose("Resource type", "Workspace");
        await visit.SeesRows(2);
        await visit.IsAt("/admin/audit-logs?actorId=u1&resource=Workspace");
        await visit.Page.GoBackAsync();
        await visit.SeesRows(6);
        await visit.Page.GoBackAsync();
        await visit.SeesRows(25);
        await visit.Page.GoForwardAsync();
        await visit.SeesRows(6);
        await visit.Choose("Actor", "All actors");
        await visit.IsAt("/admin/audit-logs");
    }

    [Fact]
    public async Task The_list_of_actors_is_found_by_name_and_address()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 8));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs");
        await visit.Button("Actor: All actors").ClickAsync();
        var options = visit.Page.GetByRole(AriaRole.Option);
        await Assertions.Expect(options.First).ToContainTextAsync("All actors");
        await Assertions.Expect(options.Filter(new() { HasText = "Ada" })).ToContainTextAsync("ada@example.com");
        await visit.Page.Keyboard.TypeAsync("grace@");
        await Assertions.Expect(options).ToHaveCountAsync(1);
        await options.First.ClickAsync();
        await visit.SeesRows(2);
        await visit.Sees(visit.Button("Actor: Grace"));
    }

    [Fact]
    public async Task Search_waits_for_half_a_second_of_quiet()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 24));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs");
        await visit.SeesRows(25);
        var asked = 0;
        visit.Page.Request += (_, request) => asked += request.Url.Contains("search=", StringComparison.Ordinal) && !request.Url.Contains("/ws/", StringComparison.Ordinal) && request.ResourceType == "fetch" ? 1 : 0;
        var search = visit.Page.GetByRole(AriaRole.Searchbox, new() { Name = "Search audit logs" });
        await search.PressSequentiallyAsync("THING 1", new() { Delay = 20 });
        await visit.IsAt("/admin/audit-logs?search=THING+1");
        await visit.SeesRows(11);
        Assert.Equal(1, asked);
        await visit.Button("Clear search").ClickAsync();
        await visit.IsAt("/admin/audit-logs");
        await search.FillAsync("created proj");
        await search.PressAsync("Enter");
        await visit.SeesRows(8);
    }

    [Fact]
    public async Task Time_is_the_last_seven_days_unless_another_range_or_two_dates_are_chosen()
    {
        await using var app = await Site.Start();
        foreach (var days in new[] { 0.5, 6.9, 7.1, 29, 80, 200 }) await app.Import(Some.Event(app.Clock.NowMs - (long)(days * Some.Day), resourceName: $"{days} days"));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?resource=Workspace");
        await visit.SeesRows(2);
        foreach (var (option, range, rows) in new[] { ("Last 24 hours", "24h", 1), ("Last 30 days", "30d", 4), ("Last 90 days", "90d", 5), ("All time", "all", 6) })
        {
            await visit.Choose("Time range", option);
            await visit.IsAt("/admin/audit-logs?resource=Workspace&range=" + range);
            await visit.SeesRows(rows);
        }

        var day = app.Clock.Now.AddDays(-80);
        var berlin = TimeZoneInfo.ConvertTime(day, TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")).ToString("yyyy-MM-dd");
        await visit.Label("From").FillAsync(berlin);
        await visit.Label("To").FillAsync(berlin);
        await visit.IsAt($"/admin/audit-logs?resource=Workspace&from={berlin}&to={berlin}&tz=Europe%2FBerlin");
        await visit.SeesRows(1);
        await visit.Sees(visit.Rows().GetByText("80 days"));
        await visit.Page.ReloadAsync();
        await visit.SeesRows(1);

        // One right after the other, before the page has come to anything else: the second does not undo the first.
        await visit.Go("/admin/audit-logs?resource=Workspace");
        await visit.SeesRows(2);
        await visit.Page.EvaluateAsync("""
            async day => {
                for (const field of document.querySelectorAll('input[type=date]')) {
                    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, day)
                    field.dispatchEvent(new Event('input', { bubbles: true }))
                    for (let step = 0; step < 50; step++) await null
                }
            }
            """, berlin);
        await visit.IsAt($"/admin/audit-logs?resource=Workspace&from={berlin}&to={berlin}&tz=Europe%2FBerlin");

        // What is not understood is said, not passed over.
        await visit.Go("/admin/audit-logs?from=2026-03-02&to=2026-03-01");
        await visit.Sees("to is before from.");
        await visit.Button("Reset filters").ClickAsync();
        await visit.SeesRows(4);
    }

    [Fact]
    public async Task Pages_hold_25_and_say_which_part_they_are()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 1_042));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?search=thing&range=all");
        await visit.Sees("Showing 1–25 of 1\u00a0042");
        await Assertions.Expect(visit.Button("Previous")).ToBeDisabledAsync();
        await visit.Button("Next").ClickAsync();
        await visit.Sees("Showing 26–50 of 1\u00a0042");
        await visit.Sees(visit.Rows().GetByText("thing 25", new() { Exact = true }));
        await visit.IsAt("/admin/audit-logs?search=thing&range=all&page=2");
        await visit.Page.ReloadAsync();
        await visit.Sees("Showing 26–50 of 1\u00a0042");
        await visit.Button("Previous").ClickAsync();
        await visit.Sees("Showing 1–25 of 1\u00a0042");
        await visit.Go("/admin/audit-logs?search=thing&range=all&page=42");
        await visit.Sees("Showing 1\u00a0026–1\u00a0042 of 1\u00a0042");
        await Assertions.Expect(visit.Button("Next")).ToBeDisabledAsync();
        await visit.Go("/admin/audit-logs?search=thing&range=all&page=99");
        await visit.Button("Go to the first page").ClickAsync();
        await visit.Sees("Showing 1–25 of 1\u00a0042");
    }

    [Fact]
    public async Task A_row_opens_to_everything_that_its_event_says()
    {
        await using var app = await Site.Start();
        await app.Send("""
            {"id":"0195a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b","action":"user.role_changed","resource":"User","resourceId":"u9","resourceName":"Grace","actorId":"u1","actorName":"Ada","actorRole":"owner","ip":"192.0.2.7","metadata":{"changes":{"role":{"from":"viewer","to":"admin"}},"ticket":"OPS-1"}}
            """.ReplaceLineEndings(""));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?resource=User&actorId=u1");
        await visit.SeesRows(1);
        var toggle = visit.Page.GetByRole(AriaRole.Button, new() { NameRegex = new("^Details of Changed user role") });
        await Assertions.Expect(toggle).ToHaveAttributeAsync("aria-expanded", "false");
        await toggle.ClickAsync();
        await Assertions.Expect(toggle).ToHaveAttributeAsync("aria-expanded", "true");
        foreach (var text in new[] { "0195a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "192.0.2.7", "owner", "u9" }) await visit.Sees(text);
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Group, new() { Name = "Changes" }).GetByRole(AriaRole.Listitem)).ToHaveTextAsync("role viewer admin");

        var metadata = visit.Page.GetByRole(AriaRole.Group, new() { Name = "Metadata as JSON" });
        Assert.True((await metadata.BoundingBoxAsync())!.Height <= 200);
        Assert.Contains("monospace", await metadata.EvaluateAsync<string>("box => getComputedStyle(box).fontFamily"), StringComparison.OrdinalIgnoreCase);
        await visit.Button("Copy").ClickAsync();
        await visit.Sees(visit.Button("Copied"));
        var copied = await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        Assert.Equal("OPS-1", JsonDocument.Parse(copied).RootElement.GetProperty("ticket").GetString());
        Assert.Contains("\n  \"ticket\"", copied, StringComparison.Ordinal);

        // The time leads to the event's own address, which stays.
        await visit.Rows().First.GetByRole(AriaRole.Link).First.ClickAsync();
        await visit.IsAt("/admin/audit-logs/events/0195a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b");
        await visit.Sees(visit.Heading("Changed user role"));
        await visit.Page.ReloadAsync();
        await visit.Sees("192.0.2.7");
        await visit.Go("/admin/audit-logs/events/0195a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1c");
        await visit.Sees(visit.Heading("There is no page at this address"));
    }

    [Fact]
    public async Task A_click_on_a_value_narrows_the_list_to_it()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 24));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?search=thing");
        await visit.SeesRows(24);
        await visit.Rows().Nth(1).GetByText("Grace").ClickAsync();
        await visit.IsAt("/admin/audit-logs?search=thing&actorId=u2");
        await visit.SeesRows(6);
        await visit.Rows().Nth(0).GetByText("Created project").ClickAsync();
        await visit.SeesRows(2);
        await visit.Page.GetByRole(AriaRole.Button, new() { NameRegex = new("^Details of") }).First.ClickAsync();
        await visit.Button("192.0.2.1").ClickAsync();
        await visit.IsAt("/admin/audit-logs?search=thing&actorId=u2&action=project.created&ip=192.0.2.1");
        await visit.SeesRows(1);
        await visit.Button("Remove filter IP address 192.0.2.1").ClickAsync();
        await visit.SeesRows(2);
    }

    [Fact]
    public async Task While_nothing_matches_the_way_out_is_to_clear_the_filters()
    {
        await using var app = await Site.Start();
        await app.Import(Some.Event(app.Clock.NowMs - 40 * Some.Day));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?search=nothing-is-called-so");
        await visit.Sees("No audit log entries match your filters.");
        await visit.Button("Clear filters").ClickAsync();
        await visit.IsAt("/admin/audit-logs?range=all");
        await visit.Sees(visit.Rows().First);
    }

    [Fact]
    public async Task Ten_grey_rows_stand_in_while_the_first_ones_load()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person());
        var loaded = new TaskCompletionSource();
        await visit.Page.RouteAsync("**/api/v1/admin/audit-logs?*", async route =>
        {
            await loaded.Task;
            await route.ContinueAsync();
        });
        await visit.Go("/admin/audit-logs");
        await Assertions.Expect(visit.Page.Locator("tbody[data-skeleton] tr")).ToHaveCountAsync(10);
        loaded.SetResult();
        await visit.Sees(visit.Rows().First);
        await Assertions.Expect(visit.Page.Locator("tbody[data-skeleton]")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_list_that_fails_says_why_and_can_be_tried_again()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Page.RouteAsync("**/api/v1/admin/audit-logs?*", route => route.FulfillAsync(new() { Status = 503, ContentType = "application/problem+json", Body = """{"title":"The log cannot be read","detail":"The disk is away."}""" }));
        await visit.Go("/admin/audit-logs");
        await visit.Sees("The disk is away.");
        await visit.Page.UnrouteAllAsync();
        await visit.Button("Try again").ClickAsync();
        await visit.Sees(visit.Rows().First);
    }

    [Theory]
    [InlineData("CSV")]
    [InlineData("JSONL")]
    public async Task The_exported_file_holds_the_rows_of_the_screen(string format)
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 100));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?actorId=u2");
        await visit.Sees("Showing 1–25 of 25");
        var listed = (await app.Reader.Get("/api/v1/admin/audit-logs?actorId=u2&limit=100")).Expect(200).Items;

        var download = await visit.Page.RunAndWaitForDownloadAsync(async () =>
        {
            await visit.Button("Export").ClickAsync();
            await visit.Page.GetByRole(AriaRole.Menuitem, new() { NameRegex = new("^" + format) }).ClickAsync();
        });
        Assert.Equal($"audit-logs-{app.Clock.Now:yyyy-MM-dd}.{format.ToLowerInvariant()}", download.SuggestedFilename);
        using var reader = new StreamReader(await download.CreateReadStreamAsync(), Encoding.UTF8);
        var lines = (await reader.ReadToEndAsync(Client.Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (format == "JSONL") Assert.Equal(listed.Select(item => item.GetRawText()), lines);
        else
        {
            Assert.StartsWith("createdAt,id,actorId,", lines[0], StringComparison.Ordinal);
            Assert.Equal(listed.Select(item => $"{item.GetProperty("createdAt").GetString()},{item.GetProperty("id").GetString()},u2,Grace,"), lines[1..].Select(line => string.Join(',', line.Split(',')[..4]) + ","));
        }
    }

    [Fact]
    public async Task An_export_that_would_stop_early_is_announced_with_the_numbers_before_it_starts()
    {
        await using var app = await Site.Start(settings => settings with { ExportRows = 50 });
        await app.Import(Mixed(app, 120));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?search=thing");
        await visit.Sees("Showing 1–25 of 120");
        await visit.Button("Export").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Menuitem, new() { NameRegex = new("^CSV") }).ClickAsync();
        await visit.Sees(visit.Heading("Export the newest 50 of 120 events?"));
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.exported")).Total);
        var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Button("Export 50 events").ClickAsync());
        using var reader = new StreamReader(await download.CreateReadStreamAsync(), Encoding.UTF8);
        Assert.Equal(51, (await reader.ReadToEndAsync(Client.Cancel)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task What_is_recorded_meanwhile_is_counted_and_shown_when_asked_for()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 10));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs?search=thing");
        await visit.SeesRows(10);
        await visit.Sees("New events are announced as they arrive.");
        await app.Send("""{"action":"project.created","resource":"Project","resourceName":"thing new"}""", """{"action":"project.created","resource":"Project","resourceName":"something else"}""", """{"action":"project.created","resource":"Project","resourceName":"other"}""");
        await visit.Sees(visit.Button("2 new"));
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Status).GetByText("2 new events")).ToHaveCountAsync(1);
        await visit.SeesRows(10);
        await visit.Button("2 new").ClickAsync();
        await visit.SeesRows(12);
        await visit.Sees(visit.Rows().GetByText("thing new"));
        await Assertions.Expect(visit.Button("2 new")).ToHaveCountAsync(0);
        await app.Send("""{"action":"project.created","resource":"Project","resourceName":"thing newer"}""");
        await visit.Sees(visit.Button("1 new"));
    }

    [Fact]
    public async Task What_is_hostile_is_text_and_breaks_no_layout()
    {
        await using var app = await Site.Start();
        string[] names =
        [
            "<img src=x onerror=\"document.title='owned'\">", "<script>document.title='owned'</script>", "javascript:alert(1)", "![x](https://evil.example/x.png)", "{{constructor.constructor('alert(1)')()}}",
            "invoice\u202Egpj.exe", "\u200F\u2067RTL\u2069", "مرحبا بالعالم שלום", "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301\u0301\u0301", new('W', 500), "a\u0007b\u001bc",
        ];
        foreach (var name in names)
            await app.Send(JsonSerializer.Serialize(new { action = "<b>x</b>.<i>y</i>", actorId = name.Length > 256 ? name[..256] : name, actorName = name.Length > 256 ? name[..256] : name, resource = name.Length > 100 ? name[..100] : name, resourceId = "javascript:alert(1)", resourceName = name, userAgent = name, metadata = new Dictionary<string, string> { [name] = name + new string('x', 10_000) } }));
        foreach (var width in new[] { 1280, 360 })
        {
            await using var visit = await browser.Open(app, await app.Person(), width);
            await visit.Go("/admin/audit-logs?action=" + Uri.EscapeDataString("<b>x</b>.<i>y</i>"));
            await visit.SeesRows(names.Length);
            foreach (var toggle in await visit.Page.GetByRole(AriaRole.Button, new() { NameRegex = new("^Details of") }).AllAsync()) await toggle.ClickAsync();
            foreach (var name in names[..5]) await visit.Sees(name);
            await visit.Sees("invoice⟨U+202E⟩gpj.exe");
            await visit.Sees("a⟨U+0007⟩b⟨U+001B⟩c");
            Assert.DoesNotContain("owned", await visit.Page.TitleAsync(), StringComparison.Ordinal);
            Assert.Equal(0, await visit.Page.Locator("main img, main script, main iframe, a[href^='javascript' i]").CountAsync());
            Assert.Equal(0, await visit.Page.EvaluateAsync<int>("Math.max(0, document.documentElement.scrollWidth - window.innerWidth)"));
            await visit.IsAccessible();
        }
    }

    [Fact]
    public async Task The_keyboard_alone_reaches_and_operates_everything()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 60));
        await app.Account("ada@example.com");
        await using var visit = await browser.Open(app);
        var keyboard = visit.Page.Keyboard;
        await visit.Go("/admin/audit-logs");
        await visit.Sees(visit.Button("Sign in"));
        await keyboard.TypeAsync("ada@example.com");
        await keyboard.PressAsync("Tab");
        await keyboard.TypeAsync(CairnApp.Phrase);
        await keyboard.PressAsync("Enter");
        await visit.SeesRows(25);

        // 1. Past the navigation, to the list.
        await Reach("Skip to content");
        await keyboard.PressAsync("Enter");
        await Reach("Export");

        // 2. A filter, by its first letters.
        await Reach("Actor: All actors");
        await keyboard.PressAsync("Enter");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Option).Filter(new() { HasText = "Grace" })).ToBeVisibleAsync();
        await keyboard.TypeAsync("Grace");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Option)).ToHaveCountAsync(1);
        await keyboard.PressAsync("ArrowDown");
        await keyboard.PressAsync("Enter");
        await visit.IsAt("/admin/audit-logs?actorId=u2");
        await visit.SeesRows(15);
        await Assertions.Expect(visit.Button("Actor: Grace")).ToBeFocusedAsync();

        // 3. A menu, with arrows; Escape leaves it and the focus where it was.
        await Reach("Outcome: All outcomes");
        await keyboard.PressAsync("Enter");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Menu).Locator(":focus")).ToHaveCountAsync(1);
        await keyboard.PressAsync("Escape");
        await Assertions.Expect(visit.Button("Outcome: All outcomes")).ToBeFocusedAsync();

        // 4. A row is opened and closed where the focus stays.
        await Reach("Details of ");
        await keyboard.PressAsync("Enter");
        await visit.Sees("Event ID");
        await keyboard.PressAsync("Space");
        await Assertions.Expect(visit.Page.GetByText("Event ID")).ToHaveCountAsync(0);

        // 5. What has the focus is seen to have it.
        Assert.NotEqual("none", await visit.Page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle"));

        // 6. Out again.
        await visit.Page.EvaluateAsync("document.activeElement.blur()");
        await Reach("Menu of ada@example.com");
        await keyboard.PressAsync("Enter");
        await Assertions.Expect(MenuItem("Your account")).ToBeFocusedAsync();
        await keyboard.PressAsync("ArrowUp");
        await Assertions.Expect(MenuItem("Sign out")).ToBeFocusedAsync();
        await keyboard.PressAsync("Enter");
        await visit.Sees(visit.Heading("Sign in to Cairn"));

        ILocator MenuItem(string name) => visit.Page.GetByRole(AriaRole.Menuitem, new() { Name = name });

        async Task Reach(string name)
        {
            for (var steps = 0; steps < 120; steps++)
            {
                await keyboard.PressAsync("Tab");
                var reached = await visit.Page.EvaluateAsync<string>("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()");
                if (reached.StartsWith(name, StringComparison.Ordinal)) return;
            }
            Assert.Fail($"{name} is not reached with the Tab key.");
        }
    }
}
