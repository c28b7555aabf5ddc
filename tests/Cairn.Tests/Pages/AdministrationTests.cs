using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

public sealed class AdministrationTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task An_administrator_adds_changes_and_removes_accounts()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person(email: "root@example.com"));
        await visit.Go("/admin/users");
        await visit.SeesRows(1, "Users");

        await visit.Button("Add user").ClickAsync();
        var dialog = visit.Page.GetByRole(AriaRole.Dialog);
        await visit.Label("E-mail address").FillAsync("sam@example.com");
        await visit.Label("Name").FillAsync("Sam");
        await dialog.GetByLabel("Password").FillAsync("short");
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Add user" }).ClickAsync();
        await visit.Sees(dialog.GetByText("password ").First);
        await dialog.GetByLabel("Password").FillAsync(CairnApp.Phrase);
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Add user" }).ClickAsync();
        await visit.SeesRows(2, "Users");
        await visit.Sees(visit.Rows("Users").Filter(new() { HasText = "Sam" }).GetByText("Viewer"));
        await app.SignIn("sam@example.com");

        await Act("Edit…");
        await dialog.GetByRole(AriaRole.Radio, new() { Name = "Administrator" }).CheckAsync();
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Save" }).ClickAsync();
        await visit.Sees(visit.Rows("Users").Filter(new() { HasText = "Sam" }).GetByText("Administrator"));

        await Act("Make a sign-in link…");
        var link = await dialog.Locator("code").InnerTextAsync();
        await using (var sam = await browser.Open(app))
        {
            await sam.Go(new Uri(link).PathAndQuery + new Uri(link).Fragment);
            await sam.IsAt("/admin/audit-logs");
        }
        await dialog.GetByRole(AriaRole.Button, new() { Name = "Done" }).ClickAsync();

        await Act("Disable…");
        await visit.Button("Disable").ClickAsync();
        await visit.Sees(visit.Rows("Users").GetByText("Disabled"));
        await Act("Enable");
        await Assertions.Expect(visit.Rows("Users").GetByText("Disabled")).ToHaveCountAsync(0);

        await Act("Remove…");
        await visit.Sees(visit.Heading("Remove sam@example.com?"));
        await visit.Button("Remove").ClickAsync();
        await visit.SeesRows(1, "Users");

        // The last administrator stays, and the page says why.
        await visit.Button("Actions for root@example.com").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Menuitem, new() { Name = "Remove…" }).ClickAsync();
        await visit.Button("Remove").ClickAsync();
        await visit.Sees(visit.Page.GetByText("last administrator").First);
        await visit.SeesRows(1, "Users");

        async Task Act(string item)
        {
            await visit.Button("Actions for sam@example.com").ClickAsync();
            await visit.Page.GetByRole(AriaRole.Menuitem, new() { Name = item }).ClickAsync();
        }
    }

    [Fact]
    public async Task A_new_key_is_shown_once_works_and_is_revoked_by_name()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/keys");
        await visit.Button("New API key").ClickAsync();
        await visit.Label("Name").FillAsync("billing service");
        await visit.Button("Create key").ClickAsync();
        await visit.Sees("Choose at least one scope.");
        await visit.Page.GetByRole(AriaRole.Checkbox, new() { Name = "audit:read" }).CheckAsync();
        await visit.Button("Create key").ClickAsync();
        await visit.Sees("Created “billing service”");
        await visit.Button("Copy key").ClickAsync();
        var key = await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        Assert.Matches("^crn_[A-Za-z0-9]{36}$", key);
        Assert.Equal(key, await visit.Page.Locator("code").First.InnerTextAsync());
        (await app.Console(key).Get("/api/v1/admin/audit-logs")).Expect(200);

        await visit.Page.ReloadAsync();
        await visit.Sees("billing service");
        Assert.DoesNotContain(key, await visit.Page.ContentAsync(), StringComparison.Ordinal);
        await visit.Button("Revoke billing service").ClickAsync();
        await visit.Sees(visit.Heading("Revoke billing service?"));
        await visit.Button("Revoke").ClickAsync();
        await visit.Sees(visit.Rows("API keys").Filter(new() { HasText = "billing service" }).GetByText("Revoked"));
        (await app.Console(key).Get("/api/v1/admin/audit-logs")).Expect(401);
    }

    [Fact]
    public async Task Configuration_shows_what_is_set_and_runs_retention_after_saying_what_goes()
    {
        await using var app = await Site.Start(settings => settings with { EventDays = 100, ExportRows = 1_234, Catalog = new([], [new("Invoice", "Bill", "/bills/{id}")]) });
        await using var visit = await browser.Open(app, await app.Person());
        await app.Import(Some.Event(app.Clock.NowMs - 99 * Some.Day));
        app.Clock.Move(TimeSpan.FromDays(0));
        await visit.Go("/admin/configuration");
        foreach (var text in new[] { "100 days", "30 days", "1\u00a0234", "Bill", "/bills/{id}" }) await visit.Sees(text);
        await visit.Button("Run now…").ClickAsync();
        await visit.Sees(visit.Heading("Nothing is too old"));
        await visit.Button("Run all the same").ClickAsync();
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Dialog)).ToHaveCountAsync(0);
        await Until.True(async () => (await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.retention_ran")).Total == 1);
    }

    [Fact]
    public async Task Overview_shows_the_last_ten_events_the_volume_and_the_store()
    {
        await using var app = await Site.Start();
        await app.Import(Enumerable.Range(0, 30).Select(n => Some.Event(app.Clock.NowMs - n * 1_000)));
        await app.Import(Enumerable.Range(0, 40).Select(n => Some.Request(app.Clock.NowMs - n * Some.Hour, status: n % 10 == 0 ? "error" : "success", tokens: 100)));
        await using var visit = await browser.Open(app, await app.Person("viewer"));
        await visit.Go("/admin");
        await visit.SeesRows(10, "Latest events");
        await visit.Sees("10.0 %");
        await visit.Sees("8\u00a0000");
        await visit.Sees("Healthy");
        await visit.Link("All events").ClickAsync();
        await visit.IsAt("/admin/audit-logs");
    }

    [Fact]
    public async Task One_changes_ones_own_password_and_ends_ones_other_sessions()
    {
        await using var app = await Site.Start();
        var ada = await app.Person(email: "ada@example.com");
        var elsewhere = await app.SignIn("ada@example.com");
        await using var visit = await browser.Open(app, ada);
        await visit.Go("/account");
        await visit.SeesRows(2, "Sessions");
        await visit.Button("Sign out").ClickAsync();
        await visit.SeesRows(1, "Sessions");
        (await elsewhere.Get("/api/auth/me")).Expect(401);

        await visit.Label("Current password").FillAsync("not the password");
        await visit.Label("New password").FillAsync("another long phrase");
        await visit.Button("Change password").ClickAsync();
        await visit.Sees("current is not the current password.");
        await visit.Label("Current password").FillAsync(CairnApp.Phrase);
        await visit.Button("Change password").ClickAsync();
        await visit.Sees("The password was changed");
        await app.SignIn("ada@example.com", "another long phrase");
    }

    [Fact]
    public async Task Theme_and_time_are_kept_in_the_browser()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person(email: "ada@example.com"));
        await visit.Go("/admin/audit-logs");
        await visit.Button("Menu of ada@example.com").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Menuitemradio, new() { Name = "Dark" }).ClickAsync();
        await visit.Button("Menu of ada@example.com").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Menuitemradio, new() { Name = "UTC" }).ClickAsync();
        await visit.Sees("Time (UTC)");
        await visit.Page.ReloadAsync();
        await visit.Sees("Time (UTC)");
        await Assertions.Expect(visit.Page.Locator("html")).ToHaveAttributeAsync("data-color-mode", "dark");
        await visit.Sees(visit.Rows().First.GetByText(app.Clock.Now.ToString("yyyy-MM-dd HH:mm:ss")).First);
    }

    [Fact]
    public async Task Links_of_the_configuration_stand_in_the_sidebar()
    {
        await using var app = await Site.Start(settings => settings with { ProductName = "Acme", BackLink = new("", "Back to Acme", "https://acme.example/"), Links = [new("Platform", "Docker Servers", "/hosts"), new("Billing", "Invoices", "https://acme.example/bills")] });
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin");
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Link, new() { Name = "Back to Acme" })).ToHaveAttributeAsync("href", "https://acme.example/");
        await Assertions.Expect(visit.Link("Docker Servers")).ToHaveAttributeAsync("href", "/hosts");
        await Assertions.Expect(visit.Link("Invoices")).ToHaveAttributeAsync("href", "https://acme.example/bills");
        await visit.Sees(visit.Link("Acme"));
    }
}
