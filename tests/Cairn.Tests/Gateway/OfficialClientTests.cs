using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Cairn.Support;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Embeddings;
using OpenAI.Models;

namespace Cairn.Gateway;

/// <summary>The official .NET clients, unchanged.</summary>
public sealed class OfficialClientTests
{
    static readonly ChatMessage[] Hello = [new UserChatMessage("hello")];

    static OpenAIClientOptions Options(GatewayApp app) => new() { Endpoint = new(app.Cairn.Host.GatewayUrl!, "/v1"), RetryPolicy = new ClientRetryPolicy(0) };

    static ChatClient Chat(GatewayApp app, string model = "llama-3", string? key = null) => new(model, new ApiKeyCredential(key ?? app.Key), Options(app));

    static AnthropicClient Anthropic(GatewayApp app, string? key = null) => new() { BaseUrl = app.Cairn.Host.GatewayUrl!.OriginalString.TrimEnd('/'), ApiKey = key ?? app.Key, MaxRetries = 0 };

    static MessageCreateParams Message(string model = "claude-sonnet-4-5", params Tool[] tools) => new()
    {
        Model = model,
        MaxTokens = 9,
        Messages = [new UserMessageParam("hello")],
        Tools = tools.Length == 0 ? null : [.. tools.Select(tool => (ToolUnion)tool)],
    };

    static readonly Tool Weather = new() { Name = "weather", InputSchema = new() { Properties = new Dictionary<string, JsonElement> { ["city"] = JsonElement.Parse("""{"type":"string"}""") } } };

    [Fact]
    public async Task OpenAI_chats_plain_and_streaming_with_and_without_tools()
    {
        await using var app = await GatewayApp.Start();
        var plain = (await Chat(app).CompleteChatAsync(Hello, cancellationToken: Client.Cancel)).Value;
        Assert.Equal(("Good day", 18, ChatFinishReason.Stop), (plain.Content[0].Text, plain.Usage.TotalTokenCount, plain.FinishReason));

        var text = "";
        await foreach (var update in Chat(app).CompleteChatStreamingAsync(Hello, cancellationToken: Client.Cancel)) text += string.Concat(update.ContentUpdate.Select(part => part.Text));
        Assert.Equal("Good däy é", text);

        var tools = new ChatCompletionOptions { Tools = { ChatTool.CreateFunctionTool("weather", functionParameters: BinaryData.FromString("""{"type":"object"}""")) } };
        var called = (await Chat(app).CompleteChatAsync(Hello, tools, Client.Cancel)).Value;
        Assert.Equal(("weather", """{"city":"Oslo"}"""), (called.ToolCalls[0].FunctionName, called.ToolCalls[0].FunctionArguments.ToString()));

        var arguments = "";
        await foreach (var update in Chat(app).CompleteChatStreamingAsync(Hello, tools, Client.Cancel)) arguments += string.Concat(update.ToolCallUpdates.Select(part => part.FunctionArgumentsUpdate.ToString()));
        Assert.Equal("""{"city":"Oslo"}""", arguments);

        Assert.All(await app.Records(4), record => Assert.Equal(("success", "llama-3"), (record.Text("status"), record.Text("model"))));
    }

