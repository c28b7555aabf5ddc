using System.Net.WebSockets;
using System.Text.Json;
using Cairn.Support;

namespace Cairn.Access;

public sealed class BrowserDefenceTests
{
    const string Live = "/api/v1/admin/ws/audit-logs";

    /// <summary>Where a person must never be sent. The console's own rule is tried with the same list.</summary>
    public static TheoryData<string> Hostile =>
        [.. JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(Repository.Root, "tests", "hostile-redirects.json")))!];

    [Fact]
    public void There_are_forty_hostile_redirects() => Assert.True(Hostile.Count >= 40);

    [Theory, MemberData(nameof(Hostile))]
    public async Task A_hostile_redirect_leads_to_the_start_page(string target)
    {
        Assert.Equal("/", SafeRedirect.Of(target));
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com");
        var answer = await app.Console().Post("/api/auth/login", JsonSerializer.Serialize(new { email = "ada@example.com", password = CairnApp.Phrase, redirect = target }));
        // Half a surrogate pair is no text at all.
        if (answer.Status != 400) Assert.Equal("/", answer.Expect(200).Json.GetProperty("redirect").GetString());
    }

    [Theory]
    [InlineData("/"), InlineData("/admin/audit-logs"), InlineData("/admin/audit-logs?search=a%2F%2Fb&from=2026-01-01#row"), InlineData("/admin/audit-logs?back=https://example.com/"), InlineData("/a/../b"), InlineData("/admin/größe")]
    public void A_path_of_the_console_is_followed(string target) => Assert.Equal(target, SafeRedirect.Of(target));

    [Fact]
    public async Task A_call_that_changes_something_is_taken_from_the_consoles_own_pages_and_from_programs()
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person();
        var own = app.Host.ConsoleOrigin;
        var port = app.Host.ConsoleUrl!.Port;
        (bool IsTaken, (string, string)[] Headers)[] cases =
        [
            (true, []),
            (true, [("Sec-Fetch-Site", "same-origin")]),
            (true, [("Sec-Fetch-Site", "none")]),
            (true, [("Sec-Fetch-Site", "same-origin"), ("Origin", own)]),
            (true, [("Origin", own)]),
            (false, [("Sec-Fetch-Site", "same-site"), ("Origin", own)]),
            (false, [("Sec-Fetch-Site", "cross-site"), ("Origin", own)]),
            (false, [("Sec-Fetch-Site", "cross-site")]),
            (false, [("Sec-Fetch-Site", "SAME-ORIGIN ")]),
            (false, [("Sec-Fetch-Site", "")  , ("Origin", "null")]),
            (false, [("Origin", "null")]),
            (false, [("Origin", "https://evil.example")]),
            (false, [("Origin", $"https://127.0.0.1:{port}")]),
            (false, [("Origin", $"http://127.0.0.1:{port + 1}")]),
            (false, [("Origin", $"http://localhost:{port}")]),
            (false, [("Origin", own + ".evil.example")]),
            (false, [("Origin", own + "/")]),
        ];
        foreach (var (isTaken, headers) in cases)
        {
            foreach (var (method, path) in new[] { (HttpMethod.Delete, "/api/v1/admin/users/nothing"), (HttpMethod.Post, "/api/v1/admin/users/nothing/link"), (HttpMethod.Delete, "/api/v1/admin/keys/nothing") })
                Assert.True((await admin.Send(method, path, null, headers)).Status == (isTaken ? 404 : 403), string.Join(", ", headers));
            // Signing in is such a call, too: else one could be signed in as someone else without noticing.
            Assert.True((await app.Console().Send(HttpMethod.Post, "/api/auth/login", new StringContent("{}", null, "application/json"), headers)).Status == (isTaken ? 400 : 403), string.Join(", ", headers));
            // Reading is not, and neither is what a key does: no browser adds a key by itself.
            (await admin.Send(HttpMethod.Get, "/api/v1/admin/users", null, headers)).Expect(200);
            (await app.Gateway(await app.Key(Scopes.EventsWrite)).Send(HttpMethod.Post, "/api/v1/events", new StringContent("[]", null, "application/json"), headers)).Expect(200);
        }
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", "email=ada%40example.com&password=a+long+and+odd+phrase"), InlineData("text/plain", "{}"), InlineData("multipart/form-data; boundary=x", "--x--"), InlineData("application/x-ndjson", "{}"), InlineData(null, "{}")]
    public async Task What_a_form_can_send_is_not_taken(string? type, string body)
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person();
        (await app.Console().Post("/api/auth/login", body, type)).Expect(415);
        foreach (var path in new[] { "/api/v1/admin/keys", "/api/v1/admin/users", "/api/auth/password", "/api/auth/logout", "/api/v1/admin/retention/run" }) (await admin.Post(path, body, type)).Expect(415);
        (await admin.Get("/api/auth/me")).Expect(200);
    }

    [Fact]
    public async Task A_body_where_none_is_taken_is_refused_and_nothing_is_done()
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person();
        foreach (var body in new[] { """{"dryRun":true}""", "{", "NaN" })
            foreach (var path in new[] { "/api/v1/admin/retention/run", "/api/v1/admin/users/nothing/link", "/api/auth/logout" }) (await admin.Post(path, body)).Expect(400);
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.retention_ran")).Total);
    }

    [Fact]
    public async Task A_live_connection_with_a_cookie_is_opened_by_the_consoles_own_pages_only()
    {
        await using var app = await CairnApp.Start();
        var viewer = await app.Person("viewer");
        foreach (var origin in new[] { null, "null", "https://evil.example", app.Host.ConsoleOrigin.Replace("http:", "https:", StringComparison.Ordinal), "http://localhost:" + app.Host.ConsoleUrl!.Port, app.Host.ConsoleOrigin + ".evil.example" })
            Assert.Contains("403", (await Assert.ThrowsAsync<WebSocketException>(() => LiveClient.Open(viewer, Live, origin))).Message, StringComparison.Ordinal);
        await using var own = await LiveClient.Open(viewer, Live, app.Host.ConsoleOrigin);
        await app.Send("""{"action":"a.b"}""");
        while ((await own.Next())!.Value.GetProperty("type").GetString() != "log") { }

        // A key needs none, and a person without the role is refused wherever they come from.
        await using var program = await LiveClient.Open(app.Reader, Live);
        Assert.Contains("403", (await Assert.ThrowsAsync<WebSocketException>(async () => await LiveClient.Open(await app.Person("user"), Live, app.Host.ConsoleOrigin))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Behind_a_proxy_the_origin_is_the_public_one()
    {
        await using var app = await CairnApp.Start(settings => settings with { PublicUrl = new("https://cairn.example.com") });
        var admin = await app.Person();
        (await admin.Send(HttpMethod.Delete, "/api/v1/admin/users/nothing", null, ("Origin", "https://cairn.example.com"))).Expect(404);
        (await admin.Send(HttpMethod.Delete, "/api/v1/admin/users/nothing", null, ("Origin", $"http://127.0.0.1:{app.Host.ConsoleUrl!.Port}"))).Expect(403);
        await using var live = await LiveClient.Open(admin, Live, "https://cairn.example.com");
        await Assert.ThrowsAsync<WebSocketException>(() => LiveClient.Open(admin, Live, $"http://127.0.0.1:{app.Host.ConsoleUrl!.Port}"));
    }

    [Fact]
    public async Task A_proxy_is_believed_only_where_it_is_named()
    {
        (string, string)[] claimed = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example")];
        foreach (var (proxies, ip, isHttps) in new[] { (Array.Empty<System.Net.IPNetwork>(), "127.0.0.1", false), ([System.Net.IPNetwork.Parse("10.0.0.0/8")], "127.0.0.1", false), ([System.Net.IPNetwork.Parse("127.0.0.0/8")], "203.0.113.9", true) })
        {
            await using var app = await CairnApp.Start(settings => settings with { TrustedProxies = proxies });
            await app.Account("ada@example.com");
            var answer = (await app.Console().Send(HttpMethod.Post, "/api/auth/login", new StringContent($$"""{"email":"ada@example.com","password":"{{CairnApp.Phrase}}"}""", null, "application/json"), claimed)).Expect(200);
            Assert.Equal(isHttps, answer.Header("Set-Cookie")!.Contains("secure", StringComparison.Ordinal));
            Assert.Equal(ip, (await app.Reader.Get("/api/v1/admin/audit-logs?action=auth.login")).Items.Single().GetProperty("ip").GetString());
        }
    }

    [Fact]
    public async Task A_key_counts_before_a_cookie_and_a_cookie_not_at_the_gateway()
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person();
        (await admin.Send(HttpMethod.Get, "/api/v1/admin/users", null, ("Authorization", "Bearer " + await app.Key(Scopes.AuditRead)))).Expect(403);
        (await admin.Send(HttpMethod.Get, "/api/v1/admin/users", null, ("Authorization", "Bearer crn_wrong"))).Expect(401);
        var gateway = app.Gateway();
        foreach (var (name, value) in admin.Cookies) gateway.Cookies[name] = value;
        (await gateway.Get("/admin/audit-logs")).Expect(401);
    }
}
