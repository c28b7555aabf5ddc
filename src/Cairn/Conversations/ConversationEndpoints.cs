using System.Buffers;
using System.Text.Json;
using Cairn.Access;
using Cairn.Export;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Conversations;

/// <summary>Reviewing conversations. Whoever looks at what was said leaves an event, written before anything is sent.</summary>
static class ConversationEndpoints
{
    const int MostInPage = 100, InPage = 20, RowsInPiece = 500;

    /// <summary>Closed until it is enabled, and then open to full administrators alone.</summary>
    static readonly AccessRule Rule = AccessRule.Administrator with { Closed = settings => settings.AuditLogsEnabled ? null : "Audit logs are not enabled" };

    /// <summary>The parameters that choose conversations.</summary>
    public static readonly Parameter[] Filter =
    [
        new("owner_email", "A text that the owner contains, in any case."),
        new("search", "A text that the title contains, in any case."),
        new("date_from", "Created then or later: a date or a date and time (ISO 8601)."),
        new("date_to", "Created then or earlier; a bare date includes that whole day."),
        new("tz", "The time zone whose days are meant (IANA name).", Default: "UTC"),
        new("status", "Only those.", Allowed: Conversation.States),
        new("include_deleted", "Deleted ones as well, which are otherwise shown for status=deleted alone.", Allowed: ["false", "true"], Default: "false"),
        new("sort", "The time that orders them, newest first.", Allowed: ["created_at", "updated_at"], Default: "created_at"),
    ];

    static readonly Parameter[] Paging =
    [
        new("page", "Which page, counted from 1.", "integer", Least: 1, Default: "1"),
        new("page_size", "Entries in one page.", "integer", Least: 1, Most: MostInPage, Default: InPage.ToString()),
        Operation.Cursor,
    ];

    public static void MapConversations(this WebApplication app, CairnHost host) => app.Routes(host, "/api/admin/audit-logs", Rule)
        .Get("", List, new("List conversations, newest first") { Query = [.. Filter, .. Paging], Answers = "Conversations", Headers = ["X-Total-Count"], Refuses = [503] })
        .Get("/{id}/messages", Messages, new("A conversation and its messages, oldest first; leaves an event") { Query = Paging, Answers = "Transcript", Headers = ["X-Total-Count"], Refuses = [503] })
        .Get("/{id}/views", Views, new("Who has looked at a conversation, and when; latest first") { Query = Paging, Answers = "ConversationViews", Headers = ["X-Total-Count"], Refuses = [503] })
        .Get("/owners", Owners, new("The first owners by name; leaves an event") { Query = [new("q", "A text that the owner contains, in any case.")], Answers = "ConversationOwners", Refuses = [503] })
        .Get("/export", Export, new("All matching conversations as a file, without their messages; leaves an event")
        {
            Query = [Operation.Format(Formats.Csv, Formats.Csv, Formats.Jsonl), .. Filter],
            AnswerTypes = ["text/csv", "application/jsonl"],
            Headers = ["X-Total-Count", "X-Truncated", "Content-Disposition"],
            Refuses = [503],
        });

    static ConversationFilter ReadFilter(Query query)
    {
        var (from, until) = query.Range("date_from", "date_to");
        var status = query.Choice("status", "", Conversation.States);
        return new(
            query.One("owner_email"), query.One("search"), from, until,
            status.Length == 0 ? null : (ConversationState)Array.IndexOf(Conversation.States, status),
            query.Choice("include_deleted", "false", "false", "true") == "true",
            query.Choice("sort", "created_at", "created_at", "updated_at") == "updated_at");
    }

    /// <summary>Which page was asked for.</summary>
    readonly record struct Wanted(long Page, int Size, Place? After)
    {
        public long Skip => (Page - 1) * Size;

        public static Wanted Read(Query query, string list)
        {
            var (page, size) = (query.Number("page", 1, 1, int.MaxValue), (int)query.Number("page_size", InPage, 1, MostInPage));
            Place? after = null;
            if (query.One("cursor") is { } text)
            {
                if (Place.TryRead(list, text, out var place)) after = place;
                else query.Refuse("cursor", "is not a cursor of this list");
                if (page > 1) query.Refuse("page", "cannot be given together with cursor");
            }
            return new(page, size, after);
        }

        public void Write(Utf8JsonWriter writer, long total, string? next)
        {
            writer.WriteNumber("total", total);
            writer.WriteNumber("page", Page);
            writer.WriteNumber("page_size", Size);
            writer.WriteBoolean("has_more", next is not null);
            writer.WriteString("next_cursor", next);
        }
    }

