using System.Text.Json;
using Cairn.Access;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Events;

public sealed class EventListTests
{
    const string List = "/api/v1/admin/audit-logs";

    static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    static string[] Ids(Answer answer) => [.. answer.Expect(200).Items.Select(item => item.GetProperty("id").GetString()!)];

    static string? Text(JsonElement item, string name) => item.GetProperty(name).GetString();

    [Fact]
    public async Task Nobody_and_a_key_without_the_scope_may_not_read()
    {
        await using var app = await CairnApp.Start();
        foreach (var path in new[] { List, List + "/" + Some.EventId, List + "/actors", List + "/catalog", List + "/export" })
        {
            (await app.Console().Get(path)).Expect(401);
            (await app.Console(await app.Key(Scopes.EventsWrite)).Get(path)).Expect(403);
        }
        (await app.Reader.Get(List)).Expect(200);
    }

    /// <summary>Forty events a minute apart, the last one now.</summary>
    static List<EventRecord> Varied(CairnApp app) =>
    [
        .. Enumerable.Range(0, 40).Select(i => new EventRecord
        {
            Id = Some.EventId,
            TimeMs = (app.Clock.Now - (39 - i) * Minute).ToUnixTimeMilliseconds(),
            RecordedAtMs = app.Clock.NowMs,
            ActorId = new[] { null, "u1", "u2", "System" }[i % 4],
            ActorName = new[] { null, "Ada", "Bo", "Daemon" }[i % 4],
            Action = new[] { "workspace.stopped", "project.created", "!odd", "billing.invoice_paid", "auth.login" }[i % 5],
            Resource = new[] { "Workspace", "Project", null }[i % 3],
            ResourceId = i % 3 == 2 ? null : $"r{i % 6}",
            ResourceName = new[] { "Blue Lab", "näher", null, "100%_x" }[i % 4],
            Outcome = new[] { "success", "failure", "denied" }[i % 3],
            RequestId = i % 7 == 0 ? "req-7" : null,
            TraceId = i % 8 == 0 ? "t8" : null,
            ConversationId = i % 9 == 0 ? "c9" : null,
        }),
    ];

    [Fact]
    public async Task Every_filter_gives_what_it_says_and_its_exact_total()
    {
        await using var app = await CairnApp.Start();
        var all = Varied(app);
        await app.Import(all);
        var label = EventCatalog.Known.Label;
        var tenth = all[10].TimeMs;
        (string Query, Func<EventRecord, bool> Is)[] filters =
        [
            ("", _ => true),
            ("actorId=u1", e => e.ActorId == "u1"),
            ("actorId=u1&actorId=u2", e => e.ActorId is "u1" or "u2"),
            ("actorId=System", e => e.ActorId is null or "System"),
            ("actorId=!System", e => e.ActorId is "u1" or "u2"),
            ("actorId=!u1", e => e.ActorId != "u1"),
            ("actorId=!u1&actorId=!u2", e => e.ActorId is not ("u1" or "u2")),
            ("actorId=nobody", _ => false),
            ("actorId=!nobody", _ => true),
            ("actorId=U1", _ => false),
            ("resource=Workspace", e => e.Resource == "Workspace"),
            ("resource=!Workspace", e => e.Resource != "Workspace"),
            ("resource=Workspace&resource=!Workspace", _ => false),
            ("action=auth.login", e => e.Action == "auth.login"),
            ("action=auth", _ => false),
            ("action=\\!odd", e => e.Action == "!odd"),
            ("action=!!odd", e => e.Action != "!odd"),
            ("action=!odd", e => e.Action != "odd"),
            ("outcome=denied", e => e.Outcome == "denied"),
            ("outcome=!success", e => e.Outcome != "success"),
            ("resourceId=r1", e => e.ResourceId == "r1"),
            ("requestId=req-7", e => e.RequestId == "req-7"),
            ("requestId=!req-7", e => e.RequestId != "req-7"),
            ("traceId=t8", e => e.TraceId == "t8"),
            ("conversationId=c9", e => e.ConversationId == "c9"),
            ("search=blue", e => e.ResourceName == "Blue Lab"),
            ("search=NÄHER", e => e.ResourceName == "näher"),
            ("search=0%25_", e => e.ResourceName == "100%_x"),
            ("search=%25", e => e.ResourceName == "100%_x"),
            ("search=stopped+work", e => e.Action == "workspace.stopped"),
            ("search=INVOICE+PAID", e => e.Action == "billing.invoice_paid"),
            ("search=e.s", e => e.Action == "workspace.stopped"),
            ("search=l", e => label(e.Action).Contains('l') || e.Action.Contains('l') || e.ResourceName == "Blue Lab"),
            ("search=nothing%22like'this", _ => false),
            ($"from={Uri.EscapeDataString(Iso.Text(tenth))}", e => e.TimeMs >= tenth),
            ($"to={Uri.EscapeDataString(Iso.Text(tenth))}", e => e.TimeMs <= tenth),
            ($"from={Uri.EscapeDataString(Iso.Text(tenth))}&to={Uri.EscapeDataString(Iso.Text(tenth))}", e => e.TimeMs == tenth),
            ("from=2026-03-10&to=2026-03-10", _ => true),
            ("from=2026-03-11", _ => false),
            ("to=2026-03-09", _ => false),
            ("actorId=u1&outcome=failure&search=ada", e => false),
            ("actorId=u1&outcome=failure&resource=Project&action=!auth.login", e => e is { ActorId: "u1", Outcome: "failure", Resource: "Project" } && e.Action != "auth.login"),
            ("search=blue&outcome=success&from=2026-03-10", e => e is { ResourceName: "Blue Lab", Outcome: "success" }),
            ("actorId=&resource=&search=&from=&to=&page=&limit=&cursor=&tz=&outcome=", _ => true),
        ];
        foreach (var (query, matches) in filters)
        {
            var expected = all.Where(matches).OrderByDescending(e => e.TimeMs).Select(e => e.Id).ToArray();
            var answer = await app.Reader.Get($"{List}?{query}&limit=100".Replace("&limit=&", "&", StringComparison.Ordinal));
            Assert.True(answer.Status == 200, $"{query}: {answer.Text}");
            Assert.True(expected.SequenceEqual(Ids(answer)), $"{query}: {expected.Length} expected, {answer.Items.Count} found");
            Assert.True(answer.Total == expected.Length && answer.Json.GetProperty("total").GetInt64() == expected.Length, $"{query}: total {answer.Total}");
        }
    }

