using System.Text.Json;
using System.Web;
using Cairn.Access.Oidc;
using Cairn.Support;

namespace Cairn.Access;

/// <summary>Signing in with a real provider that nobody here wrote.</summary>
public sealed class OidcTests
{
    const string Start = "/api/auth/oidc/start", Me = "/api/auth/me", Events = "/api/v1/admin/audit-logs";

    static OidcSettings Settings(OpenIdProvider provider) => new(new(provider.Issuer.ToString().TrimEnd('/')), "cairn")
    {
        ClientSecret = "a secret & its + signs",
        Scope = "openid profile email roles",
        AdminValues = ["cairn-admins"],
        ViewerValues = ["auditors", "compliance"],
    };

    /// <summary>A provider's tokens are of today, and so is this Cairn.</summary>
    static async Task<CairnApp> App(OidcSettings oidc, TestClock? clock = null)
    {
        var app = await CairnApp.Start(settings => settings with { PublicUrl = OpenIdProvider.Console, Oidc = oidc }, clock ?? new TestClock(DateTimeOffset.UtcNow));
        await app.Account("root@example.com");
        return app;
    }

    static async Task<Answer> SignIn(Client browser, string? person, string query = "")
    {
        var sent = (await browser.Get(Start + query)).Expect(302);
        return (await browser.Get(await OpenIdProvider.Visit(sent.Header("Location")!, person))).Expect(302);
    }

    static string? Problem(Answer answer) => HttpUtility.ParseQueryString(new Uri(OpenIdProvider.Console, answer.Header("Location")!).Query)["problem"];

