using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Cairn.Records;
using Cairn.Support;
using CsvHelper;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.AspNetCore.Routing;

namespace Cairn.Faults;

/// <summary>Bad input of any kind gets a clear 4xx that tells nothing of the inside; what is accepted comes back as it was sent, on every way out.</summary>
[Collection(Alone.Name)]
public sealed class AbuseTests
{
    /// <summary>What has broken parsers, queries, files and pages elsewhere, beside the texts that break logs.</summary>
    static readonly string[] Hostile =
    [
        .. RandomRecords.Hostile, "\0", "\ud800", "\udc00x", "../../../etc/passwd", "..%2f..%2f", "%00", "%ff%fe", "%", "%zz", "${jndi:ldap://x}", "{{7*7}}", "<script>alert(1)</script>", "javascript:alert(1)", "=cmd|' /C calc'!A0",
        "@SUM(1)", "1e309", "NaN", "-0", "9223372036854775808", "-9223372036854775809", "2026-13-45", "2026-02-30T25:61:61Z", "0001-01-01", "9999-12-31T23:59:59.999Z", "Etc/UTC/../..", "[]", "{}", "[[[[", "{\"a\":", "!", "!!", "\\!", "\\",
        "1 OR 1=1", "') UNION SELECT * FROM api_keys --", "x' AND randomblob(1000000000)", "\r\nSet-Cookie: a=b", "😀", "a\u0300\u0301\u0302", new string('[', 2_000), new string('9', 400),
    ];

    static readonly Gen<string> Text = Gen.OneOf(Gen.Elements(Hostile), ArbMap.Default.GeneratorFor<string>().Select(text => text ?? ""), ArbMap.Default.GeneratorFor<NonEmptyString>().Select(text => text.Get));

    static readonly string[] Names =
    [
        "limit", "offset", "page", "cursor", "after", "from", "to", "start_time", "end_time", "tz", "search", "q", "model", "status", "action", "actorId", "resource", "resourceId", "outcome", "format", "bucket", "user",
        "api_key_id", "backend_type", "endpoint", "session_id", "conversation_id", "dry_run", "confirm", "token", "code", "state", "redirect", "ip", "userAgent", "traceId", "owner_email", "date_from", "date_to", "include_deleted", "sort", "page_size",
    ];

    sealed record Call(int Route, string Id, (string Name, string Value)[] Query, string Body, string Type, string Header)
    {
        public override string ToString() => $"route {Route}, id {JsonSerializer.Serialize(Id)}, query {string.Join('&', Query.Select(one => JsonSerializer.Serialize(one.Name + "=" + one.Value)))}, {Type}: {JsonSerializer.Serialize(Body)}, header {JsonSerializer.Serialize(Header)}";
    }

    static Gen<Call> Calls(int routes) =>
        from route in Gen.Choose(0, routes - 1)
        from id in Text
        from query in Gen.Zip(Gen.Frequency((9, Gen.Elements(Names)), (1, Text)), Text).ArrayOf(3)
        from used in Gen.Choose(0, 3)
        from body in Gen.OneOf(Text, Bodies)
        from type in Gen.Elements("application/json", "application/json", "application/x-ndjson", "text/plain", "application/json; charset=utf-16", "application/cloudevents+json", "application/cloudevents-batch+json", "")
        from header in Text
        select new Call(route, id, [.. query.Take(used)], body, type, header);

    /// <summary>Objects with names that are taken, and values that are not.</summary>
    static Gen<string> Bodies =>
        from names in Gen.Elements("action", "id", "createdAt", "metadata", "resource", "model", "messages", "stream", "name", "scopes", "email", "password", "role", "expiresAt", "token", "stream_options", "user").ArrayOf(4)
        from values in Gen.OneOf(Text.Select(Quoted), Gen.Elements("null", "true", "-1", "1e999", "[]", "{}", "[{}]", "{\"a\":{\"a\":1,\"a\":2}}", "\"\\ud800\"", "1.5")).ArrayOf(4)
        from isArray in Gen.Choose(0, 2)
        let json = "{" + string.Join(',', names.Zip(values, (name, value) => $"\"{name}\":{value}")) + "}"
        select isArray == 0 ? $"[{json},{json}]" : json;