    /// <summary>Parameters that are refused, and the one that the problem names.</summary>
    static readonly (string Query, string Names)[] Bad =
    [
        ("colour=red", "colour"), ("colour=", "colour"), ("Limit=5", "Limit"), ("actor_id=u1", "actor_id"), ("offset=0", "offset"),
        ("limit=5&limit=6", "limit"), ("search=a&search=b", "search"), ("from=2026-01-01&from=2026-01-02", "from"), ("page=1&page=1", "page"),
        ("limit=0", "limit"), ("limit=101", "limit"), ("limit=1001", "limit"), ("limit=-1", "limit"), ("limit=abc", "limit"), ("limit=1.5", "limit"), ("limit=0x10", "limit"), ("limit=99999999999999999999", "limit"), ("limit=%205", "limit"),
        ("page=0", "page"), ("page=-1", "page"), ("page=99999999999999999999", "page"),
        ("outcome=maybe", "outcome"), ("outcome=!maybe", "outcome"), ("outcome=Success", "outcome"),
        ("from=2026-02-30", "from"), ("from=2026-13-01", "from"), ("to=2026-00-10", "to"), ("from=yesterday", "from"), ("from=1773144000", "from"), ("from=2026-3-1", "from"), ("from=2026-03-10T25:00:00Z", "from"), ("to=2026-03-10T10:00:60Z", "to"),
        ("from=2026-03-10T10:00:00%2B25:00", "from"),
        ("from=2026-03-10&to=2026-03-09", "to"), ("from=2026-03-10T10:00:00Z&to=2026-03-10T09:59:59Z", "to"),
        ("tz=Mars/Base", "tz"), ("tz=../../etc/passwd", "tz"), ("tz=/etc/passwd", "tz"), ("tz=/dev/zero", "tz"), ("tz=..", "tz"), ("tz=Europe/", "tz"), ("tz=%00", "tz"), ("tz=UTC&tz=UTC", "tz"), ("tz=Europe/Berlin%00", "tz"),
        ("cursor=garbage", "cursor"), ("cursor=AAAAAAAAAAAAAA", "cursor"), ("cursor=!!!!!!!!!!!!!!", "cursor"),
        ("search=%00", "search"), ("actorId=a%00b", "actorId"),
    ];

