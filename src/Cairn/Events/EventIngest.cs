using System.Text.Json;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Events;

/// <summary>Taking events: one, an array, or one a line; each stands for itself, and what is answered as accepted is durable.</summary>
static class EventIngest
{
    public const int MostEvents = 10_000, MostBytes = 8 * 1024 * 1024;

    static readonly TimeSpan MostAhead = TimeSpan.FromHours(24);

    public static void MapEventIngest(this WebApplication app, CairnHost host) =>
        app.Routes(host, "/api/v1", AccessRule.Key(Scopes.EventsWrite)).Post("/events", (context, host) => Take(context, host, lenient: false), new("Record events: one, an array, or one a line; or CloudEvents 1.0, structured, as a batch, or with their attributes in ce- headers")
        {
            Takes = "NewEvents",
            TakesTypes = ["application/json", "application/x-ndjson"],
            TakesToo = [(CloudEvents.Structured, "CloudEvent"), (CloudEvents.Batch, "CloudEvents")],
            Answers = "Taken",
            Refuses = [StatusCodes.Status409Conflict],
        });

    public static EventCheck Check(CairnHost host, bool lenient = false) => new(host.Clock.GetUtcNow(), host.Settings.EventDays, MostAhead, lenient);

    /// <param name="lenient">Takes over what Cairn exported, however old.</param>
    public static async Task<IResult> Take(HttpContext context, CairnHost host, bool lenient)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var check = Check(host, lenient);
        if (!lenient && CloudEvents.Are(context.Request)) return await CloudEvents.Take(context, host, check);
        var (body, problem) = await Body.Read(context, MostBytes);
        if (problem is not null) return problem;

        var parser = new RecordParser<EventRecord>(host.Log.Events.Kind, lenient);
        var items = Items<EventRecord>.Read(body!, MostEvents, (ref Utf8JsonReader reader, EventRecord record) =>
        {
            record.TimeMs = EventCheck.NoTime;
            return parser.Read(ref reader, record) ?? check.Complete(record);
        });
        if (items.Problem is not null) return items.Problem;

        var outcomes = await host.Recorder.Append(items.Records);
        return items.Answer(outcomes);
    }
}

/// <summary>What an event must be beyond its fields, and what Cairn fills in.</summary>
sealed class EventCheck(DateTimeOffset now, int retentionDays, TimeSpan mostAhead, bool anyAge)
{
    /// <summary>Stands in a record until its sender gives a time.</summary>
    public const long NoTime = -1;

    readonly long nowMs = now.ToUnixTimeMilliseconds();
    readonly long latestMs = (now + mostAhead).ToUnixTimeMilliseconds();
    readonly long oldestMs = retentionDays == 0 || anyAge ? 0 : now.AddDays(-retentionDays).ToUnixTimeMilliseconds();

    public string? Complete(EventRecord record)
    {
        record.RecordedAtMs = nowMs;
        record.TimeIsGiven = record.TimeMs != NoTime;
        if (!record.TimeIsGiven) record.TimeMs = nowMs;
        if (record.TimeMs < oldestMs) return $"createdAt is older than the {retentionDays} days that events are kept";
        if (record.TimeMs > latestMs) return "createdAt is more than 24 hours ahead of this server's clock";

        if (record.Id.Length == 0) record.Id = Guid.CreateVersion7(now).ToString("D");
        else if (Guid.TryParseExact(record.Id, "D", out var uuid)) record.Id = uuid.ToString("D");
        else return "id is not a UUID such as 0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b";
        return null;
    }
}