    [Theory]
    [InlineData("cairn", "a secret & its + signs"), InlineData("cairn-in-body", "another secret"), InlineData("cairn-public", null), InlineData("cairn-ec", null)]
    public async Task Whoever_the_provider_vouches_for_comes_in_with_the_role_of_their_claim(string client, string? secret)
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider) with { ClientId = client, ClientSecret = secret });
        await provider.Roles("ada", "staff,auditors");
        var browser = app.Console();
        var back = await SignIn(browser, "ada", "?redirect=%2Fadmin%2Faudit-logs%3Faction%3Da");
        Assert.Equal("/admin/audit-logs?action=a", back.Header("Location"));
        Assert.Single(browser.Cookies);

        var me = (await browser.Get(Me)).Expect(200).Json;
        Assert.Equal(("ada@example.com", "ADA", "viewer", false), (me.GetProperty("email").GetString(), me.GetProperty("name").GetString(), me.GetProperty("role").GetString(), me.GetProperty("hasPassword").GetBoolean()));
        (await browser.Get(Events)).Expect(200);
        var signedIn = (await app.Reader.Get(Events + "?action=auth.login")).Items.Single();
        Assert.Equal(("ADA", "provider"), (signedIn.GetProperty("actorName").GetString(), signedIn.GetProperty("metadata").GetProperty("method").GetString()));
    }

    [Fact]
    public async Task Claims_that_are_not_in_the_token_are_asked_of_the_provider()
    {
        await using var provider = await OpenIdProvider.Start(claimsByUserInfo: true);
        await using var app = await App(Settings(provider));
        await provider.Roles("ada", "cairn-admins");
        var browser = app.Console();
        await SignIn(browser, "ada");
        var me = (await browser.Get(Me)).Expect(200).Json;
        Assert.Equal(("ada@example.com", "admin"), (me.GetProperty("email").GetString(), me.GetProperty("role").GetString()));
    }

    [Fact]
    public async Task The_role_follows_the_claim_at_each_sign_in_and_other_sessions_end_with_it()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider));
        await provider.Roles("ada", "cairn-admins");
        var first = app.Console();
        await SignIn(first, "ada");
        (await first.Get("/api/v1/admin/users")).Expect(200);

        await provider.Roles("ada", "compliance");
        var second = app.Console();
        await SignIn(second, "ada");
        (await second.Get("/api/v1/admin/users")).Expect(403);
        (await first.Get(Me)).Expect(401);
        var changed = (await app.Reader.Get(Events + "?action=user.role_changed")).Items.Single();
        Assert.Equal("""{"changes":{"role":{"from":"admin","to":"viewer"}}}""", changed.GetProperty("metadata").GetRawText());
        Assert.Equal(2, (await app.Owner.Get("/api/v1/admin/users")).Total);
    }

    [Fact]
    public async Task Several_browsers_and_several_tabs_of_one_do_not_disturb_each_other()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider));
        var (browser, other) = (app.Console(), app.Console());
        var tabs = new List<string>();
        for (var tab = 0; tab < 3; tab++) tabs.Add(await OpenIdProvider.Visit((await browser.Get($"{Start}?redirect=/tab-{tab}")).Expect(302).Header("Location")!, "ada"));
        var elsewhere = await OpenIdProvider.Visit((await other.Get(Start)).Expect(302).Header("Location")!, "bea");

        // Someone else's way back is of no use in this browser.
        Assert.Equal("expired", Problem((await browser.Get(elsewhere)).Expect(302)));
        for (var tab = 2; tab >= 0; tab--) Assert.Equal($"/tab-{tab}", (await browser.Get(tabs[tab])).Expect(302).Header("Location"));
        Assert.Equal("/", (await other.Get(elsewhere)).Expect(302).Header("Location"));
        Assert.Equal("bea@example.com", (await other.Get(Me)).Json.GetProperty("email").GetString());

        // And none works twice.
        Assert.Equal("expired", Problem((await browser.Get(tabs[0])).Expect(302)));
    }

    [Fact]
    public async Task A_changed_mind_and_a_tampered_way_back_end_at_the_sign_in_page()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider));
        var browser = app.Console();
        var cancelled = await SignIn(browser, null, "?redirect=/admin");
        Assert.Equal("/login?problem=cancelled&redirect=%2Fadmin", cancelled.Header("Location"));

        foreach (var (change, problem) in new (Func<string, string>, string)[]
        {
            (path => path.Replace("code=", "code=x", StringComparison.Ordinal), "expired"),
            (path => path.Replace("state=", "state=x", StringComparison.Ordinal), "expired"),
            (path => path.Replace("iss=http", "iss=https", StringComparison.Ordinal), "refused_token"),
            (path => path.Replace("code=", "nothing=", StringComparison.Ordinal), "refused_token"),
            (path => path + "&error=server_error", "provider_away"),
            (path => "/api/auth/oidc/callback", "expired"),
        })
        {
            var someone = app.Console();
            var path = await OpenIdProvider.Visit((await someone.Get(Start)).Expect(302).Header("Location")!, "ada");
            Assert.Equal(problem, Problem((await someone.Get(change(path))).Expect(302)));
            (await someone.Get(Me)).Expect(401);
        }
        Assert.Equal(0, (await app.Reader.Get(Events + "?action=auth.login")).Total);
    }

    [Theory, MemberData(nameof(BrowserDefenceTests.Hostile), MemberType = typeof(BrowserDefenceTests))]
    public async Task A_hostile_redirect_does_not_come_back(string target)
    {
        await using var app = await App(new(new("http://127.0.0.1:9"), "cairn"));
        var answer = (await app.Console().Get(Start + "?redirect=" + Uri.EscapeDataString(target.Where(letter => !char.IsSurrogate(letter)).Aggregate("", (text, letter) => text + letter)))).Expect(302);
        Assert.Equal("/login?problem=provider_away&redirect=%2F", answer.Header("Location"));
    }

    [Fact]
    public async Task A_provider_that_is_away_is_said_so_and_keeps_nobody_else_out()
    {
        var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider));
        var browser = app.Console();
        var path = await OpenIdProvider.Visit((await browser.Get(Start)).Expect(302).Header("Location")!, "ada");
        await provider.DisposeAsync();

        Assert.Equal("provider_away", Problem((await browser.Get(path)).Expect(302)));
        await app.SignIn("root@example.com");
        app.Clock.Move(TimeSpan.FromHours(2));
        Assert.Equal("provider_away", Problem((await app.Console().Get(Start)).Expect(302)));
    }

    [Theory]
    [InlineData(-10, "clocks_differ"), InlineData(-1, null), InlineData(1, null), InlineData(70, "clocks_differ")]
    public async Task Clocks_may_be_a_minute_apart_and_not_ten(int minutes, string? problem)
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider), new TestClock(DateTimeOffset.UtcNow.AddMinutes(minutes)));
        var browser = app.Console();
        Assert.Equal(problem, Problem(await SignIn(browser, "ada")));
        (await browser.Get(Me)).Expect(problem is null ? 200 : 401);
    }

    [Fact]
    public async Task Who_may_do_nothing_is_disabled_or_not_vouched_for_stays_out_and_it_is_on_record()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider) with { UserValues = ["staff"] });
        Assert.Equal("no_role", Problem(await SignIn(app.Console(), "ada")));

        await provider.Roles("ada", "staff");
        var browser = app.Console();
        await SignIn(browser, "ada");
        var id = (await browser.Get(Me)).Expect(200).Json.GetProperty("id").GetString();
        (await app.Owner.Patch("/api/v1/admin/users/" + id, """{"disabled":true}""")).Expect(200);
        Assert.Equal("account_disabled", Problem(await SignIn(app.Console(), "ada")));

        // A local account is taken over by an address that the provider has checked, and by no other.
        await app.Account("bea@example.com", "viewer");
        await provider.Roles("bea-unverified", "cairn-admins");
        Assert.Equal("email_unverified", Problem(await SignIn(app.Console(), "bea-unverified")));
        await provider.Roles("bea", "staff");
        var bea = app.Console();
        Assert.Null(Problem(await SignIn(bea, "bea")));
        Assert.Equal(("user", true), ((await bea.Get(Me)).Json.GetProperty("role").GetString(), (await bea.Get(Me)).Json.GetProperty("hasPassword").GetBoolean()));

        var failed = (await app.Reader.Get(Events + "?action=auth.login_failed")).Items;
        Assert.Equal(["email_unverified failure bea@example.com", "account_disabled denied ada@example.com", "no_role denied ada@example.com"],
            failed.Select(one => $"{one.GetProperty("metadata").GetProperty("reason").GetString()} {one.GetProperty("outcome").GetString()} {one.GetProperty("resourceName").GetString()}"));
    }

    [Fact]
    public async Task Whose_claim_gives_no_role_any_longer_loses_it_and_every_session()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider) with { UserValues = [] });
        await provider.Roles("ada", "cairn-admins");
        var browser = app.Console();
        await SignIn(browser, "ada");
        var id = (await browser.Get(Me)).Json.GetProperty("id").GetString();
        await provider.Roles("ada", "");
        Assert.Equal("no_role", Problem(await SignIn(app.Console(), "ada")));
        (await browser.Get(Me)).Expect(401);
        Assert.Equal("user", (await app.Owner.Get("/api/v1/admin/users")).Items.Single(user => user.GetProperty("id").GetString() == id).GetProperty("role").GetString());
        Assert.Equal("single sign-on", (await app.Reader.Get(Events + "?action=user.role_changed")).Items.Single().GetProperty("actorName").GetString());
    }

    [Fact]
    public async Task The_last_administrator_is_not_demoted_by_a_claim()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider));
        await provider.Roles("root", "auditors");
        Assert.Equal("last_administrator", Problem(await SignIn(app.Console(), "root")));
        await app.SignIn("root@example.com");
    }

    [Fact]
    public async Task Before_there_is_an_administrator_no_provider_lets_anyone_in()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await CairnApp.Start(settings => settings with { PublicUrl = OpenIdProvider.Console, Oidc = Settings(provider) });
        Assert.Equal("no_administrator", Problem((await app.Console().Get(Start)).Expect(302)));
    }

    [Fact]
    public async Task Doctor_asks_the_provider()
    {
        using var directory = new TempDirectory();
        await using var provider = await OpenIdProvider.Start();
        foreach (var (issuer, said) in new[] { (provider.Issuer.ToString().TrimEnd('/'), "ok    sign-in"), (provider.Issuer.ToString(), "fail  sign-in"), ("http://127.0.0.1:9", "fail  sign-in") })
        {
            await File.WriteAllTextAsync(Path.Combine(directory.Path, "cairn.json"), JsonSerializer.Serialize(new { Oidc = new { Issuer = issuer, ClientId = "cairn" } }), Client.Cancel);
            Assert.Contains((await CairnProcess.Run("doctor", "--data", directory.Path, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0")).Lines, line => line.StartsWith(said, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task What_is_asked_of_the_provider_is_code_with_PKCE_state_and_nonce()
    {
        await using var provider = await OpenIdProvider.Start();
        await using var app = await App(Settings(provider));
        var browser = app.Console();
        var sent = (await browser.Get(Start)).Expect(302);
        var asked = HttpUtility.ParseQueryString(new Uri(sent.Header("Location")!).Query);
        Assert.Equal(("code", "cairn", "http://cairn.test/api/auth/oidc/callback", "S256"), (asked["response_type"], asked["client_id"], asked["redirect_uri"], asked["code_challenge_method"]));
        Assert.Equal(3, new[] { asked["state"], asked["nonce"], asked["code_challenge"] }.Distinct().Count(text => text!.Length == 43));
        Assert.Matches("^cairn_oidc_.{8}=[^;]+; max-age=600; path=/api/auth/oidc; samesite=lax; httponly$", sent.Header("Set-Cookie"));
        Assert.Equal("{\"name\":\"single sign-on\",\"url\":\"/api/auth/oidc/start\"}", (await browser.Get("/api/config")).Json.GetProperty("signIn").GetProperty("provider").GetRawText());
    }
}
