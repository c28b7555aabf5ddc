using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Support;

namespace Cairn.Gateway;

/// <summary>What bad input gets: the right status, an error that the dialect's client reads, and one truthful record.</summary>
public sealed class BadInputTests
{
    const string Chat = "/v1/chat/completions", Messages = "/v1/messages";

    static readonly string Deep = string.Concat(Enumerable.Repeat("[", 100_000));

    public static TheoryData<string, string, int, string> Bodies => new()
    {
        { "nothing", "", 400, "invalid_request" },
        { "not JSON", "hello", 400, "invalid_request" },
        { "JSON that ends early", """{"model":"m","messages":[""", 400, "invalid_request" },
        { "JSON with a tail", """{"model":"m"} x""", 400, "invalid_request" },
        { "JSON with a comma too many", """{"model":"m",}""", 400, "invalid_request" },
        { "an array", """["model","m"]""", 400, "invalid_request" },
        { "a text", "\"model\"", 400, "invalid_request" },
        { "no model", """{"messages":[]}""", 400, "invalid_request" },
        { "an empty model", """{"model":""}""", 400, "invalid_request" },
        { "a model that is a number", """{"model":7}""", 400, "invalid_request" },
        { "a model that is an object", """{"model":{"model":"m"}}""", 400, "invalid_request" },
        { "a model that is null", """{"model":null}""", 400, "invalid_request" },
        { "a model twice", """{"model":"m","model":"n"}""", 400, "invalid_request" },
        { "a model twice in disguise", """{"model":"m","mod\u0065l":"n"}""", 400, "invalid_request" },
        { "a model of half a letter", """{"model":"\ud83d"}""", 400, "invalid_request" },
        { "a model with NUL", """{"model":"a\u0000"}""", 400, "invalid_request" },
        { "a model that is too long", $$"""{"model":"{{new string('m', 257)}}"}""", 400, "invalid_request" },
        { "JSON that is too deep", $$"""{"model":"m","messages":{{Deep}}""", 400, "invalid_request" },
        { "a model without a route", """{"model":"elsewhere"}""", 404, "model_not_found" },
    };

    [Theory, MemberData(nameof(Bodies))]
    public async Task A_body_that_is_wrong(string what, string body, int status, string type)
    {
        await using var app = await GatewayApp.Start(settings => settings with { Routes = [new("m*", "scripted"), new("n", "scripted")] });
        foreach (var path in new[] { Chat, Messages })
        {
            var answer = (await app.Caller.Post(path, body)).Expect(status);
            IsAnError(answer, path == Messages, type);
            Assert.DoesNotContain("elsewhere", answer.Text, StringComparison.Ordinal);
        }
        Assert.True(app.Backend.Calls.IsEmpty, what);
        Assert.All(await app.Records(2), record => Assert.Equal(("error", type, (long?)status), record.Outcome()));
    }

    /// <summary>The client's own shape and a problem's, with the id under which the log has it.</summary>
    static void IsAnError(Answer answer, bool isAnthropic, string type)
    {
        var json = answer.Json;
        Assert.Equal("application/problem+json", answer.Header("Content-Type"));
        Assert.Equal((answer.Status, answer.Header("x-request-id")), (json.GetProperty("status").GetInt32(), json.Text("request_id")));
        var error = json.GetProperty("error");
        Assert.Equal(json.Text("detail"), error.Text("message"));
        Assert.Matches("^[a-z_]+$", error.Text("type"));
        if (isAnthropic) Assert.Equal("error", json.Text("type"));
        else Assert.Equal((type, JsonValueKind.Null), (error.Text("code"), error.GetProperty("param").ValueKind));
    }

    [Theory]
    [InlineData("text/plain", null), InlineData("application/x-www-form-urlencoded", null), InlineData("nonsense", null), InlineData("application/json", "gzip")]
    public async Task A_content_type_that_is_not_JSON(string type, string? encoding)
    {
        await using var app = await GatewayApp.Start();
        IsAnError((await app.Caller.Post(Chat, Encoding.UTF8.GetBytes(GatewayApp.Body), type, encoding)).Expect(415), false, "unsupported_content_type");
        Assert.Equal(("error", "unsupported_content_type", 415L), (await app.Record()).Outcome());
        Assert.Empty(app.Backend.Calls);
    }

