using System.Text.Json;
using Cairn.Support;

namespace Cairn.Access;

public sealed class AccountTests
{
    const string Users = "/api/v1/admin/users", Events = "/api/v1/admin/audit-logs";

    [Fact]
    public async Task Every_change_of_an_account_is_an_event_that_says_from_what_to_what()
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person(email: "root@example.com");
        var root = (await admin.Get("/api/auth/me")).Json.GetProperty("id").GetString();
        var id = (await admin.Post(Users, """{"email":"ada@example.com","role":"viewer","name":"Ada"}""")).Expect(201).Json.GetProperty("id").GetString();
        (await admin.Patch($"{Users}/{id}", """{"role":"admin","name":"Ada Lovelace","disabled":true,"password":"a third odd phrase"}""")).Expect(200);
        (await admin.Patch($"{Users}/{id}", """{"disabled":false}""")).Expect(200);
        (await admin.Delete($"{Users}/{id}")).Expect(200);

        var told = (await app.Reader.Get($"{Events}?resourceId={id}&limit=100")).Items.Reverse().ToList();
        Assert.Equal(
            ["user.created", "user.role_changed", "user.deactivated", "user.updated", "auth.password_changed", "user.reactivated", "user.deleted"],
            told.Select(one => one.GetProperty("action").GetString()));
        Assert.All(told, one => Assert.Equal((root, "root@example.com", "admin", "127.0.0.1", "User", "ada@example.com"),
            (one.GetProperty("actorId").GetString(), one.GetProperty("actorEmail").GetString(), one.GetProperty("actorRole").GetString(), one.GetProperty("ip").GetString(), one.GetProperty("resource").GetString(), one.GetProperty("resourceName").GetString())));
        Assert.Equal("""{"changes":{"role":{"from":"viewer","to":"admin"}}}""", told[1].GetProperty("metadata").GetRawText());
        Assert.Equal("""{"changes":{"name":{"from":"Ada","to":"Ada Lovelace"}}}""", told[3].GetProperty("metadata").GetRawText());
        Assert.Equal(JsonValueKind.Null, told[4].GetProperty("metadata").ValueKind);
        Assert.All(told, one => Assert.False(one.GetProperty("resourceExists").GetBoolean()));
        Assert.DoesNotContain("odd phrase", string.Concat(told.Select(one => one.GetRawText())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_shows_who_there_is_and_never_how_their_passwords_are_kept()
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person(email: "root@example.com");
        (await admin.Post(Users, """{"email":"Zoe@example.com","role":"user"}""")).Expect(201);
        var listed = (await admin.Get(Users)).Expect(200);
        Assert.Equal(2, listed.Total);
        Assert.Equal(["root@example.com admin True", "Zoe@example.com user False"], listed.Items.Select(one => $"{one.GetProperty("email").GetString()} {one.GetProperty("role").GetString()} {one.GetProperty("hasPassword").GetBoolean()}"));
        Assert.Equal("2026-03-10T12:00:00.000Z", listed.Items[0].GetProperty("lastSignInAt").GetString());
        Assert.DoesNotContain("pbkdf2", listed.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PATCH", """{"role":"viewer"}"""), InlineData("PATCH", """{"disabled":true}"""), InlineData("DELETE", "")]
    public async Task The_last_administrator_stays_one(string method, string body)
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person(email: "root@example.com");
        var id = (await admin.Get("/api/auth/me")).Json.GetProperty("id").GetString();
        var second = await app.Account("ada@example.com");
        (await app.Owner.Patch($"{Users}/{second}", """{"disabled":true}""")).Expect(200);

        var refused = method == "DELETE" ? await admin.Delete($"{Users}/{id}") : await admin.Patch($"{Users}/{id}", body);
        Assert.Contains("last administrator", refused.Expect(409).Detail, StringComparison.Ordinal);
        (await admin.Get(Users)).Expect(200);
        Assert.Equal(0, (await app.Reader.Get($"{Events}?resourceId={id}&action=user.role_changed&action=user.deleted&action=user.deactivated")).Total);

        // With another one it goes.
        (await app.Owner.Patch($"{Users}/{second}", """{"disabled":false}""")).Expect(200);
        (method == "DELETE" ? await admin.Delete($"{Users}/{id}") : await admin.Patch($"{Users}/{id}", body)).Expect(200);
    }

    [Fact]
    public async Task Two_administrators_who_remove_each_other_at_once_leave_one()
    {
        await using var app = await CairnApp.Start();
        var (first, second) = (await app.Account("a@example.com"), await app.Account("b@example.com"));
        for (var round = 0; round < 10; round++)
        {
            var answers = await Task.WhenAll(app.Owner.Patch($"{Users}/{first}", """{"role":"user"}"""), app.Owner.Patch($"{Users}/{second}", """{"role":"user"}"""));
            Assert.Equal([200, 409], answers.Select(answer => answer.Status).Order());
            foreach (var id in new[] { first, second }) (await app.Owner.Patch($"{Users}/{id}", """{"role":"admin"}""")).Expect(200);
        }
    }

    [Theory]
    [InlineData("""{"role":"admin"}""", "email")]
    [InlineData("""{"email":"ada","role":"admin"}""", "email")]
    [InlineData("""{"email":"ada@x@example.com","role":"admin"}""", "email")]
    [InlineData("""{"email":"a da@example.com","role":"admin"}""", "email")]
    [InlineData("""{"email":"<b>@example.com","role":"admin"}""", "email")]
    [InlineData("""{"email":"ada@example.com"}""", "role")]
    [InlineData("""{"email":"ada@example.com","role":"root"}""", "role")]
    [InlineData("""{"email":"ada@example.com","role":"Admin"}""", "role")]
    [InlineData("""{"email":"ada@example.com","role":"admin","password":"short"}""", "password")]
    [InlineData("""{"email":"ada@example.com","role":"admin","password":"elevenchars"}""", "password")]
    [InlineData("""{"email":"ada@example.com","role":"admin","password":"PASSWORD1234"}""", "password")]
    [InlineData("""{"email":"ada@example.com","role":"admin","password":"ababababababab"}""", "password")]
    [InlineData("""{"email":"ada@example.com","role":"admin","password":"ada@example.com"}""", "password")]
    [InlineData("""{"email":"ada@example.com","role":"admin","name":"a\nb"}""", "name")]
    [InlineData("""{"email":"ada@example.com","role":"admin","isRoot":true}""", "isRoot")]
    public async Task A_bad_account_is_refused_by_the_field_that_is_bad(string body, string parameter)
    {
        await using var app = await CairnApp.Start();
        Assert.Equal(parameter, (await app.Owner.Post(Users, body)).Expect(400).Json.GetProperty("parameter").GetString());
        Assert.Equal(0, (await app.Owner.Get(Users)).Total);
        Assert.Equal(0, (await app.Reader.Get(Events)).Total);
    }

    [Fact]
    public async Task Passwords_of_twelve_and_of_256_characters_of_any_language_are_taken_and_longer_ones_not()
    {
        await using var app = await CairnApp.Start();
        var number = 0;
        foreach (var (password, isTaken) in new[] { ("zwölf größen", true), (string.Concat(Enumerable.Repeat("🐫🦒🐘🦓", 3)), true), (string.Concat(Enumerable.Repeat("🐫🦒🐘🦓", 64)), true), (string.Concat(Enumerable.Repeat("🐫🦒🐘🦓", 64)) + "x", false), ("🐫🦒🐘🦓🐫🦒🐘🦓🐫🦒🐘", false) })
        {
            var email = $"u{number++}@example.com";
            (await app.Owner.Post(Users, JsonSerializer.Serialize(new { email, role = "admin", password }))).Expect(isTaken ? 201 : 400);
            if (isTaken) (await app.Console().Post("/api/auth/login", JsonSerializer.Serialize(new { email, password }))).Expect(200);
        }
    }

    [Fact]
    public async Task An_address_is_one_accounts_in_whatever_case()
    {
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com");
        Assert.Equal("email", (await app.Owner.Post(Users, """{"email":"ADA@example.com","role":"user"}""")).Expect(409).Json.GetProperty("parameter").GetString());
        (await app.Owner.Delete($"{Users}/nothing")).Expect(404);
        (await app.Owner.Patch($"{Users}/nothing", "{}")).Expect(404);
        (await app.Owner.Post($"{Users}/nothing/link", "", null)).Expect(404);
    }

    [Fact]
    public async Task Changes_at_once_are_all_made()
    {
        await using var app = await CairnApp.Start();
        await app.Account("root@example.com");
        for (var round = 0; round < 10; round++)
        {
            var id = await app.Account($"ada{round}@example.com", "viewer");
            var answers = await Task.WhenAll(new[] { """{"role":"user"}""", """{"disabled":true}""", """{"name":"Ada"}""", """{"password":"another odd phrase"}""" }.Select(change => app.Owner.Patch($"{Users}/{id}", change)));
            Assert.All(answers, answer => answer.Expect(200));
            var user = (await app.Owner.Get(Users)).Items.Single(one => one.GetProperty("id").GetString() == id);
            Assert.Equal(("user", "Ada", true), (user.GetProperty("role").GetString(), user.GetProperty("name").GetString(), user.GetProperty("disabledAt").ValueKind == JsonValueKind.String));
        }
    }

    [Theory]
    [InlineData("""{"role":"user"}"""), InlineData("""{"disabled":true}"""), InlineData("""{"password":"a third odd phrase"}""")]
    public async Task Who_loses_their_right_while_they_change_their_password_does_not_get_it_back(string change)
    {
        await using var app = await CairnApp.Start();
        await app.Account("root@example.com");
        var id = await app.Account("ada@example.com");
        for (var round = 0; round < 3; round++)
        {
            (await app.Owner.Patch($"{Users}/{id}", $$"""{"role":"admin","disabled":false,"password":"{{CairnApp.Phrase}}"}""")).Expect(200);
            var ada = await app.SignIn("ada@example.com");
            var own = ada.Post("/api/auth/password", $$"""{"current":"{{CairnApp.Phrase}}","password":"another odd phrase"}""");
            var other = app.Owner.Patch($"{Users}/{id}", change);
            await Task.WhenAll(own, other);
            (await other).Expect(200);
            // Between the session and the password there is a moment in which another one may be set: then what was given no longer fits.
            Assert.Contains((await own).Status, change.Contains("password", StringComparison.Ordinal) ? [204, 400, 401] : new[] { 204, 401 });
            var user = (await app.Owner.Get(Users)).Items.Single(one => one.GetProperty("id").GetString() == id);
            var last = (await app.Reader.Get($"{Events}?resourceId={id}&action=user.role_changed&action=user.deactivated&action=auth.password_changed")).Items[0].GetProperty("action").GetString();
            // Whichever came last, what the other administrator took stays taken, and no session outlives it.
            if (change.Contains("role", StringComparison.Ordinal)) Assert.Equal("user", user.GetProperty("role").GetString());
            if (change.Contains("disabled", StringComparison.Ordinal)) Assert.Equal(JsonValueKind.String, user.GetProperty("disabledAt").ValueKind);
            (await ada.Get("/api/v1/admin/users")).Expect(401);
        }
    }

    [Theory]
    [InlineData("""{"disabled":true}"""), InlineData("""{"password":"a third odd phrase"}"""), InlineData("""{"role":"user"}""")]
    public async Task Who_signs_in_while_their_password_or_right_is_taken_has_no_session_after_it(string change)
    {
        await using var app = await CairnApp.Start();
        await app.Account("root@example.com");
        var id = await app.Account("ada@example.com", "viewer");
        for (var round = 0; round < 5; round++)
        {
            (await app.Owner.Patch($"{Users}/{id}", $$"""{"role":"viewer","disabled":false,"password":"{{CairnApp.Phrase}}"}""")).Expect(200);
            var browser = app.Console();
            var coming = browser.Post("/api/auth/login", $$"""{"email":"ada@example.com","password":"{{CairnApp.Phrase}}"}""");
            (await app.Owner.Patch($"{Users}/{id}", change)).Expect(200);
            await coming;
            (await app.Owner.Patch($"{Users}/{id}", """{"disabled":false}""")).Expect(200);
            // With another role alone, whoever comes after it comes with that role.
            if ((await browser.Get("/api/auth/me")) is { Status: 200 } me) Assert.Equal("user", me.Json.GetProperty("role").GetString());
            app.Clock.Move(TimeSpan.FromMinutes(16));
        }
    }
}
