using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;
using static Cairn.Requests.RequestFields;

namespace Cairn.Requests;

/// <summary>Numbers over the requests that a filter matches: as a whole, by field, and over time.</summary>
static class RequestStats
{
    const int MostGroups = 50, MostBuckets = 1_500;

    public static readonly Parameter Parts = new("parts", "Answer every group instead of the largest 50, and the bins of the durations, for who adds several logs up.", Allowed: ["false", "true"], Default: "false");

    public static async Task<IResult> Stats(HttpContext context, CairnHost host)
    {
        var query = new Query(context.Request);
        var filter = query.Filter(host.Log.Requests.Kind, "start_time", "end_time");
        var parts = query.Choice("parts", "false", "false", "true") == "true";
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var summary = await host.Log.Requests.Summarise(filter, [[Status], [BackendType], [Model], [ApiKeyId, ApiKeyName], [User]], percentiles: true, context.RequestAborted);
        return new JsonAnswer(writer => Write(writer, summary, parts));
    }

    /// <param name="summary">By status, backend, model, key and user, in this order.</param>
    public static void Write(Utf8JsonWriter writer, Summary<RequestRecord> summary, bool parts)
    {
        var percentiles = summary.Percentiles;
        writer.WriteStartObject();
        writer.WriteNumber("total_requests", summary.Count);
        Counts(writer, "by_status", summary.Groups[0]);
        Counts(writer, "by_backend", summary.Groups[1]);
        writer.WriteNumber("unique_models", summary.Groups[2].Count(group => group.Values[0] is { Length: > 0 }));
        writer.WriteStartObject("tokens");
        Tokens(writer, summary.Sums);
        writer.WriteEndObject();
        writer.WriteStartObject("duration_ms");
        Number(writer, "p50", percentiles?.P50);
        Number(writer, "p95", percentiles?.P95);
        Number(writer, "p99", percentiles?.P99);
        writer.WriteEndObject();
        var most = parts ? int.MaxValue : MostGroups;
        Largest(writer, "by_model", summary.Groups[2], most);
        Largest(writer, "by_api_key", summary.Groups[3], most);
        Largest(writer, "by_user", summary.Groups[4], most);
        if (parts)
        {
            writer.WriteStartObject("duration_bins");
            foreach (var (bin, count) in summary.Measured?.Bins ?? []) writer.WriteNumber(bin.ToString(), count);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    static void Counts(Utf8JsonWriter writer, string name, IReadOnlyList<Group> groups)
    {
        writer.WriteStartObject(name);
        foreach (var group in groups) writer.WriteNumber(group.Values[0] ?? "", group.Count);
        writer.WriteEndObject();
    }

    /// <summary>The largest by name; a key that was renamed stands once, under its name of most calls.</summary>
    static void Largest(Utf8JsonWriter writer, string name, IReadOnlyList<Group> groups, int most)
    {
        writer.WriteStartObject(name);
        foreach (var same in groups.Where(group => group.Values[0] is not null).GroupBy(group => group.Values[0]!).OrderByDescending(same => same.Sum(group => group.Count)).Take(most))
        {
            writer.WriteStartObject(same.Key);
            if (same.First().Values.Length > 1) writer.WriteString("name", same.First().Values[1]);
            writer.WriteNumber("requests", same.Sum(group => group.Count));
            Tokens(writer, [.. Enumerable.Range(0, 3).Select(i => same.Sum(group => group.Sums[i]))]);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    static void Tokens(Utf8JsonWriter writer, long[] sums)
    {
        writer.WriteNumber("prompt", sums[0]);
        writer.WriteNumber("completion", sums[1]);
        writer.WriteNumber("total", sums[2]);
    }

    static void Number(Utf8JsonWriter writer, string name, long? number)
    {
        if (number is { } value) writer.WriteNumber(name, value);
        else writer.WriteNull(name);
    }

    public static async Task<IResult> Timeline(HttpContext context, CairnHost host)
    {
        var log = host.Log.Requests;
        var query = new Query(context.Request);
        var filter = query.Filter(log.Kind, "start_time", "end_time");
        var bucket = query.Choice("bucket", "auto", "auto", "1m", "1h", "1d");
        var zone = query.Zone();
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var now = host.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var first = filter.FromMs ?? await log.OldestMs(context.RequestAborted) ?? now;
        var until = filter.UntilMs ?? Math.Max(now, first) + 1;
        if (bucket == "auto") bucket = (until - first) switch { <= 3 * HourMs => "1m", <= 8 * 24 * HourMs => "1h", _ => "1d" };

        var starts = Starts(first, until, bucket, zone, MostBuckets + 1);
        if (starts.Count > MostBuckets) return Problems.Bad(new BadParameter("bucket", $"makes more than {MostBuckets} buckets of this range of time; take a larger one or a shorter range"));

        var summaries = new List<Summary<RequestRecord>>(starts.Count);
        for (var i = 0; i < starts.Count; i++)
        {
            var end = i + 1 < starts.Count ? starts[i + 1] : until;
            var range = filter with { FromMs = Math.Max(starts[i], first), UntilMs = end };
            summaries.Add(await log.Summarise(range, [[Status]], percentiles: false, context.RequestAborted));
        }

        return new JsonAnswer(writer => WriteTimeline(writer, bucket, starts.Zip(summaries, (start, summary) => (Iso.Text(start), summary.Count, summary.Sums, summary.Groups[0]))));
    }

    public static void WriteTimeline(Utf8JsonWriter writer, string bucket, IEnumerable<(string Start, long Total, long[] Tokens, IReadOnlyList<Group> ByStatus)> buckets)
    {
        writer.WriteStartObject();
        writer.WriteString("bucket", bucket);
        writer.WriteStartArray("buckets");
        foreach (var (start, total, tokens, byStatus) in buckets)
        {
            writer.WriteStartObject();
            writer.WriteString("start", start);
            writer.WriteNumber("total", total);
            Counts(writer, "by_status", byStatus);
            writer.WriteStartObject("tokens");
            Tokens(writer, tokens);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    const long MinuteMs = 60_000, HourMs = 60 * MinuteMs;

    /// <summary>Where each bucket begins; days begin at midnight of the zone, whatever its clock does in between.</summary>
    static List<long> Starts(long first, long until, string bucket, TimeZoneInfo zone, int most)
    {
        var starts = new List<long>();
        if (bucket == "1d")
        {
            var local = DateTimeOffset.FromUnixTimeMilliseconds(first).ToOffset(zone.GetUtcOffset(DateTimeOffset.FromUnixTimeMilliseconds(first)));
            for (var day = DateOnly.FromDateTime(local.DateTime); starts.Count < most && Iso.StartMs(day, zone) < until; day = day.AddDays(1)) starts.Add(Iso.StartMs(day, zone));
            return starts;
        }
        var length = bucket == "1m" ? MinuteMs : HourMs;
        for (var start = first / length * length; start < until && starts.Count < most; start += length) starts.Add(start);
        return starts;
    }
}