    [Theory]
    [InlineData("GET", "/v1/secret-path"), InlineData("POST", "/v1/chat"), InlineData("DELETE", "/v1/models/x"), InlineData("POST", "/v1/chat/completions/7"), InlineData("POST", "/v1/messages/count_tokens")]
    public async Task A_path_that_is_not_there(string method, string path)
    {
        await using var app = await GatewayApp.Start();
        IsAnError((await app.Caller.Send(new(method), path)).Expect(404), false, "unknown_path");
        var record = await app.Record();
        Assert.Equal(("error", "unknown_path", 404L), record.Outcome());
        Assert.Equal(("/v1/*", "", ""), (record.Text("endpoint"), record.Text("model"), record.Text("backend_type")));
    }

    [Fact]
    public async Task A_method_that_a_path_does_not_take()
    {
        await using var app = await GatewayApp.Start();
        var answer = (await app.Caller.Get(Chat)).Expect(405);
        IsAnError(answer, false, "wrong_method");
        Assert.Equal("POST", answer.Header("Allow"));
        Assert.Equal("GET", (await app.Caller.Post("/v1/models", "{}")).Expect(405).Header("Allow"));
        Assert.All(await app.Records(2), record => Assert.Equal(("error", "wrong_method", 405L), record.Outcome()));
    }

    [Fact]
    public async Task A_body_beyond_32_MiB_announced_or_not()
    {
        await using var app = await GatewayApp.Start();
        var body = Encoding.UTF8.GetBytes("""{"messages":" """.Trim() + new string('x', RequestBody.Most) + "\",\"model\":\"m\"}");
        IsAnError((await app.Caller.Post(Chat, body)).Expect(413), false, "body_too_large");

        foreach (var modelFirst in new[] { false, true })
        {
            // In pieces, so that its length is known only at its end.
            var large = modelFirst ? Encoding.UTF8.GetBytes("""{"model":"m","messages":" """.Trim() + new string('x', RequestBody.Most) + "\"}") : body;
            var content = new StreamContent(new Pieces(large));
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            IsAnError((await app.Caller.Send(HttpMethod.Post, Chat, content)).Expect(413), false, "body_too_large");
        }
        Assert.All(await app.Records(3), record => Assert.Equal(("error", "body_too_large", 413L), record.Outcome()));
        Assert.Empty(app.Backend.Calls);
    }

    [Theory]
    [InlineData("\"} x"), InlineData("\",\"model\":\"other\"}"), InlineData("\"")]
    public async Task A_large_body_that_turns_out_wrong_never_reaches_the_backend_whole(string end)
    {
        await using var app = await GatewayApp.Start();
        var body = """{"model":"m","messages":" """.Trim() + new string('x', 1_000_000) + end;
        IsAnError((await app.Chat(body)).Expect(400), false, "invalid_request");
        Assert.Equal(("error", "invalid_request", 400L), (await app.Record()).Outcome());
        Assert.Empty(app.Backend.Calls);
    }

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_of_its_body()
    {
        await using var app = await GatewayApp.Start();
        using (var socket = new Socket(SocketType.Stream, ProtocolType.Tcp))
        {
            await socket.ConnectAsync("127.0.0.1", app.Cairn.Host.GatewayUrl!.Port, Client.Cancel);
            await socket.SendAsync(Encoding.ASCII.GetBytes($"POST {Chat} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {app.Key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"model\":\"m\","), Client.Cancel);
            await Until.True(() => app.Cairn.Host.Inference.UnderWay == 1);
        }
        var record = await app.Record();
        Assert.Equal(("error", "client_cancelled"), (record.Text("status"), record.Text("error_type")));
        Assert.Empty(app.Backend.Calls);
    }

    [Theory]
    [InlineData(Chat), InlineData(Messages)]
    public async Task A_backend_that_refuses_the_connection(string path)
    {
        await using var app = await GatewayApp.Start(settings => settings with { Backends = [settings.Backends[0] with { Url = new("http://127.0.0.1:1/v1") }] });
        IsAnError((await app.Caller.Post(path, GatewayApp.Body)).Expect(502), path == Messages, "backend_unreachable");
        Assert.Equal(("error", "backend_unreachable", 502L), (await app.Record()).Outcome());
    }

