using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Support;

/// <summary>Values that do not matter to a test. What matters stands in the test.</summary>
static class Some
{
    public static readonly Kind<RequestRecord> RequestKind = RequestFields.Kind;
    public static readonly Kind<EventRecord> EventKind = EventFields.KindOf(EventCatalog.Known);

    public const long Hour = 3_600_000, Day = 24 * Hour;

    /// <summary>A midnight, in milliseconds.</summary>
    public static readonly long Midnight = new DateTimeOffset(2025, 3, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    static int last;

    public static int Number => Interlocked.Increment(ref last);

    public static string RequestId => $"chatcmpl-{Number:x24}";

    public static string EventId => $"01950000-0000-7000-8000-{Number:x12}";

    public static RequestRecord Request(long? at = null, string model = "llama-3", string status = "success", long duration = 100, long? tokens = 10) => new()
    {
        RequestId = RequestId,
        TimeMs = at ?? Midnight,
        Model = model,
        BackendType = "local",
        Endpoint = "/v1/chat/completions",
        Status = status,
        DurationMs = duration,
        PromptTokens = tokens,
        CompletionTokens = tokens,
        TotalTokens = 2 * tokens,
    };

    public static EventRecord Event(long? at = null, string action = "workspace.started", string? resource = "Workspace", string? resourceId = "w1", string? resourceName = "blue-lab") => new()
    {
        Id = EventId,
        TimeMs = at ?? Midnight,
        RecordedAtMs = at ?? Midnight,
        ActorId = "u1",
        ActorName = "Ada",
        Action = action,
        Resource = resource,
        ResourceId = resourceId,
        ResourceName = resourceName,
    };
}
