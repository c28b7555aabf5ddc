using System.Net.Http.Headers;
using System.Text;
using Cairn.Support;
using Microsoft.AspNetCore.Http;

namespace Cairn.Gateway;

public sealed class ForwardingTests
{
    [Fact]
    public async Task A_call_goes_through_byte_for_byte_and_leaves_a_record()
    {
        await using var app = await GatewayApp.Start();
        const string body = """{ "model" : "llama-3",  "messages":[{"role":"user","content":"hällo \u00e9 \ud83d\ude00"}], "user":"ada", "unknown": [1.0, 2e3] }""";
        var answer = (await app.Caller.Send(HttpMethod.Post, "/v1/chat/completions?beta=true", new StringContent(body, Encoding.UTF8, "application/json"),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("x-session-id", "s-1"), ("x-conversation-id", "c-1"))).Expect(200);

        Assert.Equal(ScriptedBackend.Chat, answer.Text);
        var got = Assert.Single(app.Backend.Calls);
        Assert.Equal((body, "/v1/chat/completions?beta=true"), (got.Text, got.Path));

        var record = await app.Record();
        Assert.Matches("^chatcmpl-[0-9a-f]{24}$", record.Text("request_id"));
        Assert.Equal(record.Text("request_id"), answer.Header("x-request-id"));
        Assert.Equal(("success", null, 200L), record.Outcome());
        Assert.Equal((11L, 7L, 18L, 5L), record.Tokens());
        Assert.Equal(("llama-3", "local", "/v1/chat/completions"), (record.Text("model"), record.Text("backend_type"), record.Text("endpoint")));
        Assert.Equal(("stop", "llama-3-8b", "req_upstream_1"), (record.Text("finish_reason"), record.Text("response_model"), record.Text("upstream_request_id")));
        Assert.Equal(("ada", "127.0.0.1", "a key"), (record.Text("user"), record.Text("client_ip"), record.Text("api_key_name")));
        Assert.Equal(("4bf92f3577b34da6a3ce929d0e0e4736", "s-1", "c-1"), (record.Text("trace_id"), record.Text("session_id"), record.Text("conversation_id")));
        Assert.False(record.GetProperty("stream").GetBoolean());
    }

    [Theory]
    [InlineData("/v1/completions", """{"model":"m","prompt":"x"}""", "cmpl-", 4, 3, 7, null, "length")]
    [InlineData("/v1/embeddings", """{"model":"m","input":"x"}""", "emb-", 8, null, 8, null, null)]
    [InlineData("/v1/responses", """{"model":"m","input":"x"}""", "resp-", 13, 6, 19, 4, "completed")]
    [InlineData("/v1/responses", """{"model":"m","input":"x","stream":true}""", "resp-", 13, 6, 19, 4, "completed")]
    [InlineData("/v1/messages", """{"model":"m","max_tokens":9,"messages":[]}""", "msg-", 12, 8, 20, 3, "end_turn")]
    [InlineData("/v1/messages", """{"model":"m","max_tokens":9,"messages":[],"stream":true}""", "msg-", 12, 8, 20, 3, "end_turn")]
    [InlineData("/v1/chat/completions", """{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}""", "chatcmpl-", 11, 7, 18, 5, "stop")]
    public async Task Each_path_tells_its_tokens_and_why_it_ended(string path, string body, string prefix, int? prompt, int? completion, int? total, int? cached, string? finish)
    {
        await using var app = await GatewayApp.Start();
        (await app.Caller.Post(path, body)).Expect(200);
        var record = await app.Record();
        Assert.StartsWith(prefix, record.Text("request_id"), StringComparison.Ordinal);
        Assert.Equal(("success", null, 200L), record.Outcome());
        Assert.Equal(((long?)prompt, (long?)completion, (long?)total, (long?)cached), record.Tokens());
        Assert.Equal(finish, record.Text("finish_reason"));
        Assert.Equal(body.Contains("\"stream\":true", StringComparison.Ordinal), record.GetProperty("stream").GetBoolean());
        Assert.Equal(body, Assert.Single(app.Backend.Calls).Text);
    }

