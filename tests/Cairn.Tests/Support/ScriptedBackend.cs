using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Cairn.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cairn.Support;

/// <summary>What a backend got.</summary>
sealed record Got(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;
}

/// <summary>
/// A backend that speaks both dialects as the real ones do, with the same answer each time. A test can have it answer
/// otherwise, and sees what it got.
/// </summary>
sealed class ScriptedBackend : IAsyncDisposable
{
    readonly WebApplication app;

    ScriptedBackend(WebApplication app) => this.app = app;

    public ConcurrentQueue<Got> Calls { get; } = [];

    /// <summary>Calls that the other side ended before they were answered.</summary>
    public int Aborted => Volatile.Read(ref aborted);
    int aborted;

    /// <summary>Answers instead of the script when it is set.</summary>
    public Func<HttpContext, Got, Task>? Instead { get; set; }

    public Uri Url => new(app.Urls.First() + "/v1");

    /// <summary>One backend for every model.</summary>
    public GatewaySettings Settings => new() { Backends = [new("scripted", "local", Url, null)], Routes = [new("*", "scripted")] };

    public static async Task<ScriptedBackend> Start()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0);
            kestrel.Limits.MaxRequestBodySize = null;
        });
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        var backend = new ScriptedBackend(builder.Build());
        backend.app.Run(backend.Answer);
        await backend.app.StartAsync();
        return backend;
    }

    async Task Answer(HttpContext context)
    {
        try
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            var got = new Got(context.Request.Method, context.Request.Path + context.Request.QueryString, context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), body.ToArray());
            Calls.Enqueue(got);
            if (Instead is { } instead) await instead(context, got);
            else await Script(context, got);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
            Interlocked.Increment(ref aborted);
        }
    }

    static Task Script(HttpContext context, Got got)
    {
        context.Response.Headers["x-request-id"] = "req_upstream_1";
        if (got.Path.StartsWith("/v1/models", StringComparison.Ordinal)) return Json(context, Models);
        var body = got.Json;
        var stream = body.TryGetProperty("stream", out var on) && on.ValueKind == JsonValueKind.True;
        var tools = body.TryGetProperty("tools", out _);
        switch (context.Request.Path)
        {
            case "/v1/chat/completions" when stream:
                var usage = body.TryGetProperty("stream_options", out var options) && options.ValueKind == JsonValueKind.Object && options.TryGetProperty("include_usage", out var include) && include.ValueKind == JsonValueKind.True;
                return Events(context, [.. tools ? ChatToolStream : ChatStream, .. usage ? [ChatUsage] : Array.Empty<string>(), "data: [DONE]\n\n"]);
            case "/v1/chat/completions": return Json(context, tools ? ChatTool : Chat);
            case "/v1/completions" when stream: return Events(context, [CompletionPiece("Good "), CompletionPiece("day", "length"), "data: [DONE]\n\n"]);
            case "/v1/completions": return Json(context, Completion);
            case "/v1/embeddings": return Json(context, Embedding);
            case "/v1/responses" when stream: return Events(context, ResponseStream);
            case "/v1/responses": return Json(context, Response);
            case "/v1/messages":
                context.Response.Headers.Remove("x-request-id");
                context.Response.Headers["request-id"] = "req_upstream_2";
                return stream ? Events(context, tools ? MessageToolStream : MessageStream) : Json(context, tools ? MessageTool : Message);
            default:
                context.Response.StatusCode = 404;
                return Json(context, """{"error":{"message":"no such path","type":"invalid_request_error","param":null,"code":null}}""");
        }
    }

    public static Task Json(HttpContext context, string json, int status = 200)
    {
        var bytes = Encoding.UTF8.GetBytes(json);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }

    public static async Task Events(HttpContext context, params IEnumerable<string> events)
    {
        if (!context.Response.HasStarted) context.Response.ContentType = "text/event-stream; charset=utf-8";
        foreach (var one in events)
        {
            await context.Response.WriteAsync(one, context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }

    static string Data(string json) => $"data: {json}\n\n";

    static string Event(string name, string json) => $"event: {name}\ndata: {json}\n\n";

    // OpenAI, chat.
    public const string Chat = """{"id":"chatcmpl-up","object":"chat.completion","created":1760000000,"model":"llama-3-8b","choices":[{"index":0,"message":{"role":"assistant","content":"Good day","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":5}}}""";
    const string ChatTool = """{"id":"chatcmpl-up","object":"chat.completion","created":1760000000,"model":"llama-3-8b","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":21,"completion_tokens":9,"total_tokens":30}}""";

    static string ChatPiece(string delta, string finish = "null") =>
        Data($$"""{"id":"chatcmpl-up","object":"chat.completion.chunk","created":1760000000,"model":"llama-3-8b","choices":[{"index":0,"delta":{{delta}},"logprobs":null,"finish_reason":{{finish}}}]}""");

    public static readonly string[] ChatStream =
    [
        ChatPiece("""{"role":"assistant","content":""}"""), ChatPiece("""{"content":"Good "}"""), ChatPiece("""{"content":"däy \u00e9"}"""), ChatPiece("{}", "\"stop\""),
    ];

    static readonly string[] ChatToolStream =
    [
        ChatPiece("""{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]}"""),
        ChatPiece("""{"tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}]}"""),
        ChatPiece("""{"tool_calls":[{"index":0,"function":{"arguments":"\"Oslo\"}"}}]}"""),
        ChatPiece("{}", "\"tool_calls\""),
    ];

    public static readonly string ChatUsage = Data("""{"id":"chatcmpl-up","object":"chat.completion.chunk","created":1760000000,"model":"llama-3-8b","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":5}}}""");

    // OpenAI, the rest.
    const string Completion = """{"id":"cmpl-up","object":"text_completion","created":1760000000,"model":"llama-3-8b","choices":[{"text":"Good day","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":4,"completion_tokens":3,"total_tokens":7}}""";

    static string CompletionPiece(string text, string? finish = null) =>
        Data($$"""{"id":"cmpl-up","object":"text_completion","created":1760000000,"model":"llama-3-8b","choices":[{"text":"{{text}}","index":0,"logprobs":null,"finish_reason":{{(finish is null ? "null" : $"\"{finish}\"")}}}]}""");

    const string Embedding = """{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.25,-0.5]}],"model":"embed-small","usage":{"prompt_tokens":8,"total_tokens":8}}""";

    const string Models = """{"object":"list","data":[{"id":"llama-3","object":"model","created":1760000000,"owned_by":"meta"},{"id":"embed-small","object":"model","created":1760000001,"owned_by":"here"}]}""";

    const string ResponseItem = """[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Good day","annotations":[]}]}]""";

    static string ResponseBody(string status, string output, string usage) =>
        $$$"""{"id":"resp_up","object":"response","created_at":1760000000,"status":"{{{status}}}","error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"gpt-5-mini","output":{{{output}}},"parallel_tool_calls":true,"previous_response_id":null,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":{{{usage}}},"user":null,"metadata":{}}""";

    const string ResponseUsage = """{"input_tokens":13,"input_tokens_details":{"cached_tokens":4},"output_tokens":6,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":19}""";

    static readonly string Response = ResponseBody("completed", ResponseItem, ResponseUsage);

    static readonly string[] ResponseStream =
    [
        Event("response.created", $$"""{"type":"response.created","sequence_number":0,"response":{{ResponseBody("in_progress", "[]", "null")}}}"""),
        Event("response.output_item.added", """{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"message","id":"msg_1","status":"in_progress","role":"assistant","content":[]}}"""),
        Event("response.content_part.added", """{"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"""),
        Event("response.output_text.delta", """{"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Good day","logprobs":[]}"""),
        Event("response.completed", $$"""{"type":"response.completed","sequence_number":4,"response":{{ResponseBody("completed", ResponseItem, ResponseUsage)}}}"""),
    ];

    // Anthropic.
    const string Message = """{"id":"msg_up","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Good day"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":3,"output_tokens":8}}""";
    const string MessageTool = """{"id":"msg_up","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Oslo"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":22,"output_tokens":10}}""";

    static readonly string MessageStart = Event("message_start", """{"type":"message_start","message":{"id":"msg_up","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":3,"output_tokens":1}}}""");
    static readonly string MessageEnd = Event("message_stop", """{"type":"message_stop"}""");

    public static readonly string[] MessageStream =
    [
        MessageStart,
        Event("content_block_start", """{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"""),
        Event("ping", """{"type":"ping"}"""),
        Event("content_block_delta", """{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Good "}}"""),
        Event("content_block_delta", """{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"day"}}"""),
        Event("content_block_stop", """{"type":"content_block_stop","index":0}"""),
        Event("message_delta", """{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":8}}"""),
        MessageEnd,
    ];

    static readonly string[] MessageToolStream =
    [
        MessageStart,
        Event("content_block_start", """{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"weather","input":{}}}"""),
        Event("content_block_delta", """{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}"""),
        Event("content_block_delta", """{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\"Oslo\"}"}}"""),
        Event("content_block_stop", """{"type":"content_block_stop","index":0}"""),
        Event("message_delta", """{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":10}}"""),
        MessageEnd,
    ];

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }
}
