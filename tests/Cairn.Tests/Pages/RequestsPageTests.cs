using System.Diagnostics;
using System.Text;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Requests.Remote;
using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

public sealed class RequestsPageTests(Browser browser) : IClassFixture<Browser>
{
    const string Page = "/admin/audit-logs/requests", Api = "/api/system/audit-logs";

    /// <summary>Models, backends and outcomes in turn, a minute apart, the newest first.</summary>
    static List<RequestRecord> Mixed(CairnApp app, int count) => [.. Enumerable.Range(0, count).Select(n =>
    {
        var record = Some.Request(app.Clock.NowMs - (n + 1) * 60_000L, new[] { "llama-3", "gpt-4o", "claude-haiku" }[n % 3], new[] { "success", "success", "success", "error", "timeout" }[n % 5], duration: 10 * n);
        (record.BackendType, record.Endpoint) = new[] { ("local", "/v1/chat/completions"), ("openai", "/v1/chat/completions"), ("anthropic", "/v1/messages") }[n % 3];
        if (record.Status != "success") (record.ErrorType, record.ErrorMessage, record.PromptTokens, record.CompletionTokens, record.TotalTokens) = ("upstream_error", "The backend was busy", null, null, null);
        record.SessionId = "s" + n % 4;
        return record;
    })];

    /// <summary>The rows that are in the page, which of a long list are those around the screen.</summary>
    static ILocator Rows(Visit visit) => visit.Page.GetByRole(AriaRole.Table, new() { Name = "Requests", Exact = true }).Locator("tbody > tr[role=row]");

    static Task SeesRows(Visit visit, int count) => Assertions.Expect(Rows(visit)).ToHaveCountAsync(count);

    static ILocator Tile(Visit visit, string name) => visit.Page.Locator("dl > div", new() { Has = visit.Page.GetByText(name, new() { Exact = true }) }).Locator("dd").First;

    static async Task SeesTiles(Visit visit, params int[] values)
    {
        foreach (var (name, value) in new[] { "Total Requests", "Successful", "Errors", "Models Used" }.Zip(values)) await Assertions.Expect(Tile(visit, name)).ToHaveTextAsync(value.ToString());
    }

    static ILocator Chart(Visit visit) => visit.Page.GetByRole(AriaRole.Slider, new() { Name = "Time" });

