using System.Text.Json;
using Cairn.Access;
using Cairn.Events;
using Cairn.Requests;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>Taking over records that were exported before. Only the owner of the data directory may: it writes history.</summary>
static class Import
{
    public static void MapImport(this WebApplication app, CairnHost host) =>
        app.Routes(host, "/local/import", AccessRule.Administrator)
            .Post("/requests", Requests, new("Take over exported requests") { Takes = "Requests" })
            .Post("/events", (context, host) => EventIngest.Take(context, host, lenient: true), new("Take over exported events") { Takes = "NewEvents" });

    static async Task<IResult> Requests(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var (body, problem) = await Body.Read(context, EventIngest.MostBytes);
        if (problem is not null) return problem;

        var parser = new RecordParser<RequestRecord>(RequestFields.Kind, lenient: true);
        var latest = host.Clock.GetUtcNow().AddHours(24).ToUnixTimeMilliseconds();
        var items = Items<RequestRecord>.Read(body!, EventIngest.MostEvents, (ref Utf8JsonReader reader, RequestRecord record) =>
            parser.Read(ref reader, record) ?? (record.TimeMs > latest ? "timestamp is more than 24 hours ahead of this server's clock" : null));
        return items.Problem ?? items.Answer(await host.Recorder.Append(items.Records));
    }
}
