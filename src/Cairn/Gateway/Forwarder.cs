using System.Net.Http.Headers;
using Cairn.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Cairn.Gateway;

/// <summary>Takes a call to its backend and the answer back, byte for byte, and records how it went.</summary>
sealed class Forwarder(Inference inference, InferenceEndpoint endpoint)
{
    /// <summary>An event that is longer than this is not the one that tells usage alone.</summary>
    const int MostHeldEvent = 64 * 1024;

    public const string Cancelled = "client_cancelled", CancelledMessage = "The client closed the connection before the answer was complete.";

    public async Task<IResult> Forward(HttpContext context, CairnHost host)
    {
        var call = new Call(context, endpoint, host.Clock);
        // The limit is the body's own, so that a client that sends too much still gets to read why it was refused.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        using var timeout = new Deadline(host.Clock, context.RequestAborted);
        using var body = new RequestBody(context.Request.BodyReader, endpoint, context.Request.ContentLength, timeout.Token);
        using var counted = inference.Count();
        GatewayError? error;
        try
        {
            error = await Run(call, context, body, timeout);
        }
        catch (Exception failure)
        {
            error = Why(failure, call, context, body, timeout, host);
        }
        if (!body.Copying.IsCompleted)
        {
            timeout.End();
            await body.Copying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        call.End();
        if (error is not null) await Answer(error, call, context);
        // A request that was refused for the log's sake reached no backend and has no place in the log.
        if (error != GatewayError.Unrecordable) inference.Ledger.End(call.Record);
        return Results.Empty;
    }

    /// <summary>Answers what is wrong when the gateway has to answer itself; null when the backend's answer was passed on, whatever it was.</summary>
    async Task<GatewayError?> Run(Call call, HttpContext context, RequestBody body, Deadline deadline)
    {
        var isEventStream = false;

        // 1. Is it a request? What is wrong with it is recorded as well, so the log must be there to take it.
        if (inference.Ledger.Refuses && !inference.Ledger.Refuse()) return GatewayError.Unrecordable;
        if (!IsJson(context.Request)) return Failed(call, GatewayError.WrongContentType);
        var fault = await body.Read();
        (call.Record.Model, call.Record.Stream, call.Record.User) = (body.Model, body.IsStream, body.User);
        if (fault is not null) return Failed(call, fault);

        // 2. Where does it go?
        if (inference.Routes.Find(body.Model) is not { } backend) return Failed(call, GatewayError.NoRoute);
        call.Record.BackendType = backend.Type;

        // 3. It is on disk that it begins, before the backend sees any of it.
        if (!await inference.Ledger.Begin(call.Record)) return GatewayError.Unrecordable;

        // 4. There. Whatever ends the call ends the connection as well.
        deadline.Begin(backend.Timeout(endpoint));
        var connection = await backend.Begin(HttpMethods.Post, endpoint.Path, context.Request.QueryString.Value ?? "", endpoint.Dialect, deadline.Token);
        var aborting = deadline.Token.UnsafeRegister(static one => ((BackendConnection)one!).Dispose(), connection);
        var usage = default(UsageReader);
        try
        {
            CopyHeaders(context.Request, connection);
            connection.Add("x-request-id", call.Record.RequestId);
            await connection.Send(body);

            // 5. And back.
            call.Record.HttpStatus = connection.Status;
            call.Record.UpstreamRequestId = UpstreamId(connection);
            CopyHeaders(connection, context.Response, body.AskedForUsage);
            isEventStream = connection.Header("Content-Type") is { } type && type.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase);
            usage = new UsageReader(isEventStream);
            if (isEventStream && body.AskedForUsage) await CopyWithoutUsage(connection, context, call, usage, deadline.Token);
            else await Copy(connection, context, call, usage, isEventStream, deadline.Token);
        }
        finally
        {
            if (usage is not null && IsSuccess(connection.Status)) TakeOver(usage, call);
            await aborting.DisposeAsync();
            backend.Return(connection);
        }

        // 6. How did it end?
        if (!IsSuccess(connection.Status)) call.Fail(TypeOf(connection.Status), $"The backend answered {connection.Status}.");
        else if (usage.SaysItFailed) call.Fail("backend_error", "The backend told of an error within its answer.");
        else if (isEventStream && !usage.IsComplete) call.Fail("stream_cut", "The backend's stream ended before its last event.");
        else if (!isEventStream && usage.IsBroken) call.Fail("backend_garbage", "The backend's answer was not valid JSON.");
        else call.Succeed();
        return null;
    }

    static GatewayError Failed(Call call, GatewayError error)
    {
        call.Fail(error);
        return error;
    }

    static bool IsJson(HttpRequest request)
    {
        if (request.Headers.ContentEncoding.Count > 0 && request.Headers.ContentEncoding != "identity") return false;
        return request.ContentType is not { Length: > 0 } type || (MediaTypeHeaderValue.TryParse(type, out var media) && media.MediaType is { } name
            && (name.Equals("application/json", StringComparison.OrdinalIgnoreCase) || name.EndsWith("+json", StringComparison.OrdinalIgnoreCase)));
    }

    static bool IsSuccess(int status) => status is >= 200 and < 300;

    static void CopyHeaders(HttpRequest from, BackendConnection to)
    {
        var connection = from.Headers.Connection.ToString();
        foreach (var (name, values) in from.Headers)
        {
            if (!HeaderRules.PassesOn(name, connection)) continue;
            foreach (var value in values) to.Add(name, value ?? "");
        }
    }