    static Task<GatewayApp> Before(RawBackend backend) => GatewayApp.Start(settings => settings with { Backends = [settings.Backends[0] with { Url = backend.Url }] });

    [Theory]
    [InlineData("", "backend_reset")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le", "backend_reset")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n\r\n", "backend_garbage")]
    [InlineData("HTTP/1.1 two hundred\r\n\r\n", "backend_garbage")]
    public async Task A_backend_that_closes_or_speaks_something_else(string says, string type)
    {
        await using var backend = RawBackend.Saying(says);
        await using var app = await Before(backend);
        IsAnError((await app.Chat()).Expect(502), false, type);
        Assert.Equal(("error", type, 502L), (await app.Record()).Outcome());
    }

    [Fact]
    public async Task A_backend_that_resets_the_connection()
    {
        await using var backend = new RawBackend((socket, _) =>
        {
            socket.LingerState = new(true, 0);
            return Task.CompletedTask;
        });
        await using var app = await Before(backend);
        IsAnError((await app.Chat()).Expect(502), false, "backend_reset");
        Assert.Equal(("error", "backend_reset", 502L), (await app.Record()).Outcome());
    }

    [Fact]
    public async Task A_backend_that_answers_before_it_has_read_the_body()
    {
        await using var backend = RawBackend.Saying("HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
        await using var app = await Before(backend);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", app.Cairn.Host.GatewayUrl!.Port, Client.Cancel);
        var start = "{\"model\":\"m\",\"x\":\"" + new string('x', 300_000);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"POST {Chat} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {app.Key}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{start}"), Client.Cancel);
        var answer = new byte[4096];
        var read = await socket.ReceiveAsync(answer, Client.Cancel);
        Assert.StartsWith("HTTP/1.1 413", Encoding.ASCII.GetString(answer, 0, read), StringComparison.Ordinal);
        Assert.Equal(("error", "backend_too_large", 413L), (await app.Record()).Outcome());
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"choices\"", "backend_reset")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n", "backend_reset")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\nnonsense\r\n", "backend_garbage")]
    public async Task A_backend_that_fails_in_the_middle_of_its_answer_is_seen_to_fail(string says, string type)
    {
        await using var backend = RawBackend.Saying(says);
        await using var app = await Before(backend);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => app.Chat());
        Assert.Equal(("error", type, 200L), (await app.Record()).Outcome());
    }

    [Theory]
    [InlineData("text/event-stream", "data: {\"choices\":[]}\n\n", "stream_cut")]
    [InlineData("text/event-stream", "data: {\"error\":{\"message\":\"x\"}}\n\n", "backend_error")]
    [InlineData("text/event-stream", "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n", "backend_error")]
    [InlineData("application/json", "<html>", "backend_garbage")]
    [InlineData("application/json", "", "backend_garbage")]
    public async Task An_answer_that_is_complete_and_yet_no_success(string type, string text, string error)
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = (context, _) =>
        {
            context.Response.ContentType = type;
            return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();
        };
        Assert.Equal(text, (await app.Chat()).Expect(200).Text);
        Assert.Equal(("error", error, 200L), (await app.Record()).Outcome());
    }

    [Theory]
    [InlineData(400, "backend_rejected"), InlineData(401, "backend_refused_key"), InlineData(404, "backend_not_found"), InlineData(429, "rate_limited"), InlineData(500, "backend_error"), InlineData(529, "backend_overloaded")]
    public async Task A_backends_own_error_passes_through_unchanged(int status, string type)
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = (context, _) => ScriptedBackend.Json(context, """{"error":{"message":"of the backend","type":"x"},"usage":{"prompt_tokens":4}}""", status);
        Assert.Equal("""{"error":{"message":"of the backend","type":"x"},"usage":{"prompt_tokens":4}}""", (await app.Chat()).Expect(status).Text);
        var record = await app.Record();
        Assert.Equal(("error", type, (long?)status), record.Outcome());
        Assert.Equal((null, null, null, null), record.Tokens());
    }

    [Theory]
    [InlineData(Chat, 15 * 60), InlineData("/v1/completions", 10 * 60), InlineData("/v1/embeddings", 2 * 60), InlineData(Messages, 15 * 60)]
    public async Task A_backend_that_hangs(string path, int seconds)
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted);
        var call = app.Caller.Post(path, GatewayApp.Body);
        await Until.True(() => app.Backend.Calls.Count == 1);
        app.Cairn.Clock.Move(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(1));
        Assert.False(call.IsCompleted);
        app.Cairn.Clock.Move(TimeSpan.FromMilliseconds(1));
        IsAnError((await call).Expect(504), path == Messages, "timeout");
        await Until.True(() => app.Backend.Aborted == 1);
        var record = await app.Record();
        Assert.Equal(("timeout", "timeout", 504L), record.Outcome());
        Assert.Equal(seconds * 1000, record.Number("duration_ms"));
    }

    [Fact]
    public async Task A_backend_that_never_ends()
    {
        await using var app = await GatewayApp.Start(settings => settings with { Backends = [settings.Backends[0] with { Timeout = TimeSpan.FromSeconds(30) }] });
        app.Backend.Instead = async (context, _) =>
        {
            while (true)
            {
                await ScriptedBackend.Events(context, ScriptedBackend.ChatStream[1]);
                await Task.Yield();
            }
        };
        using var request = app.Caller.Request(HttpMethod.Post, Chat);
        request.Content = new StringContent("""{"model":"m","stream":true}""", Encoding.UTF8, "application/json");
        using var answer = await app.Caller.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
        await using var stream = await answer.Content.ReadAsStreamAsync(Client.Cancel);
        await stream.ReadExactlyAsync(new byte[1_000], Client.Cancel);
        app.Cairn.Clock.Move(TimeSpan.FromSeconds(30));
        await Assert.ThrowsAnyAsync<IOException>(() => stream.CopyToAsync(Stream.Null, Client.Cancel));
        await Until.True(() => app.Backend.Aborted == 1);
        Assert.Equal(("timeout", "timeout", 200L), (await app.Record()).Outcome());
    }

    [Fact]
    public async Task A_call_without_a_key_that_may_is_counted_and_told_once_a_minute_and_leaves_no_record()
    {
        await using var app = await GatewayApp.Start();
        var revoked = await app.Cairn.Key([Scopes.Inference], null);
        (await app.Cairn.Owner.Delete("/api/v1/admin/keys/" + revoked.Key.Id)).Expect(200);
        var commits = app.Cairn.Host.Recorder.Counts.Commits;
        (string? Key, int Status)[] callers = [(null, 401), ("crn_nonsense", 401), (KeyText.New(), 401), (revoked.Text, 401), (await app.Cairn.Key(Scopes.EventsWrite), 403)];
        foreach (var (key, status) in callers)
            foreach (var path in new[] { Chat, Messages })
                IsAnError((await app.Cairn.Gateway(key).Post(path, GatewayApp.Body)).Expect(status), path == Messages, status == 401 ? "invalid_api_key" : "key_lacks_scope");

        Assert.Equal(10, app.Cairn.Host.Inference.RefusedKeys.Count);
        Assert.Contains("cairn_gateway_keys_refused_total 10\n", (await app.Caller.Get("/metrics")).Text, StringComparison.Ordinal);
        Assert.Single(await Told(1));
        Assert.Equal(1, app.Cairn.Host.Recorder.Counts.Commits - commits);

        app.Cairn.Clock.Move(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 5; i++) (await app.Cairn.Gateway().Post(Chat, GatewayApp.Body)).Expect(401);
        Assert.All(await Told(2), told => Assert.Equal(("127.0.0.1", "anonymous", "denied"), (told.Text("ip"), told.Text("actorId"), told.Text("outcome"))));
        Assert.Empty(await app.Records(0));
        Assert.Empty(app.Backend.Calls);

        async Task<IReadOnlyList<JsonElement>> Told(int count)
        {
            IReadOnlyList<JsonElement> found = [];
            await Until.True(async () => (found = (await app.Cairn.Reader.Get("/api/v1/admin/audit-logs?action=auth.key_refused")).Items).Count >= count);
            Assert.Equal(count, found.Count);
            return found;
        }
    }

    /// <summary>A stream whose length is not known beforehand.</summary>
    sealed class Pieces(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
