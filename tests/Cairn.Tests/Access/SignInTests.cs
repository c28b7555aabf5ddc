using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Cairn.Support;

namespace Cairn.Access;

public sealed class SignInTests
{
    const string Login = "/api/auth/login", Me = "/api/auth/me", Events = "/api/v1/admin/audit-logs";

    static string Body(string email, string password) => JsonSerializer.Serialize(new { email, password });

    [Fact]
    public async Task Whoever_signs_in_gets_a_cookie_that_scripts_cannot_read_and_is_known_by_it()
    {
        await using var app = await CairnApp.Start();
        var id = await app.Account("Ada@Example.com");
        var browser = app.Console();
        (await browser.Get(Me)).Expect(401);

        var answer = (await browser.Post(Login, Body(" ada@example.COM ", CairnApp.Phrase))).Expect(200);
        Assert.Equal((id, "Ada@Example.com", "admin", "/"), (answer.Json.GetProperty("user").GetProperty("id").GetString(), answer.Json.GetProperty("user").GetProperty("email").GetString(),
            answer.Json.GetProperty("user").GetProperty("role").GetString(), answer.Json.GetProperty("redirect").GetString()));
        var cookie = answer.Header("Set-Cookie")!;
        Assert.Matches("^cairn_session=[A-Za-z0-9_-]{43}; path=/; samesite=lax; httponly$", cookie);

        var me = (await browser.Get(Me)).Expect(200).Json;
        Assert.Equal((id, true), (me.GetProperty("id").GetString(), me.GetProperty("hasPassword").GetBoolean()));

        var signedIn = (await app.Reader.Get(Events + "?action=auth.login")).Items.Single();
        Assert.Equal((id, "Ada@Example.com", "admin", "127.0.0.1", "success"), (signedIn.GetProperty("actorId").GetString(), signedIn.GetProperty("actorEmail").GetString(),
            signedIn.GetProperty("actorRole").GetString(), signedIn.GetProperty("ip").GetString(), signedIn.GetProperty("outcome").GetString()));
        Assert.Equal("password", signedIn.GetProperty("metadata").GetProperty("method").GetString());

        var stolen = app.Console();
        stolen.Cookies["cairn_session"] = browser.Cookies["cairn_session"];
        (await stolen.Get(Me)).Expect(200);
        (await browser.Post("/api/auth/logout", "", null)).Expect(204);
        Assert.Empty(browser.Cookies);
        (await stolen.Get(Me)).Expect(401);
        Assert.Single((await app.Reader.Get(Events + "?action=auth.logout&actorId=" + id)).Items);
    }

    [Fact]
    public async Task Signing_in_again_gives_another_session_and_ends_the_one_before()
    {
        await using var app = await CairnApp.Start();
        var browser = await app.Person(email: "ada@example.com");
        var first = browser.Cookies["cairn_session"];
        (await browser.Post(Login, Body("ada@example.com", CairnApp.Phrase))).Expect(200);
        Assert.NotEqual(first, browser.Cookies["cairn_session"]);
        var former = app.Console();
        former.Cookies["cairn_session"] = first;
        (await former.Get(Me)).Expect(401);
        (await browser.Get(Me)).Expect(200);
    }

