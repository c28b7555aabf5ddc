using Cairn.Access;
using Cairn.Export;
using Cairn.Hosting;
using Cairn.Live;
using Cairn.Records;

namespace Cairn.Events;

/// <summary>Reading events: the list, one, the actors, a file, live.</summary>
static class EventEndpoints
{
    const int MostActors = 1_000, MostTerms = 1_000;

    public static void MapEvents(this WebApplication app, CairnHost host) => app.Routes(host, "/api/v1/admin", AccessRule.Reader)
        .Get("/audit-logs", List, new("List events, newest first")
        {
            Query = [.. Filter(host), new("page", "Which page, counted from 1.", "integer", Least: 1, Default: "1"), Operation.Limit(100, 25), Operation.Cursor],
            Answers = "Events",
            Headers = ["X-Total-Count"],
        })
        .Get("/audit-logs/{id}", One, new("One event") { Answers = "Event" })
        .Get("/audit-logs/actors", Actors, new("The distinct actors of all events, by name")
        {
            Query = [new("q", "A text that the name, e-mail address or id contains."), Operation.Limit(MostActors, MostActors)],
            Answers = "Actors",
            Headers = ["X-Total-Count"],
        })
        .Get("/audit-logs/catalog", Catalog, new("The actions and resource types, known and recorded, with their labels; how many rows an export has at most (0: no limit)") { Answers = "Catalog" })
        .Get("/audit-logs/export", Export, new("All matching events as a file")
        {
            Query = [Operation.Format(Formats.Csv, Formats.All), .. Filter(host)],
            AnswerTypes = ["text/csv", "application/jsonl"],
            Headers = ["X-Total-Count", "X-Truncated", "Content-Disposition"],
        })
        .Get("/ws/audit-logs", Follow, new("Follow events over a WebSocket") { Query = [Operation.After, Operation.LiveFormat, .. Filter(host)], Status = StatusCodes.Status101SwitchingProtocols });

    static Parameter[] Filter(CairnHost host) => Operation.Filter(host.Log.Events.Kind, "from", "to");

