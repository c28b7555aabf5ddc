using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

public sealed class SignInTests(Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task Who_is_signed_out_signs_in_and_comes_to_the_page_that_was_asked_for()
    {
        await using var app = await Site.Start();
        await app.Account("ada@example.com");
        await using var visit = await browser.Open(app);
        await visit.Go("/admin/audit-logs?search=deploy&range=30d");
        await visit.IsAt("/login?redirect=%2Fadmin%2Faudit-logs%3Fsearch%3Ddeploy%26range%3D30d");

        await visit.SignIn("ada@example.com", "not the password");
        await visit.Sees(visit.Page.GetByText("do not fit together"));
        await visit.SignIn("ada@example.com", CairnApp.Phrase);
        await visit.IsAt("/admin/audit-logs?search=deploy&range=30d");
        await visit.Sees(visit.Heading("Audit Logs"));
        await Assertions.Expect(visit.Page.GetByRole(AriaRole.Searchbox)).ToHaveValueAsync("deploy");
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example/")]
    [InlineData("/%09/evil.example/")]
    [InlineData("javascript:alert(1)")]
    public async Task Signing_in_never_leads_away_from_this_console(string target)
    {
        await using var app = await Site.Start();
        await app.Account("ada@example.com");
        await using var visit = await browser.Open(app);
        await visit.Go("/login?redirect=" + target);
        await visit.SignIn("ada@example.com", CairnApp.Phrase);
        await visit.IsAt("/admin/audit-logs");

        // Nor does a page that is opened while signed in.
        await visit.Go("/login?redirect=" + target);
        await visit.IsAt("/admin/audit-logs");
    }

    [Fact]
    public async Task Signing_out_ends_the_session_and_shows_nothing_more()
    {
        await using var app = await Site.Start();
        var ada = await app.Person(email: "ada@example.com");
        await using var visit = await browser.Open(app, ada);
        await visit.Go("/admin/users");
        await visit.Link("Overview").ClickAsync();
        await visit.IsAt("/admin");
        await visit.Button("Menu of ada@example.com").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Menuitem, new() { Name = "Sign out" }).ClickAsync();
        await visit.Sees(visit.Heading("Sign in to Cairn"));
        (await ada.Get("/api/auth/me")).Expect(401);
        await visit.Page.GoBackAsync();
        await visit.Sees(visit.Heading("Sign in to Cairn"));
    }

    [Fact]
    public async Task A_session_that_ends_elsewhere_leads_to_sign_in_and_back_to_the_same_view()
    {
        await using var app = await Site.Start();
        await app.Import(Enumerable.Range(0, 60).Select(n => Some.Event(app.Clock.NowMs - n)));
        var ada = await app.Person(email: "ada@example.com");
        await using var visit = await browser.Open(app, ada);
        await visit.Go("/admin/audit-logs?resource=Workspace&page=2");
        await visit.Sees("New events are announced as they arrive.");

        // The page only listens, and hears of it.
        (await ada.Post("/api/auth/logout", "", null)).Expect(204);
        await visit.IsAt("/login?redirect=%2Fadmin%2Faudit-logs%3Fresource%3DWorkspace%26page%3D2");
        await visit.SignIn("ada@example.com", CairnApp.Phrase);
        await visit.IsAt("/admin/audit-logs?resource=Workspace&page=2");
        await visit.Sees("Showing 26–50 of 60");
    }

    [Fact]
    public async Task A_call_that_finds_no_session_leads_to_sign_in_and_back()
    {
        await using var app = await Site.Start();
        var ada = await app.Person(email: "ada@example.com");
        await using var visit = await browser.Open(app, ada);
        await visit.Go("/admin/configuration");
        // All that the page asks for by itself has come.
        await visit.Sees(visit.Button("Run now…"));
        await visit.Sees(visit.Heading("Resource types"));
        (await ada.Post("/api/auth/logout", "", null)).Expect(204);
        await visit.Button("Run now…").ClickAsync();
        await visit.IsAt("/login?redirect=%2Fadmin%2Fconfiguration");
        await visit.SignIn("ada@example.com", CairnApp.Phrase);
        await visit.IsAt("/admin/configuration");
    }

    [Fact]
    public async Task A_viewer_reads_and_is_offered_nothing_else()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person("viewer"));
        await visit.Go("/admin/audit-logs");
        await visit.Sees(visit.Heading("Audit Logs"));
        await visit.Sees(visit.Link("Overview"));
        await Assertions.Expect(visit.Link("Users")).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Link("Configuration")).ToHaveCountAsync(0);
        await visit.Go("/admin/users");
        await visit.IsAt("/dashboard");
    }

    [Fact]
    public async Task Who_has_no_role_sees_the_dashboard_only()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person("user", "sam@example.com"));
        foreach (var path in new[] { "/", "/admin", "/admin/audit-logs", "/admin/keys" })
        {
            await visit.Go(path);
            await visit.IsAt("/dashboard");
        }
        await visit.Sees(visit.Heading("Welcome, sam@example.com"));
    }

    [Fact]
    public async Task The_printed_link_makes_the_first_administrator()
    {
        await using var app = await Site.Start();
        var (token, _) = await app.Host.Accounts.Link(Access.By.Cairn, null, Client.Cancel);
        await using var visit = await browser.Open(app);
        await visit.Go("/login");
        await visit.Sees("There is no administrator yet");

        await visit.Go("/dashboard");
        await visit.Go("/login/link#" + token);
        await visit.Sees(visit.Heading("Create the first administrator"));
        Assert.DoesNotContain(token, visit.Page.Url, StringComparison.Ordinal);
        await visit.Label("E-mail address").FillAsync("root@example.com");
        await visit.Label("Password").FillAsync("short");
        await visit.Button("Create administrator").ClickAsync();
        await visit.Sees(visit.Page.GetByText("password ").Last);
        await visit.Label("Password").FillAsync(CairnApp.Phrase);
        await visit.Button("Create administrator").ClickAsync();
        await visit.IsAt("/admin/audit-logs");

        await using var other = await browser.Open(app);
        await other.Go("/login/link#" + token);
        await other.Sees(other.Heading("This link does not work"));
        await other.Sees(other.Page.GetByText("was used already"));
    }

    [Fact]
    public async Task An_address_without_a_page_says_so_and_leads_on()
    {
        await using var app = await Site.Start();
        await using var visit = await browser.Open(app, await app.Person());
        await visit.Go("/admin/no/such/page");
        await visit.Sees(visit.Heading("There is no page at this address"));
        await visit.Link("Go to the start page").ClickAsync();
        await visit.IsAt("/admin/audit-logs");
    }
}
