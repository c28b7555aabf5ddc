using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

/// <summary>
/// What a newcomer sees of <c>--demo</c>: every page with a month of records, light on a screen and dark on a telephone. With <c>PICTURES=1</c> in the
/// environment it writes the README's pictures; with a directory in its place every page goes there, in every way.
/// </summary>
public sealed class DemoPagesTests(Browser browser) : IClassFixture<Browser>
{
    const string Email = "ada@example.com", Phrase = "a gallery of quiet pages";

    static readonly string? Pictures = Environment.GetEnvironmentVariable("PICTURES");

    /// <summary>Each page's picture, address, and what stands there once it is filled.</summary>
    static readonly (string Name, string Path, Func<Visit, ILocator> Filled)[] Pages =
    [
        ("overview", "/admin", visit => visit.Page.GetByText("Healthy", new() { Exact = true })),
        ("events", "/admin/audit-logs", visit => visit.Rows().Nth(9)),
        ("requests", "/admin/audit-logs/requests", visit => visit.Page.GetByText("Live", new() { Exact = true })),
        ("conversations", "/admin/audit-logs/conversations?range=30d", visit => visit.Rows("Conversations").Nth(5)),
        ("users", "/admin/users", visit => visit.Page.GetByText("Administrator", new() { Exact = true }).First),
        ("keys", "/admin/keys", visit => visit.Page.GetByText("first key", new() { Exact = true })),
        ("configuration", "/admin/configuration", visit => visit.Heading("Resource types")),
        ("account", "/account", visit => visit.Heading("Where you are signed in")),
        ("dashboard", "/dashboard", visit => visit.Page.GetByText("Go to the audit logs")),
    ];

    [Fact]
    public async Task Every_page_of_the_demonstration_shows_its_records_on_a_screen_and_on_a_telephone()
    {
        using var directory = new TempDirectory();
        await using var server = await CairnProcess.ServeWith(Path.Combine(directory.Path, "demo"),
            ("Cairn__Demo", "true"), ("AUDIT_LOGS_ENABLED", "true"), ("Cairn__Admin__Email", Email), ("Cairn__Admin__Password", Phrase));
        foreach (var (way, width, dark) in new[] { ("", 1280, false), ("-dark", 1280, true), ("-narrow", 360, false), ("-narrow-dark", 360, true) })
        {
            // The other two have nothing that these do not; they are for whoever looks at the pictures.
            if (Pictures is null && way is ("-dark" or "-narrow")) continue;
            await using var visit = await browser.Open(server.Address("Console"), width, dark);
            await visit.Go("/login?redirect=/dashboard");
            await visit.Sees(visit.Heading("Sign in to Cairn"));
            await Picture(visit, "login" + way);
            await visit.SignIn(Email, Phrase);
            await visit.IsAt("/dashboard");
            foreach (var (name, path, filled) in Pages)
            {
                await visit.Go(path);
                await visit.Sees(filled(visit));
                await visit.IsAccessible();
                await Picture(visit, name + way);
            }

            // A transcript, from the list.
            await visit.Go("/admin/audit-logs/conversations?range=30d");
            await visit.Sees(visit.Rows("Conversations").First);
            await visit.Rows("Conversations").First.GetByRole(AriaRole.Link).First.ClickAsync();
            await visit.Sees(visit.Page.GetByRole(AriaRole.Region, new() { Name = "Messages", Exact = true }));
            await visit.IsAccessible();
            await Picture(visit, "conversation" + way);

            // One request, and one event, each opened.
            await visit.Go("/admin/audit-logs/requests");
            await visit.Sees(visit.Page.GetByText("Live", new() { Exact = true }));
            await visit.Page.GetByRole(AriaRole.Table, new() { Name = "Requests", Exact = true }).Locator("tbody > tr[role=row]").First.ClickAsync();
            await visit.Sees(visit.Page.GetByRole(AriaRole.Dialog));
            await visit.IsAccessible();
            await Picture(visit, "request" + way);
        }
    }

    static async Task Picture(Visit visit, string name)
    {
        var folder = Pictures switch { null => null, "1" => Path.Combine(Repository.Root, "docs/images"), _ => Pictures };
        if (folder is null) return;
        var file = Path.Combine(folder, name + ".png");
        // The README's are those that are there already; a folder of one's own gets them all.
        if (Pictures != "1" || File.Exists(file)) await visit.Page.ScreenshotAsync(new() { Path = file, Animations = ScreenshotAnimations.Disabled });
    }
}