    [Theory]
    [InlineData("""{"model":"m","stream":true}""", """{"model":"m","stream":true,"stream_options":{"include_usage":true}}""")]
    [InlineData("""{"stream":true,"model":"m" } """, """{"stream":true,"model":"m" ,"stream_options":{"include_usage":true}} """)]
    [InlineData("""{"stream_options":{},"model":"m","stream":true}""", """{"stream_options":{"include_usage":true},"model":"m","stream":true}""")]
    [InlineData("""{"stream_options":{ "x":[{}] },"model":"m","stream":true}""", """{"stream_options":{ "x":[{}] ,"include_usage":true},"model":"m","stream":true}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":{"include_usage":false,"x":1}}""", """{"model":"m","stream":true,"stream_options":{"include_usage":true,"x":1}}""")]
    [InlineData("""{"model":"m","stream":true,"stream_options":null}""", """{"model":"m","stream":true,"stream_options":{"include_usage":true}}""")]
    public async Task A_stream_without_usage_is_asked_for_it_and_the_client_does_not_see_it(string body, string sent)
    {
        await using var app = await GatewayApp.Start();
        var answer = (await app.Chat(body)).Expect(200);
        Assert.Equal(string.Concat(ScriptedBackend.ChatStream) + "data: [DONE]\n\n", answer.Text);
        Assert.Equal(sent, Assert.Single(app.Backend.Calls).Text);
        var record = await app.Record();
        Assert.Equal((11L, 7L, 18L, 5L), record.Tokens());
        Assert.Equal(("success", null, 200L), record.Outcome());
        Assert.Equal(0, record.Number("ttft_ms"));
    }