    static async Task<IResult> List(HttpContext context, CairnHost host)
    {
        var query = new Query(context.Request);
        var filter = ReadFilter(query);
        var list = filter.ByUpdate ? "conversations by update" : "conversations";
        var wanted = Wanted.Read(query, list);
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var found = await host.Conversations.List(filter, wanted.Size, wanted.After, wanted.Skip, counted: true, context.RequestAborted);
        context.Response.Headers["X-Total-Count"] = found.Total.ToString();
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("items");
            foreach (var conversation in found.Items) conversation.Write(writer);
            writer.WriteEndArray();
            wanted.Write(writer, found.Total, found.Next?.Cursor(list));
            writer.WriteEndObject();
        });
    }

    static async Task<IResult> Messages(HttpContext context, CairnHost host)
    {
        var id = context.RouteText("id");
        var list = "messages of " + id;
        var query = new Query(context.Request);
        var wanted = Wanted.Read(query, list);
        if (query.Fault is { } fault) return Problems.Bad(fault);
        if (await host.Conversations.Read(id, wanted.Size, wanted.Skip, wanted.After, context.RequestAborted) is not { } found) return NotFound();

        await host.SelfAudit.Record(By.Of(context), ConversationTrace.Viewed(found, wanted.Page, wanted.Size, wanted.After is not null), context.RequestAborted);
        var conversation = found.Conversation;
        context.Response.Headers["X-Total-Count"] = conversation.MessageCount.ToString();
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WritePropertyName("conversation");
            conversation.Write(writer);
            writer.WriteStartObject("messages");
            writer.WriteStartArray("items");
            foreach (var message in found.Messages) message.Write(writer);
            writer.WriteEndArray();
            wanted.Write(writer, conversation.MessageCount, found.Next?.Cursor(list));
            writer.WriteEndObject();
            writer.WriteEndObject();
        });
    }

    static IResult NotFound() => Problems.NotFound("There is no conversation with this id.");

    static async Task<IResult> Views(HttpContext context, CairnHost host)
    {
        var id = context.RouteText("id");
        var list = "views of " + id;
        var query = new Query(context.Request);
        var wanted = Wanted.Read(query, list);
        if (query.Fault is { } fault) return Problems.Bad(fault);
        if (!await host.Conversations.Has(id, context.RequestAborted)) return NotFound();

        var events = host.Log.Events;
        var found = await events.Read(new(ConversationTrace.ViewsOf(events.Kind, id), wanted.Size, wanted.After?.Ms, wanted.Skip, Counted: true), context.RequestAborted);
        context.Response.Headers["X-Total-Count"] = found.Total.ToString();
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("items");
            foreach (var view in found.Records) ConversationTrace.WriteView(writer, view);
            writer.WriteEndArray();
            wanted.Write(writer, found.Total, found.Next is { } next ? new Place(next, "").Cursor(list) : null);
            writer.WriteEndObject();
        });
    }

    static async Task<IResult> Owners(HttpContext context, CairnHost host)
    {
        var query = new Query(context.Request);
        var part = query.One("q");
        if (query.Fault is { } fault) return Problems.Bad(fault);
        var owners = await host.Conversations.Owners(part, context.RequestAborted);
        await host.SelfAudit.Record(By.Of(context), ConversationTrace.SearchedOwners(part, owners.Count), context.RequestAborted);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("owners");
            foreach (var owner in owners) writer.WriteStringValue(owner);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    static async Task<IResult> Export(HttpContext context, CairnHost host)
    {
        var cancel = context.RequestAborted;
        var query = new Query(context.Request);
        var format = query.Choice("format", Formats.Csv, Formats.Csv, Formats.Jsonl);
        var filter = ReadFilter(query);
        if (query.Fault is { } fault) return Problems.Bad(fault);

        var page = await host.Conversations.List(filter, RowsInPiece, null, 0, counted: true, cancel);
        var (total, most) = (page.Total, host.Settings.ExportRows);
        var rows = most > 0 ? Math.Min(total, most) : total;
        // Unlike an export of the log, this one waits for a log that can be written: what was said is not handed out without a trace.
        await host.SelfAudit.Record(By.Of(context), new("audit.exported", "Conversation", null, "conversation") { Metadata = Exporter.Describe(context, "conversation", format, rows) }, cancel);

        Exporter.WriteHead(context, format, $"audit-logs-{host.Clock.GetUtcNow():yyyy-MM-dd}", total, isTruncated: rows < total);
        var output = context.Response.BodyWriter;
        await using var jsonl = new Utf8JsonWriter(output, RecordJson.Writing);
        if (format == "csv") CsvText.WriteLine(output, Conversation.CsvColumns);
        // Not at the count: what comes to match meanwhile takes no other's place.
        for (var left = most > 0 ? most : long.MaxValue; ;)
        {
            foreach (var conversation in page.Items)
            {
                if (left-- <= 0) break;
                if (format == "csv")
                {
                    CsvText.WriteLine(output, conversation.CsvCells());
                    continue;
                }
                conversation.Write(jsonl);
                await jsonl.FlushAsync(cancel);
                jsonl.Reset();
                output.Write("\n"u8);
            }
            if ((await output.FlushAsync(cancel)).IsCompleted || page.Next is null || left <= 0) break;
            page = await host.Conversations.List(filter, RowsInPiece, page.Next, 0, counted: false, cancel);
        }
        return Results.Empty;
    }
}
