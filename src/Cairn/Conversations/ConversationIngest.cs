using System.Text.Json;
using Cairn.Access;
using Cairn.Conversations.Sources;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Conversations;

/// <summary>Taking conversations into Cairn's own tables. What is answered is durable; saying the same again changes nothing.</summary>
static class ConversationIngest
{
    public const int MostMessages = 10_000, MostBytes = 8 * 1024 * 1024, MostContent = 1024 * 1024;

    const int MostIdLetters = 256, MostTitleLetters = 2_000, MostTexts = 100, MostMetadataBytes = 16 * 1024;

    public static void MapConversationIngest(this WebApplication app, CairnHost host) => app.Routes(host, "/api/v1/conversations", AccessRule.Key(Scopes.ConversationsWrite))
        .Put("/{id}", Put, new("Make a conversation, or make it what is said now; its messages stay") { Takes = "NewConversation", Answers = "TakenConversation", Refuses = [409] })
        .Post("/{id}/messages", Append, new("Append messages to a conversation: one, an array, or one a line")
        {
            Takes = "NewMessages",
            TakesTypes = ["application/json", "application/x-ndjson"],
            Answers = "Taken",
            Refuses = [409],
        })
        .Delete("/{id}", Erase, new("Erase a conversation and its messages; leaves an event") { Status = StatusCodes.Status204NoContent, Refuses = [409] });

    /// <summary>Nothing is taken into tables that nobody reads.</summary>
    static IResult? Elsewhere(CairnHost host) => host.Settings.ConversationSource == "builtin" ? null
        : Problems.Conflict("This Cairn reads conversations from another database (setting Conversations:Source), which it never writes to.");