    [Fact]
    public async Task Events_pass_whole_whatever_pieces_they_come_in()
    {
        await using var app = await GatewayApp.Start();
        var stream = Encoding.UTF8.GetBytes(string.Concat(ScriptedBackend.ChatStream).Replace("\n\n", "\r\n\r\n", StringComparison.Ordinal) + ": a comment\n\n" + ScriptedBackend.ChatUsage + "data: [DONE]\n\n");
        var expected = Encoding.UTF8.GetString(stream).Replace(ScriptedBackend.ChatUsage, "", StringComparison.Ordinal);
        app.Backend.Instead = async (context, got) =>
        {
            context.Response.ContentType = "text/event-stream";
            var size = got.Json.GetProperty("n").GetInt32();
            foreach (var piece in stream.Chunk(size))
            {
                await context.Response.Body.WriteAsync(piece, context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        };
        int[] sizes = [1, 2, 3, 7, 64, 1000];
        foreach (var size in sizes) Assert.Equal(expected, (await app.Chat($$"""{"model":"m","stream":true,"n":{{size}}}""")).Expect(200).Text);
        Assert.All(await app.Records(sizes.Length), record => Assert.Equal((11L, 7L, 18L, 5L), record.Tokens()));
    }

    [Fact]
    public async Task Each_chunk_of_a_stream_is_passed_on_before_the_next_one_exists()
    {
        await using var app = await GatewayApp.Start();
        using var next = new SemaphoreSlim(0);
        app.Backend.Instead = async (context, _) =>
        {
            await ScriptedBackend.Events(context, [ScriptedBackend.ChatStream[0]]);
            foreach (var piece in ScriptedBackend.ChatStream[1..].Append(ScriptedBackend.ChatUsage).Append("data: [DONE]\n\n"))
            {
                await next.WaitAsync(context.RequestAborted);
                await ScriptedBackend.Events(context, [piece]);
            }
        };
        using var request = app.Caller.Request(HttpMethod.Post, "/v1/chat/completions");
        request.Content = new StringContent("""{"model":"m","stream":true}""", Encoding.UTF8, "application/json");
        using var answer = await app.Caller.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
        await using var stream = await answer.Content.ReadAsStreamAsync(Client.Cancel);
        foreach (var piece in ScriptedBackend.ChatStream)
        {
            var bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
            await stream.ReadExactlyAsync(bytes, Client.Cancel);
            Assert.Equal(piece, Encoding.UTF8.GetString(bytes));
            app.Cairn.Clock.Move(TimeSpan.FromMilliseconds(100));
            next.Release();
        }
        next.Release();
        using var rest = new StreamReader(stream);
        Assert.Equal("data: [DONE]\n\n", await rest.ReadToEndAsync(Client.Cancel));
        var record = await app.Record();
        Assert.Equal((0L, 400L), (record.Number("ttft_ms"), record.Number("duration_ms")));
    }

    [Fact]
    public async Task The_backend_gets_its_own_key_and_nothing_of_the_clients_connection()
    {
        await using var app = await GatewayApp.Start(settings => settings with
        {
            Backends = [settings.Backends[0] with { Key = "backend-secret" }, settings.Backends[0] with { Name = "claude", Type = "anthropic", Key = "anthropic-secret" }],
            Routes = [new("claude-*", "claude"), new("*", "scripted")],
        });
        (string, string)[] hygiene = [("x-api-key", app.Key), ("Cookie", "a=b"), ("X-Forwarded-For", "10.0.0.1"), ("Forwarded", "for=10.0.0.1"), ("Connection", "x-hop"), ("x-hop", "1"), ("Accept-Encoding", "gzip"), ("TE", "trailers"), ("Via", "1.1 x"), ("OpenAI-Beta", "a"), ("anthropic-version", "2023-06-01"), ("x-request-id", "mine")];
        foreach (var (path, model) in new[] { ("/v1/chat/completions", "llama-3"), ("/v1/messages", "claude-x") })
            (await app.Caller.Send(HttpMethod.Post, path, new StringContent($$"""{"model":"{{model}}"}""", Encoding.UTF8, "application/json"), hygiene)).Expect(200);

        Assert.Collection(app.Backend.Calls,
            first => Assert.Equal(("Bearer backend-secret", null), (first.Headers.GetValueOrDefault("Authorization"), first.Headers.GetValueOrDefault("x-api-key"))),
            second => Assert.Equal((null, "anthropic-secret"), (second.Headers.GetValueOrDefault("Authorization"), second.Headers.GetValueOrDefault("x-api-key"))));
        Assert.All(app.Backend.Calls, got =>
        {
            Assert.DoesNotContain(got.Headers, header => header.Value.Contains(app.Key, StringComparison.Ordinal) || header.Value == "mine");
            foreach (var name in new[] { "Cookie", "X-Forwarded-For", "Forwarded", "x-hop", "Accept-Encoding", "TE", "Via", "traceparent" }) Assert.False(got.Headers.ContainsKey(name), name);
            Assert.Equal(("a", "2023-06-01", app.Backend.Url.Authority), (got.Headers["OpenAI-Beta"], got.Headers["anthropic-version"], got.Headers["Host"]));
        });
        var records = await app.Records(2);
        Assert.Equal(["local", "anthropic"], records.Select(record => record.Text("backend_type")));
    }

    [Fact]
    public async Task The_answers_headers_pass_but_for_those_that_speak_for_the_backends_site()
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = (context, _) =>
        {
            foreach (var (name, value) in new[] { ("Set-Cookie", "a=b"), ("Server", "up/1"), ("Strict-Transport-Security", "max-age=1"), ("Access-Control-Allow-Origin", "*"), ("Cache-Control", "public"), ("openai-processing-ms", "7"), ("retry-after", "3"), ("x-request-id", "not a word!") })
                context.Response.Headers[name] = value;
            return ScriptedBackend.Json(context, """{"error":{"message":"slow down"}}""", 429);
        };
        var answer = (await app.Chat()).Expect(429);
        Assert.Equal("""{"error":{"message":"slow down"}}""", answer.Text);
        Assert.Equal(("7", "3", "no-store", "application/json"), (answer.Header("openai-processing-ms"), answer.Header("Retry-After"), answer.Header("Cache-Control"), answer.Header("Content-Type")));
        foreach (var name in new[] { "Set-Cookie", "Server", "Strict-Transport-Security", "Access-Control-Allow-Origin" }) Assert.Null(answer.Header(name));
        var record = await app.Record();
        Assert.Equal(("error", "rate_limited", 429L), record.Outcome());
        Assert.Equal(("The backend answered 429.", null), (record.Text("error_message"), record.Text("upstream_request_id")));
        Assert.Equal((null, null, null, null), record.Tokens());
    }

    [Fact]
    public async Task A_redirect_is_passed_back_and_not_followed()
    {
        await using var app = await GatewayApp.Start();
        await using var other = await ScriptedBackend.Start();
        app.Backend.Instead = (context, _) =>
        {
            context.Response.Redirect(other.Url + "/chat/completions", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        };
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = app.Cairn.Host.GatewayUrl };
        (await new Client(http, app.Key).Post("/v1/chat/completions", GatewayApp.Body)).Expect(307);
        Assert.Empty(other.Calls);
        Assert.Equal(("error", "backend_rejected", 307L), (await app.Record()).Outcome());
    }

    [Theory]
    [InlineData("first", true)]
    [InlineData("last", true)]
    [InlineData("first", false)]
    public async Task A_large_body_goes_through_unchanged(string place, bool hasLength)
    {
        await using var app = await GatewayApp.Start();
        var image = "{\"role\":\"user\",\"content\":\"data:image/png;base64," + new string('A', 20_000_000) + "\\\"}]\"}";
        var body = place == "first" ? $$"""{"model":"m","messages":[{{image}}],"temperature":0}""" : $$"""{"messages":[{{image}}],"temperature":0,"model":"m"}""";
        var bytes = Encoding.UTF8.GetBytes(body);
        HttpContent content = hasLength ? new ByteArrayContent(bytes) : new StreamContent(new Unseekable(bytes));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        (await app.Caller.Send(HttpMethod.Post, "/v1/chat/completions", content)).Expect(200);
        Assert.True(bytes.AsSpan().SequenceEqual(Assert.Single(app.Backend.Calls).Body));
        Assert.Equal("m", (await app.Record()).Text("model"));
    }

    [Fact]
    public async Task A_large_body_is_asked_for_usage_too()
    {
        await using var app = await GatewayApp.Start();
        var text = new string('A', 600_000);
        foreach (var (body, sent) in new[]
        {
            ($$$"""{"model":"m","messages":"{{{text}}}","stream":true}""", $$$"""{"model":"m","messages":"{{{text}}}","stream":true,"stream_options":{"include_usage":true}}"""),
            ($$$"""{"model":"m","stream":true,"messages":"{{{text}}}"}""", $$$"""{"model":"m","stream":true,"messages":"{{{text}}}","stream_options":{"include_usage":true}}"""),
            ($$$"""{"model":"m","stream":true,"stream_options":{},"messages":"{{{text}}}"}""", $$$"""{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":"{{{text}}}"}"""),
            ($$$"""{"messages":"{{{text}}}","stream":true,"model":"m"}""", $$$"""{"messages":"{{{text}}}","stream":true,"model":"m","stream_options":{"include_usage":true}}"""),
        })
        {
            app.Backend.Calls.Clear();
            Assert.Equal(string.Concat(ScriptedBackend.ChatStream) + "data: [DONE]\n\n", (await app.Chat(body)).Expect(200).Text);
            Assert.True(sent == Assert.Single(app.Backend.Calls).Text);
        }
        Assert.All(await app.Records(4), record => Assert.Equal((11L, 7L, 18L, 5L), record.Tokens()));
    }

    [Fact]
    public async Task The_models_of_all_backends_are_listed_in_the_shape_of_who_asks()
    {
        await using var claude = await ScriptedBackend.Start();
        claude.Instead = (context, got) => ScriptedBackend.Json(context, """{"data":[{"type":"model","id":"claude-a","display_name":"A","created_at":"2025-09-29T00:00:00Z"}],"has_more":false,"first_id":"claude-a","last_id":"claude-a"}""");
        await using var app = await GatewayApp.Start(settings => settings with
        {
            Backends = [settings.Backends[0], new("claude", "anthropic", claude.Url, "k"), new("away", "local", new("http://127.0.0.1:1/v1"), null)],
            Routes = [new("claude-*", "claude"), new("*", "scripted")],
        });
        var openAi = (await app.Caller.Get("/v1/models")).Expect(200).Json;
        Assert.Equal(["llama-3", "embed-small", "claude-a"], openAi.GetProperty("data").EnumerateArray().Select(model => model.Text("id")));
        Assert.Equal("list", openAi.Text("object"));
        var anthropic = (await app.Caller.Send(HttpMethod.Get, "/v1/models", null, ("anthropic-version", "2023-06-01"))).Expect(200).Json;
        Assert.Equal(("llama-3", "claude-a", false), (anthropic.Text("first_id"), anthropic.Text("last_id"), anthropic.GetProperty("has_more").GetBoolean()));
        Assert.Equal("k", claude.Calls.First().Headers["x-api-key"]);
        Assert.All(await app.Records(2), record => Assert.Equal(("/v1/models", "success"), (record.Text("endpoint"), record.Text("status"))));
    }

    [Fact]
    public async Task A_client_that_leaves_ends_the_call_at_the_backend_and_its_tokens_so_far_are_recorded()
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = async (context, _) =>
        {
            await ScriptedBackend.Events(context, ScriptedBackend.MessageStream[..5]);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        using (var request = app.Caller.Request(HttpMethod.Post, "/v1/messages"))
        {
            request.Content = new StringContent("""{"model":"claude","stream":true}""", Encoding.UTF8, "application/json");
            using var answer = await app.Caller.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
            await using var stream = await answer.Content.ReadAsStreamAsync(Client.Cancel);
            await stream.ReadExactlyAsync(new byte[string.Concat(ScriptedBackend.MessageStream[..5]).Length], Client.Cancel);
        }
        await Until.True(() => app.Backend.Aborted == 1);
        var record = await app.Record();
        Assert.Equal(("error", "client_cancelled", 200L), record.Outcome());
        Assert.Equal((12L, 1L, 13L, 3L), record.Tokens());
    }

    [Fact]
    public async Task A_client_that_leaves_before_the_answer_begins_is_recorded_as_well()
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted);
        using (var leaving = CancellationTokenSource.CreateLinkedTokenSource(Client.Cancel))
        {
            using var request = app.Caller.Request(HttpMethod.Post, "/v1/chat/completions");
            request.Content = new StringContent(GatewayApp.Body, Encoding.UTF8, "application/json");
            var call = app.Caller.Http.SendAsync(request, leaving.Token);
            await Until.True(() => app.Backend.Calls.Count == 1);
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }
        await Until.True(() => app.Backend.Aborted == 1);
        Assert.Equal(("error", "client_cancelled", null), (await app.Record()).Outcome());
    }

    /// <summary>A stream whose length is not known beforehand.</summary>
    sealed class Unseekable(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
