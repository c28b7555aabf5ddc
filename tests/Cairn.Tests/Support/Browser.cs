using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Deque.AxeCore.Commons;
using Microsoft.Playwright;

namespace Cairn.Support;

/// <summary>One Chromium for a class of tests that look at pages: each test in a context of its own, and what is copied is no other class's.</summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>Chromium without windows, tabs and bars of its own, which cost more to draw than most of the pages here.</summary>
    const string Program = "/usr/bin/chromium-headless-shell";

    static readonly string[] Arguments =
        ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

    /// <summary>Long enough for a busy machine; nothing waits as long when all is well.</summary>
    const float PatienceMs = 15_000;

    IPlaywright? playwright;
    IBrowser? chromium;

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Program)) return;
        Assertions.SetDefaultExpectTimeout(PatienceMs);
        playwright = await Playwright.CreateAsync();
        chromium = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Args = Arguments });
    }

    /// <summary>A browser of someone's own, empty but for their session.</summary>
    /// <param name="who">Who is signed in already; nobody when absent.</param>
    internal async Task<Visit> Open(CairnApp app, Client? who = null, int width = 1280, bool dark = false)
    {
        var visit = await Open(app.Host.ConsoleUrl!, width, dark);
        if (who is not null) await visit.Context.AddCookiesAsync(who.Cookies.Select(cookie => new Cookie { Name = cookie.Key, Value = cookie.Value, Url = app.Host.ConsoleUrl!.ToString() }));
        return visit;
    }

    /// <summary>A browser of nobody's.</summary>
    internal async Task<Visit> Open(Uri console, int width = 1280, bool dark = false)
    {
        if (chromium is null) Needs.Missing("chromium-headless-shell");
        var context = await chromium!.NewContextAsync(new()
        {
            BaseURL = console.ToString(),
            ViewportSize = new() { Width = width, Height = 900 },
            ColorScheme = dark ? ColorScheme.Dark : ColorScheme.Light,
            // What is still fading in has no colours to judge yet.
            ReducedMotion = ReducedMotion.Reduce,
            TimezoneId = "Europe/Berlin",
            Permissions = ["clipboard-read", "clipboard-write"],
            AcceptDownloads = true,
        });
        context.SetDefaultTimeout(PatienceMs);
        return new(context, await context.NewPageAsync(), dark);
    }

    public async ValueTask DisposeAsync()
    {
        if (chromium is not null) await chromium.DisposeAsync();
        playwright?.Dispose();
    }
}

/// <summary>A person at a page. What the page complains of is kept, and none is expected.</summary>
sealed class Visit : IAsyncDisposable
{
    static readonly string Axe = new BundledAxeScriptProvider().GetScript();

    /// <summary>Of what is well only whether it is: describing each node of it would take longer than looking.</summary>
    static readonly string[] OnlyViolations = ["violations"];

    readonly IBrowserContext context;
    readonly bool isDark;
    readonly ConcurrentQueue<string> complaints = new();

    public Visit(IBrowserContext context, IPage page, bool isDark)
    {
        (this.context, Page, this.isDark) = (context, page, isDark);
        page.PageError += (_, error) => complaints.Enqueue(error);
        page.Console += (_, message) =>
        {
            // A refused call is logged by the browser itself; whether it should be is what each test looks at.
            if (message.Type == "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal) && !message.Text.StartsWith("WebSocket connection", StringComparison.Ordinal)) complaints.Enqueue(message.Text);
        };
    }

    public IPage Page { get; }

    public IBrowserContext Context => context;

    /// <summary>The path and query that the address bar shows.</summary>
    public string Address => new Uri(Page.Url).PathAndQuery;

    public Task Go(string path) => Page.GotoAsync(path);

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true });

    public ILocator Link(string name) => Page.GetByRole(AriaRole.Link, new() { Name = name, Exact = true });

    public ILocator Heading(string name) => Page.GetByRole(AriaRole.Heading, new() { Name = name, Exact = true });

    public ILocator Label(string name) => Page.GetByLabel(name, new() { Exact = true });

    /// <summary>The rows of a table, without its head.</summary>
    public ILocator Rows(string table = "Audit log") => Page.GetByRole(AriaRole.Table, new() { Name = table }).Locator("tbody:not([data-skeleton]) > tr:not(:has(> td[colspan]))");

    [SuppressMessage("Performance", "CA1822", Justification = "It is the visit that sees, whatever of the page it is.")]
    public Task Sees(ILocator what) => Assertions.Expect(what).ToBeVisibleAsync();

    public Task Sees(string text) => Sees(Page.GetByText(text, new() { Exact = true }).First);

    public Task SeesRows(int count, string table = "Audit log") => Assertions.Expect(Rows(table)).ToHaveCountAsync(count);

    public Task IsAt(string address) => Assertions.Expect(Page).ToHaveURLAsync(new Uri(Page.Url).GetLeftPart(UriPartial.Authority) + address);

    /// <summary>Leaves a dialog by the keyboard, once it has the focus and listens.</summary>
    public async Task Escape()
    {
        await Assertions.Expect(Page.GetByRole(AriaRole.Dialog).Locator(":focus")).ToHaveCountAsync(1);
        await Page.Keyboard.PressAsync("Escape");
    }

    public async Task SignIn(string email, string password)
    {
        await Label("E-mail address").FillAsync(email);
        await Label("Password").FillAsync(password);
        await Button("Sign in").ClickAsync();
    }

    /// <summary>Chooses from a menu or a list that a filter's button opens.</summary>
    public async Task Choose(string filter, string option)
    {
        await Page.GetByRole(AriaRole.Button, new() { NameRegex = new($"^{filter}: ") }).ClickAsync();
        // A long list is searched, as a person would; then what is looked for stands on top of it.
        var choices = Page.Locator("[role=option], [role=menuitemradio]");
        await Sees(choices.First);
        if (await Page.GetByRole(AriaRole.Option).CountAsync() > 0 && !option.StartsWith("All ", StringComparison.Ordinal)) await Page.Keyboard.TypeAsync(option);
        await choices.Filter(new() { HasText = option }).First.ClickAsync();
    }

    /// <summary>Looks at the page as axe does, and for what is wider than the screen. What is wrong is told when the visit ends, all of it.</summary>
    /// <param name="isMenuOpen">A menu floats above the page, outside of its landmarks; its button is what leads to it.</param>
    public async Task IsAccessible(bool isMenuOpen = false)
    {
        // axe stays in a page once it is there, and runs in it whole: done in parts and put together in a page of its own, it takes twice as long.
        if (!await Page.EvaluateAsync<bool>("'axe' in window")) await Page.EvaluateAsync(Axe);
        // Dark pages are the light ones in other colours, and those are looked at in full: the rules that judge colours are left.
        var found = await Page.EvaluateAsync<string[]>(
            "async options => (await axe.run(document, options)).violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${rule.help}: ${node.html}`))",
            isDark ? (object)new { runOnly = new[] { "color-contrast", "link-in-text-block" }, resultTypes = OnlyViolations } : new { rules = new { region = new { enabled = !isMenuOpen } }, resultTypes = OnlyViolations });
        foreach (var fault in found) complaints.Enqueue($"{Address}: {fault}");
        var beyond = await Page.EvaluateAsync<int>("Math.max(0, document.documentElement.scrollWidth - window.innerWidth)");
        if (beyond > 0) complaints.Enqueue($"{Address} is {beyond} pixels wider than the screen.");
    }

    public async ValueTask DisposeAsync()
    {
        await context.CloseAsync();
        Assert.True(complaints.IsEmpty, "The page complained: " + string.Join('\n', complaints));
    }
}
