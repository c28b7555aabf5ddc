using System.Text.Json;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Requests.Remote;

/// <summary>A console over gateways in other processes, compared with a Cairn that has all of their requests itself.</summary>
public sealed class RemoteRequestsTests : IAsyncDisposable
{
    const string List = "/api/system/audit-logs";

    readonly List<CairnApp> gateways = [];
    CairnApp? whole, console;

    public async ValueTask DisposeAsync()
    {
        foreach (var app in gateways.Append(whole).Append(console)) if (app is not null) await app.DisposeAsync();
    }

    /// <summary>So many gateways, among which the requests are dealt, and the same requests in one log.</summary>
    async Task<(Client Console, Client Whole)> Start(int count, params RequestRecord[] requests)
    {
        whole = await CairnApp.Start();
        await whole.Import(requests);
        var addresses = new List<GatewayAddress>();
        for (var i = 0; i < count; i++)
        {
            var gateway = await CairnApp.Start();
            gateways.Add(gateway);
            await gateway.Import(requests.Where((_, at) => at % 7 % count == i));
            addresses.Add(new($"g{i}", gateway.Host.GatewayUrl!, await gateway.Key(Scopes.AuditRead)));
        }
        console = await CairnApp.Start(settings => settings with { Role = Role.Console, Gateways = addresses });
        return (console.Reader, whole.Reader);
    }

    static RequestRecord[] Requests(int count)
    {
        var random = new Random(7);
        return
        [
            .. Enumerable.Range(0, count).Select(i => Some.Request(Some.Midnight + i * 977L, model: "model-" + random.Next(9), status: random.Next(10) == 0 ? "error" : "success", duration: random.Next(60_000), tokens: random.Next(4) == 0 ? null : random.Next(5_000)))
                .Select((request, i) => { request.User = "user-" + i % 70; request.ApiKeyId = "k" + i % 3; request.ApiKeyName = "key, \"" + i % 3 + "\""; return request; }),
        ];
    }

