using System.Net.WebSockets;
using System.Text.Json;
using Cairn.Access;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Live;

public sealed class LiveTests
{
    const string Events = "/api/v1/admin/ws/audit-logs", Requests = "/admin/ws/audit-logs";

    static string Event(int number, string action = "a.b") => $$"""{"action":"{{action}}","resourceName":"{{number}}"}""";

    static int Number(JsonElement frame) => int.Parse(frame.GetProperty("data").GetProperty("resourceName").GetString()!);

    static string CursorOf(JsonElement frame) => frame.GetProperty("cursor").GetString()!;

    [Fact]
    public async Task Nobody_and_a_key_without_the_scope_may_not_follow()
    {
        await using var app = await CairnApp.Start();
        await Assert.ThrowsAsync<WebSocketException>(() => app.Follow(Events, app.Console()));
        var sender = await app.Key(Scopes.EventsWrite);
        await Assert.ThrowsAsync<WebSocketException>(() => app.Follow(Events, app.Console(sender)));
        await Assert.ThrowsAsync<WebSocketException>(() => app.Follow(Requests, app.Gateway(sender)));
        await app.Send(Event(1));
        await using var live = await app.Follow(Events);
        Assert.Equal(1, Number(Assert.Single(await live.Records(1))));
    }

    [Fact]
    public async Task The_last_hundred_come_oldest_first_and_then_what_is_new()
    {
        await using var app = await CairnApp.Start();
        await app.Send([.. Enumerable.Range(1, 130).Select(i => Event(i))]);
        await using var live = await app.Follow(Events);
        Assert.Equal(Enumerable.Range(31, 100), (await live.Records(100)).Select(Number));

        await app.Send(Event(131), Event(132));
        var frames = await live.Records(2);
        Assert.Equal([131, 132], frames.Select(Number));
        Assert.Equal(["type", "data", "cursor"], frames[0].EnumerateObject().Select(one => one.Name));
        var listed = (await app.Reader.Get("/api/v1/admin/audit-logs?limit=1")).Items[0];
        Assert.Equal(listed.GetRawText(), frames[1].GetProperty("data").GetRawText());
    }

    [Fact]
    public async Task The_filters_of_the_list_hold_for_what_was_and_what_comes()
    {
        await using var app = await CairnApp.Start();
        await app.Send(Event(1, "a.x"), Event(2, "a.y"), Event(3, "a.x"));
        await using var live = await app.Follow(Events + "?action=a.x&action=a.z&outcome=!denied");
        Assert.Equal([1, 3], (await live.Records(2)).Select(Number));
        await app.Send(Event(4, "a.y"), Event(5, "a.z"), """{"action":"a.x","outcome":"denied","resourceName":"6"}""", Event(7, "a.x"));
        Assert.Equal([5, 7], (await live.Records(2)).Select(Number));

        await app.Import(Some.Request(app.Clock.NowMs, "llama-3"), Some.Request(app.Clock.NowMs, "gpt-4o", "error"));
        await using var requests = await app.Follow(Requests + "?status=error&model=gpt-4o");
        Assert.Equal("gpt-4o", Assert.Single(await requests.Records(1)).GetProperty("data").GetProperty("model").GetString());
    }

    [Fact]
    public async Task After_a_cursor_everything_follows_once_however_far_behind()
    {
        await using var app = await CairnApp.Start();
        await app.Send(Event(1));
        string cursor;
        await using (var first = await app.Follow(Events)) cursor = CursorOf(Assert.Single(await first.Records(1)));

        // More than the memory of new records holds.
        await app.Send([.. Enumerable.Range(2, 3_000).Select(i => Event(i))]);
        await using var live = await app.Follow($"{Events}?after={cursor}");
        var frames = await live.Records(3_000);
        Assert.Equal(Enumerable.Range(2, 3_000), frames.Select(Number));

        // And from any place on the way.
        foreach (var place in new[] { 0, 951, 952, 953, 1_500, 2_998 })
        {
            await using var again = await app.Follow($"{Events}?after={CursorOf(frames[place])}");
            Assert.Equal(place + 3, Number((await again.Records(1))[0]));
        }
        await app.Send(Event(3_002));
        Assert.Equal(3_002, Number((await live.Records(1))[0]));
    }

