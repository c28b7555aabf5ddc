using System.Text.Json;
using Cairn.Records;

namespace Cairn.Conversations;

enum ConversationState { Active, Archived, Deleted }

/// <summary>A chat without its messages.</summary>
sealed record Conversation(string Id, string Title, string? OwnerId, long CreatedAtMs, long UpdatedAtMs, ConversationState State, IReadOnlyList<string> Tags, IReadOnlyList<string> SharedWith, bool IsPublic)
{
    /// <summary>Counted, never taken from what a source says of itself.</summary>
    public long MessageCount { get; init; }

    public long? LastMessageAtMs { get; init; }

    public static readonly string[] States = ["active", "archived", "deleted"];

    /// <summary>The columns of a CSV file, in order.</summary>
    public static readonly string[] CsvColumns = ["Conversation ID", "Owner", "Title", "Status", "Messages", "Created", "Updated", "Last Message", "Tags", "Shared With", "Is Public"];

    public string[] CsvCells() =>
    [
        Id, OwnerId ?? "", Title, States[(int)State], MessageCount.ToString(), Iso.Text(CreatedAtMs), Iso.Text(UpdatedAtMs), LastMessageAtMs is { } last ? Iso.Text(last) : "",
        string.Join("; ", Tags), string.Join("; ", SharedWith), IsPublic ? "true" : "false",
    ];

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("id", Id);
        writer.WriteString("title", Title);
        writer.WriteString("owner_id", OwnerId);
        writer.WriteString("created_at", Iso.Text(CreatedAtMs));
        writer.WriteString("updated_at", Iso.Text(UpdatedAtMs));
        writer.WriteString("last_message_at", LastMessageAtMs is { } last ? Iso.Text(last) : null);
        writer.WriteNumber("message_count", MessageCount);
        writer.WriteString("status", States[(int)State]);
        WriteTexts(writer, "tags", Tags);
        WriteTexts(writer, "shared_with", SharedWith);
        writer.WriteBoolean("is_public", IsPublic);
        writer.WriteEndObject();
    }

    static void WriteTexts(Utf8JsonWriter writer, string name, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (var text in texts) writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}

/// <param name="Metadata">A JSON object; null for none.</param>
sealed record Message(string Id, string Role, string Content, long CreatedAtMs, string? SenderEmail, string? Metadata)
{
    public static readonly string[] Roles = ["user", "assistant", "system", "tool"];

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("id", Id);
        writer.WriteString("role", Role);
        writer.WriteString("content", Content);
        writer.WriteString("created_at", Iso.Text(CreatedAtMs));
        writer.WriteString("sender_email", SenderEmail);
        writer.WritePropertyName("metadata");
        if (Metadata is null) writer.WriteNullValue();
        else writer.WriteRawValue(Metadata);
        writer.WriteEndObject();
    }
}

/// <summary>Which conversations. The same for a page, a count and an export.</summary>
/// <param name="Owner">A text that the owner contains, in any case.</param>
/// <param name="Search">A text that the title contains, in any case.</param>
/// <param name="FromMs">The first millisecond of creation that counts.</param>
/// <param name="UntilMs">The first that no longer counts.</param>
/// <param name="State">Only these; null for all but deleted ones.</param>
sealed record ConversationFilter(string? Owner, string? Search, long? FromMs, long? UntilMs, ConversationState? State, bool IncludeDeleted, bool ByUpdate);

/// <summary>A place in an ordered list to read on from: the time there, and the text that decides between equal times.</summary>
readonly record struct Place(long Ms, string Tie)
{
    /// <param name="list">Tells the cursors of different lists apart.</param>
    public string Cursor(string list) => System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes($"{list}\n{Ms}\n{Tie}"));

    public static bool TryRead(string list, string text, out Place place)
    {
        place = default;
        if (!System.Buffers.Text.Base64Url.IsValid(text)) return false;
        var parts = System.Text.Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(text)).Split('\n', 3);
        if (parts.Length != 3 || parts[0] != list || !long.TryParse(parts[1], out var ms) || !Texts.IsSound(parts[2])) return false;
        place = new(ms, parts[2]);
        return true;
    }
}

/// <param name="Next">The place to read on from; null at the end of the list.</param>
/// <param name="Total">How many match in all; zero where that was not asked for.</param>
sealed record ConversationPage(IReadOnlyList<Conversation> Items, Place? Next, long Total);

/// <summary>A conversation and a page of its messages, oldest first.</summary>
sealed record Transcript(Conversation Conversation, IReadOnlyList<Message> Messages, Place? Next);
