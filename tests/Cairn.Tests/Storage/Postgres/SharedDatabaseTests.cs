using System.Text.Json;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Support;

namespace Cairn.Storage.Postgres;

/// <summary>Several Cairns over one database.</summary>
public sealed class SharedDatabaseTests
{
    static async Task<Func<Settings, Settings>> Shared()
    {
        Assert.True(StoreAddress.TryRead(await (await PostgresServer.Shared()).NewDatabase(), out var address));
        return settings => settings with { Store = address };
    }

    static string Event(int number) => $$"""{"action":"a.b","resourceName":"{{number}}"}""";

    static int Number(JsonElement frame) => int.Parse(frame.GetProperty("data").GetProperty("resourceName").GetString()!);

    [Fact]
    public async Task What_one_records_is_live_and_listed_at_the_other_in_one_order()
    {
        var shared = await Shared();
        await using var first = await CairnApp.Start(shared);
        await using var second = await CairnApp.Start(shared, first.Clock);
        await first.Send(Event(1));
        await using var here = await first.Follow("/api/v1/admin/ws/audit-logs?action=a.b");
        await using var there = await second.Follow("/api/v1/admin/ws/audit-logs?action=a.b");
        await using var requests = await second.Follow("/admin/ws/audit-logs");
        Assert.Equal([1], (await here.Records(1)).Select(Number));
        Assert.Equal([1], (await there.Records(1)).Select(Number));

        // Both write at once; both see all of it, in the same order.
        await Task.WhenAll(
            Task.Run(async () => { for (var i = 10; i < 30; i++) await first.Send(Event(i)); }, Client.Cancel),
            Task.Run(async () => { for (var i = 40; i < 60; i++) await second.Send(Event(i)); }, Client.Cancel));
        var seenHere = (await here.Records(40)).Select(Number).ToArray();
        Assert.Equal(seenHere, (await there.Records(40)).Select(Number));
        Assert.Equal(Enumerable.Range(10, 20).Concat(Enumerable.Range(40, 20)), seenHere.Order());

        await first.Import(Some.Request(first.Clock.NowMs, "llama-3"));
        Assert.Equal("llama-3", Assert.Single(await requests.Records(1)).GetProperty("data").GetProperty("model").GetString());
        foreach (var app in new[] { first, second })
            Assert.Equal(41, (await app.Reader.Get("/api/v1/admin/audit-logs?action=a.b")).Json.GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task A_person_who_signed_in_at_one_is_signed_in_at_the_other_until_the_session_ends()
    {
        var shared = await Shared();
        await using var first = await CairnApp.Start(shared);
        await using var second = await CairnApp.Start(shared, first.Clock);
        var browser = await first.Person();
        var other = Same(browser, second);
        (await other.Get("/api/auth/me")).Expect(200);
        await using var live = await LiveClient.Open(other, "/api/v1/admin/ws/audit-logs", second.Host.ConsoleUrl!.GetLeftPart(UriPartial.Authority));

        (await browser.Post("/api/auth/logout")).Expect(204);
        first.Clock.Move(TimeSpan.FromSeconds(3));
        (await other.Get("/api/auth/me")).Expect(401);
        while (await live.Next() is not null) { }
        Assert.Equal(System.Net.WebSockets.WebSocketCloseStatus.PolicyViolation, live.ClosedAs);
    }

    [Fact]
    public async Task A_live_connection_ends_at_the_other_also_while_retention_takes_its_time()
    {
        var shared = await Shared();
        await using var first = await CairnApp.Start(shared);
        await using var second = await CairnApp.Start(shared, first.Clock);
        var browser = await first.Person();
        var (key, text) = await first.Key([Scopes.AuditRead], null);
        await using var person = await LiveClient.Open(Same(browser, second), "/api/v1/admin/ws/audit-logs", second.Host.ConsoleUrl!.GetLeftPart(UriPartial.Authority));
        await using var program = await second.Follow("/api/v1/admin/ws/audit-logs", second.Console(text));

        // Both come to the end of a run, which they note, and cannot.
        await using var connection = await PostgresServer.Connect(second.Host.Settings.Store.Url!.OriginalString);
        await using var held = await connection.BeginTransactionAsync(Client.Cancel);
        await using (var hold = new Npgsql.NpgsqlCommand("LOCK TABLE cairn.settings IN ACCESS EXCLUSIVE MODE", connection, held)) await hold.ExecuteNonQueryAsync(Client.Cancel);
        first.Clock.Move(TimeSpan.FromHours(1));
        await using (var waiting = new Npgsql.NpgsqlCommand("SELECT count(*) FROM pg_locks WHERE relation = 'cairn.settings'::regclass AND NOT granted", connection, held))
            await Until.True(async () => (long)(await waiting.ExecuteScalarAsync(Client.Cancel))! == 2);

        (await browser.Post("/api/auth/logout")).Expect(204);
        (await first.Owner.Delete($"/api/v1/admin/keys/{key.Id}")).Expect(200);
        first.Clock.Move(TimeSpan.FromSeconds(3));
        foreach (var live in new[] { person, program })
        {
            while (await live.Next() is not null) { }
            Assert.Equal(System.Net.WebSockets.WebSocketCloseStatus.PolicyViolation, live.ClosedAs);
        }
    }

    /// <summary>The same browser at another console.</summary>
    static Client Same(Client browser, CairnApp at)
    {
        var other = at.Console();
        foreach (var (name, value) in browser.Cookies) other.Cookies[name] = value;
        return other;
    }

    [Fact]
    public async Task A_key_that_was_revoked_at_one_ends_at_the_other_within_a_second()
    {
        var shared = await Shared();
        await using var first = await CairnApp.Start(shared);
        await using var second = await CairnApp.Start(shared, first.Clock);
        var (key, text) = await first.Key([Scopes.EventsWrite], null);
        var sender = second.Gateway(text);
        (await sender.Post("/api/v1/events", Event(1))).Expect(200);

        (await first.Owner.Delete($"/api/v1/admin/keys/{key.Id}")).Expect(200);
        first.Clock.Move(TimeSpan.FromSeconds(1));
        (await sender.Post("/api/v1/events", Event(2))).Expect(401);
    }
}
