using System.Globalization;
using System.Text;
using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Demo;

/// <summary>
/// A backend without a model, for who wants to see a call arrive and has none: it answers every question with the same
/// words, in OpenAI's and Anthropic's dialect, plain and streamed, with usage. What a model is called decides how it
/// behaves: a name with "slow" in it takes its time, "error" answers 500, "limit" 429, "cut" breaks off in the middle.
/// It keeps nothing of what it is asked.
/// </summary>
sealed class DemoBackend : IAsyncDisposable
{
    const int MostBytes = 32 * 1024 * 1024, LettersInToken = 4;

    static readonly string[] Models = ["demo", "demo-slow", "demo-error", "demo-limit", "demo-cut"];

    static readonly string[] Words = "This answer comes from Cairn's demo backend, which has no model behind it. The call is on record: look at the Requests page.".Split(' ').Select((word, i) => i == 0 ? word : " " + word).ToArray();

    /// <summary>Where a question stands, in any of the dialects.</summary>
    static readonly string[] QuestionFields = ["messages", "input", "prompt", "system", "instructions"];

    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(25), SlowPause = TimeSpan.FromMilliseconds(250);

    readonly WebApplication app;

    DemoBackend(WebApplication app) => this.app = app;

    /// <summary>What stands for <c>/v1</c>.</summary>
    public Uri Url => new(new Uri(app.Urls.First()), "/v1");

