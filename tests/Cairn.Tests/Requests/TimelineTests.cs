using System.Text.Json;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Requests;

public sealed class TimelineTests
{
    const string Timeline = "/admin/audit-logs/timeline";

    static long Ms(string text) => DateTimeOffset.Parse(text).ToUnixTimeMilliseconds();

    static (string Start, long Total)[] Buckets(Answer answer) =>
        [.. answer.Expect(200).Json.GetProperty("buckets").EnumerateArray().Select(one => (one.GetProperty("start").GetString()!, one.GetProperty("total").GetInt64()))];

    [Fact]
    public async Task Every_bucket_is_the_sum_of_its_records_whatever_the_filter()
    {
        await using var app = await CairnApp.Start();
        var random = new Random(5);
        var all = Enumerable.Range(0, 2_000).Select(_ => Some.Request(app.Clock.NowMs - random.NextInt64(40 * Some.Hour), random.Next(3) == 0 ? "gpt-4o" : "llama-3", random.Next(4) == 0 ? "error" : "success", random.Next(5_000), random.Next(100))).ToList();
        await app.Import(all);
        var (first, last) = (app.Clock.NowMs - 30 * Some.Hour - 1_234, app.Clock.NowMs - Some.Hour - 777);
        foreach (var (filter, matches) in new (string, Func<RequestRecord, bool>)[] { ("", _ => true), ("&model=gpt-4o", r => r.Model == "gpt-4o"), ("&status=!error", r => r.Status != "error"), ("&search=llama", r => r.Model == "llama-3"), ("&model=none", _ => false) })
            foreach (var (bucket, length) in new[] { ("1h", Some.Hour), ("1d", Some.Day) })
            {
                var answer = (await app.GatewayReader.Get($"{Timeline}?bucket={bucket}&start_time={Iso.Text(first)}&end_time={Iso.Text(last)}{filter}")).Expect(200).Json;
                Assert.Equal(bucket, answer.GetProperty("bucket").GetString());
                var expectedStart = first / length * length;
                foreach (var one in answer.GetProperty("buckets").EnumerateArray())
                {
                    var start = Ms(one.GetProperty("start").GetString()!);
                    Assert.Equal(expectedStart, start);
                    expectedStart += length;
                    var records = all.Where(r => matches(r) && r.TimeMs >= Math.Max(start, first) && r.TimeMs <= last && r.TimeMs < start + length).ToList();
                    Assert.Equal(records.Count, one.GetProperty("total").GetInt64());
                    Assert.Equal(
                        records.GroupBy(r => r.Status).Select(same => (same.Key, same.Count())).Order(),
                        one.GetProperty("by_status").EnumerateObject().Select(status => (status.Name, status.Value.GetInt32())).Order());
                    Assert.Equal(records.Sum(r => r.TotalTokens ?? 0), one.GetProperty("tokens").GetProperty("total").GetInt64());
                    Assert.Equal(records.Sum(r => r.PromptTokens ?? 0), one.GetProperty("tokens").GetProperty("prompt").GetInt64());
                }
                Assert.True(expectedStart > last);
            }
    }

    [Fact]
    public async Task Days_begin_at_the_zones_midnight_also_when_its_clock_is_moved()
    {
        await using var app = await CairnApp.Start(clock: new(new(2026, 11, 1, 0, 0, 0, TimeSpan.Zero)));
        await app.Import(new[] { "2026-03-28T22:59:59.999Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59.999Z", "2026-03-29T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999Z", "2026-10-25T23:00:00Z" }.Select(at => Some.Request(Ms(at))));
        Assert.Equal(
            [("2026-03-27T23:00:00.000Z", 1), ("2026-03-28T23:00:00.000Z", 2), ("2026-03-29T22:00:00.000Z", 1)],
            Buckets(await app.GatewayReader.Get($"{Timeline}?bucket=1d&tz=Europe/Berlin&start_time=2026-03-28&end_time=2026-03-30")));
        Assert.Equal(
            [("2026-10-24T22:00:00.000Z", 2), ("2026-10-25T23:00:00.000Z", 1)],
            Buckets(await app.GatewayReader.Get($"{Timeline}?bucket=1d&tz=Europe/Berlin&start_time=2026-10-25&end_time=2026-10-26")));
        Assert.Equal("2026-03-27T18:30:00.000Z", Buckets(await app.GatewayReader.Get($"{Timeline}?bucket=1d&tz=Asia/Kolkata&start_time=2026-03-28&end_time=2026-03-28"))[0].Start);
    }

