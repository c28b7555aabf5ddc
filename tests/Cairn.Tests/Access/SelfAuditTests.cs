using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Access;

public sealed class SelfAuditTests
{
    const string Users = "/api/v1/admin/users", Events = "/api/v1/admin/audit-logs";

    [Fact]
    public async Task A_change_and_its_event_are_there_together_also_when_the_log_cannot_be_written_for_a_while()
    {
        FaultyStore? store = null;
        await using var app = await CairnApp.Start(around: inner => store = new(inner));
        await app.Account("root@example.com");
        var id = await app.Account("ada@example.com", "viewer");
        store!.FailBefore = _ => new LogUnavailableException("gone");
        (await app.Owner.Patch($"{Users}/{id}", """{"role":"admin"}""")).Expect(200);
        var key = (await app.Owner.Post("/api/v1/admin/keys", """{"name":"k","scopes":["audit:read"]}""")).Expect(201).Json.GetProperty("id").GetString();
        await app.SignIn("ada@example.com");
        Assert.Equal(2, (await app.Reader.Get(Events)).Total);

        store.FailBefore = _ => null;
        app.Clock.Move(TimeSpan.FromSeconds(2));
        await Until.True(async () => (await app.Host.Control.Notices(Client.Cancel)).Count == 0);
        var told = (await app.Reader.Get(Events)).Items.Select(one => $"{one.GetProperty("action").GetString()} {one.GetProperty("resourceId").GetString()} {one.GetProperty("createdAt").GetString()}");
        Assert.Equal(
            [$"auth.login {id} 2026-03-10T12:00:00.000Z", $"api_key.created {key} 2026-03-10T12:00:00.000Z", $"user.role_changed {id} 2026-03-10T12:00:00.000Z"],
            told.Take(3));
    }

    [Fact]
    public async Task An_event_whose_answer_was_lost_is_there_once()
    {
        FaultyStore? store = null;
        await using var app = await CairnApp.Start(around: inner => store = new(inner));
        store!.FailAfter = _ => new LogUnavailableException("the answer was lost");
        await app.Account("ada@example.com");
        store.FailAfter = _ => null;
        await app.Host.SelfAudit.WriteKept(Client.Cancel);
        await app.Host.SelfAudit.WriteKept(Client.Cancel);
        Assert.Equal(1, (await app.Reader.Get(Events + "?action=user.created")).Total);
        Assert.Empty(await app.Host.Control.Notices(Client.Cancel));
    }

    [Fact]
    public async Task What_waited_when_Cairn_ended_is_in_the_log_after_it_starts_again()
    {
        using var place = new TempDirectory();
        await using (var app = await CairnApp.Start(place: place.Path))
        {
            // As when it was killed between the change and the log.
            var account = new Account(Some.EventId, "ada@example.com", AccountRole.Admin, app.Clock.Now);
            var notice = app.Host.SelfAudit.Notice(By.Cairn, new("user.created", "User", account.Id, account.Email));
            Assert.Equal(AccountChange.Done, await app.Host.Control.Append(account, notice, Client.Cancel));
            Assert.Equal(0, (await app.Reader.Get(Events)).Total);
        }
        await using var again = await CairnApp.Start(place: place.Path);
        await Until.True(async () => (await again.Reader.Get(Events + "?action=user.created")).Total == 1);
        await Until.True(async () => (await again.Host.Control.Notices(Client.Cancel)).Count == 0);
    }

    [Fact]
    public async Task Keys_are_made_and_revoked_by_a_named_person()
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person(email: "ada@example.com");
        var id = (await admin.Post("/api/v1/admin/keys", """{"name":"billing","scopes":["events:write"],"expiresAt":"2026-06-01"}""")).Expect(400);
        Assert.Equal("expiresAt", id.Json.GetProperty("parameter").GetString());
        var key = (await admin.Post("/api/v1/admin/keys", """{"name":"billing","scopes":["events:write"],"expiresAt":"2026-06-01T00:00:00Z"}""")).Expect(201).Json;
        (await admin.Delete("/api/v1/admin/keys/" + key.GetProperty("id").GetString())).Expect(200);
        (await admin.Delete("/api/v1/admin/keys/" + key.GetProperty("id").GetString())).Expect(200);
        var told = (await app.Reader.Get(Events + "?resource=ApiKey")).Items;
        Assert.Equal(["api_key.revoked", "api_key.created"], told.Select(one => one.GetProperty("action").GetString()));
        Assert.All(told, one => Assert.Equal(("ada@example.com", "admin", "billing", """{"scopes":"events:write","expiresAt":"2026-06-01T00:00:00.000Z"}"""),
            (one.GetProperty("actorEmail").GetString(), one.GetProperty("actorRole").GetString(), one.GetProperty("resourceName").GetString(), one.GetProperty("metadata").GetRawText())));
    }

    [Fact]
    public async Task Exports_and_retention_runs_tell_who_asked_for_them()
    {
        await using var app = await CairnApp.Start();
        var admin = await app.Person(email: "ada@example.com");
        (await admin.Get(Events + "/export?action=auth.login")).Expect(200);
        (await admin.Post("/api/v1/admin/retention/run", "", null)).Expect(200);
        foreach (var action in new[] { "audit.exported", "audit.retention_ran" })
        {
            var told = (await app.Reader.Get(Events + "?action=" + action)).Items.Single();
            Assert.Equal(("ada@example.com", "127.0.0.1"), (told.GetProperty("actorEmail").GetString(), told.GetProperty("ip").GetString()));
        }
    }
}