    static string? UpstreamId(BackendConnection answer) =>
        (answer.Header("x-request-id") ?? answer.Header("request-id")) is { Length: > 0 and <= 256 } id && id.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or ':') ? id : null;

    static void CopyHeaders(BackendConnection answer, HttpResponse to, bool changesLength)
    {
        to.StatusCode = answer.Status;
        var connection = answer.Header("Connection");
        foreach (var (name, value) in answer.Headers)
            if (HeaderRules.PassesBack(name, connection) && !value.AsSpan().ContainsAnyExceptInRange(' ', '~') && !(changesLength && name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))) to.Headers.Append(name, value);
    }

    static async Task Copy(BackendConnection from, HttpContext context, Call call, UsageReader usage, bool isEventStream, CancellationToken cancel)
    {
        var to = context.Response.BodyWriter;
        var length = from.Length;
        if (length is null && !from.HasMore) await to.FlushAsync(cancel);
        for (long copied = 0; copied != length;)
        {
            var memory = to.GetMemory(1024);
            var read = await from.Read(memory);
            if (read == 0) break;
            if (isEventStream) call.FirstByte();
            usage.Read(memory.Span[..read]);
            to.Advance(read);
            copied += read;
            // What has come already goes on together; the end of the answer flushes what is short.
            if (copied != length && !from.HasMore) await Flush(to, cancel);
        }
        if (length is null) await Flush(to, cancel);
    }

    static async ValueTask Flush(System.IO.Pipelines.PipeWriter to, CancellationToken cancel)
    {
        if ((await to.FlushAsync(cancel)).IsCompleted) throw new OperationCanceledException();
    }

    /// <summary>Passes every event on as it ends, but for the one that the client did not ask for.</summary>
    static async Task CopyWithoutUsage(BackendConnection from, HttpContext context, Call call, UsageReader usage, CancellationToken cancel)
    {
        var to = context.Response.BodyWriter;
        await to.FlushAsync(cancel);
        using var buffer = System.Buffers.MemoryPool<byte>.Shared.Rent(8 * 1024);
        var held = new System.Buffers.ArrayBufferWriter<byte>(256);
        var passesEvent = false;
        while (await from.Read(buffer.Memory) is > 0 and var read)
        {
            call.FirstByte();
            if (Pass(buffer.Memory.Span[..read]) && !from.HasMore) await Flush(to, cancel);
        }
        if (held.WrittenCount == 0) return;
        System.Buffers.BuffersExtensions.Write(to, held.WrittenSpan);
        await Flush(to, cancel);

        bool Pass(ReadOnlySpan<byte> bytes)
        {
            var wrote = false;
            while (bytes.Length > 0)
            {
                var length = usage.ReadEvent(bytes, out var ended);
                if (!ended && !passesEvent && held.WrittenCount + length <= MostHeldEvent) System.Buffers.BuffersExtensions.Write(held, bytes[..length]);
                else
                {
                    if (passesEvent || !ended || !usage.IsUsageAlone)
                    {
                        System.Buffers.BuffersExtensions.Write(to, held.WrittenSpan);
                        System.Buffers.BuffersExtensions.Write(to, bytes[..length]);
                        wrote = true;
                    }
                    held.ResetWrittenCount();
                    passesEvent = !ended;
                }
                bytes = bytes[length..];
            }
            return wrote;
        }
    }

    static void TakeOver(UsageReader usage, Call call)
    {
        var record = call.Record;
        (record.PromptTokens, record.CompletionTokens, record.TotalTokens, record.CachedTokens) = (usage.PromptTokens, usage.CompletionTokens, usage.TotalTokens, usage.CachedTokens);
        (record.FinishReason, record.ResponseModel) = (usage.FinishReason, usage.Model);
    }

    static string TypeOf(int status) => status switch
    {
        401 or 403 => "backend_refused_key",
        404 => "backend_not_found",
        408 or 504 => "backend_timeout",
        413 => "backend_too_large",
        429 => "rate_limited",
        529 => "backend_overloaded",
        >= 500 => "backend_error",
        _ => "backend_rejected",
    };

    /// <summary>What a failure on the way means, for the record and for the client.</summary>
    GatewayError Why(Exception failure, Call call, HttpContext context, RequestBody body, Deadline deadline, CairnHost host)
    {
        if (deadline.HasPassed) return Failed(call, GatewayError.Timeout);
        if (context.RequestAborted.IsCancellationRequested)
        {
            if (!host.Stopping.IsCancellationRequested) call.Fail(Cancelled, CancelledMessage);
            return GatewayError.Reset;
        }
        if (body.Fault is { } fault) return Failed(call, fault);
        switch (failure)
        {
            case BadHttpRequestException bad:
                return Failed(call, RequestBody.Of(bad));
            case BackendException backend:
                return Failed(call, backend.Error);
            case OperationCanceledException or IOException:
                call.Fail(Cancelled, CancelledMessage);
                return GatewayError.Reset;
            default:
                // The text of a failure can hold a part of what was read, so that only its kind is told.
                inference.LogFailure(failure);
                return Failed(call, GatewayError.Internal);
        }
    }

    /// <summary>Once the answer has begun, all that can still be said is that it does not end well.</summary>
    async Task Answer(GatewayError error, Call call, HttpContext context)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }
        if (context.RequestAborted.IsCancellationRequested) return;
        call.Record.HttpStatus = error.Status;
        foreach (var name in context.Response.Headers.Where(header => header.Key.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) && header.Key != "Content-Security-Policy").Select(header => header.Key).ToArray()) context.Response.Headers.Remove(name);
        await error.Write(context, endpoint.Dialect, call.Record.RequestId);
    }
}