    /// <summary>A JSON string in ASCII, in which also what is no text can be said.</summary>
    static string Quoted(string text)
    {
        var json = new StringBuilder("\"");
        foreach (var letter in text)
        {
            if (letter is >= ' ' and <= '~' and not ('"' or '\\')) json.Append(letter);
            else json.Append($"\\u{(int)letter:x4}");
        }
        return json.Append('"').ToString();
    }

    static IEnumerable<Call> Smaller(Call call)
    {
        for (var i = 0; i < call.Query.Length; i++) yield return call with { Query = [.. call.Query.Where((_, place) => place != i)] };
        if (call.Body.Length > 0) yield return call with { Body = "" };
        if (call.Header.Length > 0) yield return call with { Header = "" };
        if (call.Id != "x") yield return call with { Id = "x" };
        foreach (var (place, one) in call.Query.Index())
            if (one.Value.Length > 1) yield return call with { Query = [.. call.Query.Select((other, at) => at == place ? (other.Name, one.Value[..(one.Value.Length / 2)]) : other)] };
    }

    [Theory, InlineData("sqlite"), InlineData("postgres"), InlineData("clickhouse")]
    public async Task Whatever_is_sent_to_any_route_nothing_fails_inside_and_nothing_of_it_is_told(string engine)
    {
        await using var place = await LogPlace.Start(engine);
        await using var backend = await ScriptedBackend.Start();
        await using var app = await CairnApp.Start(settings => settings with { Inference = backend.Settings, Store = place.Address, AuditLogsEnabled = true });
        var all = await app.Key(Access.Scopes.All);
        Client[] doors = [app.Owner, app.Gateway(all), app.Console(all), await app.Person()];
        var routes = Routes(app, doors).Where(route => !IsSignIn(route.Path)).ToList();
        (await doors[1].Put("/api/v1/conversations/x", """{"title":"a","owner_id":"b"}""")).Expect(200);
        // Each of them once, and then any.
        foreach (var (route, call) in Gen.Sample(Calls(routes.Count), routes.Count).Index()) NothingIsTold(app, routes, call with { Route = route });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Tries(engine, 20_000, 1_500)), NothingIsTold(app, routes));
    }

    [Fact]
    public async Task Whatever_is_sent_to_sign_in_with_nothing_fails_inside_and_nothing_of_it_is_told()
    {
        await using var app = await CairnApp.Start();
        Client[] doors = [app.Owner, app.Gateway(), app.Console(), await app.Person()];
        var routes = Routes(app, doors).Where(route => IsSignIn(route.Path)).ToList();
        Assert.True(routes.Count > 3);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Rounds.IsLong ? 600 : 60), NothingIsTold(app, routes));
    }

    /// <summary>What ends a session, or takes half a second to compute by design: it is not tried by the thousand.</summary>
    static bool IsSignIn(string path) => path.Contains("auth/login", StringComparison.Ordinal) || path.Contains("auth/password", StringComparison.Ordinal) || path.Contains("logout", StringComparison.Ordinal);

    static IEnumerable<(Client Who, string Method, string Path)> Routes(CairnApp app, Client[] doors) => app.Host.Doors.Zip(new[] { new[] { doors[0] }, [doors[1]], [doors[2], doors[3]] })
        .SelectMany(door => ((IEndpointRouteBuilder)door.First).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .SelectMany(route => route.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods.SelectMany(method => door.Second.Select(who => (Who: who, Method: method, Path: route.RoutePattern.RawText!)))))
        .OrderBy(route => route.Path, StringComparer.Ordinal).ThenBy(route => route.Method, StringComparer.Ordinal);

    /// <summary>A server that is asked takes longer than a file, and what stands before it is the same: it is tried with a quarter.</summary>
    static int Tries(string engine, int @long, int brief) => (Rounds.IsLong ? @long : brief) / (engine == "sqlite" ? 1 : 4);

    static Property NothingIsTold(CairnApp app, List<(Client Who, string Method, string Path)> routes) => Prop.ForAll(Arb.From(Calls(routes.Count), Smaller), call => NothingIsTold(app, routes, call));

    static void NothingIsTold(CairnApp app, List<(Client Who, string Method, string Path)> routes, Call call)
    {
        var (who, method, path) = routes[call.Route];
        var id = Uri.EscapeDataString(Sound(call.Id));
        path = path.Replace("{id}", id, StringComparison.Ordinal).Replace("{file}", id, StringComparison.Ordinal).Replace("{**path}", id, StringComparison.Ordinal);
        if (call.Query.Length > 0) path += "?" + string.Join('&', call.Query.Select(one => $"{Uri.EscapeDataString(Sound(one.Name))}={(one.Value.StartsWith('%') ? one.Value : Uri.EscapeDataString(Sound(one.Value)))}"));
        if (path.Length > 16_000) return;
        ByteArrayContent? content = method is "GET" or "HEAD" ? null : new(Encoding.UTF8.GetBytes(call.Body));
        if (call.Type.Length > 0) content?.Headers.TryAddWithoutValidation("Content-Type", call.Type);
        var header = new string([.. call.Header.Where(letter => letter is >= ' ' and <= '~')]);
        var answer = who.Send(new(method), path, content, ("User-Agent", header), ("traceparent", header), ("x-session-id", header), ("If-None-Match", header), ("X-Forwarded-For", header)).GetAwaiter().GetResult();
        Assert.True(answer.Status < 500, $"{method} {path}: {answer.Status} {answer.Text}");
        if (answer.Status < 400) return;
        foreach (var inside in new[] { "   at ", "Exception", ".cs:", "SQLite", "SELECT ", "SQL logic", "Npgsql", "SQLSTATE", "ClickHouse", "127.0.0.1", "Microsoft.", app.Host.Settings.DataDirectory })
            Assert.False(answer.Text.Contains(inside, StringComparison.Ordinal) && !(call.Body + call.Id + string.Concat(call.Query)).Contains(inside, StringComparison.Ordinal), $"{method} {path}: {answer.Text}");
    }

    /// <summary>What a client library will send at all.</summary>
    static string Sound(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    static readonly string[] TextFields = ["actorId", "actorName", "actorEmail", "actorRole", "action", "resource", "resourceId", "resourceName", "ip", "userAgent", "requestId", "traceId"];

    static Gen<string[]> Records => Text.ArrayOf(TextFields.Length + 1);

    [Theory, InlineData("sqlite"), InlineData("postgres"), InlineData("clickhouse")]
    public async Task Every_accepted_event_comes_back_as_it_was_sent_in_the_list_alone_in_files_and_live(string engine)
    {
        await using var place = await LogPlace.Start(engine);
        await using var app = await CairnApp.Start(settings => settings with { Store = place.Address });
        var (runs, accepted) = (0, 0);
        var property = Prop.ForAll(Arb.From(Records.ArrayOf(12), events => events.Length > 1 ? events.Select(one => new[] { one }) : []), events =>
        {
            accepted += TakeAndCompare(app, events, "run-" + runs++).GetAwaiter().GetResult();
        });
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Tries(engine, 600, 40)), property);
        Assert.True(accepted > runs, "Next to nothing was accepted.");
    }

    static async Task<int> TakeAndCompare(CairnApp app, string[][] events, string run)
    {
        var before = (await app.Reader.Get("/api/v1/admin/audit-logs?limit=1")).Expect(200).Json.GetProperty("liveCursor").GetString();
        var lines = events.Select(texts => "{" + string.Join(',', TextFields.Zip(texts, (name, text) => $"\"{name}\":{Quoted(text)}").Append($"\"conversationId\":\"{run}\"").Append($"\"metadata\":{{\"text\":{Quoted(texts[^1])}}}")) + "}").ToList();
        var told = (await app.Sender.Post("/api/v1/events", string.Join('\n', lines), "application/x-ndjson")).Expect(200).Json;
        var rejected = told.GetProperty("rejected").EnumerateArray().ToDictionary(one => one.GetProperty("index").GetInt32(), one => one.GetProperty("error").GetString()!);
        foreach (var (place, error) in rejected)
            Assert.True(TextFields.Append("metadata").Any(name => error.Contains(name, StringComparison.Ordinal)), $"The rejection names no field: {error}; of {lines[place]}");
        foreach (var (place, texts) in events.Index())
            if (texts.All(text => text.Length is > 0 and < 60 && Texts.IsSound(text))) Assert.False(rejected.ContainsKey(place), $"{rejected.GetValueOrDefault(place)}: {lines[place]}");
        var kept = events.Where((_, place) => !rejected.ContainsKey(place)).ToList();

        var filter = "?conversationId=" + run;
        var listed = (await app.Reader.Get($"/api/v1/admin/audit-logs{filter}&limit=100")).Expect(200).Items.Reverse().ToList();
        var file = Encoding.UTF8.GetString((await app.Reader.Get($"/api/v1/admin/audit-logs/export{filter}&format=jsonl")).Expect(200).Bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries).Reverse().Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(kept.Count, listed.Count);
        Assert.Equal(kept.Count, file.Count);
        await using var live = await app.Follow($"/api/v1/admin/ws/audit-logs{filter}&after={before}");
        var frames = (await live.Records(kept.Count)).ConvertAll(frame => frame.GetProperty("data"));
        using var csv = CsvReader.FromText((await app.Reader.Get($"/api/v1/admin/audit-logs/export{filter}&format=csv")).Expect(200).Text, new() { HasHeader = false });
        var rows = new List<string[]>();
        while (csv.Read()) rows.Add([.. Enumerable.Range(0, csv.FieldCount).Select(csv.GetString)]);
        var cells = rows.Skip(1).Select(row => rows[0].Zip(row).ToDictionary(cell => cell.First, cell => cell.Second)).Reverse().ToList();
        Assert.Equal(kept.Count, cells.Count);

        foreach (var (place, texts) in kept.Index())
        {
            var one = (await app.Reader.Get("/api/v1/admin/audit-logs/" + listed[place].GetProperty("id").GetString())).Expect(200).Json;
            foreach (var record in new[] { listed[place], file[place], frames[place], one })
            {
                foreach (var (name, text) in TextFields.Zip(texts)) Assert.Equal(text.Length == 0 ? null : text, record.GetProperty(name).GetString());
                Assert.Equal(texts[^1], record.GetProperty("metadata").GetProperty("text").GetString());
            }
            foreach (var (name, text) in TextFields.Zip(texts))
            {
                if (!cells[place].TryGetValue(name, out var cell)) continue;
                // A cell that a spreadsheet would run has an apostrophe before it, and a number has none.
                var isFormula = text.TrimStart('\'') is ['=' or '+' or '-' or '@' or '\t' or '\r', ..] bare && !(double.TryParse(bare, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number));
                Assert.True(cell == (isFormula ? "'" + text : text), $"{name} is {cell} in the CSV and was sent as {text}");
            }
        }
        return kept.Count;
    }

    [Fact]
    public async Task Slow_senders_of_headers_and_bodies_do_not_slow_a_good_one()
    {
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        var alone = await Slowest(trial);
        using var over = new CancellationTokenSource();
        var slow = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 300; i++)
            {
                var client = new TcpClient();
                slow.Add(client);
                var to = (i % 3 == 0 ? trial.Console : trial.Gateway).Http.BaseAddress!;
                await client.ConnectAsync(to.Host, to.Port, Client.Cancel);
                var head = i % 2 == 0
                    ? "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nX-Long: "
                    : $"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {trial.Gateway.Key}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{{\"action\":\"";
                await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), Client.Cancel);
            }
            var dribble = Dribble(slow, over.Token);
            var beside = await Slowest(trial);
            Rounds.Say($"slow senders: 95 of 100 good calls within {alone.TotalMilliseconds:0} ms alone, {beside.TotalMilliseconds:0} ms beside 300 slow ones");
            Assert.InRange(beside, TimeSpan.Zero, 3 * alone + TimeSpan.FromMilliseconds(300));
            await over.CancelAsync();
            await dribble;
        }
        finally
        {
            foreach (var client in slow) client.Dispose();
        }
        Assert.Equal(400, (await trial.Console.Get("/api/v1/admin/audit-logs?action=good.one&limit=1")).Total);
    }

    /// <summary>A letter at a time to each of them.</summary>
    static async Task Dribble(List<TcpClient> clients, CancellationToken over)
    {
        try
        {
            while (true)
            {
                foreach (var client in clients)
                    try
                    {
                        await client.GetStream().WriteAsync("x"u8.ToArray(), over);
                    }
                    catch (Exception ended) when (ended is IOException or InvalidOperationException)
                    {
                        // Cairn lost patience with it, as it may.
                    }
                await Task.Delay(100, over);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    static async Task<TimeSpan> Slowest(Trial trial)
    {
        var times = new List<TimeSpan>();
        for (var i = 0; i < 200; i++)
        {
            var began = Stopwatch.GetTimestamp();
            (await trial.Gateway.Post("/api/v1/events", """{"action":"good.one"}""")).Expect(200);
            times.Add(Stopwatch.GetElapsedTime(began));
        }
        times.Sort();
        return times[times.Count * 95 / 100];
    }
}