    [Fact]
    public async Task Without_a_bucket_its_size_follows_the_range()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Some.Request(app.Clock.NowMs - 20 * Some.Day), Some.Request(app.Clock.NowMs));
        async Task<string> Size(string query) => (await app.GatewayReader.Get($"{Timeline}?{query}")).Expect(200).Json.GetProperty("bucket").GetString()!;
        Assert.Equal("1m", await Size("start_time=2026-03-10T10:00:00Z&end_time=2026-03-10T11:00:00Z"));
        Assert.Equal("1h", await Size("start_time=2026-03-09&end_time=2026-03-10"));
        Assert.Equal("1d", await Size(""));
        Assert.Equal(2, Buckets(await app.GatewayReader.Get(Timeline)).Sum(bucket => bucket.Total));
    }

    [Fact]
    public async Task The_edges_of_the_calendar_break_nothing()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Some.Request(app.Clock.NowMs));
        foreach (var query in new[]
        {
            "start_time=9999-12-31T00:00:00Z&end_time=9999-12-31T23:00:00Z&bucket=1d", "start_time=9999-12-31&end_time=9999-12-31&tz=Pacific/Kiritimati", "start_time=0001-01-01&end_time=0001-01-01&tz=America/Havana",
            "start_time=0001-01-01T00:00:00Z&end_time=0001-01-02T00:00:00Z&tz=America/Havana&bucket=1h", "end_time=0001-01-01", "start_time=9999-12-31", "start_time=2026-03-10T12:00:00Z&end_time=2026-03-10T12:00:00Z&bucket=1m",
        })
        {
            var answer = await app.GatewayReader.Get($"{Timeline}?{query}");
            Assert.True(answer.Status is 200 or 400, $"{query}: {answer.Status} {answer.Text}");
            Assert.Equal(200, (await app.GatewayReader.Get($"/admin/audit-logs/stats?{query}".Replace("&bucket=1d", "", StringComparison.Ordinal).Replace("&bucket=1h", "", StringComparison.Ordinal).Replace("&bucket=1m", "", StringComparison.Ordinal))).Status);
        }
    }

    [Fact]
    public async Task An_empty_log_has_statistics_of_nothing()
    {
        await using var app = await CairnApp.Start();
        var stats = (await app.GatewayReader.Get("/admin/audit-logs/stats")).Expect(200).Json;
        Assert.Equal(
            """{"total_requests":0,"by_status":{},"by_backend":{},"unique_models":0,"tokens":{"prompt":0,"completion":0,"total":0},"duration_ms":{"p50":null,"p95":null,"p99":null},"by_model":{},"by_api_key":{},"by_user":{}}""",
            JsonSerializer.Serialize(stats));
        (await app.GatewayReader.Get(Timeline)).Expect(200);
    }

    [Fact]
    public async Task Percentiles_are_within_half_a_percent()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Enumerable.Range(1, 1_000).Select(i => Some.Request(app.Clock.NowMs - i, duration: i * 10)));
        var durations = (await app.GatewayReader.Get("/admin/audit-logs/stats")).Json.GetProperty("duration_ms");
        foreach (var (name, exact) in new[] { ("p50", 5_000), ("p95", 9_500), ("p99", 9_900) }) Assert.InRange(durations.GetProperty(name).GetInt64(), exact * 0.995, exact * 1.005);
    }
}