    [Fact]
    public async Task What_is_not_understood_is_refused_by_name()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Varied(app));
        var wrong = new List<string>();
        foreach (var (query, name) in Bad.Append(($"search={new string('x', 1_001)}", "search")).Append((string.Join('&', Enumerable.Repeat("actorId=x", 201)), "actorId")))
        {
            var answer = await app.Reader.Get($"{List}?{query}");
            if (answer.Status != 400 || answer.Json.GetProperty("parameter").GetString() != name || !answer.Detail.StartsWith(name, StringComparison.Ordinal)) wrong.Add($"{query}: {answer.Status} {answer.Text}");
        }
        foreach (var path in new[] { "/actors?x=1", "/actors?q=a&q=b", "/actors?limit=0", "/catalog?x=1", $"/{Some.EventId}?x=1", "/export?format=xml", "/export?limit=5", "/export?format=csv&format=csv" })
            if ((await app.Reader.Get(List + path)).Status != 400) wrong.Add(path);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task Cursors_of_other_lists_kinds_and_uses_are_refused_and_so_is_a_page_beside_one()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Varied(app));
        await app.Import(Some.Request(app.Clock.NowMs), Some.Request(app.Clock.NowMs));
        var own = (await app.Reader.Get(List + "?limit=5")).Json.GetProperty("nextCursor").GetString();
        var requests = (await app.Reader.Get("/api/system/audit-logs?limit=1")).Header("X-Next-Cursor");
        await using var live = await app.Follow("/api/v1/admin/ws/audit-logs");
        var tail = (await live.Records(1))[0].GetProperty("cursor").GetString();
        foreach (var query in new[] { $"cursor={requests}", $"cursor={tail}", $"cursor={own}&page=2", $"cursor={own}&cursor={own}", $"cursor={own}x" }) (await app.Reader.Get($"{List}?{query}")).Expect(400);
        (await app.Reader.Get($"/api/system/audit-logs?cursor={own}")).Expect(400);
        (await app.Reader.Get($"/api/system/audit-logs?cursor={requests}&offset=1")).Expect(400);
        (await app.Reader.Get($"{List}?cursor={own}")).Expect(200);
    }

    [Fact]
    public async Task Pages_and_cursors_walk_the_same_list()
    {
        await using var app = await CairnApp.Start();
        var all = Varied(app);
        // Some share their millisecond.
        foreach (var one in all) one.TimeMs -= one.TimeMs % (5 * 60_000);
        await app.Import(all);
        string[] whole = Ids(await app.Reader.Get(List + "?limit=100"));
        Assert.Equal(40, whole.Distinct().Count());

        var (paged, walked) = (new List<string>(), new List<string>());
        for (var page = 1; page <= 7; page++)
        {
            var answer = await app.Reader.Get($"{List}?limit=7&page={page}");
            paged.AddRange(Ids(answer));
            Assert.Equal((40, page, 7), (answer.Json.GetProperty("total").GetInt32(), answer.Json.GetProperty("page").GetInt32(), answer.Json.GetProperty("limit").GetInt32()));
        }
        for (string? cursor = ""; cursor is not null;)
        {
            var answer = await app.Reader.Get($"{List}?limit=7&cursor={cursor}");
            walked.AddRange(Ids(answer));
            Assert.Equal(40, answer.Total);
            cursor = answer.Json.GetProperty("nextCursor").GetString();
        }
        Assert.Equal(whole, paged);
        Assert.Equal(whole, walked);
        Assert.Equal(25, (await app.Reader.Get(List)).Items.Count);
        Assert.Empty((await app.Reader.Get(List + "?page=2147483647&limit=100")).Items);
    }

    [Fact]
    public async Task A_walk_by_cursor_neither_repeats_nor_skips_while_records_arrive()
    {
        await using var app = await CairnApp.Start();
        var all = Varied(app);
        await app.Import(all);
        var walked = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var answer = await app.Reader.Get($"{List}?limit=3&cursor={cursor}");
            walked.AddRange(Ids(answer));
            cursor = answer.Json.GetProperty("nextCursor").GetString();
            app.Clock.Move(TimeSpan.FromMilliseconds(1));
            await app.Send("""{"action":"a.new"}""", $$"""{"action":"a.old","createdAt":"{{Iso.Text(all[Random.Shared.Next(40)].TimeMs)}}"}""");
        }
        var old = all.Select(one => one.Id).ToHashSet();
        Assert.Equal(walked.Count, walked.Distinct().Count());
        Assert.Equal(all.OrderByDescending(e => e.TimeMs).Select(e => e.Id), walked.Where(old.Contains));
    }

    [Fact]
    public async Task A_bare_end_date_includes_its_whole_day_wherever_that_is()
    {
        await using var app = await CairnApp.Start(clock: new(new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero)));
        foreach (var (zone, day, first, last) in new[]
        {
            ("UTC", "2026-03-10", "2026-03-10T00:00:00.000Z", "2026-03-10T23:59:59.999Z"),
            ("Europe/Berlin", "2026-01-15", "2026-01-14T23:00:00.000Z", "2026-01-15T22:59:59.999Z"),
            ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00.000Z", "2026-03-29T21:59:59.999Z"),
            ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00.000Z", "2026-10-25T22:59:59.999Z"),
            ("Asia/Kolkata", "2026-05-05", "2026-05-04T18:30:00.000Z", "2026-05-05T18:29:59.999Z"),
            ("America/Havana", "2026-03-08", "2026-03-08T05:00:00.000Z", "2026-03-09T03:59:59.999Z"),
            ("Pacific/Kiritimati", "2026-06-01", "2026-05-31T10:00:00.000Z", "2026-06-01T09:59:59.999Z"),
        })
        {
            long Ms(string text) => DateTimeOffset.Parse(text).ToUnixTimeMilliseconds();
            var events = new[] { Ms(first) - 1, Ms(first), Ms(last), Ms(last) + 1 }.Select(ms => Some.Event(ms, resourceId: zone + day)).ToArray();
            await app.Import(events);
            var found = await app.Reader.Get($"{List}?resourceId={Uri.EscapeDataString(zone + day)}&from={day}&to={day}&tz={zone}");
            Assert.Equal([last, first], found.Expect(200).Items.Select(item => Text(item, "createdAt")));
        }

        // A time without an offset is the zone's too; an unescaped plus sign is understood.
        Assert.Equal(1, (await app.Reader.Get($"{List}?resourceId=UTC2026-03-10&from=2026-03-10T01:00:00&to=2026-03-10T01:00:00&tz=Europe/Berlin")).Total);
        Assert.Equal(1, (await app.Reader.Get($"{List}?resourceId=UTC2026-03-10&from=2026-03-10T01:00:00+01:00&to=2026-03-10T01:00:00%2B01:00")).Total);
        (await app.Reader.Get($"{List}?from=0001-01-01&to=9999-12-31&tz=Pacific/Kiritimati")).Expect(200);
        (await app.Reader.Get($"{List}?from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59.999Z&tz=America/Havana")).Expect(200);
        Assert.Equal(0, (await app.Reader.Get($"{List}?from=1900-01-01&to=1950-01-01")).Total);
        Assert.Equal(0, (await app.Reader.Get($"{List}?from=2300-01-01&to=2400-01-01")).Total);
    }

    [Fact]
    public async Task A_midnight_that_comes_twice_begins_its_day_the_first_time()
    {
        await using var app = await CairnApp.Start(clock: new(new(2026, 11, 2, 0, 0, 0, TimeSpan.Zero)));
        var first = new DateTimeOffset(2026, 11, 1, 4, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        await app.Import(Some.Event(first - 1), Some.Event(first));
        Assert.Equal(1, (await app.Reader.Get(List + "?from=2026-11-01&tz=America/Havana")).Total);
        Assert.Equal(1, (await app.Reader.Get(List + "?to=2026-10-31&tz=America/Havana")).Total);
    }

    [Fact]
    public async Task A_resource_has_the_configured_link_and_exists_until_it_is_deleted()
    {
        await using var app = await CairnApp.Start(settings => settings with { Catalog = new([new("door.opened", "Opened door")], [new("User", "Person", "/admin/users/{id}"), new("Door", "Door", "https://doors.example/{id}?x=1")]) });
        string Event(string action, string resource, string? id, string outcome = "success") => JsonSerializer.Serialize(new { action, resource, resourceId = id, outcome });
        await app.Send(Event("user.role_changed", "User", "a/b?c"), Event("door.opened", "Door", "7"), Event("user.role_changed", "User", null), Event("project.created", "Project", "p1"));
        var items = (await app.Reader.Get(List)).Items;
        Assert.Equal([null, null, "https://doors.example/7?x=1", "/admin/users/a%2Fb%3Fc"], items.Select(item => Text(item, "resourceUrl")));
        Assert.Equal("Opened door", Text(items[2], "actionLabel"));
        Assert.All(items, item => Assert.True(item.GetProperty("resourceExists").GetBoolean()));

        await app.Send(Event("project.deleted", "Project", "p1", "denied"));
        Assert.True(await Exists("Project"));
        await app.Send(Event("project.deleted", "Project", "p1"));
        Assert.False(await Exists("Project"));
        Assert.True(await Exists("User"));
        await app.Send(Event("project.created", "Project", "p1"));
        Assert.True(await Exists("Project"));

        async Task<bool> Exists(string resource)
        {
            var all = (await app.Reader.Get($"{List}?resource={resource}")).Items.Select(item => item.GetProperty("resourceExists").GetBoolean()).Distinct();
            return Assert.Single(all);
        }
    }

    [Fact]
    public async Task Actors_are_listed_once_each_by_their_latest_name()
    {
        await using var app = await CairnApp.Start();
        await app.Send(
            """{"action":"a.b","actorId":"u1","actorName":"Ada","actorEmail":"ada@example.org"}""", """{"action":"a.b","actorId":"u2","actorName":"Bo"}""", """{"action":"a.b"}""", """{"action":"a.b","actorName":"Cron"}""",
            """{"action":"a.b","actorId":"u1","actorName":"Ada","actorEmail":"ada@example.org"}""");
        app.Clock.Move(Minute);
        await app.Send("""{"action":"a.b","actorId":"u1","actorName":"Zoe","actorEmail":"zoe@example.org"}""");

        Assert.Equal(["u2 Bo ", " System ", "u1 Zoe zoe@example.org"], await Actors(""));
        Assert.Equal(["u1 Zoe zoe@example.org"], await Actors("?q=ZO"));
        Assert.Equal(["u1 Zoe zoe@example.org"], await Actors("?q=ada"));
        Assert.Equal([" System "], await Actors("?q=sys"));
        Assert.Equal(["u2 Bo "], await Actors("?q=u2"));
        Assert.Empty(await Actors("?q=%25"));
        Assert.Equal(3, (await app.Reader.Get(List + "/actors?limit=1")).Total);
        Assert.Equal("Ada", Text((await app.Reader.Get(List + "?actorId=u1")).Items[^1], "actorName"));

        async Task<string[]> Actors(string query) =>
            [.. (await app.Reader.Get(List + "/actors" + query)).Expect(200).Items.Select(actor => $"{Text(actor, "id")} {Text(actor, "name")} {Text(actor, "email")}")];
    }

    [Fact]
    public async Task One_event_is_found_by_its_id_in_either_case_and_another_is_not()
    {
        await using var app = await CairnApp.Start();
        var id = "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b";
        await app.Send($$"""{"id":"{{id}}","action":"a.b"}""");
        Assert.Equal(id, Text((await app.Reader.Get($"{List}/{id}")).Expect(200).Json, "id"));
        Assert.Equal(id, Text((await app.Reader.Get($"{List}/{id.ToUpperInvariant()}")).Expect(200).Json, "id"));
        foreach (var other in new[] { Some.EventId, "7", "%ED%A0%80", id + "0", "..%2f..%2fetc%2fpasswd", "%7B" + id + "%7D" }) (await app.Reader.Get($"{List}/{other}")).Expect(404);
    }

    [Fact]
    public async Task The_catalog_has_the_known_words_and_the_configured_ones()
    {
        await using var app = await CairnApp.Start(settings => settings with { Catalog = new([new("door.opened", "Opened door"), new("auth.login", "Came in")], [new("Door", "Door", "/doors/{id}")]) });
        var catalog = (await app.Reader.Get(List + "/catalog")).Expect(200).Json;
        var actions = catalog.GetProperty("actions").EnumerateArray().ToDictionary(one => Text(one, "key")!, one => Text(one, "label"));
        Assert.Equal("Opened door", actions["door.opened"]);
        Assert.Equal("Came in", actions["auth.login"]);
        Assert.Equal("Stopped workspace", actions["workspace.stopped"]);
        Assert.Equal("Changed platform config", actions["platform.configuration.changed"]);
        Assert.Contains(catalog.GetProperty("resources").EnumerateArray(), one => Text(one, "name") == "Door" && Text(one, "link") == "/doors/{id}");
        Assert.Contains(catalog.GetProperty("resources").EnumerateArray(), one => Text(one, "name") == "DockerServer");
    }
}
