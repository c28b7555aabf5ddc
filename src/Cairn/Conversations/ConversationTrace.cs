using System.Text.Json;
using Cairn.Access;
using Cairn.Events;
using Cairn.Records;

namespace Cairn.Conversations;

/// <summary>
/// What is left of looking at conversations, in the event log. It says who looked at whose conversation, and never what was said:
/// events are read by people who may not read conversations, so that not even a title stands in them.
/// </summary>
static class ConversationTrace
{
    const string ViewedAction = "audit.conversation_viewed", Resource = "Conversation";

    public static Deed Viewed(Transcript read, long page, int size, bool isByCursor) => new(ViewedAction, Resource, read.Conversation.Id, null)
    {
        Metadata = RecordJson.Text(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("owner", read.Conversation.OwnerId);
            if (isByCursor) writer.WriteString("page", "next");
            else writer.WriteNumber("page", page);
            writer.WriteNumber("page_size", size);
            writer.WriteNumber("rows", read.Messages.Count);
            writer.WriteEndObject();
        }),
    };

    public static Deed SearchedOwners(string? part, int rows) => new("audit.searched_owners", Resource, null, null)
    {
        Metadata = RecordJson.Text(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject("filter");
            if (part is not null) writer.WriteString("q", part);
            writer.WriteEndObject();
            writer.WriteNumber("rows", rows);
            writer.WriteEndObject();
        }),
    };

    public static Deed Erased(string id) => new("conversation.erased", Resource, id, null);

    /// <summary>The events of looking at one conversation.</summary>
    public static Filter<EventRecord> ViewsOf(Kind<EventRecord> kind, string id) => new()
    {
        Conditions = [new(kind["action"], [ViewedAction], []), new(EventFields.Resource, [Resource], []), new(EventFields.ResourceId, [id], [])],
    };

    public static void WriteView(Utf8JsonWriter writer, EventRecord view)
    {
        writer.WriteStartObject();
        writer.WriteString("event_id", view.Id);
        writer.WriteString("viewed_at", Iso.Text(view.TimeMs));
        writer.WriteString("viewer_id", view.ActorId);
        writer.WriteString("viewer_name", view.ActorName);
        writer.WriteString("viewer_email", view.ActorEmail);
        writer.WriteEndObject();
    }
}
