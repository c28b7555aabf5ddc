namespace Cairn.Gateway;

/// <summary>Whose shapes a path speaks.</summary>
enum Dialect { OpenAi, Anthropic }

/// <summary>One path that models are called at.</summary>
/// <param name="Path">As applications call it; the backend has it under its own address, without <c>/v1</c>.</param>
/// <param name="IdPrefix">What ids of its requests begin with.</param>
/// <param name="Timeout">How long a call may take when the backend's settings do not say.</param>
/// <param name="CountsWhenAsked">True where a stream tells its usage only to who asks with <c>stream_options</c>.</param>
sealed record InferenceEndpoint(string Path, string IdPrefix, Dialect Dialect, TimeSpan Timeout, bool CountsWhenAsked = false)
{
    static readonly TimeSpan ChatTimeout = TimeSpan.FromMinutes(15), CompletionsTimeout = TimeSpan.FromMinutes(10), EmbeddingsTimeout = TimeSpan.FromMinutes(2);

    public static readonly InferenceEndpoint
        Chat = new("/v1/chat/completions", "chatcmpl-", Dialect.OpenAi, ChatTimeout, CountsWhenAsked: true),
        Completions = new("/v1/completions", "cmpl-", Dialect.OpenAi, CompletionsTimeout, CountsWhenAsked: true),
        Embeddings = new("/v1/embeddings", "emb-", Dialect.OpenAi, EmbeddingsTimeout),
        Responses = new("/v1/responses", "resp-", Dialect.OpenAi, ChatTimeout),
        Messages = new("/v1/messages", "msg-", Dialect.Anthropic, ChatTimeout);

    public static readonly InferenceEndpoint[] All = [Chat, Completions, Embeddings, Responses, Messages];

    /// <summary>The list of models, in the shape of who asks.</summary>
    public static InferenceEndpoint Models(HttpContext context) => Of(context) == Dialect.Anthropic ? AnthropicModels : OpenAiModels;

    /// <summary>Whatever is not there. Its path is not told, since it is the caller's text.</summary>
    public static InferenceEndpoint Unknown(HttpContext context) => Of(context) == Dialect.Anthropic ? AnthropicUnknown : OpenAiUnknown;

    static readonly InferenceEndpoint
        OpenAiModels = new("/v1/models", "chatcmpl-", Dialect.OpenAi, TimeSpan.FromSeconds(30)),
        AnthropicModels = new("/v1/models", "msg-", Dialect.Anthropic, TimeSpan.FromSeconds(30)),
        OpenAiUnknown = new("/v1/*", "chatcmpl-", Dialect.OpenAi, TimeSpan.Zero),
        AnthropicUnknown = new("/v1/*", "msg-", Dialect.Anthropic, TimeSpan.Zero);

    static Dialect Of(HttpContext context) => context.Request.Headers.ContainsKey("anthropic-version") ? Dialect.Anthropic : Dialect.OpenAi;
}
