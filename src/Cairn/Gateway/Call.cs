using System.Diagnostics;
using System.Security.Cryptography;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Requests;

namespace Cairn.Gateway;

/// <summary>One call at the gateway, and the record that it becomes.</summary>
sealed class Call
{
    const int LongestLink = 256;

    readonly long started;
    readonly TimeProvider clock;

    /// <summary>The record as it stands if nothing more is known of the request than that it began: this is what a start says.</summary>
    public Call(HttpContext context, InferenceEndpoint endpoint, TimeProvider clock)
    {
        (Endpoint, this.clock, started) = (endpoint, clock, clock.GetTimestamp());
        var caller = Caller.Of(context);
        var headers = context.Request.Headers;
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        Record = new()
        {
            RequestId = NewId(endpoint.IdPrefix, now),
            TimeMs = now,
            Endpoint = endpoint.Path,
            Status = "error",
            ErrorType = "interrupted",
            ErrorMessage = "Cairn stopped before the request ended.",
            ApiKeyId = caller.Id is { } id && id.StartsWith("key:", StringComparison.Ordinal) ? id["key:".Length..] : caller.Id,
            ApiKeyName = caller.Name,
            ClientIp = Address.Of(context),
            TraceId = TraceId(headers["traceparent"].ToString()),
            SessionId = Link(headers["x-session-id"].ToString()),
            ConversationId = Link(headers["x-conversation-id"].ToString()),
        };
        context.Response.Headers["x-request-id"] = Record.RequestId;
    }

    public InferenceEndpoint Endpoint { get; }

    public RequestRecord Record { get; }

    long ElapsedMs => (long)clock.GetElapsedTime(started).TotalMilliseconds;

    /// <summary>The first byte of a streamed answer was passed on.</summary>
    public void FirstByte() => Record.TtftMs ??= ElapsedMs;

    public void Succeed() => (Record.Status, Record.ErrorType, Record.ErrorMessage) = ("success", null, null);

    public void Fail(GatewayError error)
    {
        Record.Status = error == GatewayError.Timeout ? "timeout" : "error";
        (Record.ErrorType, Record.ErrorMessage) = (error.Type, error.Message);
    }

    public void Fail(string type, string message) => (Record.Status, Record.ErrorType, Record.ErrorMessage) = ("error", type, message);

    /// <summary>The last byte was passed on, or will never be.</summary>
    public void End() => Record.DurationMs = ElapsedMs;

    /// <summary>A prefix that names the dialect, 12 hexadecimal digits of time, 12 that no one can guess.</summary>
    public static string NewId(string prefix, long ms)
    {
        Span<byte> random = stackalloc byte[6];
        RandomNumberGenerator.Fill(random);
        return string.Create(null, stackalloc char[40], $"{prefix}{ms:x12}{Convert.ToHexStringLower(random)}");
    }

    /// <summary>The trace of <c>traceparent: 00-TRACE-SPAN-FLAGS</c>; null when it is not one.</summary>
    static string? TraceId(string header) =>
        header.Length >= 55 && header[2] == '-' && header[35] == '-' && ActivityContext.TryParse(header, null, out var parsed) ? parsed.TraceId.ToHexString() : null;

    static string? Link(string header) => header.Length is > 0 and <= LongestLink && Records.Texts.IsSound(header) ? header : null;
}
