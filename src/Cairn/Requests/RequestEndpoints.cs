using Cairn.Access;
using Cairn.Export;
using Cairn.Hosting;
using Cairn.Live;
using Cairn.Records;
using Cairn.Requests.Remote;

namespace Cairn.Requests;

/// <summary>Where the requests are that a listener shows.</summary>
enum RequestsAre
{
    /// <summary>In this process's own log.</summary>
    Here,

    /// <summary>In the logs of the gateways that the settings name.</summary>
    There,

    /// <summary>In this process's own log, into which those gateways write; each of them alone knows what is new there.</summary>
    HereFollowedThere,
}

/// <summary>Reading requests: the list, its statistics, its course over time, a file, live. The same on both listeners.</summary>
static class RequestEndpoints
{
    /// <param name="prefix"><c>/admin</c> on the gateway, <c>/api/system</c> on the console.</param>
    /// <param name="where">Where the requests are that it shows.</param>
    public static void MapRequests(this WebApplication app, CairnHost host, string prefix, RequestsAre where = RequestsAre.Here) => app.Routes(host, prefix, AccessRule.Reader)
        .Get("/audit-logs", where switch { RequestsAre.There => RemoteRequests.List, RequestsAre.HereFollowedThere => RemoteRequests.ListOwn, _ => List }, new("List requests, newest first")
        {
            Query = [.. Filter, Operation.Limit(1_000, 100), new("offset", "How many to pass over.", "integer", Least: 0, Default: "0"), Operation.Cursor, Cursors],
            Answers = "Requests",
            Headers = ["X-Total-Count", "X-Next-Cursor", "X-Live-Cursor", RemoteRequests.AwayHeader],
        })
        .Get("/audit-logs/stats", where switch { RequestsAre.There => RemoteRequests.Stats, RequestsAre.HereFollowedThere => RemoteRequests.StatsOwn, _ => RequestStats.Stats }, new("Totals, tokens and durations of what matches") { Query = [.. Filter, RequestStats.Parts], Answers = "Stats" })
        .Get("/audit-logs/timeline", where == RequestsAre.There ? RemoteRequests.Timeline : RequestStats.Timeline, new("Counts and tokens over time")
        {
            Query = [.. Filter, new("bucket", "How long one bucket is.", Allowed: ["auto", "1m", "1h", "1d"], Default: "auto")],
            Answers = "Timeline",
        })
        .Get("/audit-logs/export", where == RequestsAre.There ? RemoteRequests.Export : Export, new("All matching requests as a file")
        {
            Query = [Operation.Format(Formats.Jsonl, Formats.All), .. Filter],
            AnswerTypes = ["application/jsonl", "text/csv"],
            Headers = ["X-Total-Count", "Content-Disposition"],
        })
        .Get("/ws/audit-logs", where != RequestsAre.Here ? RemoteRequests.Follow : Follow, new("Follow requests over a WebSocket") { Query = [Operation.After, Operation.LiveFormat, .. Filter], Status = StatusCodes.Status101SwitchingProtocols });

    static Parameter[] Filter => Operation.Filter(RequestFields.Kind, "start_time", "end_time");

    static readonly Parameter Cursors = new("cursors", "Give each entry the cursor that goes on after it, for who merges several lists.", Allowed: ["false", "true"], Default: "false");

    public static async Task<IResult> List(HttpContext context, CairnHost host)
    {
        var log = host.Log.Requests;
        var query = new Query(context.Request);
        var filter = query.Filter(log.Kind, "start_time", "end_time");
        var limit = (int)query.Number("limit", 100, 1, 1_000);
        var offset = query.Number("offset", 0, 0, long.MaxValue / 2);
        var cursor = query.ListCursor(log.Kind.Name);
        var cursors = query.Choice("cursors", "false", "false", "true") == "true";
        if (cursor is not null && offset > 0) query.Refuse("offset", "cannot be given together with cursor");
        if (query.Fault is { } fault) return Problems.Bad(fault);

        // Asked for before reading: who follows from there misses nothing that this page does not show.
        var last = await log.LastPosition(context.RequestAborted);
        var page = await log.Read(new(filter, limit, cursor, offset, Counted: true), context.RequestAborted);
        context.Response.Headers["X-Total-Count"] = page.Total.ToString();
        context.Response.Headers["X-Live-Cursor"] = Cursor.ForTail(log.Kind.Name, Math.Min(last, page.AsOf));
        if (page.Next is { } next) context.Response.Headers["X-Next-Cursor"] = Cursor.ForList(log.Kind.Name, next);
        var json = new RecordJson<RequestRecord>(log.Kind);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartArray();
            foreach (var record in page.Records) json.Write(writer, record, cursors ? Cursor.ForList(log.Kind.Name, record.Place) : null);
            writer.WriteEndArray();
        });
    }

    static Task<IResult> Follow(HttpContext context, CairnHost host) => LiveEndpoints.Follow(context, host.Log.Requests, host.Recorder.RequestFeed, "start_time", "end_time", host.Stopping);

    static async Task<IResult> Export(HttpContext context, CairnHost host)
    {
        var query = new Query(context.Request);
        var format = query.Choice("format", Formats.Jsonl, Formats.All);
        var filter = query.Filter(host.Log.Requests.Kind, "start_time", "end_time");
        if (query.Fault is { } fault) return Problems.Bad(fault);
        return await Exporter.Export(context, host, host.Log.Requests, filter, format, most: 0, "audit-logs");
    }
}
