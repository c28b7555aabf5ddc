using System.Diagnostics;
using Cairn.Support;
using Microsoft.Playwright;

namespace Cairn.Pages;

/// <summary>How large and how fast the Events page is. Figures to read, not limits: a busy machine fails nothing.</summary>
public sealed class FiguresTests(Browser browser) : IClassFixture<Browser>
{
    const int Events = 1_000_000;

    [Fact]
    public async Task The_events_page_at_a_million_events()
    {
        await using var app = await Site.Start();
        var random = new Random(1);
        string[] actions = ["workspace.started", "workspace.stopped", "project.created", "auth.login", "auth.login_failed", "user.role_changed", "billing.invoice_paid"];
        string[] types = ["Workspace", "Project", "User", "Invoice"];
        await app.Import(Enumerable.Range(0, Events).Select(n =>
        {
            var record = Some.Event(app.Clock.NowMs - n * 1_000L, actions[random.Next(actions.Length)], types[random.Next(types.Length)], "r" + random.Next(50_000), "thing " + random.Next(20_000));
            (record.ActorId, record.ActorName, record.Outcome) = ("u" + random.Next(500), "Person " + random.Next(500), random.Next(20) == 0 ? "failure" : "success");
            return record;
        }));
        var person = await app.Person();

        await using var visit = await browser.Open(app, person);
        var bytes = 0L;
        visit.Page.Response += (_, response) =>
        {
            if (response.Url.Contains("/assets/", StringComparison.Ordinal) && response.Headers.TryGetValue("content-length", out var length)) Interlocked.Add(ref bytes, long.Parse(length));
        };

        var started = Stopwatch.GetTimestamp();
        await visit.Go("/admin/audit-logs");
        await visit.Sees(visit.Rows().Nth(24));
        var cold = Stopwatch.GetElapsedTime(started);
        var firstLoad = Interlocked.Read(ref bytes);

        var changes = new List<(string What, double Milliseconds)>();
        foreach (var (filter, option) in new[] { ("Resource type", "Project"), ("Outcome", "Failure"), ("Action", "Signed in"), ("Time range", "All time"), ("Time range", "Last 24 hours") }) changes.Add((option, await Change(() => visit.Choose(filter, option))));
        await visit.Go("/admin/audit-logs");
        await visit.SeesRows(25);
        changes.Add(("search, beyond its 500 ms", await Change(() => visit.Page.GetByRole(AriaRole.Searchbox).FillAsync("thing 77")) - 500));

        var output = TestContext.Current.TestOutputHelper!;
        var figures = $"""
            The Events page at {Events:N0} events:
              first load of scripts and styles, compressed   {firstLoad / 1000.0:N0} kB
              cold load until 25 rows are shown              {cold.TotalMilliseconds:N0} ms
              filter change until its rows are shown         {string.Join(", ", changes.Select(change => $"{change.What} {change.Milliseconds:N0} ms"))}
            """;
        output.WriteLine(figures);
        Console.WriteLine(figures);

        // From the moment that the address changes until the rows of the new address stand in the page, as the page itself sees it.
        async Task<double> Change(Func<Task> act)
        {
            await visit.Page.EvaluateAsync("""
                () => {
                    window.changed = new Promise(resolve => {
                        const clicked = { at: 0 }
                        const note = () => { clicked.at = performance.now() }
                        for (const kind of ['click', 'input']) window.addEventListener(kind, note, { capture: true })
                        const shown = () => [...document.querySelectorAll('table[aria-label="Audit log"] tbody, nav[aria-label="Pages"] [role=status]')].map(one => one.textContent).join()
                        const before = shown()
                        setTimeout(() => resolve(NaN), 15_000)
                        const look = () => {
                            const table = document.querySelector('table[aria-label="Audit log"]')
                            if (table && table.ariaBusy === 'false' && shown() !== before) resolve(performance.now() - clicked.at)
                            else requestAnimationFrame(look)
                        }
                        look()
                    })
                }
                """);
            await act();
            return await visit.Page.EvaluateAsync<double>("window.changed");
        }
    }
}
