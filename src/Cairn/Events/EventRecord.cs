using Cairn.Records;

namespace Cairn.Events;

/// <summary>Who did what to which resource. Actor and resource are snapshots: a later rename does not rewrite history.</summary>
sealed class EventRecord : IRecord
{
    public long Position { get; set; }
    public long Place { get; set; }
    public string Id { get; set; } = "";
    public long TimeMs { get; set; }
    public long RecordedAtMs { get; set; }
    public string? ActorId { get; set; }
    public string? ActorName { get; set; }
    public string? ActorEmail { get; set; }
    public string? ActorRole { get; set; }
    public string Action { get; set; } = "";
    public string? Resource { get; set; }
    public string? ResourceId { get; set; }
    public string? ResourceName { get; set; }
    public string Outcome { get; set; } = "success";
    public string? Ip { get; set; }
    public string? UserAgent { get; set; }
    public string? RequestId { get; set; }
    public string? TraceId { get; set; }
    public string? ConversationId { get; set; }

    /// <summary>A JSON object as text, without white space.</summary>
    public string? Metadata { get; set; }

    public bool TimeIsGiven { get; set; } = true;
    public bool SubjectExists { get; set; } = true;
}
