using System.Net.WebSockets;
using System.Text;
using Cairn.Support;

namespace Cairn.Access;

public sealed class SessionTests
{
    const string Me = "/api/auth/me", Users = "/api/v1/admin/users/", Live = "/api/v1/admin/ws/audit-logs";

    [Fact]
    public async Task A_session_lasts_twelve_hours_from_its_last_use()
    {
        await using var app = await CairnApp.Start();
        var browser = await app.Person();
        for (var day = 0; day < 4; day++)
        {
            app.Clock.Move(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
            (await browser.Get(Me)).Expect(200);
        }
        app.Clock.Move(TimeSpan.FromHours(12));
        (await browser.Get(Me)).Expect(401);
    }

    [Fact]
    public async Task A_live_connection_is_no_use_and_ends_with_its_session()
    {
        await using var app = await CairnApp.Start();
        var browser = await app.Person("viewer");
        await using var live = await LiveClient.Open(browser, Live, app.Host.ConsoleOrigin);
        app.Clock.Move(TimeSpan.FromHours(12) - TimeSpan.FromSeconds(1));
        await app.Send("""{"action":"a.b"}""");
        while ((await live.Next())!.Value.GetProperty("type").GetString() != "log") { }
        app.Clock.Move(TimeSpan.FromSeconds(3));
        while (await live.Next() is not null) { }
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, live.ClosedAs);
    }

    public static TheoryData<string, string> Endings => new()
    {
        { "PATCH", """{"role":"user"}""" }, { "PATCH", """{"role":"admin"}""" }, { "PATCH", """{"password":"another odd phrase"}""" }, { "PATCH", """{"disabled":true}""" }, { "DELETE", "" },
    };