    public static async Task<DemoBackend> Start()
    {
        var builder = Listeners.Bare();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0);
            kestrel.Limits.MaxRequestBodySize = MostBytes;
            kestrel.AddServerHeader = false;
        });
        var app = builder.Build();
        app.Run(Answer);
        await app.StartAsync();
        return new(app);
    }

    static Task Answer(HttpContext context) => (context.Request.Method, context.Request.Path.Value) switch
    {
        ("GET", "/v1/models") => Send(context, ListModels),
        ("POST", "/v1/chat/completions") => Question(context, new Chat(isChat: true)),
        ("POST", "/v1/completions") => Question(context, new Chat(isChat: false)),
        ("POST", "/v1/responses") => Question(context, new Responses()),
        ("POST", "/v1/messages") => Question(context, new Messages()),
        ("POST", "/v1/embeddings") => Question(context, new Embeddings()),
        _ => Refuse(context, 404, "not_found", "There is nothing here."),
    };

    static void ListModels(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("object", "list");
        writer.WriteStartArray("data");
        foreach (var model in Models)
        {
            writer.WriteStartObject();
            writer.WriteString("id", model);
            writer.WriteString("object", "model");
            writer.WriteNumber("created", 1_767_225_600);
            writer.WriteString("owned_by", "cairn");
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    /// <summary>What a call asks, as far as an answer depends on it.</summary>
    sealed record Asked(string Model, bool IsStream, bool WantsUsage, long Prompt)
    {
        public bool Is(string word) => Model.Contains(word, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>How one dialect says things.</summary>
    abstract class Dialect
    {
        protected static long Created => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

        protected static string Text => string.Concat(Words);

        public abstract void WriteWhole(Utf8JsonWriter writer, Asked asked);

        /// <summary>The stream's pieces: the name of each event, where the dialect names them, and its JSON.</summary>
        public abstract IEnumerable<(string? Event, Action<Utf8JsonWriter> Data)> Pieces(Asked asked);

        /// <summary>What ends a stream, where the dialect has such a thing.</summary>
        public virtual string? Last => null;
    }

    static async Task Question(HttpContext context, Dialect dialect)
    {
        if (await Read(context) is not { } asked)
        {
            await Refuse(context, 400, "invalid_request_error", "The body is not a JSON object with a model.");
            return;
        }
        if (asked.Is("error")) { await Refuse(context, 500, "server_error", "A failure, as the model's name asks for."); return; }
        if (asked.Is("limit")) { await Refuse(context, 429, "rate_limit_error", "Too many calls, as the model's name asks for."); return; }

        var pause = asked.Is("slow") ? SlowPause : Pause;
        if (!asked.IsStream)
        {
            await Task.Delay(asked.Is("slow") ? 8 * SlowPause : 4 * Pause, context.RequestAborted);
            await Send(context, writer => dialect.WriteWhole(writer, asked));
            return;
        }

        context.Response.ContentType = "text/event-stream";
        var sent = 0;
        foreach (var (name, data) in dialect.Pieces(asked))
        {
            var line = (name is null ? "" : $"event: {name}\n") + $"data: {RecordJson.Text(data)}\n\n";
            await context.Response.WriteAsync(line, context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            if (asked.Is("cut") && ++sent == 6) { context.Abort(); return; }
            await Task.Delay(pause, context.RequestAborted);
        }
        if (dialect.Last is { } last) await context.Response.WriteAsync($"data: {last}\n\n", context.RequestAborted);
    }

    static async Task<Asked?> Read(HttpContext context)
    {
        try
        {
            using var body = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
            var root = body.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out var model) || model.ValueKind != JsonValueKind.String) return null;
            var letters = QuestionFields.Sum(name => root.TryGetProperty(name, out var value) ? value.GetRawText().Length : 0);
            return new(
                model.GetString()!, root.TryGetProperty("stream", out var stream) && stream.ValueKind == JsonValueKind.True,
                root.TryGetProperty("stream_options", out var options) && options.ValueKind == JsonValueKind.Object && options.TryGetProperty("include_usage", out var usage) && usage.ValueKind == JsonValueKind.True,
                Math.Max(1, letters / LettersInToken));
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static async Task Send(HttpContext context, Action<Utf8JsonWriter> write, int status = 200)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(RecordJson.Text(write)), context.RequestAborted);
    }

    static Task Refuse(HttpContext context, int status, string type, string message) => Send(context, writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("type", "error");
        writer.WriteStartObject("error");
        writer.WriteString("type", type);
        writer.WriteString("message", message);
        writer.WriteNull("code");
        writer.WriteNull("param");
        writer.WriteEndObject();
        writer.WriteEndObject();
    }, status);

    static void Usage(Utf8JsonWriter writer, Asked asked, string prompt, string answer, bool total)
    {
        writer.WriteStartObject("usage");
        writer.WriteNumber(prompt, asked.Prompt);
        writer.WriteNumber(answer, Words.Length);
        if (total) writer.WriteNumber("total_tokens", asked.Prompt + Words.Length);
        writer.WriteEndObject();
    }

    /// <summary>OpenAI's chat and text completions.</summary>
    sealed class Chat(bool isChat) : Dialect
    {
        readonly string id = (isChat ? "chatcmpl-demo" : "cmpl-demo") + Guid.NewGuid().ToString("N")[..12];

        void Head(Utf8JsonWriter writer, Asked asked, bool isChunk)
        {
            writer.WriteStartObject();
            writer.WriteString("id", id);
            writer.WriteString("object", isChat ? isChunk ? "chat.completion.chunk" : "chat.completion" : "text_completion");
            writer.WriteNumber("created", Created);
            writer.WriteString("model", asked.Model);
        }

        void Choice(Utf8JsonWriter writer, string part, string? text, string? finish, bool isFirst = true)
        {
            writer.WriteStartArray("choices");
            writer.WriteStartObject();
            writer.WriteNumber("index", 0);
            if (!isChat) writer.WriteString("text", text ?? "");
            else
            {
                writer.WriteStartObject(part);
                if (isFirst) writer.WriteString("role", "assistant");
                if (text is not null) writer.WriteString("content", text);
                writer.WriteEndObject();
            }
            writer.WriteNull("logprobs");
            writer.WriteString("finish_reason", finish);
            writer.WriteEndObject();
            writer.WriteEndArray();
        }

        public override void WriteWhole(Utf8JsonWriter writer, Asked asked)
        {
            Head(writer, asked, isChunk: false);
            Choice(writer, "message", Text, "stop");
            Usage(writer, asked, "prompt_tokens", "completion_tokens", total: true);
            writer.WriteEndObject();
        }

        public override IEnumerable<(string?, Action<Utf8JsonWriter>)> Pieces(Asked asked)
        {
            for (var i = 0; i < Words.Length; i++)
            {
                var (word, isFirst) = (Words[i], i == 0);
                yield return (null, writer => Chunk(writer, () => Choice(writer, "delta", word, null, isFirst)));
            }
            yield return (null, writer => Chunk(writer, () => Choice(writer, "delta", null, "stop", isFirst: false)));
            if (asked.WantsUsage)
                yield return (null, writer => Chunk(writer, () =>
                {
                    writer.WriteStartArray("choices");
                    writer.WriteEndArray();
                    Usage(writer, asked, "prompt_tokens", "completion_tokens", total: true);
                }));

            void Chunk(Utf8JsonWriter writer, Action rest)
            {
                Head(writer, asked, isChunk: true);
                rest();
                writer.WriteEndObject();
            }
        }

        public override string Last => "[DONE]";
    }

    /// <summary>OpenAI's responses.</summary>
    sealed class Responses : Dialect
    {
        readonly string id = "resp_demo" + Guid.NewGuid().ToString("N")[..12], item = "msg_demo" + Guid.NewGuid().ToString("N")[..12];

        void Response(Utf8JsonWriter writer, Asked asked, bool isDone)
        {
            writer.WriteStartObject();
            writer.WriteString("id", id);
            writer.WriteString("object", "response");
            writer.WriteNumber("created_at", Created);
            writer.WriteString("status", isDone ? "completed" : "in_progress");
            writer.WriteNull("error");
            writer.WriteNull("incomplete_details");
            writer.WriteNull("instructions");
            writer.WriteString("model", asked.Model);
            writer.WriteStartArray("output");
            if (isDone) Item(writer, Text);
            writer.WriteEndArray();
            writer.WriteBoolean("parallel_tool_calls", true);
            writer.WriteString("tool_choice", "auto");
            writer.WriteStartArray("tools");
            writer.WriteEndArray();
            if (isDone) Usage(writer, asked);
            else writer.WriteNull("usage");
            writer.WriteEndObject();
        }

        static void Usage(Utf8JsonWriter writer, Asked asked)
        {
            writer.WriteStartObject("usage");
            writer.WriteNumber("input_tokens", asked.Prompt);
            writer.WriteStartObject("input_tokens_details");
            writer.WriteNumber("cached_tokens", 0);
            writer.WriteEndObject();
            writer.WriteNumber("output_tokens", Words.Length);
            writer.WriteStartObject("output_tokens_details");
            writer.WriteNumber("reasoning_tokens", 0);
            writer.WriteEndObject();
            writer.WriteNumber("total_tokens", asked.Prompt + Words.Length);
            writer.WriteEndObject();
        }

        void Item(Utf8JsonWriter writer, string? text)
        {
            writer.WriteStartObject();
            writer.WriteString("id", item);
            writer.WriteString("type", "message");
            writer.WriteString("status", text is null ? "in_progress" : "completed");
            writer.WriteString("role", "assistant");
            writer.WriteStartArray("content");
            if (text is not null) Part(writer, text);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        static void Part(Utf8JsonWriter writer, string text)
        {
            writer.WriteStartObject();
            writer.WriteString("type", "output_text");
            writer.WriteString("text", text);
            writer.WriteStartArray("annotations");
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        public override void WriteWhole(Utf8JsonWriter writer, Asked asked) => Response(writer, asked, isDone: true);

        public override IEnumerable<(string?, Action<Utf8JsonWriter>)> Pieces(Asked asked)
        {
            var number = 0;
            yield return Piece("response.created", writer => { writer.WritePropertyName("response"); Response(writer, asked, isDone: false); });
            yield return Piece("response.output_item.added", writer => { writer.WriteNumber("output_index", 0); writer.WritePropertyName("item"); Item(writer, null); });
            yield return Piece("response.content_part.added", writer => { Place(writer); writer.WritePropertyName("part"); Part(writer, ""); });
            foreach (var word in Words) yield return Piece("response.output_text.delta", writer => { Place(writer); writer.WriteString("delta", word); });
            yield return Piece("response.output_text.done", writer => { Place(writer); writer.WriteString("text", Text); });
            yield return Piece("response.content_part.done", writer => { Place(writer); writer.WritePropertyName("part"); Part(writer, Text); });
            yield return Piece("response.output_item.done", writer => { writer.WriteNumber("output_index", 0); writer.WritePropertyName("item"); Item(writer, Text); });
            yield return Piece("response.completed", writer => { writer.WritePropertyName("response"); Response(writer, asked, isDone: true); });

            void Place(Utf8JsonWriter writer)
            {
                writer.WriteString("item_id", item);
                writer.WriteNumber("output_index", 0);
                writer.WriteNumber("content_index", 0);
            }

            (string?, Action<Utf8JsonWriter>) Piece(string type, Action<Utf8JsonWriter> rest)
            {
                var place = number++;
                return (type, writer =>
                {
                    writer.WriteStartObject();
                    writer.WriteString("type", type);
                    writer.WriteNumber("sequence_number", place);
                    rest(writer);
                    writer.WriteEndObject();
                });
            }
        }
    }

    /// <summary>Anthropic's messages.</summary>
    sealed class Messages : Dialect
    {
        readonly string id = "msg_demo" + Guid.NewGuid().ToString("N")[..16];

        void Message(Utf8JsonWriter writer, Asked asked, bool isDone)
        {
            writer.WriteStartObject();
            writer.WriteString("id", id);
            writer.WriteString("type", "message");
            writer.WriteString("role", "assistant");
            writer.WriteString("model", asked.Model);
            writer.WriteStartArray("content");
            if (isDone)
            {
                writer.WriteStartObject();
                writer.WriteString("type", "text");
                writer.WriteString("text", Text);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteString("stop_reason", isDone ? "end_turn" : null);
            writer.WriteNull("stop_sequence");
            writer.WriteStartObject("usage");
            writer.WriteNumber("input_tokens", asked.Prompt);
            writer.WriteNumber("output_tokens", isDone ? Words.Length : 1);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        public override void WriteWhole(Utf8JsonWriter writer, Asked asked) => Message(writer, asked, isDone: true);

        public override IEnumerable<(string?, Action<Utf8JsonWriter>)> Pieces(Asked asked)
        {
            yield return Piece("message_start", writer => { writer.WritePropertyName("message"); Message(writer, asked, isDone: false); });
            yield return Piece("content_block_start", writer => { writer.WriteNumber("index", 0); Block(writer, "content_block", "text", ""); });
            yield return Piece("ping", _ => { });
            foreach (var word in Words) yield return Piece("content_block_delta", writer => { writer.WriteNumber("index", 0); Block(writer, "delta", "text_delta", word); });
            yield return Piece("content_block_stop", writer => writer.WriteNumber("index", 0));
            yield return Piece("message_delta", writer =>
            {
                writer.WriteStartObject("delta");
                writer.WriteString("stop_reason", "end_turn");
                writer.WriteNull("stop_sequence");
                writer.WriteEndObject();
                writer.WriteStartObject("usage");
                writer.WriteNumber("output_tokens", Words.Length);
                writer.WriteEndObject();
            });
            yield return Piece("message_stop", _ => { });

            static void Block(Utf8JsonWriter writer, string name, string type, string text)
            {
                writer.WriteStartObject(name);
                writer.WriteString("type", type);
                writer.WriteString("text", text);
                writer.WriteEndObject();
            }

            static (string?, Action<Utf8JsonWriter>) Piece(string type, Action<Utf8JsonWriter> rest) => (type, writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("type", type);
                rest(writer);
                writer.WriteEndObject();
            });
        }
    }

    /// <summary>OpenAI's embeddings, which are never streamed.</summary>
    sealed class Embeddings : Dialect
    {
        const int Dimensions = 8;

        public override void WriteWhole(Utf8JsonWriter writer, Asked asked)
        {
            writer.WriteStartObject();
            writer.WriteString("object", "list");
            writer.WriteStartArray("data");
            writer.WriteStartObject();
            writer.WriteString("object", "embedding");
            writer.WriteNumber("index", 0);
            writer.WriteStartArray("embedding");
            for (var i = 0; i < Dimensions; i++) writer.WriteRawValue((Math.Sin(i + 1) / Math.Sqrt(Dimensions)).ToString("F6", CultureInfo.InvariantCulture));
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteString("model", asked.Model);
            writer.WriteStartObject("usage");
            writer.WriteNumber("prompt_tokens", asked.Prompt);
            writer.WriteNumber("total_tokens", asked.Prompt);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        public override IEnumerable<(string?, Action<Utf8JsonWriter>)> Pieces(Asked asked) => [(null, writer => WriteWhole(writer, asked))];
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
