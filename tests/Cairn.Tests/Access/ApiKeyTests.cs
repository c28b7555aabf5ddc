using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cairn.Support;

namespace Cairn.Access;

public sealed class ApiKeyTests
{
    const string Keys = "/api/v1/admin/keys", Read = "/api/v1/admin/audit-logs";

    static async Task<JsonElement> Create(CairnApp app, string body = """{"name":"reporting","scopes":["audit:read"]}""") => (await app.Owner.Post(Keys, body)).Expect(201).Json;

    [Fact]
    public async Task A_key_works_in_either_header_and_is_listed_without_its_text()
    {
        await using var app = await CairnApp.Start();
        var key = await Create(app, """{"name":"reporting","scopes":["audit:read","events:write"],"expiresAt":"2026-06-01T00:00:00Z"}""");
        var text = key.GetProperty("key").GetString()!;
        Assert.Matches(new Regex("^crn_[0-9A-Za-z]{36}$"), text);

        var nobody = app.Console();
        (await nobody.Send(HttpMethod.Get, Read, null, ("Authorization", "Bearer " + text))).Expect(200);
        (await nobody.Send(HttpMethod.Get, Read, null, ("Authorization", "bearer " + text))).Expect(200);
        (await nobody.Send(HttpMethod.Get, Read, null, ("x-api-key", text))).Expect(200);
        foreach (var (name, value) in new[] { ("Authorization", "Basic " + text), ("Authorization", text), ("Authorization", "Bearer"), ("Cookie", "key=" + text), ("x-api-key", "Bearer " + text), ("x-api-key", text + text) })
            (await nobody.Send(HttpMethod.Get, Read, null, (name, value))).Expect(401);
        (await nobody.Get(Read + "?key=" + text)).Expect(401);

        var listed = (await app.Owner.Get(Keys)).Expect(200);
        Assert.DoesNotContain(text, listed.Text, StringComparison.Ordinal);
        var one = listed.Items.Single(item => item.GetProperty("id").GetString() == key.GetProperty("id").GetString());
        Assert.Equal("reporting", one.GetProperty("name").GetString());
        Assert.Equal(["audit:read", "events:write"], one.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()));
        Assert.Equal("2026-03-10T12:00:00.000Z", one.GetProperty("createdAt").GetString());
        Assert.Equal("2026-06-01T00:00:00.000Z", one.GetProperty("expiresAt").GetString());
        Assert.Equal(JsonValueKind.Null, one.GetProperty("revokedAt").ValueKind);
    }

    [Fact]
    public async Task Any_changed_letter_is_told_by_the_checksum()
    {
        await using var app = await CairnApp.Start();
        var text = await app.Key(Scopes.AuditRead);
        for (var i = 4; i < text.Length; i++)
        {
            var typo = text[..i] + (text[i] == 'a' ? 'b' : 'a') + text[(i + 1)..];
            Assert.Contains("checksum", (await app.Console(typo).Get(Read)).Expect(401).Detail, StringComparison.Ordinal);
        }
        Assert.Contains("not known", (await app.Console(KeyText.New()).Get(Read)).Expect(401).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_text_of_a_key_is_nowhere_in_the_data_directory()
    {
        await using var app = await CairnApp.Start();
        var text = (await Create(app)).GetProperty("key").GetString()!;
        (await app.Console(text).Get(Read)).Expect(200);
        (await app.Console(text).Get(Read + "/export")).Expect(200);
        await app.Host.DisposeAsync();
        foreach (var file in Directory.GetFiles(app.Host.Settings.DataDirectory, "*", SearchOption.AllDirectories))
            Assert.Equal(-1, (await File.ReadAllBytesAsync(file, Client.Cancel)).AsSpan().IndexOf(Encoding.ASCII.GetBytes(text[4..])));
    }

    [Fact]
    public async Task A_revoked_key_stops_at_once_and_closes_what_it_follows()
    {
        await using var app = await CairnApp.Start();
        var key = await Create(app);
        var reader = app.Console(key.GetProperty("key").GetString());
        (await reader.Get(Read)).Expect(200);
        await using var live = await LiveClient.Open(reader, "/api/v1/admin/ws/audit-logs");
        Assert.Single(await live.Records(1));

        (await app.Owner.Delete($"{Keys}/{key.GetProperty("id").GetString()}")).Expect(200);
        Assert.Contains("revoked", (await reader.Get(Read)).Expect(401).Detail, StringComparison.Ordinal);
        while (await live.Next() is not null) { }
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, live.ClosedAs);

        // Again changes nothing, and the first time stays.
        app.Clock.Move(TimeSpan.FromHours(1));
        Assert.Equal("2026-03-10T12:00:00.000Z", (await app.Owner.Delete($"{Keys}/{key.GetProperty("id").GetString()}")).Expect(200).Json.GetProperty("revokedAt").GetString());
        (await app.Owner.Delete($"{Keys}/nothing")).Expect(404);
    }

    [Fact]
    public async Task A_key_ends_by_the_clock_with_what_it_follows()
    {
        await using var app = await CairnApp.Start();
        var key = await Create(app, """{"name":"short","scopes":["audit:read"],"expiresAt":"2026-03-10T13:00:00Z"}""");
        var reader = app.Console(key.GetProperty("key").GetString());
        await using var live = await LiveClient.Open(reader, "/api/v1/admin/ws/audit-logs");
        Assert.Single(await live.Records(1));

        app.Clock.Move(TimeSpan.FromMinutes(60) - TimeSpan.FromMilliseconds(1));
        (await reader.Get(Read)).Expect(200);
        app.Clock.Move(TimeSpan.FromMilliseconds(1));
        Assert.Contains("expired", (await reader.Get(Read)).Expect(401).Detail, StringComparison.Ordinal);
        while (await live.Next() is not null) { }
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, live.ClosedAs);
    }

    [Fact]
    public async Task When_a_key_was_last_used_is_known_also_after_a_restart()
    {
        using var place = new TempDirectory();
        string id, text;
        await using (var app = await CairnApp.Start(place: place.Path))
        {
            var key = await Create(app);
            (id, text) = (key.GetProperty("id").GetString()!, key.GetProperty("key").GetString()!);
            Assert.Equal(JsonValueKind.Null, await LastUsed(app));
            app.Clock.Move(TimeSpan.FromMinutes(7));
            (await app.Console(text).Get(Read)).Expect(200);
            Assert.Equal("2026-03-10T12:07:00.000Z", (await Listed(app)).GetString());
            app.Clock.Move(TimeSpan.FromMinutes(1));
            (await app.Console(text).Get(Read)).Expect(200);
        }
        await using var again = await CairnApp.Start(place: place.Path);
        Assert.Equal("2026-03-10T12:08:00.000Z", (await Listed(again)).GetString());

        async Task<JsonElement> Listed(CairnApp app) => (await app.Owner.Get(Keys)).Items.Single(item => item.GetProperty("id").GetString() == id).GetProperty("lastUsedAt");
        async Task<JsonValueKind> LastUsed(CairnApp app) => (await Listed(app)).ValueKind;
    }

    [Fact]
    public async Task Making_and_revoking_a_key_are_events_without_the_key()
    {
        await using var app = await CairnApp.Start();
        var key = await Create(app);
        await app.Owner.Delete($"{Keys}/{key.GetProperty("id").GetString()}");
        var answer = await app.Reader.Get(Read);
        Assert.DoesNotContain(key.GetProperty("key").GetString()!, answer.Text, StringComparison.Ordinal);
        Assert.Collection(answer.Items,
            revoked => Assert.Equal(("api_key.revoked", "Revoked API key", "ApiKey", "reporting"), Words(revoked)),
            created => Assert.Equal(("api_key.created", "Created API key", "ApiKey", "reporting"), Words(created)));
        Assert.All(answer.Items, item => Assert.Equal("local", item.GetProperty("actorId").GetString()));

        static (string?, string?, string?, string?) Words(JsonElement item) =>
            (item.GetProperty("action").GetString(), item.GetProperty("actionLabel").GetString(), item.GetProperty("resource").GetString(), item.GetProperty("resourceName").GetString());
    }

    [Fact]
    public async Task A_key_that_is_not_understood_is_not_made()
    {
        await using var app = await CairnApp.Start();
        var before = (await app.Owner.Get(Keys)).Total;
        foreach (var body in new[]
        {
            "", "{}", "[]", "7", "x", """{"name":"a"}""", """{"scopes":["audit:read"]}""", """{"name":"","scopes":["audit:read"]}""", """{"name":7,"scopes":["audit:read"]}""", """{"name":"a","scopes":[]}""", """{"name":"a","scopes":"audit:read"}""",
            """{"name":"a","scopes":["root"]}""", """{"name":"a","scopes":[7]}""", """{"name":"a","scopes":["audit:read"],"role":"admin"}""", """{"name":"a","name":"b","scopes":["audit:read"]}""",
            """{"name":"a\u0000","scopes":["audit:read"]}""", """{"name":"\udead","scopes":["audit:read"]}""", """{"name":"a","scopes":["\udead"]}""", """{"\udead":1,"name":"a","scopes":["audit:read"]}""",
            """{"name":"a","scopes":["audit:read"],"expiresAt":"2026-03-10T12:00:00Z"}""", """{"name":"a","scopes":["audit:read"],"expiresAt":"soon"}""", """{"name":"a","scopes":["audit:read"],"expiresAt":7}""",
            """{"name":"a","scopes":["audit:read"],"expiresAt":"\udead"}""", $$"""{"name":"{{new string('x', 101)}}","scopes":["audit:read"]}""",
        })
        {
            var answer = await app.Owner.Post(Keys, body);
            Assert.True(answer.Status == 400, $"{body}: {answer.Status} {answer.Text}");
        }
        (await app.Owner.Post(Keys, """{"name":"a","scopes":["audit:read"]}""", "application/x-www-form-urlencoded")).Expect(415);
        (await app.Owner.Post(Keys + "?x=1", """{"name":"a","scopes":["audit:read"]}""")).Expect(400);
        Assert.Equal(before, (await app.Owner.Get(Keys)).Total);
    }
}