    static async Task<IResult> List(HttpContext context, CairnHost host)
    {
        var log = host.Log.Events;
        var query = new Query(context.Request);
        var filter = query.Filter(log.Kind, "from", "to");
        var limit = (int)query.Number("limit", 25, 1, 100);
        var page = query.Number("page", 1, 1, int.MaxValue);
        var cursor = query.ListCursor(log.Kind.Name);
        if (cursor is not null && page > 1) query.Refuse("page", "cannot be given together with cursor");
        if (query.Fault is { } fault) return Problems.Bad(fault);

        // Asked for before reading: who follows from there misses nothing that this page does not show.
        var last = await log.LastPosition(context.RequestAborted);
        var found = await log.Read(new(filter, limit, cursor, (page - 1) * limit, Counted: true), context.RequestAborted);
        context.Response.Headers["X-Total-Count"] = found.Total.ToString();
        var json = new RecordJson<EventRecord>(log.Kind);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("items");
            foreach (var record in found.Records) json.Write(writer, record);
            writer.WriteEndArray();
            writer.WriteNumber("total", found.Total);
            writer.WriteNumber("page", page);
            writer.WriteNumber("limit", limit);
            writer.WriteString("nextCursor", found.Next is { } next ? Cursor.ForList(log.Kind.Name, next) : null);
            writer.WriteString("liveCursor", Cursor.ForTail(log.Kind.Name, Math.Min(last, found.AsOf)));
            writer.WriteEndObject();
        });
    }

    static async Task<IResult> One(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var record = Guid.TryParseExact(context.RouteText("id"), "D", out var uuid) ? await host.Log.Events.Find(uuid.ToString("D"), context.RequestAborted) : null;
        if (record is null) return Problems.NotFound("There is no event with this id.");
        return new JsonAnswer(writer => new RecordJson<EventRecord>(host.Log.Events.Kind).Write(writer, record));
    }

    static async Task<IResult> Actors(HttpContext context, CairnHost host)
    {
        var log = host.Log.Events;
        var query = new Query(context.Request);
        var asked = query.One("q");
        var limit = (int)query.Number("limit", MostActors, 1, MostActors);
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var summary = await log.Summarise(Filter<EventRecord>.Everything, [[EventFields.ActorId, EventFields.ActorName, EventFields.ActorEmail]], percentiles: false, context.RequestAborted);
        var matching = summary.Groups[0]
            .Select(group => (Id: group.Values[0], Name: group.Values[0] is null ? "System" : group.Values[1], Email: group.Values[2]))
            .GroupBy(actor => actor.Id)
            .Where(same => asked is null || same.Any(actor => Has(actor.Id) || Has(actor.Name) || Has(actor.Email)))
            .OrderBy(same => same.First().Name ?? same.Key, StringComparer.OrdinalIgnoreCase).ThenBy(same => same.Key, StringComparer.Ordinal)
            .ToList();

        var actors = new List<(string? Id, string? Name, string? Email)>();
        foreach (var same in matching.Take(limit)) actors.Add(same.Key is null ? (null, "System", null) : same.Count() == 1 ? same.First() : await Latest(same.Key));
        // By the names that are shown, which may be later ones than those they were found by.
        actors = [.. actors.OrderBy(actor => actor.Name ?? actor.Id, StringComparer.OrdinalIgnoreCase).ThenBy(actor => actor.Id, StringComparer.Ordinal)];
        context.Response.Headers["X-Total-Count"] = matching.Count.ToString();
        return new JsonAnswer(writer =>
        {
            writer.WriteStartArray();
            foreach (var (id, name, email) in actors)
            {
                writer.WriteStartObject();
                writer.WriteString("id", id);
                writer.WriteString("name", name);
                writer.WriteString("email", email);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        });

        bool Has(string? text) => text?.Contains(asked!, StringComparison.OrdinalIgnoreCase) == true;

        // Someone who was renamed is listed once, by the latest name.
        async Task<(string?, string?, string?)> Latest(string id)
        {
            var filter = new Filter<EventRecord> { Conditions = [new(EventFields.ActorId, [id], [])] };
            var latest = (await log.Read(new(filter, 1), context.RequestAborted)).Records is [var found, ..] ? found : null;
            return (id, latest?.ActorName, latest?.ActorEmail);
        }
    }

    /// <summary>The words of this log: every action and resource type that is known or was recorded, with its label; and where an export ends.</summary>
    static async Task<IResult> Catalog(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var (log, catalog) = (host.Log.Events, host.Settings.Catalog);
        var recorded = await log.Summarise(Filter<EventRecord>.Everything, [[log.Kind.ByParameter["action"]], [EventFields.Resource]], percentiles: false, context.RequestAborted);
        var actions = catalog.Actions.Concat(Recorded(0).Except(catalog.Actions.Select(action => action.Key)).Select(key => KeyValuePair.Create(key, catalog.Label(key))));
        var resources = catalog.Resources.Concat(Recorded(1).Except(catalog.Resources.Select(type => type.Name)).Select(name => new ResourceType(name, name, null)));
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("actions");
            foreach (var (key, label) in actions.OrderBy(action => action.Key, StringComparer.Ordinal))
            {
                writer.WriteStartObject();
                writer.WriteString("key", key);
                writer.WriteString("label", label);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteStartArray("resources");
            foreach (var type in resources.OrderBy(type => type.Name, StringComparer.Ordinal))
            {
                writer.WriteStartObject();
                writer.WriteString("name", type.Name);
                writer.WriteString("label", type.Label);
                writer.WriteString("link", type.Link);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteNumber("exportRows", host.Settings.ExportRows);
            writer.WriteEndObject();
        });

        IEnumerable<string> Recorded(int grouping) => recorded.Groups[grouping].Select(group => group.Values[0]).OfType<string>().Take(MostTerms);
    }

    static Task<IResult> Follow(HttpContext context, CairnHost host) => LiveEndpoints.Follow(context, host.Log.Events, host.Recorder.EventFeed, "from", "to", host.Stopping);

    static async Task<IResult> Export(HttpContext context, CairnHost host)
    {
        var query = new Query(context.Request);
        var format = query.Choice("format", Formats.Csv, Formats.All);
        var filter = query.Filter(host.Log.Events.Kind, "from", "to");
        if (query.Fault is { } fault) return Problems.Bad(fault);
        return await Exporter.Export(context, host, host.Log.Events, filter, format, host.Settings.ExportRows, $"audit-logs-{host.Clock.GetUtcNow():yyyy-MM-dd}");
    }
}
