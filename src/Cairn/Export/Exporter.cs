using Cairn.Access;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Export;

/// <summary>
/// Streams a list as a file: the screen's filter, order and rows, read piece by piece so that memory does not grow with
/// the rows and no read stays open while a slow client takes its time. What is recorded meanwhile with an earlier time is
/// not in it, and takes no row's place.
/// </summary>
static class Exporter
{
    const int RowsInPiece = 2_000;

    /// <param name="most">Rows at which the export stops; 0 for no limit.</param>
    /// <param name="fileName">Without its ending.</param>
    public static async Task<IResult> Export<T>(HttpContext context, CairnHost host, ILog<T> log, Filter<T> filter, string format, int most, string fileName) where T : class, IRecord, new()
    {
        var cancel = context.RequestAborted;
        var fields = format == Formats.Csv ? log.Kind.Csv : null;

        // Read before the export itself is recorded, so that it is not in its own file.
        var page = await log.Read(new(filter, RowsInPiece, Fields: fields, Counted: true), cancel);
        var total = page.Total;
        var rows = most > 0 ? Math.Min(total, most) : total;
        await host.SelfAudit.RecordOrKeep(By.Of(context), new("audit.exported", "AuditLog", null, log.Kind.Name) { Metadata = Describe(context, log.Kind.Name, format, rows) });

        WriteHead(context, format, fileName, total, isTruncated: rows < total);
        var response = context.Response;
        using var lines = new LineWriter<T>(log.Kind, format, response.BodyWriter);
        lines.WriteHeader();

        var asOf = page.AsOf;
        for (var left = most > 0 ? most : long.MaxValue; ;)
        {
            foreach (var record in page.Records)
            {
                if (left-- <= 0) break;
                lines.Write(record);
            }
            if ((await response.BodyWriter.FlushAsync(cancel)).IsCompleted || page.Next is null || left <= 0) break;
            page = await log.Read(new(filter, RowsInPiece, page.Next, Fields: fields, AsOf: asOf), cancel);
        }
        return Results.Empty;
    }

    public static void WriteHead(HttpContext context, string format, string fileName, long total, bool isTruncated)
    {
        var response = context.Response;
        response.ContentType = format == Formats.Csv ? "text/csv; charset=utf-8" : "application/jsonl";
        response.Headers.ContentDisposition = $"attachment; filename=\"{fileName}.{Formats.Ending(format)}\"";
        response.Headers["X-Total-Count"] = total.ToString();
        if (isTruncated) response.Headers["X-Truncated"] = "true";
    }

    /// <summary>What was exported, as the event of it tells.</summary>
    public static string Describe(HttpContext context, string kind, string format, long rows) => RecordJson.Text(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("log", kind + "s");
        writer.WriteString("format", format);
        writer.WriteNumber("rows", rows);
        writer.WriteStartObject("filter");
        foreach (var (name, values) in context.Request.Query.Where(pair => pair.Key != "format").OrderBy(pair => pair.Key, StringComparer.Ordinal))
            writer.WriteString(name, string.Join(", ", values.OfType<string>()));
        writer.WriteEndObject();
        writer.WriteEndObject();
    });
}