    [Fact]
    public async Task OpenAI_embeds_and_lists_models()
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = (context, got) => got.Path == "/v1/embeddings"
            ? ScriptedBackend.Json(context, $$$"""{"object":"list","data":[{"object":"embedding","index":0,"embedding":"{{{Convert.ToBase64String(BitConverter.GetBytes(0.25f))}}}"}],"model":"embed-small","usage":{"prompt_tokens":8,"total_tokens":8}}""")
            : ScriptedBackend.Json(context, """{"object":"list","data":[{"id":"llama-3","object":"model","created":1760000000,"owned_by":"meta"}]}""");
        var embedding = await new EmbeddingClient("embed-small", new ApiKeyCredential(app.Key), Options(app)).GenerateEmbeddingAsync("hello", cancellationToken: Client.Cancel);
        Assert.Equal([0.25f], embedding.Value.ToFloats().ToArray());
        var models = (await new OpenAIModelClient(new ApiKeyCredential(app.Key), Options(app)).GetModelsAsync(Client.Cancel)).Value;
        Assert.Equal(["llama-3"], models.Select(model => model.Id));
        await app.Records(2);
    }

    [Fact]
    public async Task OpenAI_understands_what_goes_wrong()
    {
        await using var app = await GatewayApp.Start(settings => settings with { Routes = [new("llama-*", "scripted")] });
        var noRoute = await Assert.ThrowsAsync<ClientResultException>(() => Chat(app, "nowhere").CompleteChatAsync(Hello, cancellationToken: Client.Cancel));
        Assert.Equal(404, noRoute.Status);
        Assert.Contains("No route leads to a backend", noRoute.Message, StringComparison.Ordinal);
        Assert.Equal(401, (await Assert.ThrowsAsync<ClientResultException>(() => Chat(app, key: "crn_wrong").CompleteChatAsync(Hello, cancellationToken: Client.Cancel))).Status);
        app.Backend.Instead = (context, _) => ScriptedBackend.Json(context, """{"error":{"message":"slow down","type":"rate_limit","param":null,"code":"x"}}""", 429);
        var limited = await Assert.ThrowsAsync<ClientResultException>(() => Chat(app).CompleteChatAsync(Hello, cancellationToken: Client.Cancel));
        Assert.Equal(429, limited.Status);
        Assert.Contains("slow down", limited.Message, StringComparison.Ordinal);
        await app.Records(2);
    }

    [Fact]
    public async Task Anthropic_writes_messages_plain_and_streaming_with_and_without_tools()
    {
        await using var app = await GatewayApp.Start();
        var plain = await Anthropic(app).Messages.Create(Message(), Client.Cancel);
        Assert.True(plain.Content[0].TryPickText(out var block));
        Assert.Equal(("Good day", 8L), (block.Text, plain.Usage.OutputTokens));

        var text = "";
        await foreach (var one in Anthropic(app).Messages.CreateStreaming(Message(), Client.Cancel))
            if (one.TryPickContentBlockDelta(out var delta) && delta.Delta.TryPickText(out var part)) text += part.Text;
        Assert.Equal("Good day", text);

        var called = await Anthropic(app).Messages.Create(Message(tools: Weather), Client.Cancel);
        Assert.True(called.Content[0].TryPickToolUse(out var use));
        Assert.Equal("Oslo", use.Input["city"].GetString());

        var json = "";
        await foreach (var one in Anthropic(app).Messages.CreateStreaming(Message(tools: Weather), Client.Cancel))
            if (one.TryPickContentBlockDelta(out var delta) && delta.Delta.TryPickInputJson(out var part)) json += part.PartialJson;
        Assert.Equal("""{"city":"Oslo"}""", json);

        var records = await app.Records(4);
        Assert.Equal([8L, 8L, 10L, 10L], records.Select(record => record.Number("completion_tokens")));
        Assert.Equal(["end_turn", "end_turn", "tool_use", "tool_use"], records.Select(record => record.Text("finish_reason")));
        Assert.All(records, record => Assert.Equal("req_upstream_2", record.Text("upstream_request_id")));
    }

    [Fact]
    public async Task Anthropic_understands_what_goes_wrong()
    {
        await using var app = await GatewayApp.Start(settings => settings with { Routes = [new("claude-*", "scripted")] });
        var noRoute = await Assert.ThrowsAsync<AnthropicNotFoundException>(() => Anthropic(app).Messages.Create(Message("nowhere"), Client.Cancel));
        Assert.Contains("not_found_error", noRoute.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<AnthropicUnauthorizedException>(() => Anthropic(app, "crn_wrong").Messages.Create(Message(), Client.Cancel));
        app.Backend.Instead = (context, _) => ScriptedBackend.Json(context, """{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}""", 429);
        await Assert.ThrowsAsync<AnthropicRateLimitException>(() => Anthropic(app).Messages.Create(Message(), Client.Cancel));
        await app.Records(2);
    }
}
