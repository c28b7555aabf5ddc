using System.Net;
using System.Net.Http.Headers;
using Cairn.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Cairn.Gateway;

/// <summary>Takes a call to its backend and the answer back, byte for byte, and records how it went.</summary>
sealed class Forwarder(Inference inference, InferenceEndpoint endpoint)
{
    /// <summary>An event that is longer than this is not the one that tells usage alone.</summary>
    const int MostHeldEvent = 64 * 1024;

    public async Task<IResult> Forward(HttpContext context, CairnHost host)
    {
        var call = new Call(context, endpoint, host.Clock);
        // The limit is the body's own, so that a client that sends too much still gets to read why it was refused.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        using var body = new RequestBody(context.Request.BodyReader, endpoint, context.Request.ContentLength);
        using var timeout = new Deadline(host.Clock, context.RequestAborted);
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
        // 1. Is it a request? What is wrong with it is recorded as well, so the log must be there to take it.
        if (inference.Ledger.Refuses && !inference.Ledger.Refuse()) return GatewayError.Unrecordable;
        if (!IsJson(context.Request)) return Failed(call, GatewayError.WrongContentType);
        var fault = await body.Read(deadline.Token);
        (call.Record.Model, call.Record.Stream, call.Record.User) = (body.Model, body.IsStream, body.User);
        if (fault is not null) return Failed(call, fault);

        // 2. Where does it go?
        if (inference.Routes.Find(body.Model) is not { } backend) return Failed(call, GatewayError.NoRoute);
        call.Record.BackendType = backend.Type;

        // 3. It is on disk that it begins, before the backend sees any of it.
        if (!await inference.Ledger.Begin(call.Record)) return GatewayError.Unrecordable;

        // 4. There.
        deadline.Begin(backend.Timeout(endpoint));
        using var request = Request(context, call, body, backend);
        using var answer = await backend.Send(request, deadline.Token);

        // 5. And back.
        call.Record.HttpStatus = (int)answer.StatusCode;
        call.Record.UpstreamRequestId = UpstreamId(answer.Headers);
        CopyHeaders(answer, context.Response, body.AskedForUsage);
        var isEventStream = answer.Content.Headers.ContentType?.MediaType == "text/event-stream";
        var usage = new UsageReader(isEventStream);
        var from = await answer.Content.ReadAsStreamAsync(deadline.Token);
        var length = body.AskedForUsage ? null : answer.Content.Headers.ContentLength;
        try
        {
            if (isEventStream && body.AskedForUsage) await CopyWithoutUsage(from, context, call, usage, deadline.Token);
            else await Copy(from, context, call, usage, isEventStream, length, deadline.Token);
        }
        finally
        {
            if (answer.IsSuccessStatusCode) TakeOver(usage, call);
        }

        // 6. How did it end?
        if (!answer.IsSuccessStatusCode) call.Fail(TypeOf((int)answer.StatusCode), $"The backend answered {(int)answer.StatusCode}.");
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

    HttpRequestMessage Request(HttpContext context, Call call, RequestBody body, Backend backend)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, backend.At(endpoint.Path, context.Request.QueryString.Value ?? "")) { Content = new Body(body) };
        var connection = context.Request.Headers.Connection.ToString();
        foreach (var (name, values) in context.Request.Headers)
        {
            if (!HeaderRules.PassesOn(name, connection)) continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values)) request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }
        request.Headers.TryAddWithoutValidation("x-request-id", call.Record.RequestId);
        backend.Sign(request, endpoint.Dialect);
        return request;
    }

    static string? UpstreamId(HttpResponseHeaders headers)
    {
        foreach (var name in new[] { "x-request-id", "request-id" })
            if (headers.NonValidated.TryGetValues(name, out var values) && values.ToString() is { Length: > 0 and <= 256 } id && id.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' or ':')) return id;
        return null;
    }

    static void CopyHeaders(HttpResponseMessage answer, HttpResponse to, bool changesLength)
    {
        to.StatusCode = (int)answer.StatusCode;
        var connection = answer.Headers.NonValidated.TryGetValues("Connection", out var named) ? named.ToString() : null;
        foreach (var headers in new[] { answer.Headers.NonValidated, answer.Content.Headers.NonValidated })
            foreach (var (name, values) in headers)
                if (HeaderRules.PassesBack(name, connection) && !(changesLength && name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))) to.Headers.Append(name, values.ToArray());
    }

    static async Task Copy(Stream from, HttpContext context, Call call, UsageReader usage, bool isEventStream, long? length, CancellationToken cancel)
    {
        var to = context.Response.BodyWriter;
        if (length is null) await to.FlushAsync(cancel);
        for (long copied = 0; copied != length;)
        {
            var memory = to.GetMemory(1024);
            var read = await from.ReadAsync(memory, cancel);
            if (read == 0) break;
            if (isEventStream) call.FirstByte();
            usage.Read(memory.Span[..read]);
            to.Advance(read);
            copied += read;
            // The end of the answer flushes what a short one holds.
            if (copied != length) await Flush(to, cancel);
        }
        await Flush(to, cancel);
    }

    static async ValueTask Flush(System.IO.Pipelines.PipeWriter to, CancellationToken cancel)
    {
        if ((await to.FlushAsync(cancel)).IsCompleted) throw new OperationCanceledException();
    }

    /// <summary>Passes every event on as it ends, but for the one that the client did not ask for.</summary>
    static async Task CopyWithoutUsage(Stream from, HttpContext context, Call call, UsageReader usage, CancellationToken cancel)
    {
        var to = context.Response.BodyWriter;
        await to.FlushAsync(cancel);
        using var buffer = System.Buffers.MemoryPool<byte>.Shared.Rent(8 * 1024);
        var held = new System.Buffers.ArrayBufferWriter<byte>(256);
        var passesEvent = false;
        while (await from.ReadAsync(buffer.Memory, cancel) is > 0 and var read)
        {
            call.FirstByte();
            var wrote = Pass(buffer.Memory.Span[..read]);
            if (wrote) await Flush(to, cancel);
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
            if (!host.Stopping.IsCancellationRequested) call.Fail("client_cancelled", "The client closed the connection before the answer was complete.");
            return GatewayError.Reset;
        }
        if (body.Fault is { } fault) return Failed(call, fault);
        switch (failure)
        {
            case BadHttpRequestException bad:
                return Failed(call, RequestBody.Of(bad));
            case HttpIOException { HttpRequestError: HttpRequestError.InvalidResponse } or HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded }:
                return Failed(call, GatewayError.Garbage);
            case HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } or OperationCanceledException:
                return Failed(call, GatewayError.Unreachable);
            case HttpRequestException or IOException:
                return Failed(call, GatewayError.Reset);
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

    /// <summary>A body that goes through.</summary>
    sealed class Body(RequestBody body) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => body.CopyTo(stream, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancel) => body.CopyTo(stream, cancel);

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length ?? 0;
            return body.Length is not null;
        }
    }
}