    [Fact]
    public async Task Wrong_password_unknown_and_disabled_account_get_one_answer_in_one_time()
    {
        await using var app = await CairnApp.Start(passwords: new());
        await app.Account("root@example.com");
        await app.Account("ada@example.com", "viewer");
        var disabled = await app.Account("bea@example.com", "viewer");
        (await app.Owner.Patch("/api/v1/admin/users/" + disabled, """{"disabled":true}""")).Expect(200);
        (string Name, string Email, string Password)[] ways = [("wrong", "ada@example.com", "another odd phrase"), ("unknown", "nobody@example.com", CairnApp.Phrase), ("disabled", "bea@example.com", CairnApp.Phrase)];

        var answers = new List<string>();
        var times = ways.ToDictionary(way => way.Name, _ => TimeSpan.MaxValue);
        // Once more than it takes to warm up; each way's quickest counts, which a busy machine disturbs least.
        for (var round = 0; round < 4; round++)
            foreach (var (name, email, password) in ways)
            {
                var watch = Stopwatch.StartNew();
                var answer = (await app.Console().Post(Login, Body(email, password))).Expect(401);
                if (watch.Elapsed < times[name]) times[name] = watch.Elapsed;
                Assert.Null(answer.Header("Set-Cookie"));
                answers.Add(answer.Text + answer.Header("Content-Length"));
                // So that none of them has to wait for the failures before.
                app.Clock.Move(TimeSpan.FromMinutes(16));
            }
        Assert.Single(answers.Distinct());
        Assert.True(times.Values.Max() < times.Values.Min() * 2, string.Join(", ", times));

        var failed = (await app.Reader.Get(Events + "?action=auth.login_failed&limit=100")).Items;
        Assert.Equal(12, failed.Count);
        Assert.All(failed, one => Assert.Equal("anonymous", one.GetProperty("actorId").GetString()));
        Assert.Equal(["account is disabled", "unknown account", "wrong password"], failed.Select(one => one.GetProperty("metadata").GetProperty("reason").GetString()).Distinct().Order());
        Assert.All(failed.Where(one => one.GetProperty("resourceName").GetString() == "bea@example.com"), one => Assert.Equal(("denied", disabled), (one.GetProperty("outcome").GetString(), one.GetProperty("resourceId").GetString())));
    }

    [Fact]
    public async Task What_was_typed_in_place_of_an_address_is_kept_nowhere()
    {
        using var place = new TempDirectory();
        await using (var app = await CairnApp.Start(place: place.Path))
        {
            await app.Account("root@example.com");
            foreach (var typed in new[] { "my very own passphrase-93571", "passphrase-93571" }) (await app.Console().Post(Login, Body(typed, "passphrase-93571 again"))).Expect(401);
            (await app.SignIn("root@example.com")).ToString();
        }
        foreach (var file in Directory.GetFiles(place.Path, "*", SearchOption.AllDirectories))
        {
            var bytes = (await File.ReadAllBytesAsync(file, Client.Cancel)).AsSpan();
            Assert.Equal(-1, bytes.IndexOf("passphrase-93571"u8));
            Assert.Equal(-1, bytes.IndexOf(Encoding.UTF8.GetBytes(CairnApp.Phrase)));
        }
    }

    [Fact]
    public async Task After_two_hundred_wrong_passwords_the_right_person_still_gets_in()
    {
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com");
        var slowest = TimeSpan.Zero;
        for (var round = 0; round < 200; round++)
        {
            var before = app.Clock.Now;
            (await Finish(app, app.Console().Post(Login, Body("ada@example.com", "a wrong phrase " + round)))).Expect(401);
            if (app.Clock.Now - before > slowest) slowest = app.Clock.Now - before;
            if (round < 5) Assert.Equal(TimeSpan.Zero, app.Clock.Now - before);
        }
        Assert.InRange(slowest, TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(5));

        var asked = app.Clock.Now;
        (await Finish(app, app.Console().Post(Login, Body("ada@example.com", CairnApp.Phrase)))).Expect(200);
        Assert.InRange(app.Clock.Now - asked, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(5));
        Assert.Equal(200, (await app.Reader.Get(Events + "?action=auth.login_failed")).Total);
    }

    [Fact]
    public async Task Two_hundred_wrong_passwords_at_once_do_not_keep_the_right_person_out_either()
    {
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com");
        var attack = Enumerable.Range(0, 200).Select(i => app.Console().Post(Login, Body("ada@example.com", "a wrong phrase " + i))).ToArray();
        var answers = await Finish(app, Task.WhenAll(attack));
        Assert.All(answers, answer => Assert.Contains(answer.Status, new[] { 401, 429 }));
        Assert.All(answers.Where(answer => answer.Status == 429), answer => Assert.NotNull(answer.Header("Retry-After")));
        (await Finish(app, app.Console().Post(Login, Body("ada@example.com", CairnApp.Phrase)))).Expect(200);
    }

