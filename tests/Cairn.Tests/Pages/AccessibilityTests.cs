using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

public sealed class AccessibilityTests(Browser browser) : IClassFixture<Browser>
{
    /// <summary>The control: what is wrong with a page is found, of a dark one what is wrong with its colours.</summary>
    [Theory]
    [InlineData(false, "button-name", "color-contrast"), InlineData(true, "color-contrast")]
    public async Task A_page_with_faults_is_complained_of(bool dark, params string[] rules)
    {
        await using var app = await Site.Start();
        var visit = await browser.Open(app, dark: dark);
        await visit.Go("/login");
        await visit.Sees(visit.Heading("Sign in to Cairn"));
        await visit.Page.EvaluateAsync("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button><p class=faint>hardly there</p>')");
        await visit.Page.EvaluateAsync("Object.assign(document.querySelector('.faint').style, { color: '#777', background: '#888' })");
        await visit.IsAccessible();
        var complaint = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(async () => await visit.DisposeAsync());
        Assert.All(rules, rule => Assert.Contains($": {rule}: ", complaint.Message, StringComparison.Ordinal));
        Assert.Equal(rules.Length, complaint.Message.Split('\n').Length);
    }

    [Theory]
    [InlineData(1280, false)]
    [InlineData(1280, true)]
    [InlineData(360, false)]
    public async Task Every_page_is_without_fault_to_axe_and_fits_the_screen(int width, bool dark)
    {
        await using var app = await Site.Start(settings => settings with { BackLink = new("", "Back to app", "https://app.example/"), Links = [new("Platform", "Docker Servers", "/hosts")], Catalog = new([], [new("Workspace", "Workspace", "/w/{id}")]) });
        await app.Send(
            """{"id":"0195a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b","action":"user.role_changed","resource":"User","resourceId":"u9","resourceName":"Grace","actorId":"u1","actorName":"Ada","actorRole":"owner","ip":"192.0.2.7","outcome":"denied","metadata":{"changes":{"role":{"from":"viewer","to":"admin"}}}}""",
            """{"action":"auth.login_failed","resource":"User","resourceName":"Ada","outcome":"failure"}""",
            """{"action":"workspace.created","resource":"Workspace","resourceId":"w1","resourceName":"blue"}""",
            """{"action":"workspace.destroyed","resource":"Workspace","resourceId":"w1","resourceName":"blue"}""");
        await app.Import(Some.Request(app.Clock.NowMs - 1_000), Some.Request(app.Clock.NowMs - Some.Day, status: "error"));

        await using (var visit = await browser.Open(app, null, width, dark))
        {
            await visit.Go("/login?problem=no_role");
            await visit.Sees(visit.Heading("Sign in to Cairn"));
            await visit.IsAccessible();
            await visit.Go("/login/link#nothing");
            await visit.Sees(visit.Heading("This link does not work"));
            await visit.IsAccessible();
        }

        await using (var visit = await browser.Open(app, await app.Person(email: "ada@example.com"), width, dark))
        {
            await visit.Go("/admin/audit-logs");
            await visit.Sees(visit.Rows().First);
            foreach (var toggle in await visit.Page.GetByRole(AriaRole.Button, new() { NameRegex = new("^Details of") }).AllAsync()) await toggle.ClickAsync();
            await visit.IsAccessible();
            await visit.Button("Actor: All actors").ClickAsync();
            await visit.Sees(visit.Page.GetByRole(AriaRole.Option).First);
            await visit.IsAccessible(isMenuOpen: true);
            await visit.Page.Keyboard.PressAsync("Escape");
            await visit.Button("Menu of ada@example.com").ClickAsync();
            await visit.Sees("Sign out");
            await visit.IsAccessible(isMenuOpen: true);

            foreach (var (path, seen) in new[]
            {
                ("/admin/audit-logs?search=nothing-at-all", "No audit log entries match your filters."), ("/admin/audit-logs?page=9", "Go to the first page"), ("/admin/audit-logs/conversations", "Reviewing conversations is not enabled"), ("/admin/audit-logs/events/0195a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b", "192.0.2.7"),
                ("/admin", "Healthy"), ("/admin/users", "Administrator"), ("/admin/keys", "New API key"), ("/admin/configuration", "Resource types"), ("/account", "Where you are signed in"), ("/dashboard", "Go to the audit logs"), ("/nowhere", "There is no page at this address"),
            })
            {
                await visit.Go(path);
                await visit.Sees(visit.Page.GetByRole(AriaRole.Heading, new() { Level = 1 }));
                await visit.Sees(seen);
                await visit.IsAccessible();
            }

            await visit.Go("/admin/users");
            await visit.Button("Add user").ClickAsync();
            await visit.Sees(visit.Label("E-mail address"));
            await visit.IsAccessible();
            await visit.Go("/admin/keys");
            await visit.Button("New API key").ClickAsync();
            await visit.Sees(visit.Label("Name"));
            await visit.IsAccessible();
            if (width < 1000)
            {
                await visit.Go("/admin/audit-logs");
                await visit.Button("Open navigation").ClickAsync();
                await visit.Sees(visit.Page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Link, new() { Name = "Overview" }));
                await visit.IsAccessible();
            }
        }
    }
}
