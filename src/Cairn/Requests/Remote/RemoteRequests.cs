using System.Buffers;
using System.Text.Json;
using Cairn.Access;
using Cairn.Export;
using Cairn.Hosting;
using Cairn.Records;
using Microsoft.Extensions.Primitives;

namespace Cairn.Requests.Remote;

/// <summary>
/// The requests of a console that has no gateway of its own: asked of the gateways that the settings name. One gateway's
/// answers are passed through as they are; those of several are merged newest first, and their numbers added up. A gateway that
/// is away is named in <see cref="AwayHeader"/> and the others still answer; when none is left it is a 503.
/// </summary>
static partial class RemoteRequests
{
    public const string AwayHeader = "X-Gateways-Unavailable", NotAvailable = "Gateway not available for audit logs";

    const int MostOffset = 10_000, RowsAtOnce = 1_000;

    /// <summary>What is asked only for where to go on from must not hold up what is here.</summary>
    static readonly TimeSpan AsksWithin = TimeSpan.FromSeconds(5);

    public static async Task<IResult> List(HttpContext context, CairnHost host)
    {
        if (host.Gateways is [var only]) return await PassOn(context, host, only, "/audit-logs");

        var gateways = host.Gateways!;
        var query = new Query(context.Request);
        query.Filter(RequestFields.Kind, "start_time", "end_time");
        var limit = (int)query.Number("limit", 100, 1, 1_000);
        var offset = (int)query.Number("offset", 0, 0, MostOffset);
        var cursors = Enumerable.Repeat("", gateways.Count).ToArray();
        if (query.One("cursor") is { } text)
        {
            if (RemoteCursor.Read('L', text, gateways.Count) is { } read) cursors = read;
            else query.Refuse("cursor", "is not a cursor of this list");
            if (offset > 0) query.Refuse("offset", "cannot be given together with cursor");
        }
        if (query.Fault is { } fault) return Problems.Bad(fault);

        // 1. As many of each as the page could need.
        var filter = Without(context, "limit", "offset", "cursor");
        var (lists, refusal) = await AskAll(context, host, (gateway, i) => Fetch(gateway, filter, cursors[i], offset + limit, context.RequestAborted));
        if (refusal is not null) return refusal;

        // 2. The newest of them all. What is passed over is consumed as well.
        var merged = lists.SelectMany((list, i) => (list?.Rows ?? []).Select(row => (Row: row, Gateway: i))).OrderByDescending(one => one.Row.Timestamp, StringComparer.Ordinal).Take(offset + limit).ToList();
        var isEnd = true;
        for (var i = 0; i < gateways.Count; i++)
        {
            if (lists[i] is not { } list) { isEnd = false; continue; }
            var consumed = merged.Count(one => one.Gateway == i);
            if (consumed > 0) cursors[i] = list.Rows[consumed - 1].Cursor;
            if (consumed == list.Rows.Count && list.IsEnd) cursors[i] = RemoteCursor.End;
            isEnd &= cursors[i] == RemoteCursor.End;
        }

        context.Response.Headers["X-Total-Count"] = lists.Sum(list => list?.Total ?? 0).ToString();
        if (!isEnd) context.Response.Headers["X-Next-Cursor"] = RemoteCursor.Write('L', cursors);
        context.Response.Headers["X-Live-Cursor"] = RemoteCursor.Write('T', [.. lists.Select(list => list?.Live ?? "")]);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartArray();
            foreach (var ((json, _, _), _) in merged.Skip(offset))
            {
                writer.WriteStartObject();
                foreach (var field in json.EnumerateObject())
                    if (field.Name != "cursor") field.WriteTo(writer);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        });
    }

    /// <summary>
    /// The list of a console whose gateways write into the log that it has itself. Each is asked first where to follow from; what it said last holds of one that is away.
    /// </summary>
    public static async Task<IResult> ListOwn(HttpContext context, CairnHost host)
    {
        if (context.Request.Query.ContainsKey("cursor")) return await RequestEndpoints.List(context, host);
        // The log is here, also when every one of them is away.
        _ = await AskAll(context, host, async (gateway, _) =>
        {
            using var answer = await gateway.Get("/audit-logs", "?limit=1", context.RequestAborted, AsksWithin);
            return gateway.LiveCursor = Text(answer, "X-Live-Cursor") ?? "";
        });
        NameAway(context, host);
        var list = await RequestEndpoints.List(context, host);
        context.Response.Headers["X-Live-Cursor"] = RemoteCursor.Write('T', [.. host.Gateways!.Select(gateway => gateway.LiveCursor)]);
        return list;
    }

    /// <summary>The numbers beside <see cref="ListOwn"/>.</summary>
    public static Task<IResult> StatsOwn(HttpContext context, CairnHost host)
    {
        NameAway(context, host);
        return RequestStats.Stats(context, host);
    }

    static void NameAway(HttpContext context, CairnHost host)
    {
        var away = host.Gateways!.Where(gateway => gateway.IsAway).Select(gateway => gateway.Name).ToList();
        if (away.Count > 0) context.Response.Headers[AwayHeader] = Away(away);
    }

    sealed record Row(JsonElement Json, string Timestamp, string Cursor);

    /// <param name="Live">Where to follow from; of the first answer, so that nothing is missed that came while others were asked for.</param>
    sealed record Fetched(List<Row> Rows, long Total, bool IsEnd, string? Live);

    static async Task<Fetched> Fetch(RemoteGateway gateway, string filter, string cursor, int count, CancellationToken cancel)
    {
        var rows = new List<Row>();
        var total = 0L;
        string? live = null;
        var isEnd = cursor == RemoteCursor.End;
        do
        {
            // At its end a list has nothing more to give, and still a total.
            var place = cursor is "" or RemoteCursor.End ? "" : "&cursor=" + cursor;
            using var answer = await gateway.Get("/audit-logs", $"{filter}&cursors=true&limit={(isEnd ? 1 : Math.Min(RowsAtOnce, count - rows.Count))}{place}", cancel);
            using var json = await Read(gateway, answer, cancel);
            total = Number(answer, "X-Total-Count");
            live ??= Text(answer, "X-Live-Cursor");
            if (isEnd) break;
            foreach (var row in json.RootElement.EnumerateArray()) rows.Add(new(row.Clone(), row.GetProperty("timestamp").GetString()!, row.GetProperty("cursor").GetString()!));
            isEnd = !answer.Headers.TryGetValues("X-Next-Cursor", out var next);
            if (!isEnd) cursor = next!.First();
        }
        while (!isEnd && rows.Count < count);
        return new(rows, total, isEnd, live);
    }

    public static async Task<IResult> Stats(HttpContext context, CairnHost host)
    {
        if (host.Gateways is [var only]) return await PassOn(context, host, only, "/audit-logs/stats");
        var query = new Query(context.Request);
        query.Filter(RequestFields.Kind, "start_time", "end_time");
        var parts = query.Choice("parts", "false", "false", "true") == "true";
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var filter = Without(context, "parts");
        var (answers, refusal) = await AskAll(context, host, (gateway, _) => Ask(gateway, "/audit-logs/stats", filter + "&parts=true", context.RequestAborted));
        if (refusal is not null) return refusal;

        var measured = new Histogram();
        var all = answers.OfType<JsonDocument>().Select(document => document.RootElement).ToList();
        foreach (var bin in all.SelectMany(stats => stats.GetProperty("duration_bins").EnumerateObject()))
            if (int.TryParse(bin.Name, out var number) && number >= 0 && number < Histogram.BinCount) measured.Add(number, bin.Value.GetInt64());
        var summary = new Summary<RequestRecord>(
            all.Sum(stats => stats.GetProperty("total_requests").GetInt64()), Tokens(all.Select(stats => stats.GetProperty("tokens"))),
            [Counts("by_status"), Counts("by_backend"), Groups("by_model"), Groups("by_api_key"), Groups("by_user")], measured);
        foreach (var answer in answers) answer?.Dispose();
        return new JsonAnswer(writer => RequestStats.Write(writer, summary, parts));

        List<Group> Counts(string name) =>
            [.. all.SelectMany(stats => stats.GetProperty(name).EnumerateObject()).GroupBy(one => one.Name).Select(same => new Group([same.Key.Length == 0 ? null : same.Key], same.Sum(one => one.Value.GetInt64()), [])).OrderByDescending(group => group.Count)];

        List<Group> Groups(string name) =>
            [.. all.SelectMany(stats => stats.GetProperty(name).EnumerateObject()).GroupBy(one => one.Name).Select(same => new Group(
                same.First().Value.TryGetProperty("name", out var called) ? [same.Key, called.GetString()] : [same.Key],
                same.Sum(one => one.Value.GetProperty("requests").GetInt64()), Tokens(same.Select(one => one.Value)))).OrderByDescending(group => group.Count)];
    }

    static long[] Tokens(IEnumerable<JsonElement> all)
    {
        var sums = new long[3];
        foreach (var one in all)
            foreach (var (name, i) in new[] { ("prompt", 0), ("completion", 1), ("total", 2) }) sums[i] += one.GetProperty(name).GetInt64();
        return sums;
    }

    public static async Task<IResult> Timeline(HttpContext context, CairnHost host)
    {
        if (host.Gateways is [var only]) return await PassOn(context, host, only, "/audit-logs/timeline");
        var query = new Query(context.Request);
        query.Filter(RequestFields.Kind, "start_time", "end_time");
        string[] lengths = ["1m", "1h", "1d"];
        query.Choice("bucket", "auto", ["auto", .. lengths]);
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var asked = Without(context);
        var (answers, refusal) = await AskAll(context, host, (gateway, _) => Ask(gateway, "/audit-logs/timeline", asked, context.RequestAborted));
        if (refusal is not null) return refusal;

        // Left to themselves gateways of different age take buckets of different length; the longest serves them all.
        var bucket = answers.OfType<JsonDocument>().Select(Bucket).MaxBy(one => Array.IndexOf(lengths, one))!;
        if (answers.OfType<JsonDocument>().Any(answer => Bucket(answer) != bucket))
        {
            foreach (var answer in answers) answer?.Dispose();
            var same = Without(context, "bucket") + "&bucket=" + bucket;
            (answers, refusal) = await AskAll(context, host, (gateway, _) => Ask(gateway, "/audit-logs/timeline", same, context.RequestAborted));
            if (refusal is not null) return refusal;
        }
        var buckets = answers.OfType<JsonDocument>().SelectMany(answer => answer.RootElement.GetProperty("buckets").EnumerateArray()).GroupBy(one => one.GetProperty("start").GetString()!).OrderBy(same => same.Key, StringComparer.Ordinal)
            .Select(same => (Start: same.Key, Total: same.Sum(one => one.GetProperty("total").GetInt64()), Tokens: Tokens(same.Select(one => one.GetProperty("tokens"))),
                ByStatus: (IReadOnlyList<Group>)[.. same.SelectMany(one => one.GetProperty("by_status").EnumerateObject()).GroupBy(one => one.Name).Select(status => new Group([status.Key], status.Sum(one => one.Value.GetInt64()), [])).OrderByDescending(group => group.Count)]))
            .ToList();
        foreach (var answer in answers) answer?.Dispose();
        return new JsonAnswer(writer => RequestStats.WriteTimeline(writer, bucket, buckets));

        static string Bucket(JsonDocument answer) => answer.RootElement.GetProperty("bucket").GetString()!;
    }

    /// <summary>A file that lacked a gateway's requests without saying so would be a false one: it takes all of them, or is refused.</summary>
    public static async Task<IResult> Export(HttpContext context, CairnHost host)
    {
        var query = new Query(context.Request);
        var format = query.Choice("format", Formats.Jsonl, Formats.All);
        query.Filter(RequestFields.Kind, "start_time", "end_time");
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var cancel = context.RequestAborted;
        var answers = new List<HttpResponseMessage>();
        try
        {
            foreach (var gateway in host.Gateways!) answers.Add(await gateway.Get("/audit-logs/export", Without(context, "format") + "&format=" + (host.Gateways.Count == 1 ? format : "jsonl"), cancel));
            if (answers.Find(answer => !answer.IsSuccessStatusCode) is { } refused) return await PassOn(context, refused);
            var total = answers.Sum(answer => Number(answer, "X-Total-Count"));
            await host.SelfAudit.RecordOrKeep(By.Of(context), new("audit.exported", "AuditLog", null, "request") { Metadata = Exporter.Describe(context, "request", format, total) });
            Exporter.WriteHead(context, format, "audit-logs", total, isTruncated: false);

            if (answers is [var one])
            {
                await one.Content.CopyToAsync(context.Response.Body, cancel);
                return Results.Empty;
            }
            await Merge(context, answers, format);
            return Results.Empty;
        }
        catch (GatewayAwayException away)
        {
            RemoteLog.GatewayAway(Log(host), away.Message);
            return Problems.Busy($"{NotAvailable}: {away.Gateway} is away, and the file would lack its requests.");
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException && context.Response.HasStarted && !cancel.IsCancellationRequested)
        {
            // The download must not look as if it were whole.
            RemoteLog.GatewayAway(Log(host), cut.Message);
            context.Abort();
            return Results.Empty;
        }
        finally
        {
            foreach (var answer in answers) answer.Dispose();
        }
    }

    /// <summary>The files of several gateways, each newest first, as one that is.</summary>
    static async Task Merge(HttpContext context, List<HttpResponseMessage> answers, string format)
    {
        var cancel = context.RequestAborted;
        var output = context.Response.BodyWriter;
        using var lines = new LineWriter<RequestRecord>(RequestFields.Kind, format, output);
        lines.WriteHeader();

        var readers = new List<StreamReader>();
        var next = new PriorityQueue<(string Line, RequestRecord Record, int From), (long Newest, int From)>();
        foreach (var answer in answers) readers.Add(new(await answer.Content.ReadAsStreamAsync(cancel)));
        for (var i = 0; i < readers.Count; i++) await Take(i);
        while (next.TryDequeue(out var first, out _))
        {
            // As the gateway wrote it, where that is what is asked for: it may be older or newer than this console.
            if (format == Formats.Jsonl) output.Write(System.Text.Encoding.UTF8.GetBytes(first.Line + "\n"));
            else lines.Write(first.Record);
            if (output.UnflushedBytes > 64 * 1024 && (await output.FlushAsync(cancel)).IsCompleted) return;
            await Take(first.From);
        }
        await output.FlushAsync(cancel);

        async Task Take(int from)
        {
            if (await readers[from].ReadLineAsync(cancel) is not { } line) return;
            var record = RemoteRecord.Read(System.Text.Encoding.UTF8.GetBytes(line));
            next.Enqueue((line, record, from), (-record.TimeMs, from));
        }
    }

    public static async Task<IResult> Follow(HttpContext context, CairnHost host)
    {
        var gateways = host.Gateways!;
        var query = new Query(context.Request);
        query.Filter(RequestFields.Kind, "start_time", "end_time");
        var format = query.Choice("format", Formats.Jsonl, Formats.Objects);
        string[]? after = null;
        if (query.One("after") is { } text && (after = RemoteCursor.Read('T', text, gateways.Count)) is null) query.Refuse("after", "is not the cursor of a live frame of these gateways");
        if (query.Fault is { } fault) return Problems.Bad(fault);
        return await Live.LiveEndpoints.Accept(context, (socket, gone) =>
            new RemoteFollower(socket, gateways, Without(context, "after", "format"), format, host.Clock, Log(host)).Run(after, Caller.Of(context).Ended, gone), host.Stopping);
    }

    // What all of them use.

    static ILogger Log(CairnHost host) => host.Logs.CreateLogger("Cairn.Requests.Remote");

    /// <summary>Asks every gateway at once. Those that are away are named in a header; when all are, or one refuses what was asked, there is a refusal instead.</summary>
    static async Task<(T?[] Answers, IResult? Refusal)> AskAll<T>(HttpContext context, CairnHost host, Func<RemoteGateway, int, Task<T>> ask) where T : class
    {
        var away = new List<string>();
        string? wrong = null;
        var answers = await Task.WhenAll(host.Gateways!.Select(async (gateway, i) =>
        {
            try
            {
                return await ask(gateway, i);
            }
            catch (GatewayAwayException gone)
            {
                RemoteLog.GatewayAway(Log(host), gone.Message);
                lock (away) away.Add(gateway.Name);
                return null;
            }
            catch (BadHttpRequestException refused)
            {
                lock (away) wrong ??= refused.Message;
                return null;
            }
        }));
        if (wrong is not null) return (answers, Problems.Bad(wrong));
        if (away.Count == answers.Length) return (answers, Problems.Busy(NotAvailable + "."));
        if (away.Count > 0) context.Response.Headers[AwayHeader] = Away(away);
        return (answers, null);
    }

    static string Away(IEnumerable<string> names) => string.Join(", ", names.Order(StringComparer.Ordinal).Select(Uri.EscapeDataString));

    static async Task<JsonDocument> Ask(RemoteGateway gateway, string path, string query, CancellationToken cancel)
    {
        using var answer = await gateway.Get(path, query, cancel);
        return await Read(gateway, answer, cancel);
    }

    static async Task<JsonDocument> Read(RemoteGateway gateway, HttpResponseMessage answer, CancellationToken cancel)
    {
        try
        {
            var json = await JsonDocument.ParseAsync(await answer.Content.ReadAsStreamAsync(cancel), cancellationToken: cancel);
            if (answer.IsSuccessStatusCode) return json;
            using (json) throw new BadHttpRequestException(json.RootElement.GetProperty("detail").GetString() ?? "The gateway refuses what was asked.");
        }
        catch (Exception broken) when (broken is JsonException or HttpRequestException or HttpIOException)
        {
            throw new GatewayAwayException(gateway.Name, "its answer broke off", broken);
        }
    }

    /// <summary>One gateway's answer as it is.</summary>
    static async Task<IResult> PassOn(HttpContext context, CairnHost host, RemoteGateway gateway, string path)
    {
        try
        {
            using var answer = await gateway.Get(path, context.Request.QueryString.Value ?? "", context.RequestAborted);
            return await PassOn(context, answer);
        }
        catch (GatewayAwayException away)
        {
            RemoteLog.GatewayAway(Log(host), away.Message);
            return Problems.Busy(NotAvailable + ".");
        }
    }

    static async Task<IResult> PassOn(HttpContext context, HttpResponseMessage answer)
    {
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        foreach (var name in new[] { "X-Total-Count", "X-Next-Cursor" })
            if (answer.Headers.TryGetValues(name, out var values)) context.Response.Headers[name] = new StringValues([.. values]);
        if (Text(answer, "X-Live-Cursor") is { } live) context.Response.Headers["X-Live-Cursor"] = RemoteCursor.Write('T', [live]);
        await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        return Results.Empty;
    }

    /// <summary>The call's query without some parameters, ready for more to be added.</summary>
    static string Without(HttpContext context, params string[] names) => "?" + string.Join('&', context.Request.Query
        .Where(pair => !names.Contains(pair.Key))
        .SelectMany(pair => pair.Value.Where(value => !string.IsNullOrEmpty(value)).Select(value => Uri.EscapeDataString(pair.Key) + "=" + Uri.EscapeDataString(value!))));

    static string? Text(HttpResponseMessage answer, string header) => answer.Headers.TryGetValues(header, out var values) ? values.First() : null;

    static long Number(HttpResponseMessage answer, string header) => answer.Headers.TryGetValues(header, out var values) && long.TryParse(values.First(), out var number) ? number : 0;
}

/// <summary>A record as a gateway wrote it.</summary>
static class RemoteRecord
{
    static readonly RecordParser<RequestRecord> Parser = new(RequestFields.Kind, lenient: true);

    /// <exception cref="IOException">It is not one of a request.</exception>
    public static RequestRecord Read(ReadOnlySpan<byte> json)
    {
        var record = new RequestRecord();
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (Parser.Read(ref reader, record) is { } wrong) throw new IOException($"A gateway's record {wrong}.");

        // The place in its own gateway's log, which stands first and which no one else may say.
        reader = new(json);
        if (reader.Read() && reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("id"u8) && reader.Read() && reader.TryGetInt64(out var position)) record.Position = position;
        return record;
    }
}

static partial class RemoteLog
{
    [LoggerMessage(LogLevel.Warning, "{Why}")]
    public static partial void GatewayAway(ILogger log, string why);
}