    [Fact]
    public async Task Failures_are_forgotten_in_a_quarter_of_an_hour_and_by_the_right_password()
    {
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com");
        for (var round = 0; round < 5; round++) (await app.Console().Post(Login, Body("ada@example.com", "a wrong phrase"))).Expect(401);
        app.Clock.Move(TimeSpan.FromMinutes(16));
        for (var round = 0; round < 4; round++) (await app.Console().Post(Login, Body("ada@example.com", "a wrong phrase"))).Expect(401);
        await app.SignIn("ada@example.com");
        (await app.Console().Post(Login, Body("ada@example.com", "a wrong phrase"))).Expect(401);
    }

    /// <summary>Moves the clock as long as an answer waits for it, and no further.</summary>
    static async Task<T> Finish<T>(CairnApp app, Task<T> answer)
    {
        while (await Task.WhenAny(answer, Task.Delay(2, Client.Cancel)) != answer)
            if (app.Clock.Waiting > IdleTimers) app.Clock.Move(TimeSpan.FromMilliseconds(250));
        return await answer;
    }

    /// <summary>The rounds of housekeeping and of retention, which wait at all times.</summary>
    const int IdleTimers = 2;

    [Theory]
    [InlineData("""{"email":"ada@example.com"}""", "password")]
    [InlineData("""{"password":"a long and odd phrase"}""", "email")]
    [InlineData("""{"email":"","password":"a long and odd phrase"}""", "email")]
    [InlineData("""{"email":["ada@example.com"],"password":"a long and odd phrase"}""", "email")]
    [InlineData("""{"email":"ada@example.com","password":{"$ne":null}}""", "password")]
    [InlineData("""{"email":"ada@example.com","password":"a long and odd phrase","remember":true}""", "remember")]
    [InlineData("""{"email":"ada@example.com","password":"\ud800"}""", "password")]
    [InlineData("""{"email":"ada@example.com","password":"a\u0000b"}""", "password")]
    public async Task What_is_not_understood_is_refused_by_name(string body, string parameter)
    {
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com");
        Assert.Equal(parameter, (await app.Console().Post(Login, body)).Expect(400).Json.GetProperty("parameter").GetString());
    }

    [Fact]
    public async Task Bodies_that_are_no_object_are_refused()
    {
        await using var app = await CairnApp.Start();
        foreach (var body in new[] { "", "null", "[]", "7", "{", """{"email":"a@b.c","email":"a@b.c"}""", """{"\ud800":1}""", new string('[', 100) + new string(']', 100) })
            (await app.Console().Post(Login, body)).Expect(400);
        (await app.Console().Post(Login, new string(' ', 70_000) + "{}")).Expect(413);
        (await app.Console().Post(Login + "?email=ada", "{}")).Expect(400);
    }

    [Fact]
    public async Task Nothing_else_can_be_signed_into_until_there_is_an_administrator()
    {
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com", "viewer");
        var refused = (await app.Console().Post(Login, Body("ada@example.com", CairnApp.Phrase))).Expect(403);
        Assert.Contains("cairn users link", refused.Detail, StringComparison.Ordinal);
        Assert.True((await app.Console().Get("/api/config")).Json.GetProperty("needsAdministrator").GetBoolean());
        await app.Account("root@example.com");
        await app.SignIn("ada@example.com");
        Assert.False((await app.Console().Get("/api/config")).Json.GetProperty("needsAdministrator").GetBoolean());
    }

    [Fact]
    public async Task On_HTTPS_the_cookie_is_secure_and_browsers_are_told_to_stay()
    {
        await using var app = await CairnApp.Start(settings => settings with { PublicUrl = new("https://cairn.example.com") });
        await app.Account("ada@example.com");
        var browser = app.Console();
        var answer = (await browser.Post(Login, Body("ada@example.com", CairnApp.Phrase))).Expect(200);
        Assert.Matches("^__Host-cairn_session=[A-Za-z0-9_-]{43}; path=/; secure; samesite=lax; httponly$", answer.Header("Set-Cookie"));
        Assert.Equal("max-age=31536000", answer.Header("Strict-Transport-Security"));
        (await browser.Get(Me)).Expect(200);
        // Over HTTPS the cookie that goes without it is not taken.
        var plain = app.Console();
        plain.Cookies["cairn_session"] = browser.Cookies["__Host-cairn_session"];
        (await plain.Get(Me)).Expect(401);
    }
}