    static async Task<IResult> Put(HttpContext context, CairnHost host)
    {
        if (Elsewhere(host) is { } elsewhere) return elsewhere;
        var (input, problem) = await Input.Read(context);
        if (problem is not null) return problem;
        var id = context.RouteText("id");
        if (input.Text("id", MostIdLetters) is { } given && given != id) input.Refuse("id", "is not the id in the call's path");
        if (WhyNotId(id) is { } why) input.Refuse("id", why);
        var said = new NewConversation(
            id, input.Text("title", MostTitleLetters) ?? "", input.Text("owner_id", MostIdLetters, required: true) ?? "", input.Time("created_at"), input.Time("updated_at"),
            input.Flag("is_archived") ?? false, input.Time("deleted_at"), input.Flag("is_public") ?? false, Json(input.Texts("tags", MostTexts, MostIdLetters)), Json(input.Texts("shared_with", MostTexts, MostIdLetters)));
        if (input.Refusal is { } refusal) return refusal;

        var isNew = await host.OwnConversations.Put(said, host.Clock.GetUtcNow().ToUnixTimeMilliseconds(), context.RequestAborted);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("id", id);
            writer.WriteBoolean("created", isNew);
            writer.WriteEndObject();
        });
    }

    static string? WhyNotId(string id) => id.Length > MostIdLetters ? $"is longer than {MostIdLetters} characters" : !Texts.IsSound(id) ? "holds NUL or is not valid Unicode" : null;

    static string Json(string[] texts) => texts.Length == 0 ? "" : RecordJson.Text(writer =>
    {
        writer.WriteStartArray();
        foreach (var text in texts) writer.WriteStringValue(text);
        writer.WriteEndArray();
    });

    static async Task<IResult> Append(HttpContext context, CairnHost host)
    {
        if (Elsewhere(host) is { } elsewhere) return elsewhere;
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var (body, problem) = await Body.Read(context, MostBytes);
        if (problem is not null) return problem;

        var now = host.Clock.GetUtcNow();
        var items = Items<NewMessage>.Read(body!, MostMessages, (ref Utf8JsonReader reader, NewMessage message) => Read(ref reader, message, now));
        if (items.Problem is not null) return items.Problem;
        var outcomes = await host.OwnConversations.Append(context.RouteText("id"), items.Records, context.RequestAborted);
        return outcomes is null ? NotFound() : items.Answer(outcomes);
    }

    static IResult NotFound() => Problems.NotFound("There is no conversation with this id; make it first: PUT /api/v1/conversations/{id}.");

    /// <summary>Reads one message, at whose first token the reader stands, to its end. Answers what is wrong with it, or null.</summary>
    static string? Read(ref Utf8JsonReader reader, NewMessage message, DateTimeOffset now)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return "is not a JSON object";
        }
        string? fault = null;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var name = Text(ref reader) ?? "�";
            reader.Read();
            if (!seen.Add(name)) fault ??= $"{Texts.Shown(name)} is given twice";
            if (fault is null) fault = Take(ref reader, name, message);
            else reader.Skip();
        }
        if (reader.TokenType != JsonTokenType.EndObject) throw new JsonException("The JSON ends in the middle of an object.");
        if (fault is not null) return fault;

        if (message.Role.Length == 0) return "role is missing";
        if (!seen.Contains("content")) return "content is missing";
        if (!message.TimeIsGiven) message.CreatedAtMs = now.ToUnixTimeMilliseconds();
        if (message.Id.Length == 0) message.Id = Guid.CreateVersion7(now).ToString("D");
        return null;
    }

    static string? Take(ref Utf8JsonReader reader, string name, NewMessage message)
    {
        if (name == "metadata")
        {
            if (reader.TokenType == JsonTokenType.Null) return null;
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                return "metadata is not a JSON object";
            }
            var (json, fault) = RecordParser<EventRecord>.Compact(ref reader, name);
            if (json?.Length > MostMetadataBytes) return $"metadata is longer than {MostMetadataBytes} bytes";
            message.Metadata = json;
            return fault;
        }
        if (name is not ("id" or "role" or "content" or "created_at" or "sender_email"))
        {
            reader.Skip();
            return $"has a field '{Texts.Shown(name)}' that is not known";
        }
        if (reader.TokenType == JsonTokenType.Null) return name is "role" or "content" ? $"{name} is missing" : null;
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return $"{name} is not a string";
        }
        if (Text(ref reader) is not { } text) return $"{name} is not valid Unicode";
        if (!Texts.IsSound(text)) return $"{name} holds NUL";
        var most = name == "content" ? MostContent : MostIdLetters;
        if (text.Length > most) return $"{name} is longer than {most} characters";
        switch (name)
        {
            case "id": message.Id = text; break;
            case "role":
                if (!Message.Roles.Contains(text)) return $"role is '{Texts.Shown(text)}'; it takes {string.Join(", ", Message.Roles)}";
                message.Role = text;
                break;
            case "content": message.Content = text; break;
            case "sender_email": message.SenderEmail = text.Length == 0 ? null : text; break;
            default:
                if (!Iso.TryRead(text, TimeZoneInfo.Utc, out var ms) || ms is < 0 or > Iso.MostMs) return $"created_at is '{Texts.Shown(text)}'; it takes an ISO 8601 time from 1970 to 2199, such as 2026-01-31T12:00:00.000Z";
                (message.CreatedAtMs, message.TimeIsGiven) = (ms, true);
                break;
        }
        return null;
    }

    static string? Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            // The parser passes over invalid UTF-8 and half surrogate pairs, and says so only when the text is asked for.
            return null;
        }
    }

    static async Task<IResult> Erase(HttpContext context, CairnHost host)
    {
        if (Elsewhere(host) is { } elsewhere) return elsewhere;
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var id = context.RouteText("id");
        var notice = host.SelfAudit.Notice(By.Of(context), ConversationTrace.Erased(id));
        if (!await host.OwnConversations.Erase(id, notice, context.RequestAborted)) return Problems.NotFound("There is no conversation with this id.");
        await host.OwnConversations.Tell(host.SelfAudit, CancellationToken.None);
        return Results.NoContent();
    }
}
