using System.Text.Json;
using Cairn.Support;

namespace Cairn.Access;

public sealed class SignInLinkTests
{
    const string Path = "/api/auth/link", Users = "/api/v1/admin/users";

    static string Body(string token, string? email = null, string? password = null) =>
        JsonSerializer.Serialize(new[] { ("token", token), ("email", email), ("password", password) }.Where(one => one.Item2 is not null).ToDictionary(one => one.Item1, one => one.Item2));

    static async Task<string> First(CairnApp app) => (await app.Host.Accounts.Link(By.Cairn, null, Client.Cancel)).Token;

    static async Task<string> Of(CairnApp app, string id)
    {
        var link = (await app.Owner.Post($"{Users}/{id}/link", "", null)).Expect(201).Json;
        var url = link.GetProperty("url").GetString()!;
        Assert.StartsWith(app.Host.ConsoleOrigin + "/login/link#", url, StringComparison.Ordinal);
        return url[(url.IndexOf('#', StringComparison.Ordinal) + 1)..];
    }

    [Fact]
    public async Task The_first_link_makes_an_administrator_who_says_who_they_are()
    {
        await using var app = await CairnApp.Start();
        var token = await First(app);
        var browser = app.Console();
        Assert.Equal("email", (await browser.Post(Path, Body(token))).Expect(400).Json.GetProperty("parameter").GetString());
        Assert.Equal("email", (await browser.Post(Path, Body(token, "ada", CairnApp.Phrase))).Expect(400).Json.GetProperty("parameter").GetString());
        Assert.Equal("password", (await browser.Post(Path, Body(token, "ada@example.com"))).Expect(400).Json.GetProperty("parameter").GetString());
        Assert.Equal("password", (await browser.Post(Path, Body(token, "ada@example.com", "password1234"))).Expect(400).Json.GetProperty("parameter").GetString());

        // Nothing of that used it up.
        Assert.Equal("admin", (await browser.Post(Path, Body(token, "ada@example.com", CairnApp.Phrase))).Expect(200).Json.GetProperty("user").GetProperty("role").GetString());
        (await browser.Get(Users)).Expect(200);
        await app.SignIn("ada@example.com");

        var used = (await app.Console().Post(Path, Body(token, "bea@example.com", CairnApp.Phrase))).Expect(410);
        Assert.Contains("was used already", used.Detail, StringComparison.Ordinal);
        Assert.Contains("cairn users link", used.Detail, StringComparison.Ordinal);
        Assert.Single((await browser.Get(Users)).Items);
    }

    [Fact]
    public async Task Of_many_who_use_a_link_at_once_one_gets_in()
    {
        await using var app = await CairnApp.Start();
        var token = await First(app);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => app.Console().Post(Path, Body(token, $"u{i}@example.com", CairnApp.Phrase))));
        Assert.Single(answers, answer => answer.Status == 200);
        Assert.Equal(19, answers.Count(answer => answer.Status == 410));
        Assert.Equal(1, (await app.Owner.Get(Users)).Total);
    }

    [Fact]
    public async Task A_link_ends_after_fifteen_minutes_and_says_how_to_get_another()
    {
        await using var app = await CairnApp.Start();
        var id = await app.Account("ada@example.com");
        var token = await Of(app, id);
        app.Clock.Move(TimeSpan.FromMinutes(15));
        var expired = (await app.Console().Post(Path, Body(token))).Expect(410);
        Assert.Contains("has expired", expired.Detail, StringComparison.Ordinal);
        Assert.Contains("cairn users link ada@example.com", expired.Detail, StringComparison.Ordinal);

        var fresh = await Of(app, id);
        app.Clock.Move(TimeSpan.FromMinutes(15) - TimeSpan.FromMilliseconds(1));
        var browser = app.Console();
        (await browser.Post(Path, Body(fresh))).Expect(200);
        Assert.Equal("ada@example.com", (await browser.Get("/api/auth/me")).Json.GetProperty("email").GetString());
        Assert.Equal("link", (await app.Reader.Get("/api/v1/admin/audit-logs?action=auth.login")).Items[0].GetProperty("metadata").GetProperty("method").GetString());
    }

    [Fact]
    public async Task A_new_link_ends_the_one_before()
    {
        await using var app = await CairnApp.Start();
        var id = await app.Account("ada@example.com");
        var (first, second) = (await Of(app, id), await Of(app, id));
        (await app.Console().Post(Path, Body(first))).Expect(410);
        Assert.Equal("email", (await app.Console().Post(Path, Body(second, "eve@example.com"))).Expect(400).Json.GetProperty("parameter").GetString());
        (await app.Console().Post(Path, Body(second))).Expect(200);
    }

    [Fact]
    public async Task Someone_without_a_password_sets_one_by_their_link()
    {
        await using var app = await CairnApp.Start();
        await app.Account("root@example.com");
        var id = (await app.Owner.Post(Users, """{"email":"ada@example.com","role":"viewer"}""")).Expect(201).Json.GetProperty("id").GetString()!;
        (await app.Console().Post("/api/auth/login", """{"email":"ada@example.com","password":"a long and odd phrase"}""")).Expect(401);
        var browser = app.Console();
        Assert.False((await browser.Post(Path, Body(await Of(app, id)))).Expect(200).Json.GetProperty("user").GetProperty("hasPassword").GetBoolean());
        (await browser.Post("/api/auth/password", """{"password":"a long and odd phrase"}""")).Expect(204);
        await app.SignIn("ada@example.com");

        // Or at once.
        (await app.Console().Post(Path, Body(await Of(app, id), null, "another odd phrase"))).Expect(200);
        (await browser.Get("/api/auth/me")).Expect(401);
        await app.SignIn("ada@example.com", "another odd phrase");
    }

    [Fact]
    public async Task A_link_ends_with_what_it_stood_on()
    {
        await using var app = await CairnApp.Start();
        await app.Account("root@example.com");
        var first = await First(app);
        (await app.Console().Post(Path, Body(first, "eve@example.com", CairnApp.Phrase))).Expect(410);

        var id = await app.Account("ada@example.com", "viewer");
        foreach (var change in new[] { """{"disabled":true}""", """{"password":"another odd phrase"}""", """{"role":"user"}""" })
        {
            (await app.Owner.Patch($"{Users}/{id}", """{"disabled":false,"role":"viewer"}""")).Expect(200);
            var token = await Of(app, id);
            (await app.Owner.Patch($"{Users}/{id}", change)).Expect(200);
            (await app.Console().Post(Path, Body(token))).Expect(410);
        }
        var last = await Of(app, id);
        (await app.Owner.Delete($"{Users}/{id}")).Expect(200);
        (await app.Console().Post(Path, Body(last))).Expect(410);
        foreach (var invented in new[] { "x", Secret.New() }) Assert.Contains("is not known", (await app.Console().Post(Path, Body(invented))).Expect(410).Detail, StringComparison.Ordinal);
        (await app.Owner.Patch($"{Users}/{await app.Account("bea@example.com", "user")}", """{"disabled":true}""")).Expect(200);
    }
}