    [Fact]
    public async Task The_list_shows_what_was_called_and_how_it_ended()
    {
        await using var app = await Site.Start();
        RequestRecord[] records =
        [
            Some.Request(app.Clock.NowMs - 1_000, "gpt-4o", duration: 850, tokens: 617), Some.Request(app.Clock.NowMs - 2_000, "llama-3", "error", 3_210, null),
            Some.Request(app.Clock.NowMs - 3_000, "", "timeout", 90_000, null),
        ];
        await app.Import(records);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/audit-logs");
        await visit.Link("Requests").ClickAsync();
        await visit.IsAt(Page);
        await SeesRows(visit, 3);
        await Assertions.Expect(visit.Link("Requests")).ToHaveAttributeAsync("aria-current", "page");
        await visit.Sees(visit.Heading("Audit Logs"));
        var heads = visit.Page.GetByRole(AriaRole.Table, new() { Name = "Requests", Exact = true }).GetByRole(AriaRole.Columnheader);
        Assert.Equal(["Time", "Model", "Backend", "Endpoint", "Duration", "Status", "Tokens"], await heads.AllInnerTextsAsync());

        var berlin = TimeZoneInfo.ConvertTime(DateTimeOffset.FromUnixTimeMilliseconds(records[0].TimeMs), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"));
        Assert.Equal([berlin.ToString("yyyy-MM-dd HH:mm:ss"), "gpt-4o", "local", "/v1/chat/completions", "850ms", "Success", "1\u00a0234"], await Cells(0));
        Assert.Equal(["llama-3", "local", "/v1/chat/completions", "3.2s", "Error", "-"], (await Cells(1))[1..]);
        Assert.Equal(["–", "local", "/v1/chat/completions", "1.5m", "Timeout", "-"], (await Cells(2))[1..]);
        await SeesTiles(visit, 3, 1, 2, 2);

        async Task<string[]> Cells(int row) => [.. (await Rows(visit).Nth(row).GetByRole(AriaRole.Cell).AllInnerTextsAsync()).Select(text => text.Trim())];
    }

    [Fact]
    public async Task Every_filter_narrows_the_page_and_stands_in_the_address()
    {
        await using var app = await Site.Start();
        var all = Mixed(app, 30);
        await app.Import([.. all, Some.Request(app.Clock.NowMs - 20 * Some.Day, "old-model")]);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        await SeesTiles(visit, 30, 18, 12, 3);
        foreach (var (filter, option, address, rows) in new[]
        {
            ("Model", "gpt-4o", "?model=gpt-4o", 10), ("Backend", "Anthropic", "?backend_type=anthropic", 10), ("Status", "Success", "?status=success", 18), ("Status", "Error", "?status=error", 6),
            ("Status", "Timeout", "?status=timeout", 6), ("Time range", "Last 30 days", "?range=30d", 31), ("Time range", "All time", "?range=all", 31),
        })
        {
            await visit.Choose(filter, option);
            await visit.IsAt(Page + address);
            await Sees(rows);
            await visit.Page.ReloadAsync();
            await Sees(rows);
            await visit.Button("Reset filters").ClickAsync();
            await visit.IsAt(Page);
            await Sees(30);
        }

        // They add up, and the way back leads through each of them.
        await visit.Choose("Model", "llama-3");
        await visit.Choose("Status", "Error");
        await visit.IsAt(Page + "?model=llama-3&status=error");
        await Sees(2);
        await visit.Page.GoBackAsync();
        await Sees(10);
        await visit.Page.GoBackAsync();
        await Sees(30);

        // Search looks at ids, models and errors; a whole id is found whenever it was.
        var search = visit.Page.GetByRole(AriaRole.Searchbox, new() { Name = "Search audit logs" });
        foreach (var (text, rows) in new[] { ("CLAUDE", 10), ("was busy", 12), (all[3].RequestId, 1) })
        {
            await search.FillAsync(text);
            await search.PressAsync("Enter");
            await Sees(rows);
        }

        await search.FillAsync("nothing like this");
        await search.PressAsync("Enter");
        await visit.Sees(visit.Heading("No audit logs found"));
        await SeesTiles(visit, 0, 0, 0, 0);
        await visit.Button("Clear filters").ClickAsync();
        await Sees(31);

        // What is not understood is said, not passed over.
        await visit.Go(Page + "?status=broken");
        await visit.Sees(visit.Page.GetByText("status is 'broken'").First);

        async Task Sees(int rows)
        {
            await Assertions.Expect(Tile(visit, "Total Requests")).ToHaveTextAsync(rows.ToString());
            await visit.Sees($"{rows} of {rows} request{(rows == 1 ? "" : "s")}");
        }
    }

    [Fact]
    public async Task Ten_thousand_rows_are_scrolled_through_with_few_of_them_in_the_page()
    {
        const int count = 10_000;
        await using var app = await Site.Start();
        var all = Mixed(app, count);
        await app.Import(all);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Page.SetViewportSizeAsync(1280, 1_800);
        await visit.Go(Page);
        await visit.Sees(Rows(visit).First);

        // Down and down until the list ends, further once what is in sight is drawn; each row that was in the page is noted by its place.
        var seen = await visit.Page.EvaluateAsync<string[]>("""
            async count => {
                const seen = []
                let most = 0
                for (let quiet = 0; quiet < 400 && seen.filter(Boolean).length < count; quiet++) {
                    const rows = document.querySelectorAll('table[aria-label="Requests"] tbody > tr[role=row]')
                    most = Math.max(most, rows.length)
                    for (const row of rows) {
                        const place = Number(row.getAttribute('aria-rowindex')) - 2
                        if (seen[place] === undefined) quiet = 0
                        seen[place] = row.querySelector('a').href.split('request=')[1]
                    }
                    if (rows.length > 0 && rows[rows.length - 1].getBoundingClientRect().bottom >= window.innerHeight) window.scrollBy(0, window.innerHeight - 100)
                    await new Promise(resolve => setTimeout(resolve, 25))
                }
                return [String(most), ...seen]
            }
            """, count);
        Assert.Equal(all.Select(record => record.RequestId), seen[1..]);
        Assert.True(int.Parse(seen[0]) < 150, seen[0] + " rows were in the page at once");
        await visit.Sees("10\u00a0000 of 10\u00a0000 requests");
        await Assertions.Expect(visit.Button("Load More")).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Table, new() { Name = "Requests", Exact = true })).ToHaveAttributeAsync("aria-rowcount", "10001");
    }

    [Fact]
    public async Task Who_does_not_scroll_loads_more_with_a_button()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 120));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        foreach (var (before, after) in new[] { (50, 100), (100, 120) })
        {
            await visit.Sees($"{before} of 120 requests");
            // As an assistive technology presses it, without bringing it into sight.
            await visit.Button("Load More").DispatchEventAsync("click");
            await visit.Sees($"{after} of 120 requests");
        }
        await Assertions.Expect(visit.Button("Load More")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task While_the_first_page_is_on_its_way_it_says_so()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person());
        var held = new TaskCompletionSource();
        await visit.Page.RouteAsync("**" + Api + "?*", async route =>
        {
            await held.Task;
            await route.ContinueAsync();
        });
        await visit.Go(Page);
        await visit.Sees("Loading...");
        held.SetResult();
        await visit.Sees(visit.Heading("No audit logs found"));
    }

    [Fact]
    public async Task What_is_recorded_appears_at_the_top_within_a_second_and_counts()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 5));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page + "?model=gpt-4o");
        await SeesRows(visit, 2);
        await visit.Sees("Live");
        await SeesTiles(visit, 2, 1, 1, 1);

        var times = new List<TimeSpan>();
        for (var i = 0; i < 5; i++)
        {
            await app.Import(Some.Request(app.Clock.NowMs - 10 + i, "llama-3"), Some.Request(app.Clock.NowMs - 10 + i, "gpt-4o", duration: 7_000 + 100 * i));
            var recorded = Stopwatch.GetTimestamp();
            await Assertions.Expect(Rows(visit).First).ToContainTextAsync($"7.{i}s");
            times.Add(Stopwatch.GetElapsedTime(recorded));
        }
        Assert.True(times.Order().ElementAt(2) < TimeSpan.FromSeconds(1), "It took " + string.Join(", ", times.Select(time => $"{time.TotalMilliseconds:N0} ms")));
        await SeesRows(visit, 7);
        await SeesTiles(visit, 7, 6, 1, 1);
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.List, new() { Name = "Colours" })).ToContainTextAsync("Success 6");

        // One that took long stands where it began.
        await app.Import(Some.Request(app.Clock.NowMs - 150_000, "gpt-4o", duration: 149_000));
        await Assertions.Expect(Rows(visit).Nth(6)).ToContainTextAsync("2.5m");
    }

    [Fact]
    public async Task New_rows_wait_for_who_is_further_down()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 60));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        await visit.Sees("Live");
        await visit.Page.Mouse.WheelAsync(0, 1_500);
        await Until.True(() => visit.Page.EvaluateAsync<bool>("window.scrollY >= 1000"));
        await app.Import(Some.Request(app.Clock.NowMs, duration: 111), Some.Request(app.Clock.NowMs + 1, duration: 222));
        await visit.Sees(visit.Button("2 new"));
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Status).GetByText("2 new requests")).ToHaveCountAsync(1);
        await visit.Button("2 new").ClickAsync();
        await Assertions.Expect(visit.Button("2 new")).ToHaveCountAsync(0);
        await visit.Sees(Rows(visit).Nth(0).GetByText("222ms"));
        await visit.Sees(Rows(visit).Nth(1).GetByText("111ms"));

        // Who scrolls up finds them there.
        await visit.Page.Mouse.WheelAsync(0, 1_500);
        await app.Import(Some.Request(app.Clock.NowMs + 2, duration: 333));
        await visit.Sees(visit.Button("1 new"));
        await visit.Page.EvaluateAsync("window.scrollTo(0, 0)");
        await visit.Sees(Rows(visit).Nth(0).GetByText("333ms"));
        await Assertions.Expect(visit.Button("1 new")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task A_range_is_drawn_on_the_chart()
    {
        await using var app = await Site.Start();
        await app.Import(Enumerable.Range(0, 24).Select(hour => Some.Request(app.Clock.NowMs - app.Clock.NowMs % Some.Hour - hour * Some.Hour, "m" + hour % 2, hour == 5 ? "error" : "success")));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page + "?range=24h&model=m1");
        await Assertions.Expect(Tile(visit, "Total Requests")).ToHaveTextAsync("12");

        // 1. With a pointer: from one bar to another, whichever comes first.
        var box = (await Chart(visit).BoundingBoxAsync())!;
        var bars = await Chart(visit).EvaluateAsync<int>("chart => Number(chart.getAttribute('aria-valuemax')) + 1");
        float X(int bar) => box.X + 40 + (bar + 0.5f) * (box.Width - 40) / bars;
        await visit.Page.Mouse.MoveAsync(X(9), box.Y + 50);
        await visit.Page.Mouse.DownAsync();
        await visit.Page.Mouse.MoveAsync(X(4), box.Y + 50, new() { Steps = 4 });
        await visit.Page.Mouse.UpAsync();
        var last = app.Clock.NowMs - app.Clock.NowMs % Some.Hour - (bars - 1) * Some.Hour;
        var (from, to) = (Iso.Text(last + 4 * Some.Hour), Iso.Text(last + 10 * Some.Hour - 1));
        await visit.IsAt($"{Page}?model=m1&from={Uri.EscapeDataString(from)}&to={Uri.EscapeDataString(to)}");
        var expected = (await app.Reader.Get($"{Api}?model=m1&start_time={from}&end_time={to}")).Expect(200).Total;
        Assert.Equal(3, expected);
        await Assertions.Expect(Tile(visit, "Total Requests")).ToHaveTextAsync("3");
        await SeesRows(visit, 3);
        await Assertions.Expect(visit.Label("From")).ToHaveValueAsync(TimeZoneInfo.ConvertTime(DateTimeOffset.FromUnixTimeMilliseconds(last + 4 * Some.Hour), TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin")).ToString("yyyy-MM-dd'T'HH:mm"));
        await visit.Page.ReloadAsync();
        await SeesRows(visit, 3);

        // 2. Back is the range before.
        await visit.Page.GoBackAsync();
        await Assertions.Expect(Tile(visit, "Total Requests")).ToHaveTextAsync("12");

        // 3. With the keyboard: the first bar and the next three.
        await Chart(visit).FocusAsync();
        await visit.Page.Keyboard.PressAsync("Home");
        for (var i = 0; i < 3; i++) await visit.Page.Keyboard.PressAsync("Shift+ArrowRight");
        await Assertions.Expect(Chart(visit)).ToHaveAttributeAsync("aria-valuetext", new System.Text.RegularExpressions.Regex(@": \d success, 0 error, 0 timeout$"));
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.IsAt($"{Page}?model=m1&from={Uri.EscapeDataString(Iso.Text(last))}&to={Uri.EscapeDataString(Iso.Text(last + 4 * Some.Hour - 1))}");
        await visit.Page.GoBackAsync();

        // 4. By name, in the table that says the same.
        await visit.Button("Show table").ClickAsync();
        var rows = visit.Page.GetByRole(AriaRole.Table, new() { Name = "Requests over time" }).Locator("tbody > tr");
        await Assertions.Expect(rows).ToHaveCountAsync(12);
        await rows.First.GetByRole(AriaRole.Button).ClickAsync();
        await SeesRows(visit, 1);
    }

    [Fact]
    public async Task A_connection_that_breaks_is_taken_up_where_it_was()
    {
        using var place = new TempDirectory();
        var clock = new TestClock(DateTimeOffset.UtcNow);
        var app = await CairnApp.Start(clock: clock, place: place.Path);
        Visit? visit = null;
        try
        {
            await app.Import(Mixed(app, 3));
            var address = app.Host.ConsoleUrl!;
            visit = await browser.Open(app, await app.Person());
            await visit.Go(Page);
            await SeesRows(visit, 3);
            await visit.Sees("Live");

            await app.DisposeAsync();
            await visit.Sees("Offline");
            await SeesRows(visit, 3);

            app = await CairnApp.Start(settings => settings with { Console = new(address.GetLeftPart(UriPartial.Authority)) }, clock, place: place.Path);
            await app.Import(Some.Request(clock.NowMs, duration: 444));
            await visit.Sees("Live");
            await visit.Sees(Rows(visit).First.GetByText("444ms"));
            await app.Import(Some.Request(clock.NowMs + 1, duration: 555));
            await visit.Sees(Rows(visit).First.GetByText("555ms"));
            await SeesRows(visit, 5);
            await SeesTiles(visit, 5, 5, 0, 3);
        }
        finally
        {
            if (visit is not null) await visit.DisposeAsync();
            await app.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_gateway_that_is_away_is_named_and_the_others_rows_stay()
    {
        using var place = new TempDirectory();
        var clock = new TestClock(DateTimeOffset.UtcNow);
        await using var near = await CairnApp.Start(clock: clock);
        var far = await CairnApp.Start(clock: clock, place: place.Path);
        try
        {
            await near.Import(Mixed(near, 2));
            await far.Import(Some.Request(clock.NowMs - 1_000, "far-model"));
            var address = far.Host.GatewayUrl!;
            GatewayAddress[] gateways = [new("near", near.Host.GatewayUrl!, await near.Key(Scopes.AuditRead)), new("far", address, await far.Key(Scopes.AuditRead))];
            await using var app = await Site.Start(settings => settings with { Role = Role.Console, Gateways = gateways });
            await using var visit = await browser.Open(app, await app.Person());
            await visit.Go(Page);
            await SeesRows(visit, 3);
            await Assertions.Expect(visit.Page.GetByText("cannot be reached")).ToHaveCountAsync(0);

            await far.DisposeAsync();
            await visit.Button("Refresh").ClickAsync();
            await visit.Sees("far cannot be reached");
            await visit.Sees("Requests of this gateway may be missing from the list and the numbers until it answers again.");
            await SeesRows(visit, 2);
            await SeesTiles(visit, 2, 2, 0, 2);

            far = await CairnApp.Start(settings => settings with { Gateway = new(address.GetLeftPart(UriPartial.Authority)) }, clock, place: place.Path);
            await visit.Button("Refresh").ClickAsync();
            await SeesRows(visit, 3);
            await Assertions.Expect(visit.Page.GetByText("cannot be reached")).ToHaveCountAsync(0);
        }
        finally
        {
            await far.DisposeAsync();
        }
    }

    [Fact]
    public async Task Refresh_reads_the_page_anew()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 3));
        await using var visit = await browser.Open(app, await app.Person());
        // Without a live connection nothing comes by itself.
        await visit.Page.RouteWebSocketAsync("**/ws/audit-logs*", _ => { });
        await visit.Go(Page);
        await SeesRows(visit, 3);
        await app.Import(Some.Request(app.Clock.NowMs, duration: 444));
        await visit.Button("Refresh").ClickAsync();
        await SeesRows(visit, 4);
        await SeesTiles(visit, 4, 4, 0, 3);
    }

    [Fact]
    public async Task An_export_holds_what_the_filters_show()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 80));
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page + "?model=gpt-4o&range=all");
        await visit.Sees(Rows(visit).First);
        foreach (var format in new[] { "jsonl", "csv" })
        {
            var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Button("Export " + format.ToUpperInvariant()).ClickAsync());
            Assert.Equal("audit-logs." + format, download.SuggestedFilename);
            await using var stream = await download.CreateReadStreamAsync();
            using var reader = new StreamReader(stream, Encoding.UTF8);
            Assert.Equal((await app.Reader.Get($"{Api}/export?model=gpt-4o&format={format}")).Expect(200).Text, await reader.ReadToEndAsync(Client.Cancel));
        }

        // It says that it is at work until the file is there, and what went wrong if it does not come.
        var held = new TaskCompletionSource();
        await visit.Page.RouteAsync("**/export?*", async route =>
        {
            await held.Task;
            await route.FulfillAsync(new() { Status = 503, ContentType = "application/problem+json", Body = """{"title":"Busy","detail":"Too much is being exported."}""" });
        });
        await visit.Button("Export CSV").ClickAsync();
        await Assertions.Expect(visit.Button("Export CSV")).ToHaveAttributeAsync("data-loading", "true");
        held.SetResult();
        await visit.Sees("Too much is being exported.");

        await visit.Go(Page + "?search=nothing-like-this");
        await Assertions.Expect(visit.Button("Export CSV")).ToBeDisabledAsync();
    }

    [Fact]
    public async Task A_row_opens_to_everything_that_is_known_of_its_request()
    {
        await using var app = await Site.Start();
        var others = Mixed(app, 3);
        var whole = Some.Request(app.Clock.NowMs - 90_000, "gpt-4o", "error", 1_500, 42);
        (whole.ErrorType, whole.ErrorMessage, whole.Stream, whole.HttpStatus, whole.TtftMs, whole.FinishReason, whole.ResponseModel) = ("upstream_error", "The backend said no", true, 502, 120, "length", "gpt-4o-2024-11-20");
        (whole.UpstreamRequestId, whole.CachedTokens, whole.ApiKeyId, whole.ApiKeyName, whole.User, whole.ClientIp) = ("req_77", 7, "k1", "Batch jobs", "ann", "192.0.2.7");
        (whole.TraceId, whole.SessionId, whole.ConversationId) = ("4bf92f3577b34da6a3ce929d0e0e4736", "session-9", "conversation-9");
        await app.Import([.. others, whole]);
        await app.Send($$"""{"action":"workspace.started","resource":"Workspace","resourceName":"of this trace","traceId":"{{whole.TraceId}}","requestId":"{{whole.RequestId}}"}""");
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go(Page);
        await SeesRows(visit, 4);
        await Rows(visit).Nth(1).GetByText("gpt-4o").ClickAsync();
        await visit.IsAt($"{Page}?request={whole.RequestId}");
        var panel = visit.Page.GetByRole(AriaRole.Dialog, new() { Name = "Request" });
        foreach (var text in new[]
        {
            whole.RequestId, "upstream_error", "The backend said no", "Error", "502", "gpt-4o", "gpt-4o-2024-11-20", "local", "/v1/chat/completions", "Yes", "1.5s", "120ms", "length", "42", "7", "84", "Batch jobs", "ann", "192.0.2.7",
            whole.TraceId, whole.SessionId, whole.ConversationId, "req_77",
        })
            await visit.Sees(panel.GetByText(text, new() { Exact = true }).First);

        // Its neighbours, and back to the list at once.
        await panel.GetByRole(AriaRole.Button, new() { Name = "Newer request" }).ClickAsync();
        await visit.IsAt($"{Page}?request={others[0].RequestId}");
        await Assertions.Expect(panel.GetByRole(AriaRole.Button, new() { Name = "Newer request" })).ToBeDisabledAsync();
        await visit.Escape();
        await visit.IsAt(Page);
        await Assertions.Expect(panel).ToHaveCountAsync(0);

        // What ties it to others narrows the list, or leads to their events.
        await visit.Go($"{Page}?request={whole.RequestId}");
        await panel.GetByRole(AriaRole.Button, new() { Name = whole.SessionId }).ClickAsync();
        await visit.IsAt(Page + "?session_id=session-9");
        await SeesRows(visit, 1);
        await visit.Button("Remove filter Session ID session-9").ClickAsync();
        await SeesRows(visit, 4);
        await visit.Go($"{Page}?request={whole.RequestId}");
        await panel.GetByRole(AriaRole.Link, new() { Name = "Events of this trace" }).ClickAsync();
        await visit.IsAt($"/admin/audit-logs?traceId={whole.TraceId}&range=all");
        await visit.Sees("of this trace");

        // And from an event to what it belongs to.
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Details of " }).ClickAsync();
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Open this request" }).ClickAsync();
        await visit.Sees(panel.GetByText("The backend said no"));
        await visit.Page.GoBackAsync();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Details of " }).ClickAsync();
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Requests of this trace" }).ClickAsync();
        await visit.IsAt($"{Page}?trace_id={whole.TraceId}&range=all");
        await SeesRows(visit, 1);
    }

    [Fact]
    public async Task A_link_to_a_request_finds_it_whenever_it_was()
    {
        await using var app = await Site.Start();
        var old = Some.Request(app.Clock.NowMs - 20 * Some.Day, "an old model");
        await app.Import([old, .. Mixed(app, 3)]);
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go($"{Page}?status=error&request={old.RequestId}");
        var panel = visit.Page.GetByRole(AriaRole.Dialog, new() { Name = "Request" });
        await visit.Sees(panel.GetByText("an old model"));
        await panel.GetByRole(AriaRole.Button, new() { Name = "Copy link" }).ClickAsync();
        await visit.Sees(panel.GetByRole(AriaRole.Button, new() { Name = "Copied" }));
        Assert.EndsWith($"{Page}?request={old.RequestId}", await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()"), StringComparison.Ordinal);
        await panel.GetByRole(AriaRole.Button, new() { Name = "Close" }).ClickAsync();
        await visit.IsAt(Page + "?status=error");

        await visit.Go($"{Page}?request=chatcmpl-ffffffffffffffffffffffff");
        await visit.Sees(panel.GetByText("The log holds no request with this ID."));
    }

    [Fact]
    public async Task A_viewer_sees_it_and_a_user_does_not()
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 3));
        await using (var visit = await browser.Open(app, await app.Person("viewer")))
        {
            await visit.Go(Page);
            await SeesRows(visit, 3);
            await visit.Sees("Live");
            await visit.Page.RunAndWaitForDownloadAsync(() => visit.Button("Export JSONL").ClickAsync());
        }

        await using (var visit = await browser.Open(app, await app.Person("user")))
        {
            await visit.Go(Page);
            await visit.IsAt("/dashboard");
        }

        await using (var visit = await browser.Open(app))
        {
            await visit.Go(Page + "?status=error");
            await visit.IsAt("/login?redirect=" + Uri.EscapeDataString(Page + "?status=error"));
        }
    }

    [Fact]
    public async Task What_is_hostile_is_text_and_breaks_no_layout()
    {
        await using var app = await Site.Start();
        string[] names = ["<img src=x onerror=\"document.title='owned'\">", "javascript:alert(1)", "![x](https://evil.example/x.png)", "gpt\u202Eexe", new('W', 250)];
        await app.Import(names.Select((name, n) =>
        {
            var record = Some.Request(app.Clock.NowMs - n - 1, name, "error");
            (record.BackendType, record.Endpoint, record.ErrorType, record.ErrorMessage, record.User, record.SessionId, record.TraceId) = (name, name, name, name + new string('x', 200), name.Length > 128 ? name[..128] : name, name, name);
            return record;
        }));
        foreach (var width in new[] { 1280, 360 })
        {
            await using var visit = await browser.Open(app, await app.Person(), width);
            await visit.Go(Page);
            await SeesRows(visit, names.Length);
            foreach (var name in names[..3]) await visit.Sees(name);
            await visit.Sees("gpt⟨U+202E⟩exe");
            for (var row = 0; row < names.Length; row++)
            {
                await Rows(visit).Nth(row).GetByRole(AriaRole.Link).First.ClickAsync();
                await visit.Sees(visit.Page.GetByRole(AriaRole.Region, new() { Name = "What went wrong" }));
                Assert.Equal(0, await visit.Page.EvaluateAsync<int>("""
                    (() => {
                        // The panel slides in; what counts is what leaves it.
                        const panel = document.querySelector('[role=dialog]')
                        const beyond = [...panel.querySelectorAll('*')].map(one => Math.floor(one.getBoundingClientRect().right - panel.getBoundingClientRect().right))
                        return Math.max(0, document.documentElement.scrollWidth - window.innerWidth, ...beyond)
                    })()
                    """));
                Assert.Equal(0, await visit.Page.Locator("main img, [role=dialog] img, a[href^='javascript' i]").CountAsync());
                await visit.Escape();
            }
            Assert.DoesNotContain("owned", await visit.Page.TitleAsync(), StringComparison.Ordinal);

            // A name that reads like an exclusion means itself.
            await visit.Choose("Model", "javascript:alert(1)");
            await SeesRows(visit, 1);
            await visit.IsAccessible();
        }
    }

    [Theory]
    [InlineData(1280, false)]
    [InlineData(1280, true)]
    [InlineData(360, false)]
    [InlineData(360, true)]
    public async Task It_is_without_fault_to_axe_and_fits_the_screen(int width, bool dark)
    {
        await using var app = await Site.Start();
        await app.Import(Mixed(app, 80));
        await using var visit = await browser.Open(app, await app.Person(), width, dark);
        await visit.Go(Page);
        await visit.Sees(Rows(visit).First);
        await visit.Sees("Live");
        await visit.Sees(Chart(visit));
        await visit.IsAccessible();
        await Chart(visit).FocusAsync();
        await visit.Page.Keyboard.PressAsync("Shift+ArrowLeft");
        await visit.IsAccessible();
        await visit.Button("Show table").ClickAsync();
        await visit.IsAccessible();
        await visit.Button("Model: All models").ClickAsync();
        await visit.Sees(visit.Page.GetByRole(AriaRole.Option).First);
        await visit.IsAccessible();
        await visit.Page.Keyboard.PressAsync("Escape");
        await visit.Page.Mouse.WheelAsync(0, 3_000);
        await app.Import(Some.Request(app.Clock.NowMs));
        await visit.Sees(visit.Button("1 new"));
        await visit.IsAccessible();
        foreach (var (address, seen) in new[] { ("?search=nothing-at-all", "No audit logs found"), ("?session_id=s1&from=2026-01-01&to=2026-01-02", "No audit logs found"), ("?request=chatcmpl-ffffffffffffffffffffffff", "Request") })
        {
            await visit.Go(Page + address);
            await visit.Sees(visit.Page.GetByRole(AriaRole.Heading, new() { Name = seen, Exact = true }));
            await visit.IsAccessible();
        }
        await visit.Go(Page + "?status=error");
        await Rows(visit).First.GetByRole(AriaRole.Link).First.ClickAsync();
        await visit.Sees(visit.Page.GetByRole(AriaRole.Region, new() { Name = "What went wrong" }));
        await visit.IsAccessible();
    }

    [Fact]
    public async Task The_keyboard_alone_reaches_and_operates_everything()
    {
        await using var app = await Site.Start();
        var all = Mixed(app, 60);
        await app.Import(all);
        await using var visit = await browser.Open(app, await app.Person());
        var keyboard = visit.Page.Keyboard;
        await visit.Go(Page);
        await visit.Sees(Rows(visit).First);
        await visit.Sees(Chart(visit));
        foreach (var name in new[] { "Refresh", "Export JSONL", "Export CSV", "Events", "Requests", "Search audit logs", "Model: All models", "Backend: All Backends", "Status: All Status", "Time range: Last 7 days", "Show table", "Time" }) await Reach(name);

        // From row to row with the arrows; Enter opens one, and Escape comes back to it.
        await keyboard.PressAsync("Tab");
        for (var i = 0; i < 30; i++) await keyboard.PressAsync("ArrowDown");
        await keyboard.PressAsync("ArrowUp");
        await keyboard.PressAsync("Enter");
        await visit.IsAt($"{Page}?request={all[29].RequestId}");
        await visit.Sees(visit.Page.GetByRole(AriaRole.Dialog));
        await visit.Escape();
        await visit.IsAt(Page);
        await Until.True(() => visit.Page.EvaluateAsync<bool>("id => document.activeElement.href?.endsWith(id) === true", all[29].RequestId));
        Assert.NotEqual("none", await visit.Page.EvaluateAsync<string>("getComputedStyle(document.activeElement).outlineStyle"));

        async Task Reach(string name)
        {
            for (var steps = 0; steps < 60; steps++)
            {
                await keyboard.PressAsync("Tab");
                if (await visit.Page.EvaluateAsync<string>("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()") == name) return;
            }
            Assert.Fail($"{name} is not reached with the Tab key.");
        }
    }
}
