using Cairn.Records;

namespace Cairn.Requests;

/// <summary>One model call. There is no member that could hold a prompt or an answer.</summary>
sealed class RequestRecord : IRecord
{
    public long Position { get; set; }
    public long Place { get; set; }
    public string RequestId { get; set; } = "";
    public long TimeMs { get; set; }
    public string Model { get; set; } = "";
    public string BackendType { get; set; } = "";
    public string Endpoint { get; set; } = "";
    public long DurationMs { get; set; }
    public string Status { get; set; } = "";
    public long? PromptTokens { get; set; }
    public long? CompletionTokens { get; set; }
    public long? TotalTokens { get; set; }
    public string? ErrorType { get; set; }
    public string? ErrorMessage { get; set; }
    public bool? Stream { get; set; }
    public long? HttpStatus { get; set; }
    public long? TtftMs { get; set; }
    public string? FinishReason { get; set; }
    public string? ResponseModel { get; set; }
    public string? UpstreamRequestId { get; set; }
    public long? CachedTokens { get; set; }
    public string? ApiKeyId { get; set; }
    public string? ApiKeyName { get; set; }
    public string? User { get; set; }
    public string? ClientIp { get; set; }
    public string? TraceId { get; set; }
    public string? SessionId { get; set; }
    public string? ConversationId { get; set; }

    public bool TimeIsGiven { get => true; set { } }
    public bool SubjectExists { get => true; set { } }
}
