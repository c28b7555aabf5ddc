using Cairn.Access;
using Cairn.Support;

namespace Cairn.Conversations;

/// <summary>Who comes as far as a conversation: every route, every caller, enabled and not.</summary>
public sealed class GateTests
{
    static readonly string[] Routes = ["", "/c-1/messages", "/nowhere/messages", "/c-1/views", "/owners", "/owners?q=ada", "/export", "/export?format=jsonl", "?nonsense=1", "/export?format=xml"];

    [Fact]
    public async Task Nobody_learns_whether_it_is_enabled_and_only_a_full_administrator_comes_in_once_it_is()
    {
        foreach (var isEnabled in new[] { false, true })
        {
            await using var app = await CairnApp.Start(settings => settings with { AuditLogsEnabled = isEnabled });
            var sender = app.Gateway(await app.Key(Scopes.ConversationsWrite));
            (await sender.Put("/api/v1/conversations/c-1", """{"title":"a secret title","owner_id":"ada@example.com"}""")).Expect(200);
            var expired = await app.Key(Scopes.All, app.Clock.Now.AddDays(1));
            app.Clock.Move(TimeSpan.FromDays(1));
            var admin = await app.Person();
            var left = await app.Person();
            (await left.Post("/api/auth/logout", "")).Expect(204);

            (string Name, Client Who, int Status)[] callers =
            [
                ("nobody", app.Console(), 401), ("no key", app.Console("crn_" + new string('x', 36)), 401), ("an expired key", app.Console(expired.Text), 401), ("someone signed out", left, 401),
                .. await Task.WhenAll(Scopes.All.Select(async scope => ("a key with " + scope, app.Console(await app.Key(scope)), 403))), ("a key with every scope", app.Console(await app.Key(Scopes.All)), 403),
                ("a user", await app.Person("user"), 403), ("a viewer", await app.Person("viewer"), 403), ("an administrator", admin, isEnabled ? 0 : 403), ("the owner", app.Owner, isEnabled ? 0 : 403),
            ];
            foreach (var (name, who, status) in callers)
                foreach (var route in Routes)
                {
                    var answer = await who.Get("/api/admin/audit-logs" + route);
                    var wanted = status != 0 ? status : route.Contains("nowhere", StringComparison.Ordinal) ? 404 : route.Contains("nonsense", StringComparison.Ordinal) || route.Contains("xml", StringComparison.Ordinal) ? 400 : 200;
                    Assert.True(answer.Status == wanted, $"{name}, {(isEnabled ? "enabled" : "not enabled")}: {route} answers {answer.Status}, not {wanted}");
                    Assert.Equal("no-store", answer.Header("Cache-Control"));
                    if (status == 403) Assert.Equal(!isEnabled, answer.Detail == "Audit logs are not enabled");
                    if (status != 0) Assert.DoesNotContain("secret", answer.Text, StringComparison.Ordinal);
                    if (status == 401) Assert.DoesNotContain("enabled", answer.Text, StringComparison.OrdinalIgnoreCase);
                }

            // What nobody is told is the same, to the byte, whether it is enabled or not.
            nobody ??= (await app.Console().Get("/api/admin/audit-logs")).Text;
            Assert.Equal(nobody, (await app.Console().Get("/api/admin/audit-logs")).Text);
            // Refused calls leave no trace of having looked.
            var seen = (await app.Reader.Get("/api/v1/admin/audit-logs?resource=Conversation&limit=100")).Items.Select(item => item.GetProperty("actorId").GetString()).Distinct().Order();
            Assert.Equal(isEnabled ? [(await admin.Get("/api/auth/me")).Json.GetProperty("id").GetString()!, "local"] : Array.Empty<string>(), seen);
        }
    }

    string? nobody;

    [Theory]
    [InlineData("true", true)]
    [InlineData("True", false)]
    [InlineData("TRUE", false)]
    [InlineData("1", false)]
    [InlineData(" true", false)]
    [InlineData("", false)]
    public async Task Only_the_word_true_in_the_environment_enables_it(string value, bool isEnabled)
    {
        using var directory = new TempDirectory();
        await using var server = await CairnProcess.ServeWith(Path.Combine(directory.Path, "data"), ("AUDIT_LOGS_ENABLED", value), ("Cairn__Admin__Email", "ada@example.com"), ("Cairn__Admin__Password", CairnApp.Phrase));
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = server.Address("Console") };
        var admin = new Client(http);
        (await admin.Post("/api/auth/login", $$"""{"email":"ada@example.com","password":"{{CairnApp.Phrase}}"}""")).Expect(200);
        Assert.Equal(isEnabled ? 200 : 403, (await admin.Get("/api/admin/audit-logs")).Status);
        Assert.Equal(isEnabled, (await admin.Get("/api/config")).Json.GetProperty("auditLogsEnabled").GetBoolean());
    }
}
