using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Hosting;

public sealed class HealthTests
{
    const string Health = "/api/v1/admin/health";

    [Fact]
    public async Task Everyone_may_ask_whether_it_lives_and_is_ready()
    {
        await using var app = await CairnApp.Start();
        foreach (var client in new[] { app.Gateway(), app.Console() })
        {
            Assert.Equal("ok\n", (await client.Get("/healthz")).Expect(200).Text);
            Assert.Equal("ready\n", (await client.Get("/readyz")).Expect(200).Text);
        }
        (await app.Console().Get(Health)).Expect(401);
    }

    [Fact]
    public async Task Whatever_comes_in_is_counted_once_in_health_and_metrics()
    {
        FaultyStore? store = null;
        await using var app = await CairnApp.Start(around: inner => store = new(inner));
        await app.Import(Some.Request(app.Clock.NowMs - 5_000), Some.Request(app.Clock.NowMs));
        var id = Some.EventId;
        await app.Send("""{"action":"a.b"}""", $$"""{"id":"{{id}}","action":"a.b"}""");
        foreach (var action in new[] { "a.b", "a.b", "a.c" }) (await app.Sender.Post("/api/v1/events", $$"""{"id":"{{id}}","action":"{{action}}"}""")).Expect(200);
        store!.FailBefore = _ => new LogUnavailableException("gone");
        (await app.Sender.Post("/api/v1/events", """[{"action":"a.b"},{"action":"a.b"}]""")).Expect(503);
        store.FailBefore = _ => null;
        store.Hold();
        var waiting = app.Sender.Post("/api/v1/events", """[{"action":"a.b"},{"action":"a.b"},{"action":"a.b"}]""");
        await Until.True(() => app.Host.Recorder.Waiting > 0);

        var health = (await app.Reader.Get(Health)).Expect(200).Json;
        var records = health.GetProperty("records");
        long Count(string name) => records.GetProperty(name).GetInt64();
        Assert.Equal((12, 4, 2, 1, 2, 3, 0), (Count("accepted"), Count("written"), Count("duplicates"), Count("conflicts"), Count("refused"), Count("waiting"), Count("lost")));
        Assert.Equal("2026-03-10T11:59:55.000Z", health.GetProperty("oldest").GetProperty("request").GetString());
        Assert.Equal("2026-03-10T12:00:00.000Z", health.GetProperty("oldest").GetProperty("event").GetString());
        Assert.Equal("ok", health.GetProperty("status").GetString());
        Assert.True(health.GetProperty("store").GetProperty("bytes").GetInt64() > 0);

        var metrics = (await app.Gateway().Get("/metrics")).Expect(200);
        Assert.StartsWith("text/plain; version=0.0.4", metrics.Header("Content-Type"), StringComparison.Ordinal);
        var lines = metrics.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var line in new[] { "cairn_records_accepted_total 12", "cairn_requests_written_total 2", "cairn_events_written_total 2", "cairn_records_duplicate_total 2", "cairn_records_conflicting_total 1", "cairn_records_refused_total 2", "cairn_records_waiting 3", "cairn_store_writable 1" })
            Assert.Contains(line, lines);
        Assert.All(lines.Where(line => line[0] != '#'), line => Assert.Matches("^[a-z_]+ [0-9]+$", line));

        store.LetGo();
        (await waiting).Expect(200);
        records = (await app.Reader.Get(Health)).Json.GetProperty("records");
        Assert.Equal(Count("accepted"), Count("written") + Count("duplicates") + Count("conflicts") + Count("refused") + Count("waiting"));
        Assert.Equal(7, Count("written"));
    }
}
