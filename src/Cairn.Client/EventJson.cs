using System.Text;
using System.Text.Json;

namespace Cairn.Client;

/// <summary>An event as Cairn takes it: one line of JSON.</summary>
static class EventJson
{
    static readonly JsonWriterOptions Writing = new() { Indented = false };

    /// <exception cref="ArgumentException">A text is not valid Unicode.</exception>
    public static byte[] Write(NewEvent recorded)
    {
        using var bytes = new MemoryStream(512);
        using (var writer = new Utf8JsonWriter(bytes, Writing))
        {
            writer.WriteStartObject();
            writer.WriteString("id", recorded.Id.ToString("D"));
            writer.WriteString("createdAt", recorded.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
            Text("action", recorded.Action);
            Text("actorId", recorded.Actor?.Id);
            Text("actorName", recorded.Actor?.Name);
            Text("actorEmail", recorded.Actor?.Email);
            Text("actorRole", recorded.Actor?.Role);
            Text("resource", recorded.Resource?.Type);
            Text("resourceId", recorded.Resource?.Id);
            Text("resourceName", recorded.Resource?.Name);
            Text("outcome", recorded.Outcome switch { Outcome.Failure => "failure", Outcome.Denied => "denied", _ => "success" });
            Text("ip", recorded.Ip);
            Text("userAgent", recorded.UserAgent);
            Text("requestId", recorded.RequestId);
            Text("traceId", recorded.TraceId);
            Text("conversationId", recorded.ConversationId);
            if (recorded.Metadata is { } metadata)
            {
                writer.WritePropertyName("metadata");
                metadata.WriteTo(writer);
            }
            writer.WriteEndObject();

            void Text(string name, string? value)
            {
                if (value is not null) writer.WriteString(name, value);
            }
        }
        return bytes.ToArray();
    }

    public static string Text(ReadOnlySpan<byte> line) => Encoding.UTF8.GetString(line);
}
