using Cairn.Records;
using static Cairn.Records.Keep;

namespace Cairn.Requests;

/// <summary>The fields of a request. To add one: a property in <see cref="RequestRecord"/> and a line here.</summary>
static class RequestFields
{
    static readonly Field<RequestRecord> Id = new() { Name = "id", Type = FieldType.Integer, Stored = false, Sent = false, Number = r => r.Position };
    static readonly Field<RequestRecord> RequestId = Text("request_id", r => r.RequestId, (r, v) => r.RequestId = v ?? "", Plain, search: Search.Identity, max: 64, required: true);
    static readonly Field<RequestRecord> Timestamp = new() { Name = "timestamp", Type = FieldType.Time, Required = true, Number = r => r.TimeMs, SetNumber = (r, v) => r.TimeMs = v ?? 0 };
    public static readonly Field<RequestRecord> Model = Text("model", r => r.Model, (r, v) => r.Model = v ?? "", Term, "model", Search.Index);
    public static readonly Field<RequestRecord> BackendType = Text("backend_type", r => r.BackendType, (r, v) => r.BackendType = v ?? "", Term, "backend_type");
    public static readonly Field<RequestRecord> Endpoint = Text("endpoint", r => r.Endpoint, (r, v) => r.Endpoint = v ?? "", Term, "endpoint");
    public static readonly Field<RequestRecord> Duration = Integer("duration_ms", r => r.DurationMs, (r, v) => r.DurationMs = v ?? 0);
    public static readonly Field<RequestRecord> Status = Text("status", r => r.Status, (r, v) => r.Status = v ?? "", Term, "status", max: 7, allowed: ["success", "error", "timeout"], required: true);
    static readonly Field<RequestRecord> PromptTokens = Integer("prompt_tokens", r => r.PromptTokens, (r, v) => r.PromptTokens = v);
    static readonly Field<RequestRecord> CompletionTokens = Integer("completion_tokens", r => r.CompletionTokens, (r, v) => r.CompletionTokens = v);
    static readonly Field<RequestRecord> TotalTokens = Integer("total_tokens", r => r.TotalTokens, (r, v) => r.TotalTokens = v);
    static readonly Field<RequestRecord> ErrorType = Text("error_type", r => r.ErrorType, (r, v) => r.ErrorType = v, Term, search: Search.Index);
    static readonly Field<RequestRecord> ErrorMessage = Text("error_message", r => r.ErrorMessage, (r, v) => r.ErrorMessage = v, Term, search: Search.Index, max: 500);
    public static readonly Field<RequestRecord> ApiKeyId = Text("api_key_id", r => r.ApiKeyId, (r, v) => r.ApiKeyId = v, Term, "api_key_id");
    public static readonly Field<RequestRecord> ApiKeyName = Text("api_key_name", r => r.ApiKeyName, (r, v) => r.ApiKeyName = v, Term);
    public static readonly Field<RequestRecord> User = Text("user", r => r.User, (r, v) => r.User = v, Term, "user", max: 128);

    public static readonly Kind<RequestRecord> Kind = new()
    {
        Name = "request",
        Identity = RequestId,
        Time = Timestamp,
        Fields =
        [
            Id, RequestId, Timestamp, Model, BackendType, Endpoint, Duration, Status, PromptTokens, CompletionTokens, TotalTokens, ErrorType, ErrorMessage,
            new() { Name = "stream", Type = FieldType.Boolean, Number = r => r.Stream is { } on ? on ? 1 : 0 : null, SetNumber = (r, v) => r.Stream = v is { } n ? n != 0 : null },
            Integer("http_status", r => r.HttpStatus, (r, v) => r.HttpStatus = v),
            Integer("ttft_ms", r => r.TtftMs, (r, v) => r.TtftMs = v),
            Text("finish_reason", r => r.FinishReason, (r, v) => r.FinishReason = v, Term),
            Text("response_model", r => r.ResponseModel, (r, v) => r.ResponseModel = v, Term),
            Text("upstream_request_id", r => r.UpstreamRequestId, (r, v) => r.UpstreamRequestId = v, Plain),
            Integer("cached_tokens", r => r.CachedTokens, (r, v) => r.CachedTokens = v),
            ApiKeyId, ApiKeyName, User,
            Text("client_ip", r => r.ClientIp, (r, v) => r.ClientIp = v, Term, "client_ip", max: 64),
            Text("trace_id", r => r.TraceId, (r, v) => r.TraceId = v, Plain, "trace_id"),
            Text("session_id", r => r.SessionId, (r, v) => r.SessionId = v, Plain, "session_id"),
            Text("conversation_id", r => r.ConversationId, (r, v) => r.ConversationId = v, Plain, "conversation_id"),
        ],
        Csv = [Timestamp, RequestId, Model, BackendType, Endpoint, Duration, Status, PromptTokens, CompletionTokens, TotalTokens, ErrorType, ErrorMessage],
        Sums = [PromptTokens, CompletionTokens, TotalTokens],
        Measured = Duration,
        Rollups =
        [
            new("shape", [Model, BackendType, Endpoint, Status], Spans.All, Sums: true, Histogram: true, MostTerms: 1_000),
            new("api_key", [ApiKeyId, ApiKeyName], Spans.All, Sums: true),
            new("user", [User], Spans.All, Sums: true),
        ],
        IsIdentity = Requests.RequestId.IsWhole,
        MayBeInIdentity = Requests.RequestId.MayContain,
        MakeFormats = RequestFormats.Of,
    };

    static Field<RequestRecord> Text(
        string name, Func<RequestRecord, string?> get, Action<RequestRecord, string?> set, Keep keep, string? parameter = null, Search search = Search.None, int max = 256,
        string[]? allowed = null, bool required = false) =>
        new() { Name = name, Type = FieldType.Text, Text = get, SetText = set, Keep = keep, Parameter = parameter, Search = search, MaxLength = max, Allowed = allowed, Required = required };

    static Field<RequestRecord> Integer(string name, Func<RequestRecord, long?> get, Action<RequestRecord, long?> set) =>
        new() { Name = name, Type = FieldType.Integer, Number = get, SetNumber = set };
}