    [Theory, MemberData(nameof(Endings))]
    public async Task Another_role_or_password_and_being_disabled_or_removed_end_a_session_at_once(string method, string body)
    {
        await using var app = await CairnApp.Start();
        await app.Account("root@example.com");
        var id = await app.Account("ada@example.com", "viewer");
        var browser = await app.SignIn("ada@example.com");
        var elsewhere = await app.SignIn("ada@example.com");
        var other = await app.SignIn("root@example.com");
        await using var live = await LiveClient.Open(browser, Live, app.Host.ConsoleOrigin);

        (method == "DELETE" ? await app.Owner.Delete(Users + id) : await app.Owner.Patch(Users + id, body)).Expect(200);
        (await browser.Get(Me)).Expect(401);
        (await elsewhere.Get("/api/v1/admin/audit-logs")).Expect(401);
        while (await live.Next() is not null) { }
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, live.ClosedAs);
        (await other.Get(Me)).Expect(200);
    }

    [Fact]
    public async Task Another_name_ends_nothing()
    {
        await using var app = await CairnApp.Start();
        var id = await app.Account("ada@example.com");
        var browser = await app.SignIn("ada@example.com");
        (await app.Owner.Patch(Users + id, """{"name":"Ada Lovelace"}""")).Expect(200);
        Assert.Equal("Ada Lovelace", (await browser.Get(Me)).Expect(200).Json.GetProperty("name").GetString());
    }

    [Fact]
    public async Task What_another_process_ended_ends_here_within_five_seconds()
    {
        await using var app = await CairnApp.Start();
        var browser = await app.Person();
        await using var live = await LiveClient.Open(browser, Live, app.Host.ConsoleOrigin);
        var session = (await browser.Get("/api/auth/sessions")).Items.Single().GetProperty("id").GetString()!;
        Assert.True(await app.Host.Control.EndSession(session, null, Client.Cancel));
        app.Clock.Move(TimeSpan.FromSeconds(4));
        while (await live.Next() is not null) { }
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, live.ClosedAs);
        (await browser.Get(Me)).Expect(401);
    }

    [Fact]
    public async Task One_sees_where_one_is_signed_in_and_signs_out_elsewhere_but_not_others()
    {
        await using var app = await CairnApp.Start();
        await app.Account("ada@example.com", "admin");
        await app.Account("bea@example.com", "viewer");
        var (here, there, other) = (await app.SignIn("ada@example.com"), await app.SignIn("ada@example.com"), await app.SignIn("bea@example.com"));
        var own = (await here.Get("/api/auth/sessions")).Expect(200).Items;
        Assert.Equal(2, own.Count);
        var elsewhere = own.Single(one => !one.GetProperty("current").GetBoolean()).GetProperty("id").GetString();
        var others = (await other.Get("/api/auth/sessions")).Items.Single().GetProperty("id").GetString();

        (await here.Delete("/api/auth/sessions/" + others)).Expect(404);
        (await other.Get(Me)).Expect(200);
        (await here.Delete("/api/auth/sessions/" + elsewhere)).Expect(204);
        (await here.Delete("/api/auth/sessions/" + elsewhere)).Expect(404);
        (await there.Get(Me)).Expect(401);
        (await here.Get(Me)).Expect(200);

        // An administrator sees and ends everyone's.
        var all = (await here.Get("/api/v1/admin/sessions")).Expect(200).Items;
        Assert.Equal(["ada@example.com", "bea@example.com"], all.Select(one => one.GetProperty("email").GetString()).Order());
        (await here.Delete("/api/v1/admin/sessions/" + others)).Expect(204);
        (await other.Get(Me)).Expect(401);
        Assert.Equal(2, (await app.Reader.Get("/api/v1/admin/audit-logs?action=auth.session_ended")).Total);
    }

    [Fact]
    public async Task A_session_outlives_a_restart_and_stands_nowhere_in_the_data_directory()
    {
        using var place = new TempDirectory();
        string session;
        await using (var app = await CairnApp.Start(place: place.Path))
        {
            var browser = await app.Person(email: "ada@example.com");
            session = browser.Cookies["cairn_session"];
            app.Clock.Move(TimeSpan.FromHours(11));
            (await browser.Get(Me)).Expect(200);
        }
        foreach (var file in Directory.GetFiles(place.Path, "*", SearchOption.AllDirectories))
            Assert.Equal(-1, (await File.ReadAllBytesAsync(file, Client.Cancel)).AsSpan().IndexOf(Encoding.ASCII.GetBytes(session)));

        var clock = new TestClock();
        clock.Move(TimeSpan.FromHours(22));
        await using var again = await CairnApp.Start(place: place.Path, clock: clock);
        var back = again.Console();
        back.Cookies["cairn_session"] = session;
        (await back.Get(Me)).Expect(200);
    }

    [Fact]
    public async Task An_invented_session_is_nobodys()
    {
        await using var app = await CairnApp.Start();
        await app.Person();
        foreach (var invented in new[] { "x", Secret.New(), new string('A', 5_000), "%00", "a.b.c" })
        {
            var browser = app.Console();
            browser.Cookies["cairn_session"] = invented;
            (await browser.Get(Me)).Expect(401);
        }
    }

    [Fact]
    public async Task A_new_password_needs_the_current_one_and_ends_every_other_session()
    {
        await using var app = await CairnApp.Start();
        var browser = await app.Person(email: "ada@example.com");
        var elsewhere = await app.SignIn("ada@example.com");
        const string path = "/api/auth/password";
        Assert.Equal("current", (await browser.Post(path, """{"password":"another odd phrase"}""")).Expect(400).Json.GetProperty("parameter").GetString());
        Assert.Equal("current", (await browser.Post(path, """{"current":"not this one at all","password":"another odd phrase"}""")).Expect(400).Json.GetProperty("parameter").GetString());
        Assert.Equal("password", (await browser.Post(path, $$"""{"current":"{{CairnApp.Phrase}}","password":"short"}""")).Expect(400).Json.GetProperty("parameter").GetString());
        (await elsewhere.Get(Me)).Expect(200);

        var before = browser.Cookies["cairn_session"];
        (await browser.Post(path, $$"""{"current":"{{CairnApp.Phrase}}","password":"another odd phrase"}""")).Expect(204);
        Assert.NotEqual(before, browser.Cookies["cairn_session"]);
        (await browser.Get(Me)).Expect(200);
        (await elsewhere.Get(Me)).Expect(401);
        await app.SignIn("ada@example.com", "another odd phrase");
        Assert.Equal(1, (await app.Reader.Get("/api/v1/admin/audit-logs?action=auth.password_changed")).Total);
    }

    [Fact]
    public async Task A_full_disk_keeps_nobody_from_signing_in_and_looking()
    {
        using var disk = new SmallDisk(mebibytes: 16);
        await using var app = await CairnApp.Start(place: disk.Path);
        await app.Account("ada@example.com");
        var filler = Path.Combine(disk.Path, "filler");
        await using (var file = File.Create(filler))
            try
            {
                while (true) await file.WriteAsync(new byte[4096], Client.Cancel);
            }
            catch (IOException)
            {
                // Full.
            }
        var text = new string('x', 4_000);
        await Until.True(async () => (await app.Sender.Post("/api/v1/events", """{"action":"a.b","metadata":{"text":"TEXT"}}""".Replace("TEXT", text, StringComparison.Ordinal))).Status == 503);

        var browser = await app.SignIn("ada@example.com");
        (await browser.Get("/api/v1/admin/audit-logs")).Expect(200);
        (await browser.Get("/api/v1/admin/audit-logs/export")).Expect(200);
        var second = await app.SignIn("ada@example.com");
        (await second.Post("/api/auth/logout", "", null)).Expect(204);
        (await second.Get(Me)).Expect(401);

        File.Delete(filler);
        await Until.True(async () =>
        {
            // A round of housekeeping, and time for it.
            app.Clock.Move(TimeSpan.FromSeconds(2));
            await Task.Delay(20, Client.Cancel);
            return (await app.Reader.Get("/api/v1/admin/audit-logs?action=auth.login")).Total == 2 && (await app.Reader.Get("/api/v1/admin/audit-logs?action=auth.logout")).Total == 1;
        });
        (await browser.Get(Me)).Expect(200);
    }
}