    static IEnumerable<string?> Ids(Answer answer) => answer.Items.Select(row => row.GetProperty("request_id").GetString());

    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task A_list_says_where_to_follow_from(int count)
    {
        var (remote, _) = await Start(count, Requests(20));
        var cursor = (await remote.Get($"{List}?limit=3")).Expect(200).Header("X-Live-Cursor");
        var next = gateways.Select(_ => Some.Request()).ToList();
        for (var i = 0; i < count; i++) await gateways[i].Import(next[i]);
        await using var live = await console!.Follow("/api/system/ws/audit-logs?after=" + cursor);
        Assert.Equal(next.Select(request => request.RequestId), (await live.Records(count)).Select(frame => frame.GetProperty("data").GetProperty("request_id").GetString()!).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3)]
    public async Task Pages_numbers_course_and_files_are_those_of_one_log(int count)
    {
        var (remote, local) = await Start(count, Requests(700));
        foreach (var filter in new[] { "", "&status=error", "&model=model-1&model=model-2", "&user=!user-1", "&search=el-3", "&start_time=2025-03-01T00:01:00Z&end_time=2025-03-01T00:05:00Z", "&model=nothing" })
        {
            // 1. The whole walk by cursor, and pages by number.
            foreach (var limit in new[] { 1000, 64 })
            {
                var expected = (await local.Get($"{List}?limit=1000{filter}")).Expect(200);
                var walked = new List<string?>();
                for (var cursor = ""; ;)
                {
                    var page = (await remote.Get($"{List}?limit={limit}{filter}{cursor}")).Expect(200);
                    Assert.Equal(expected.Total, page.Total);
                    Assert.All(page.Items, row => Assert.False(row.TryGetProperty("cursor", out _)));
                    walked.AddRange(Ids(page));
                    if (page.Header("X-Next-Cursor") is not { } next) break;
                    cursor = "&cursor=" + next;
                }
                Assert.Equal(Ids(expected), walked);
            }
            Assert.Equal(Ids((await local.Get($"{List}?limit=20&offset=137{filter}")).Expect(200)), Ids((await remote.Get($"{List}?limit=20&offset=137{filter}")).Expect(200)));

            // 2. Numbers, over everything and over time.
            var (numbers, of) = ((await remote.Get($"{List}/stats?{filter}")).Expect(200).Json, (await local.Get($"{List}/stats?{filter}")).Expect(200).Json);
            foreach (var name in of.EnumerateObject().Select(one => one.Name).Except(["by_model", "by_user", "by_api_key", "by_status", "by_backend"])) Assert.Equal(of.GetProperty(name).GetRawText(), numbers.GetProperty(name).GetRawText());
            foreach (var name in new[] { "by_model", "by_api_key", "by_status", "by_backend" }) Assert.Equal(Sorted(of.GetProperty(name)), Sorted(numbers.GetProperty(name)));
            Assert.Equal(Math.Min(50, of.GetProperty("by_user").EnumerateObject().Count()), numbers.GetProperty("by_user").EnumerateObject().Count());
            foreach (var bucket in new[] { "", "&bucket=1h", "&bucket=1m" })
            {
                var range = filter.Contains("start_time", StringComparison.Ordinal) ? "" : "&start_time=2025-03-01&end_time=2025-03-01T04:00:00Z";
                Assert.Equal((await local.Get($"{List}/timeline?{range}{filter}{bucket}")).Expect(200).Text, (await remote.Get($"{List}/timeline?{range}{filter}{bucket}")).Expect(200).Text);
            }

            // 3. Files.
            foreach (var format in new[] { "csv", "jsonl" })
            {
                var (file, same) = ((await remote.Get($"{List}/export?format={format}{filter}")).Expect(200), (await local.Get($"{List}/export?format={format}{filter}")).Expect(200));
                Assert.Equal(same.Total, file.Total);
                Assert.Equal(same.Header("Content-Disposition"), file.Header("Content-Disposition"));
                Assert.Equal(same.Header("Content-Type"), file.Header("Content-Type"));
                if (format == "csv") Assert.Equal(same.Text, file.Text);
                else Assert.Equal(WithoutPosition(same), WithoutPosition(file));
            }
        }
        Assert.Equal("a key", (await console!.Reader.Get("/api/v1/admin/audit-logs?action=audit.exported")).Items[0].GetProperty("actorName").GetString());

        static string[] Sorted(JsonElement map) => [.. map.EnumerateObject().Select(one => one.ToString()).Order(StringComparer.Ordinal)];

        static string[] WithoutPosition(Answer file) =>
            [.. file.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[line.IndexOf("\"request_id\"", StringComparison.Ordinal)..])];
    }

    [Fact]
    public async Task A_walk_neither_repeats_nor_skips_while_requests_arrive()
    {
        var (remote, _) = await Start(2, Requests(300));
        var walked = new List<string?>();
        var before = Ids((await remote.Get(List + "?limit=1000")).Expect(200)).ToList();
        for (var cursor = ""; ;)
        {
            var page = (await remote.Get($"{List}?limit=25{cursor}")).Expect(200);
            walked.AddRange(Ids(page));
            foreach (var gateway in gateways) await gateway.Import(Some.Request(gateway.Clock.NowMs));
            if (page.Header("X-Next-Cursor") is not { } next) break;
            cursor = "&cursor=" + next;
        }
        Assert.Equal(before, walked);
    }

    [Fact]
    public async Task A_gateway_that_is_away_is_named_and_the_others_still_answer()
    {
        var (remote, _) = await Start(2, Requests(100));
        await gateways[0].Host.DisposeAsync();
        foreach (var path in new[] { List, List + "/stats", List + "/timeline?bucket=1d" })
        {
            var answer = (await remote.Get(path)).Expect(200);
            Assert.Equal("g0", answer.Header("X-Gateways-Unavailable"));
        }
        Assert.Equal(await gateways[1].Host.Log.Requests.Count(Records.Filter<RequestRecord>.Everything, Client.Cancel), (await remote.Get(List)).Total);
        // A file that lacked them would be a false one.
        Assert.Contains("g0 is away", (await remote.Get(List + "/export")).Expect(503).Detail, StringComparison.Ordinal);

        await gateways[1].Host.DisposeAsync();
        foreach (var path in new[] { List, List + "/stats", List + "/timeline", List + "/export" })
            Assert.StartsWith("Gateway not available for audit logs", (await remote.Get(path)).Expect(503).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task A_key_that_a_gateway_refuses_does_not_sign_the_reader_out(int count)
    {
        var (remote, _) = await Start(count, Requests(10));
        foreach (var gateway in gateways)
            foreach (var key in (await gateway.Owner.Get("/api/v1/admin/keys")).Items) await gateway.Owner.Delete("/api/v1/admin/keys/" + key.GetProperty("id").GetString());
        (await remote.Get(List)).Expect(503);
        (await remote.Get(List + "/export")).Expect(503);
    }

    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task What_is_not_understood_is_refused_as_by_one_log(int count)
    {
        var (remote, local) = await Start(count, Requests(10));
        foreach (var query in new[] { "/audit-logs?limit=0", "/audit-logs?limit=1001", "/audit-logs?offset=-1", "/audit-logs?cursor=x", "/audit-logs?nothing=1", "/audit-logs?start_time=2026-02-30", "/audit-logs?tz=x", "/audit-logs/stats?limit=1", "/audit-logs/timeline?bucket=2h", "/audit-logs/export?format=xml", "/audit-logs?status=x" })
            Assert.Equal((await local.Get("/api/system" + query)).Expect(400).Json.GetProperty("parameter").GetString(), (await remote.Get("/api/system" + query)).Expect(400).Json.GetProperty("parameter").GetString());
        (await console!.Console().Get(List)).Expect(401);
        (await (await console.Person("user")).Get(List)).Expect(403);
        (await (await console.Person("viewer")).Get(List)).Expect(200);
    }

    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task Live_frames_come_from_all_gateways_and_go_on_where_they_ended(int count)
    {
        await Start(count, Requests(150));
        string cursor;
        var newest = Ids((await console!.Reader.Get(List + "?limit=100")).Expect(200)).Reverse().ToList();
        await using (var live = await console.Follow("/api/system/ws/audit-logs"))
        {
            var first = await live.Records(100);
            Assert.Equal(newest, first.Select(frame => frame.GetProperty("data").GetProperty("request_id").GetString()));
            foreach (var gateway in gateways) await gateway.Import(Some.Request(gateway.Clock.NowMs, model: "fresh"));
            var fresh = await live.Records(count);
            Assert.All(fresh, frame => Assert.Equal("fresh", frame.GetProperty("data").GetProperty("model").GetString()));
            cursor = fresh[^1].GetProperty("cursor").GetString()!;
        }
        var missed = gateways.SelectMany(_ => Enumerable.Range(0, 3).Select(_ => Some.Request(Some.Midnight, model: "missed"))).ToArray();
        for (var i = 0; i < missed.Length; i++) await gateways[i % count].Import(missed[i]);
        await using var again = await console.Follow("/api/system/ws/audit-logs?model=missed&model=fresh&after=" + cursor);
        Assert.Equal(missed.Select(request => request.RequestId).Order(), (await again.Records(missed.Length)).Select(frame => frame.GetProperty("data").GetProperty("request_id").GetString()!).Order());
        await gateways[0].Import(Some.Request(model: "other"), Some.Request(model: "fresh"));
        Assert.Equal("fresh", (await again.Records(1))[0].GetProperty("data").GetProperty("model").GetString());
    }

    [Theory]
    [InlineData(1), InlineData(2)]
    public async Task Files_and_live_frames_in_the_formats_of_other_systems_are_those_of_one_log(int count)
    {
        var (remote, local) = await Start(count, Requests(60));
        foreach (var format in new[] { Export.Ocsf.Name, Export.Ecs.Name })
        {
            var file = (await remote.Get($"{List}/export?format={format}")).Expect(200);
            var lines = Lines((await local.Get($"{List}/export?format={format}")).Text);
            Assert.Equal(($"attachment; filename=\"audit-logs.{format}.jsonl\"", 60L), (file.Header("Content-Disposition"), file.Total));
            Assert.Equal(lines, Lines(file.Text));
            await using var live = await console!.Follow($"/api/system/ws/audit-logs?format={format}");
            Assert.Equal(lines.Reverse(), (await live.Records(60)).SelectMany(frame => Lines(frame.GetProperty("data").GetRawText())));
        }
        Assert.Equal("format", (await remote.Get("/api/system/ws/audit-logs?format=csv")).Expect(400).Json.GetProperty("parameter").GetString());

        // The place in its own log is each gateway's own.
        static string[] Lines(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
        {
            var bare = System.Text.RegularExpressions.Regex.Replace(line, "\"sequence\":[1-9][0-9]*,?", "");
            Assert.NotEqual(line, bare);
            return bare.Replace(",}", "}", StringComparison.Ordinal);
        })];
    }

    [Fact]
    public async Task The_loss_of_one_gateway_is_told_and_of_the_last_ends_the_connection()
    {
        await Start(2, Requests(10));
        await using var live = await console!.Follow("/api/system/ws/audit-logs");
        await live.Records(10);
        await gateways[0].Host.DisposeAsync();
        Assert.Equal("""{"type":"error","message":"Gateway not available for audit logs: g0"}""", (await live.Next())!.Value.GetRawText());
        await gateways[1].Import(Some.Request(model: "still"));
        Assert.Equal("still", (await live.Records(1))[0].GetProperty("data").GetProperty("model").GetString());
        await gateways[1].Host.DisposeAsync();
        Assert.Equal("error", (await live.Next())!.Value.GetProperty("type").GetString());
        Assert.Null(await live.Next());

        // A single one has no need of a name.
        await using var none = await console.Follow("/api/system/ws/audit-logs");
        Assert.StartsWith("Gateway not available for audit logs", (await none.Next())!.Value.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_gateways_and_a_console_as_processes_and_one_gateway_killed()
    {
        using var directory = new TempDirectory();
        var (processes, environment) = (new List<CairnProcess>(), new List<(string, string)> { ("Cairn__Role", "console") });
        try
        {
            for (var i = 0; i < 2; i++)
            {
                var data = Path.Combine(directory.Path, "g" + i);
                var gateway = await CairnProcess.Serve(data, "--role", "gateway");
                processes.Add(gateway);
                var key = (await CairnProcess.Run("keys", "create", "--name", "console", "--scope", "audit:read", "--data", data)).Lines[^1];
                environment.AddRange([($"Cairn__Console__Gateways__{i}__Name", "g" + i), ($"Cairn__Console__Gateways__{i}__Url", gateway.Address("Gateway").ToString()), ($"Cairn__Console__Gateways__{i}__Key", key)]);
                await CairnProcess.RunWithInput($$"""{"request_id":"chatcmpl-0193a1b27c3d4e5f6071829{{i}}","timestamp":"{{DateTimeOffset.UtcNow:O}}","model":"m{{i}}","backend_type":"local","endpoint":"/v1/chat/completions","duration_ms":5,"status":"success"}""", "import", "requests", "-", "--data", data);
            }
            var own = Path.Combine(directory.Path, "console");
            var console = await CairnProcess.ServeWith(own, [.. environment]);
            processes.Add(console);
            using var http = new HttpClient { BaseAddress = console.Address("Console") };
            http.DefaultRequestHeaders.Authorization = new("Bearer", (await CairnProcess.Run("keys", "create", "--name", "reader", "--scope", "audit:read", "--data", own)).Lines[^1]);
            Assert.Equal(2, JsonDocument.Parse(await http.GetStringAsync(List, Client.Cancel)).RootElement.GetArrayLength());

            await processes[0].DisposeAsync();
            processes.RemoveAt(0);
            using var half = await http.GetAsync(List, Client.Cancel);
            Assert.Equal(["g0"], half.Headers.GetValues("X-Gateways-Unavailable"));
            Assert.Equal("m1", JsonDocument.Parse(await half.Content.ReadAsStringAsync(Client.Cancel)).RootElement[0].GetProperty("model").GetString());
            Assert.DoesNotContain("Gateway  ", (await console.StopAndEnd()).Output, StringComparison.Ordinal);
        }
        finally
        {
            foreach (var process in processes) await process.DisposeAsync();
        }
    }

    /// <summary>Gateways that write into one ClickHouse: each of them alone would show all of it, and the console shows it once.</summary>
    [Fact]
    public async Task What_several_gateways_write_into_one_log_is_shown_once_and_live_from_each()
    {
        await using var server = await ClickHouseServer.Start();
        await server.Run("CREATE DATABASE log");
        Settings Into(Settings settings, int writer)
        {
            Assert.True(StoreAddress.TryRead(server.Url("log", $"?writer={writer}"), out var address));
            // What is older than a month is not to be removed here, by whichever of them starts next.
            return settings with { Store = address, RequestDays = 0 };
        }
        var addresses = new List<GatewayAddress>();
        var requests = Requests(30);
        for (var i = 0; i < 2; i++)
        {
            var gateway = await CairnApp.Start(settings => Into(settings, i + 1));
            gateways.Add(gateway);
            await gateway.Import(requests.Where((_, at) => at % 2 == i));
            await HaveDelivered(15 * (i + 1));
            addresses.Add(new($"g{i}", gateway.Host.GatewayUrl!, await gateway.Key(Scopes.AuditRead)));
        }
        console = await CairnApp.Start(settings => Into(settings, 3) with { Role = Role.Console, Gateways = addresses });

        var list = (await console.Reader.Get($"{List}?limit=50")).Expect(200);
        Assert.Equal("30", list.Header("X-Total-Count"));
        Assert.Equal(requests.OrderByDescending(request => request.TimeMs).Select(request => request.RequestId), Ids(list));
        Assert.Equal(30, (await console.Reader.Get($"{List}/stats")).Expect(200).Json.GetProperty("total_requests").GetInt32());
        Assert.Equal(30, (await console.Reader.Get($"{List}/timeline")).Expect(200).Json.GetProperty("buckets").EnumerateArray().Sum(bucket => bucket.GetProperty("total").GetInt32()));
        Assert.Equal("30", (await console.Reader.Get($"{List}/export?format=jsonl")).Expect(200).Header("X-Total-Count"));

        static IEnumerable<string> Told(IEnumerable<JsonElement> frames) => frames.Select(frame => frame.GetProperty("data").GetProperty("request_id").GetString()!).Order(StringComparer.Ordinal);
        await using (var newest = await console.Follow("/api/system/ws/audit-logs"))
            Assert.Equal(requests.Select(request => request.RequestId).Order(StringComparer.Ordinal), Told(await newest.Records(30)));

        var next = new[] { Some.Request(), Some.Request() };
        for (var i = 0; i < 2; i++) await gateways[i].Import(next[i]);
        await using (var live = await console.Follow("/api/system/ws/audit-logs?after=" + list.Header("X-Live-Cursor")))
            Assert.Equal(next.Select(request => request.RequestId).Order(StringComparer.Ordinal), Told(await live.Records(2)));
        await HaveDelivered(32);
        Assert.Equal("32", (await console.Reader.Get($"{List}?limit=1")).Expect(200).Header("X-Total-Count"));

        // The log is there without its gateways; that they are away is said.
        foreach (var gateway in gateways) await gateway.DisposeAsync();
        gateways.Clear();
        var alone = (await console.Reader.Get($"{List}?limit=1")).Expect(200);
        Assert.Equal(("32", "g0, g1"), (alone.Header("X-Total-Count"), alone.Header(RemoteRequests.AwayHeader)));
        Assert.Equal("g0, g1", (await console.Reader.Get($"{List}/stats")).Expect(200).Header(RemoteRequests.AwayHeader));

        // What a gateway acknowledged is on its disk; between two deliveries of it to ClickHouse time has to pass.
        Task HaveDelivered(int count) => Until.True(async () =>
        {
            var seen = 0;
            foreach (var gateway in gateways)
            {
                gateway.Clock.Move(TimeSpan.FromSeconds(1));
                seen = int.Parse((await gateway.Reader.Get($"{List}?limit=1")).Expect(200).Header("X-Total-Count")!);
            }
            return seen == count;
        });
    }
}