    [Fact]
    public async Task After_a_cursor_nothing_that_is_filtered_out_holds_the_rest_up()
    {
        await using var app = await CairnApp.Start();
        await app.Send(Event(1, "a.x"));
        string cursor;
        await using (var first = await app.Follow(Events)) cursor = CursorOf(Assert.Single(await first.Records(1)));
        for (var i = 0; i < 3; i++) await app.Send([.. Enumerable.Repeat(Event(2, "a.y"), 5_000)]);
        await app.Send(Event(3, "a.x"));
        await using var live = await app.Follow($"{Events}?after={cursor}&action=a.x");
        Assert.Equal(3, Number((await live.Records(1))[0]));
    }

    [Fact]
    public async Task After_a_restart_a_follower_goes_on_from_its_cursor()
    {
        using var place = new TempDirectory();
        string cursor;
        await using (var app = await CairnApp.Start(place: place.Path))
        {
            await app.Send(Event(1));
            await using var live = await app.Follow(Events);
            cursor = CursorOf(Assert.Single(await live.Records(1)));
            await app.Send(Event(2), Event(3));
        }
        await using var again = await CairnApp.Start(place: place.Path);
        await using var next = await again.Follow($"{Events}?after={cursor}");
        Assert.Equal([2, 3], (await next.Records(2)).Select(Number));
        await again.Send(Event(4));
        Assert.Equal(4, Number((await next.Records(1))[0]));
    }

    [Fact]
    public async Task Frames_come_in_the_order_of_the_log_also_of_what_happened_earlier()
    {
        await using var app = await CairnApp.Start();
        await using var live = await app.Follow(Events);
        await app.Send(Event(1), """{"action":"a.b","resourceName":"2","createdAt":"2026-03-01T00:00:00Z"}""", Event(3));
        var frames = await live.Records(3);
        Assert.Equal([1, 2, 3], frames.Select(Number));
        await using var again = await app.Follow($"{Events}?after={CursorOf(frames[0])}");
        Assert.Equal([2, 3], (await again.Records(2)).Select(Number));
    }

