using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Retention;

public sealed class RetentionTests
{
    const string State = "/api/v1/admin/retention", Run = "/api/v1/admin/retention/run", Events = "/api/v1/admin/audit-logs", Requests = "/api/system/audit-logs";

    static (long Requests, long Events) Removed(Answer answer) => (answer.Expect(200).Json.GetProperty("requests").GetInt64(), answer.Json.GetProperty("events").GetInt64());

    static async Task<(long Requests, long Events)> Left(CairnApp app) => ((await app.Reader.Get(Requests + "?limit=1")).Total, (await app.Reader.Get(Events + "?limit=1&action=!audit.retention_ran")).Total);

    [Fact]
    public async Task Nobody_and_no_key_may_run_it()
    {
        await using var app = await CairnApp.Start();
        (await app.Console().Post(Run, "")).Expect(401);
        (await app.Console(await app.Key(Scopes.All)).Post(Run, "")).Expect(403);
        (await app.Owner.Post(Run, "")).Expect(200);
        foreach (var query in new[] { "?dry_run=yes", "?confirm=1", "?force=true" }) (await app.Owner.Post(Run + query, "")).Expect(400);
    }

    [Fact]
    public async Task What_is_older_than_its_days_goes_and_what_is_not_stays()
    {
        await using var app = await CairnApp.Start(settings => settings with { RequestDays = 10, EventDays = 20 });
        var now = app.Clock.NowMs;
        await app.Import(new[] { 10 * Some.Day + 1, 10 * Some.Day, 0 }.Select(age => Some.Request(now - age)));
        await app.Import(new[] { 20 * Some.Day + 1, 20 * Some.Day, 0 }.Select(age => Some.Event(now - age)));

        Assert.Equal((1, 1), Removed(await app.Owner.Post(Run + "?dry_run=true", "")));
        Assert.Equal((3, 3), await Left(app));
        Assert.Equal(0, (await app.Reader.Get(Events + "?action=audit.retention_ran")).Total);

        Assert.Equal((1, 1), Removed(await app.Owner.Post(Run, "")));
        Assert.Equal((2, 2), await Left(app));
        var ran = Assert.Single((await app.Reader.Get(Events + "?action=audit.retention_ran")).Items);
        Assert.Equal("local", ran.GetProperty("actorId").GetString());
        Assert.Equal("""{"at":"2026-03-10T12:00:00.000Z","requests":1,"events":1,"conversations":0,"dryRun":false}""", JsonSerializer.Serialize(ran.GetProperty("metadata")));
    }

    [Fact]
    public async Task It_runs_every_hour_by_itself_and_health_says_when()
    {
        await using var app = await CairnApp.Start(settings => settings with { RequestDays = 1 });
        await app.Import(Some.Request(app.Clock.NowMs - Some.Day + 30 * 60_000), Some.Request(app.Clock.NowMs));
        Assert.Equal(("2026-03-10T12:00:00.000Z", "2026-03-10T13:00:00.000Z"), await Runs());

        await using var live = await app.Follow("/api/v1/admin/ws/audit-logs");
        app.Clock.Move(TimeSpan.FromMinutes(59));
        Assert.Equal((2, 0), await Left(app));
        app.Clock.Move(TimeSpan.FromMinutes(1));
        var ran = Assert.Single(await live.Records(1)).GetProperty("data");
        Assert.Equal("audit.retention_ran", ran.GetProperty("action").GetString());
        Assert.Equal(JsonValueKind.Null, ran.GetProperty("actorId").ValueKind);
        Assert.Equal((1, 0), await Left(app));
        Assert.Equal(("2026-03-10T13:00:00.000Z", "2026-03-10T14:00:00.000Z"), await Runs());

        async Task<(string?, string?)> Runs()
        {
            var retention = (await app.Reader.Get("/api/v1/admin/health")).Json.GetProperty("retention");
            return (retention.GetProperty("lastRun").GetProperty("at").GetString(), retention.GetProperty("nextRun").GetString());
        }
    }

    [Fact]
    public async Task Zero_days_keep_for_ever()
    {
        await using var app = await CairnApp.Start(settings => settings with { RequestDays = 0, EventDays = 0 });
        await app.Import(Some.Request(0));
        await app.Import(Some.Event(0));
        Assert.Equal((0, 0), Removed(await app.Owner.Post(Run, "")));
        Assert.Equal((1, 1), await Left(app));
    }

