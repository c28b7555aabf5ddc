using Cairn.Records;
using static Cairn.Records.Texts;
using static Cairn.Records.Places<Cairn.Requests.RequestRecord>;

namespace Cairn.Requests;

/// <summary>Requests in the formats of other systems: field by field, where it stands there. docs/formats.md shows these tables, and a test holds the two together.</summary>
static class RequestFormats
{
    const long NanosecondsInMs = 1_000_000;

    public static IEnumerable<KeyValuePair<string, Format<RequestRecord>>> Of(Kind<RequestRecord> kind) =>
    [
        new(Export.Ocsf.Name, new(Ocsf(kind))),
        new(Export.Ecs.Name, new(Ecs(kind))),
    ];

    static Shape<RequestRecord> Ocsf(Kind<RequestRecord> kind)
    {
        var to = new Places<RequestRecord>(kind, timesInMs: true);
        return new("API Activity (6003)",
        [
            .. Export.Ocsf.Head<RequestRecord>(Export.Ocsf.Class.ApiActivity, "requests", ["ai_operation", "trace"], "endpoint", r => new(99, Operation(r) ?? "inference")),
            to.Field("request_id", "metadata.uid"),
            to.Field("id", "metadata.sequence"),
            to.Field("conversation_id", "metadata.correlation_uid"),
            to.Field("timestamp", "time"),
            to.Field("duration_ms", "duration"),
            to.Field("status", "status_code"),
            .. Export.Ocsf.Status<RequestRecord>("status", r => r.Status == "success"),
            to.Field("user", "actor.user.uid"),
            to.Field("api_key_id", "actor.app_uid"),
            to.Turned("api_key_name", "actor.app_name", "`api_key_name`; `\"unknown\"` where neither key, user nor session is known",
                r => Value.Of(Filled(r.ApiKeyName) ?? (Filled(r.ApiKeyId) is null && Filled(r.User) is null && Filled(r.SessionId) is null ? Export.Ocsf.Unknown : null))),
            to.Field("session_id", "actor.session.uid"),
            to.Turned("endpoint", "api.operation", "`endpoint`; `\"unknown\"` without one", r => Value.Of(r.Endpoint.Length > 0 ? r.Endpoint : Export.Ocsf.Unknown)),
            to.Field("backend_type", "api.service.name"),
            Concluded("api.request.uid", "`request_id`", r => Value.Of(r.RequestId)),
            to.Field("http_status", "api.response.code"),
            to.Field("error_type", "api.response.error"),
            to.Field("error_message", "api.response.error_message"),
            .. Export.Ocsf.Source(to, "client_ip", r => r.ClientIp, isDemanded: true),
            to.Turned("model", "ai_model.name", "`model`; `\"unknown\"` without one", r => Value.Of(r.Model.Length > 0 ? r.Model : Export.Ocsf.Unknown)),
            Concluded("ai_model.ai_provider", "`backend_type`; `\"unknown\"` without one", r => Value.Of(BackendOr(r))),
            Concluded("message_context.service.name", "`backend_type`; `\"unknown\"` without one", r => Value.Of(BackendOr(r))),
            to.Field("prompt_tokens", "message_context.prompt_tokens"),
            to.Field("completion_tokens", "message_context.completion_tokens"),
            to.Field("total_tokens", "message_context.total_tokens"),
            to.Field("trace_id", "trace.uid"),
            to.Field("stream", "unmapped.stream"),
            to.Field("ttft_ms", "unmapped.ttft_ms"),
            to.Field("finish_reason", "unmapped.finish_reason"),
            to.Field("response_model", "unmapped.response_model"),
            to.Field("upstream_request_id", "unmapped.upstream_request_id"),
            to.Field("cached_tokens", "unmapped.cached_tokens"),
        ]);
    }

    static string BackendOr(RequestRecord r) => r.BackendType.Length > 0 ? r.BackendType : Export.Ocsf.Unknown;

    static Shape<RequestRecord> Ecs(Kind<RequestRecord> kind)
    {
        var to = new Places<RequestRecord>(kind, timesInMs: false);
        return new("Request",
        [
            to.Field("timestamp", "@timestamp"),
            .. Export.Ecs.Head<RequestRecord>("cairn.requests"),
            to.Field("request_id", "event.id"),
            to.Field("id", "event.sequence"),
            Fixed("event.action", "inference"),
            List("event.category", "api", "web"),
            List("event.type", "access"),
            Concluded("event.outcome", "`success` for the status `success`, else `failure`", r => Value.Of(r.Status == "success" ? "success" : "failure")),
            to.Turned("duration_ms", "event.duration", "`duration_ms` in nanoseconds", r => Value.Of(r.DurationMs * NanosecondsInMs)),
            to.Field("model", "gen_ai.request.model"),
            to.Field("response_model", "gen_ai.response.model"),
            to.Field("backend_type", "gen_ai.system"),
            Concluded("gen_ai.operation.name", "from `endpoint`: `chat`, `text_completion`, `embeddings`", r => Value.Of(Operation(r))),
            to.Field("prompt_tokens", "gen_ai.usage.input_tokens"),
            to.Field("completion_tokens", "gen_ai.usage.output_tokens"),
            to.Field("endpoint", "url.path"),
            Concluded("http.request.id", "`request_id`", r => Value.Of(r.RequestId)),
            to.Field("http_status", "http.response.status_code"),
            to.Field("error_type", "error.type"),
            to.Field("error_message", "error.message"),
            to.Field("user", "user.id"),
            .. Export.Ecs.Source(to, "client_ip", r => r.ClientIp),
            to.Field("trace_id", "trace.id"),
            to.Field("status", "cairn.status"),
            to.Field("total_tokens", "cairn.total_tokens"),
            to.Field("cached_tokens", "cairn.cached_tokens"),
            to.Field("stream", "cairn.stream"),
            to.Field("ttft_ms", "cairn.ttft_ms"),
            to.Field("finish_reason", "cairn.finish_reason"),
            to.Field("upstream_request_id", "cairn.upstream_request_id"),
            to.Field("api_key_id", "cairn.api_key_id"),
            to.Field("api_key_name", "cairn.api_key_name"),
            to.Field("session_id", "cairn.session_id"),
            to.Field("conversation_id", "cairn.conversation_id"),
        ]);
    }

    /// <summary>What the semantic conventions for generative AI call it; null for a path that they have no word for.</summary>
    static string? Operation(RequestRecord r) => r.Endpoint switch
    {
        "/v1/chat/completions" or "/v1/responses" or "/v1/messages" => "chat",
        "/v1/completions" => "text_completion",
        "/v1/embeddings" => "embeddings",
        _ => null,
    };
}