    [Fact]
    public async Task While_many_write_a_follower_that_comes_and_goes_misses_and_repeats_nothing()
    {
        await using var app = await CairnApp.Start();
        await app.Send(Event(0));
        string cursor;
        await using (var first = await app.Follow(Events)) cursor = CursorOf(Assert.Single(await first.Records(1)));

        const int writers = 8, each = 60;
        var writing = Task.WhenAll(Enumerable.Range(0, writers).Select(async writer =>
        {
            for (var i = 0; i < each; i++) await app.Send(Event(1 + writer * each + i));
        }));
        var seen = new List<int>();
        while (seen.Count < writers * each)
        {
            await using var live = await app.Follow($"{Events}?after={cursor}");
            var frames = await live.Records(Math.Min(37, writers * each - seen.Count));
            seen.AddRange(frames.Select(Number));
            cursor = CursorOf(frames[^1]);
        }
        await writing;
        Assert.Equal(Enumerable.Range(1, writers * each), seen.Order());
        Assert.Equal(
            (await app.Reader.Get("/api/v1/admin/audit-logs/export?format=jsonl")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Reverse().Skip(1)
                .Select(line => int.Parse(JsonDocument.Parse(line).RootElement.GetProperty("resourceName").GetString()!)),
            seen);
    }

    [Fact]
    public async Task A_quiet_connection_is_pinged_after_thirty_seconds()
    {
        await using var app = await CairnApp.Start();
        await app.Send(Event(1));
        var timers = app.Clock.Waiting;
        await using var live = await app.Follow(Events);
        await live.Records(1);
        await Quiet(app, timers);
        app.Clock.Move(TimeSpan.FromSeconds(29));
        await app.Send(Event(2));
        Assert.Equal(2, Number((await live.Records(1))[0]));

        // What was sent began the thirty seconds anew.
        await Quiet(app, timers);
        app.Clock.Move(TimeSpan.FromSeconds(29));
        await app.Send(Event(3));
        Assert.Equal(3, Number((await live.Records(1))[0]));
        for (var i = 0; i < 3; i++)
        {
            await Quiet(app, timers);
            app.Clock.Move(TimeSpan.FromSeconds(30));
            Assert.Equal("""{"type":"ping"}""", (await live.Next())!.Value.GetRawText());
        }

        // Until the follower waits for its next ping.
        static async Task Quiet(CairnApp app, int timers)
        {
            await Until.True(() => app.Clock.Waiting > timers);
        }
    }

    [Fact]
    public async Task A_follower_that_does_not_read_holds_nobody_up_and_gets_everything_later()
    {
        await using var app = await CairnApp.Start();
        await using var slow = await app.Follow(Events);
        await using var quick = await app.Follow(Events);
        var filler = new string('x', 12_000);
        for (var batch = 0; batch < 30; batch++)
            await app.Send([.. Enumerable.Range(batch * 100, 100).Select(i => $$$"""{"action":"a.b","resourceName":"{{{i}}}","metadata":{"filler":"{{{filler}}}"}}""")]);
        Assert.Equal(3_000, (await app.Reader.Get("/api/v1/admin/audit-logs?limit=1")).Total);
        Assert.Equal(Enumerable.Range(0, 3_000), (await quick.Records(3_000)).Select(Number));
        Assert.Equal(Enumerable.Range(0, 3_000), (await slow.Records(3_000)).Select(Number));
    }

    [Fact]
    public async Task A_cursor_of_another_list_another_kind_or_nothing_is_refused()
    {
        await using var app = await CairnApp.Start();
        await app.Send(Event(1), Event(2));
        await app.Import(Some.Request(app.Clock.NowMs), Some.Request(app.Clock.NowMs));
        var list = (await app.Reader.Get("/api/v1/admin/audit-logs?limit=1")).Json.GetProperty("nextCursor").GetString()!;
        await using var requests = await app.Follow(Requests);
        var tail = CursorOf((await requests.Records(1))[0]);
        foreach (var cursor in new[] { list, tail, "x", "-1", "0", new string('A', 14), Cursor.ForTail("event", 3), Cursor.ForTail("event", long.MaxValue), Cursor.ForTail("event", -1) })
        {
            var answer = (await app.Reader.Get($"{Events}?after={cursor}")).Expect(400);
            Assert.Equal("after", answer.Json.GetProperty("parameter").GetString());
        }
        (await app.GatewayReader.Get($"{Requests}?after={Cursor.ForTail("event", 1)}")).Expect(400);
        (await app.Reader.Get($"{Events}?cursor={list}")).Expect(400);
        (await app.Reader.Get($"{Events}?limit=3")).Expect(400);
        (await app.Reader.Get($"{Events}?outcome=maybe")).Expect(400);
    }

    [Fact]
    public async Task Reading_the_path_without_a_WebSocket_says_what_it_is()
    {
        await using var app = await CairnApp.Start();
        Assert.Contains("WebSocket", (await app.Reader.Get(Events)).Expect(426).Detail, StringComparison.Ordinal);
        Assert.Contains("WebSocket", (await app.GatewayReader.Get(Requests)).Expect(426).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_follower_says_is_passed_over_and_its_goodbye_is_answered()
    {
        await using var app = await CairnApp.Start();
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("x-api-key", app.Reader.Key);
        await socket.ConnectAsync(new UriBuilder(new Uri(app.Host.ConsoleUrl!, Events)) { Scheme = "ws" }.Uri, Client.Cancel);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, Client.Cancel);
        await socket.SendAsync(new byte[100_000], WebSocketMessageType.Binary, true, Client.Cancel);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", Client.Cancel);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    [Fact]
    public async Task When_Cairn_stops_followers_are_told()
    {
        await using var app = await CairnApp.Start();
        await using var live = await app.Follow(Events);
        await app.Send(Event(1));
        await live.Records(1);
        var stopping = app.Host.DisposeAsync();
        Assert.Null(await live.Next());
        await stopping;
    }
}