    [Fact]
    public async Task Beyond_the_size_the_oldest_of_both_kinds_go_and_no_more_than_needed()
    {
        using var place = new TempDirectory();
        long bytes, now;
        await using (var app = await CairnApp.Start(place: place.Path))
        {
            now = app.Clock.NowMs;
            // In turns, so that both kinds are as old.
            await app.Import(Enumerable.Range(0, 4_000).Select(i => Some.Request(now - 2 * i * 1_000)));
            await app.Import(Enumerable.Range(0, 4_000).Select(i => Some.Event(now - (2 * i + 1) * 1_000)));
            bytes = (await app.Reader.Get("/api/v1/admin/health")).Json.GetProperty("store").GetProperty("bytes").GetInt64();
        }

        var most = bytes * 7 / 10;
        await using var small = await CairnApp.Start(settings => settings with { MaxBytes = most }, place: place.Path);
        // It ran at the start already.
        var (requests, events) = await Left(small);
        Assert.InRange(requests + events, 8_000 * 65 / 100, 8_000 * 75 / 100);
        Assert.InRange(Math.Abs(requests - events), 0, 1);
        // The newest of both are whole.
        var oldest = now - 2 * Math.Min(requests - 1, events - 1) * 1_000;
        Assert.Equal(Math.Min(requests, events), (await small.Reader.Get($"{Requests}?limit=1&start_time={Iso.Text(oldest)}")).Total);

        // Pages free up by and by; a few runs later it fits, and from then on nothing goes.
        for (var i = 0; i < 8; i++) await small.Owner.Post(Run, "");
        Assert.InRange((await small.Reader.Get("/api/v1/admin/health")).Json.GetProperty("store").GetProperty("bytes").GetInt64(), most / 2, most);
        Assert.Equal((0, 0), Removed(await small.Owner.Post(Run, "")));
    }

    [Fact]
    public async Task A_run_that_would_take_most_is_held_until_it_is_confirmed()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Enumerable.Range(0, 1_500).Select(i => Some.Request(app.Clock.NowMs - i)));
        app.Clock.Set(app.Clock.Now.AddYears(10));
        await Until.True(async () => (await app.Owner.Get(State)).Json.GetProperty("held").ValueKind != JsonValueKind.Null);
        Assert.Equal(1_500, (await app.Reader.Get(Requests)).Total);

        var held = (await app.Owner.Post(Run, "")).Expect(200).Json;
        Assert.Equal((0, 0), (held.GetProperty("requests").GetInt32(), held.GetProperty("events").GetInt32()));
        Assert.Contains("clock", held.GetProperty("held").GetString(), StringComparison.Ordinal);
        Assert.Contains("1500", (await app.Reader.Get("/api/v1/admin/health")).Json.GetProperty("retention").GetProperty("held").GetString(), StringComparison.Ordinal);
        Assert.Equal(1_500, (await app.Reader.Get(Requests)).Total);

        Assert.Equal(1_500, Removed(await app.Owner.Post(Run + "?confirm=true", "")).Requests);
        Assert.Equal(0, (await app.Reader.Get(Requests)).Total);
        Assert.Equal(JsonValueKind.Null, (await app.Owner.Get(State)).Json.GetProperty("held").ValueKind);
    }

    [Fact]
    public async Task A_clock_that_jumps_back_removes_nothing()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Enumerable.Range(0, 10).Select(i => Some.Request(app.Clock.NowMs - i)));
        app.Clock.Set(app.Clock.Now.AddYears(-10));
        Assert.Equal((0, 0), Removed(await app.Owner.Post(Run, "")));
        Assert.Equal(10, (await app.Reader.Get(Requests)).Total);
    }

    [Fact]
    public async Task A_position_is_never_given_twice_and_followers_pass_over_what_went()
    {
        using var place = new TempDirectory();
        var clock = new TestClock();
        await using (var app = await CairnApp.Start(place: place.Path, clock: clock))
        {
            await app.Import(Some.Request(clock.NowMs), Some.Request(clock.NowMs));
            clock.Set(clock.Now.AddDays(31));
            await app.Owner.Post(Run, "");
            Assert.Equal(0, (await app.Reader.Get(Requests)).Total);
        }
        await using var again = await CairnApp.Start(place: place.Path, clock: clock);
        await again.Import(Some.Request(clock.NowMs));
        Assert.Equal(3, (await again.Reader.Get(Requests)).Items[0].GetProperty("id").GetInt64());
        await using var live = await again.Follow("/admin/ws/audit-logs?after=" + Cursor.ForTail("request", 1));
        Assert.Equal(3, Assert.Single(await live.Records(1)).GetProperty("data").GetProperty("id").GetInt64());
    }

    [Fact]
    public async Task Names_that_no_record_uses_any_longer_are_erased()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Some.Event(app.Clock.NowMs - 400 * Some.Day, resourceName: "Forgotten Castle"), Some.Event(app.Clock.NowMs, resourceName: "Kept House"));
        await app.Owner.Post(Run, "");
        Assert.Equal(0, (await app.Reader.Get(Events + "?search=castle")).Total);
        Assert.Equal(1, (await app.Reader.Get(Events + "?search=house")).Total);
        await app.Host.DisposeAsync();
        var disk = string.Concat(Directory.GetFiles(app.Host.Settings.DataDirectory, "log.db*").Select(file => Encoding.Latin1.GetString(File.ReadAllBytes(file))));
        Assert.Contains("Kept House", disk, StringComparison.Ordinal);
        Assert.DoesNotContain("Forgotten Castle", disk, StringComparison.Ordinal);
    }
}
