using System.Text.Json;
using Cairn.Records;

namespace Cairn.Gateway;

/// <summary>What the gateway itself answers when a call cannot be forwarded or its answer does not come.</summary>
/// <param name="Type">What the record has as <c>error_type</c>, and OpenAI's clients as the code.</param>
/// <param name="Message">In Cairn's own words; never a part of the request or of the answer.</param>
sealed record GatewayError(int Status, string Type, string Message, int? RetryAfterSeconds = null)
{
    /// <summary>Problem details (RFC 9457) that the dialect's own clients understand as well.</summary>
    public async Task Write(HttpContext context, Dialect dialect, string requestId)
    {
        var response = context.Response;
        response.StatusCode = Status;
        response.ContentType = "application/problem+json";
        response.Headers["x-request-id"] = requestId;
        if (RetryAfterSeconds is { } seconds) response.Headers.RetryAfter = seconds.ToString();

        await using var writer = new Utf8JsonWriter(response.BodyWriter, RecordJson.Writing);
        writer.WriteStartObject();
        writer.WriteString("type", dialect == Dialect.Anthropic ? "error" : "about:blank");
        writer.WriteString("title", Title(Status));
        writer.WriteNumber("status", Status);
        writer.WriteString("detail", Message);
        writer.WriteString("request_id", requestId);
        writer.WriteStartObject("error");
        writer.WriteString("type", dialect == Dialect.Anthropic ? AnthropicType(Status) : OpenAiType(Status));
        writer.WriteString("message", Message);
        if (dialect == Dialect.OpenAi)
        {
            writer.WriteNull("param");
            writer.WriteString("code", Type);
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    static string Title(int status) => status switch
    {
        StatusCodes.Status400BadRequest => "Bad request",
        StatusCodes.Status401Unauthorized => "Not signed in",
        StatusCodes.Status403Forbidden => "Not allowed",
        StatusCodes.Status404NotFound => "Not found",
        StatusCodes.Status405MethodNotAllowed => "Method not allowed",
        StatusCodes.Status408RequestTimeout => "The request came too slowly",
        StatusCodes.Status413PayloadTooLarge => "Too large",
        StatusCodes.Status415UnsupportedMediaType => "Unsupported content type",
        StatusCodes.Status502BadGateway => "The backend failed",
        StatusCodes.Status503ServiceUnavailable => "Not now",
        StatusCodes.Status504GatewayTimeout => "The backend took too long",
        _ => "Something failed inside Cairn",
    };

    static string OpenAiType(int status) => status switch
    {
        401 => "authentication_error",
        403 => "permission_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };

    static string AnthropicType(int status) => status switch
    {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        503 => "overloaded_error",
        504 => "timeout_error",
        >= 500 => "api_error",
        _ => "invalid_request_error",
    };

    public static GatewayError Invalid(string message) => new(StatusCodes.Status400BadRequest, "invalid_request", message);

    public static readonly GatewayError
        NotJson = Invalid("The body is not valid JSON."),
        NotAnObject = Invalid("The body is not a JSON object."),
        NoModel = Invalid("The body names no model."),
        WrongModel = Invalid("The field model is not a text of 1 to 256 characters."),
        ModelTwice = Invalid("The field model is given twice."),
        Malformed = Invalid("The body is not framed as its headers say."),
        CutShort = new(StatusCodes.Status400BadRequest, Forwarder.Cancelled, "The client closed the connection before its request was complete."),
        WrongContentType = new(StatusCodes.Status415UnsupportedMediaType, "unsupported_content_type", "This path takes application/json, not compressed."),
        TooLarge = new(StatusCodes.Status413PayloadTooLarge, "body_too_large", "A body takes 32 MiB at most."),
        TooSlow = new(StatusCodes.Status408RequestTimeout, "body_too_slow", "The body came too slowly."),
        TooMuch = new(StatusCodes.Status503ServiceUnavailable, "too_much_under_way", "Too many large bodies are under way. Send it again in a moment.", RetryAfterSeconds: 5),
        NoRoute = new(StatusCodes.Status404NotFound, "model_not_found", "No route leads to a backend for this model. An administrator adds one under Gateway:Routes."),
        NoPath = new(StatusCodes.Status404NotFound, "unknown_path", "There is nothing at this path. The gateway takes " + string.Join(", ", InferenceEndpoint.All.Select(endpoint => "POST " + endpoint.Path)) + " and GET /v1/models."),
        Unrecordable = new(StatusCodes.Status503ServiceUnavailable, "log_unavailable", "The audit log cannot be written, so the request was not forwarded. Send it again in a moment.", RetryAfterSeconds: 2),
        Unreachable = new(StatusCodes.Status502BadGateway, "backend_unreachable", "The backend could not be reached."),
        Reset = new(StatusCodes.Status502BadGateway, "backend_reset", "The backend closed the connection before its answer was complete."),
        Garbage = new(StatusCodes.Status502BadGateway, "backend_garbage", "The backend's answer was not valid HTTP."),
        Timeout = new(StatusCodes.Status504GatewayTimeout, "timeout", "The backend did not complete its answer in time."),
        Internal = new(StatusCodes.Status500InternalServerError, "internal_error", "Something failed inside Cairn. It is in Cairn's own log.");

    public static GatewayError WrongMethod(string allowed) => new(StatusCodes.Status405MethodNotAllowed, "wrong_method", $"This path takes {allowed}.");
}
