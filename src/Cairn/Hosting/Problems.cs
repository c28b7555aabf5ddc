using System.Text.Json;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>What goes wrong is told in one shape (RFC 9457), naming what is wrong and how to mend it.</summary>
static class Problems
{
    public static Problem Bad(BadParameter fault) => new Problem(StatusCodes.Status400BadRequest, "Bad parameter", $"{fault.Name} {fault.Why}.", fault.Name);

    /// <summary>It would not fit with what is there.</summary>
    public static IResult Conflict(string detail, string? parameter = null) => new Problem(StatusCodes.Status409Conflict, "Conflict", detail, parameter);

    public static Problem Bad(string detail) => new Problem(StatusCodes.Status400BadRequest, "Bad request", detail, null);

    public static Problem Status(int status, string title, string detail) => new Problem(status, title, detail, null);

    public static IResult NotFound(string detail) => new Problem(StatusCodes.Status404NotFound, "Not found", detail, null);

    public static Problem WrongType(string wanted) => new Problem(StatusCodes.Status415UnsupportedMediaType, "Unsupported content type", $"This call takes {wanted}.", null);

    public static Problem TooLarge(string detail) => new Problem(StatusCodes.Status413PayloadTooLarge, "Too large", detail, null);

    public static IResult TooMany(string detail) => new Problem(StatusCodes.Status429TooManyRequests, "Too many attempts", detail, null, RetryAfterSeconds: 2);

    /// <summary>Too much is under way; the same call does later.</summary>
    public static IResult Busy(string detail) => new Problem(StatusCodes.Status503ServiceUnavailable, "Busy", detail, null, RetryAfterSeconds: 5);

    /// <summary>What is asked for lies elsewhere, and that cannot be reached.</summary>
    public static IResult Away(string detail) => new Problem(StatusCodes.Status503ServiceUnavailable, "Not available", detail, null, RetryAfterSeconds: 5);

    /// <summary>The log cannot be written or read now; the sender keeps what it has and sends it again.</summary>
    public static Problem Unavailable(string detail) => new Problem(StatusCodes.Status503ServiceUnavailable, "The log is not available", detail, null, RetryAfterSeconds: 2);

    /// <summary>Whether who calls may do it is not known now.</summary>
    public static readonly Problem CannotLookUp = new(StatusCodes.Status503ServiceUnavailable, "Not now", "Keys and sessions cannot be looked up now. Send it again in a moment.", null, RetryAfterSeconds: 2);
}

/// <summary>A problem on its way to the caller.</summary>
sealed record Problem(int Code, string Title, string Detail, string? Parameter, int? RetryAfterSeconds = null) : IResult
{
    public async Task ExecuteAsync(HttpContext context)
    {
        context.Response.StatusCode = Code;
        context.Response.ContentType = "application/problem+json";
        if (RetryAfterSeconds is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString();
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter, RecordJson.Writing);
        writer.WriteStartObject();
        writer.WriteString("type", "about:blank");
        writer.WriteString("title", Title);
        writer.WriteNumber("status", Code);
        writer.WriteString("detail", Detail);
        if (Parameter is not null) writer.WriteString("parameter", Parameter);
        writer.WriteEndObject();
    }
}

/// <summary>An answer in JSON, written as it is made.</summary>
sealed class JsonAnswer(Action<Utf8JsonWriter> write, int status = StatusCodes.Status200OK) : IResult
{
    public async Task ExecuteAsync(HttpContext context)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter, RecordJson.Writing);
        write(writer);
    }
}
