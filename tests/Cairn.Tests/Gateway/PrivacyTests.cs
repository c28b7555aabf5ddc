using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Cairn.Support;
using Microsoft.AspNetCore.Http;

namespace Cairn.Gateway;

/// <summary>Prompts and answers leave no trace.</summary>
public sealed class PrivacyTests
{
    /// <summary>Stands wherever the text of a person or a model may stand, in no field that a record has.</summary>
    const string Secret = "zqXprivateXqz";

    static readonly string Chat = $$$"""{"model":"llama-3","messages":[{"role":"system","content":"{{{Secret}}}-system"},{"role":"user","content":[{"type":"text","text":"{{{Secret}}}-prompt"},{"type":"image_url","image_url":{"url":"data:image/png;base64,{{{Secret}}}"}}]},{"role":"assistant","tool_calls":[{"id":"{{{Secret}}}-call","type":"function","function":{"name":"{{{Secret}}}","arguments":"{\"a\":\"{{{Secret}}}\"}"}}]},{"role":"tool","tool_call_id":"{{{Secret}}}","content":"{{{Secret}}}"}],"tools":[{"type":"function","function":{"name":"{{{Secret}}}"}}],"{{{Secret}}}":"{{{Secret}}}","stop":["{{{Secret}}}"]""";

    [Fact]
    public async Task What_is_asked_and_answered_is_found_nowhere_but_on_the_two_sockets()
    {
        using var place = new TempDirectory();
        await using var backend = await ScriptedBackend.Start();
        var data = Path.Combine(place.Path, "data");
        Directory.CreateDirectory(data);
        await using var raw = RawBackend.Saying($"HTTP/1.1 200 OK {Secret}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"{Secret}\"");
        await using var garbage = RawBackend.Saying($"{Secret} {Secret}\r\n\r\n");
        await File.WriteAllTextAsync(Path.Combine(data, "cairn.json"), $$$"""
            {"Gateway":{"Backends":[{"Name":"a","Url":"{{{backend.Url}}}","Timeout":"2s"},{"Name":"raw","Url":"{{{raw.Url}}}"},{"Name":"garbage","Url":"{{{garbage.Url}}}"},{"Name":"away","Url":"http://127.0.0.1:1/v1"}],
             "Routes":[{"Model":"raw","Backend":"raw"},{"Model":"garbage","Backend":"garbage"},{"Model":"away","Backend":"away"},{"Model":"l*","Backend":"a"},{"Model":"c*","Backend":"a"}]}}
            """, Client.Cancel);
        var key = (await CairnProcess.Run("keys", "create", "--name", "k", "--scope", "inference,audit:read", "--data", data)).Lines[^1];

        var elsewhere = new StringBuilder();
        var calls = 0;
        await using (var server = await CairnProcess.Serve(data))
        {
            using var http = new HttpClient { BaseAddress = server.Address("Gateway") };
            var caller = new Client(http, key);
            using var live = new ClientWebSocket();
            live.Options.SetRequestHeader("Authorization", "Bearer " + key);
            await live.ConnectAsync(new UriBuilder(new Uri(http.BaseAddress, "/admin/ws/audit-logs")) { Scheme = "ws" }.Uri, Client.Cancel);

            // Asked.
            await Call("/v1/chat/completions", Chat + "}");
            await Call("/v1/chat/completions?q=" + Secret, Chat + ",\"stream\":true}");
            await Call("/v1/messages", $$$"""{"model":"claude","system":"{{{Secret}}}","messages":[{"role":"user","content":"{{{Secret}}}"}],"metadata":{"note":"{{{Secret}}}"}}""");
            await Call("/v1/embeddings", $$$"""{"model":"llama-3","input":["{{{Secret}}}"]}""");
            await Call("/v1/" + Secret, "{}");
            await Call($"/v1/chat/completions/{Secret}?{Secret}={Secret}", "{}");
            // Wrong.
            foreach (var wrong in new[] { Chat, Secret, $"\"{Secret}\"", $$$"""{"messages":"{{{Secret}}}"}""", $$$"""{"model":{"{{{Secret}}}":"{{{Secret}}}"}}""", $$$"""{"model":["{{{Secret}}}"]}""", $$$"""{"model":"llama-3","x":"{{{Secret}}}" {{{Secret}}}""", $$$"""{"model":"llama-3","x":"{{{new string('x', 300_000)}}}{{{Secret}}}","model":"{{{Secret}}}"}""" })
                await Call("/v1/chat/completions", wrong);
            await Call("/v1/chat/completions", Chat + "}", Secret);
            // Answered, in every place of an answer.
            foreach (var (status, type, text) in new[]
            {
                (200, "application/json", $$$"""{"model":"{{{Secret}}} said","choices":[{"message":{"content":"{{{Secret}}}"},"finish_reason":"{{{Secret}}}"}],"usage":{"prompt_tokens":"{{{Secret}}}","completion_tokens":3},"{{{Secret}}}":{"{{{Secret}}}":1}}"""),
                (200, "application/json", Secret), (200, Secret, Secret),
                (200, "text/event-stream", $"event: {Secret}\nid: {Secret}\n: {Secret}\ndata: {{\"type\":\"{Secret}\",\"delta\":{{\"stop_reason\":\"{Secret}\"}},\"choices\":[{{\"delta\":{{\"content\":\"{Secret}\"}},\"finish_reason\":\"{Secret}\"}}]}}\n\n{Secret}"),
                (200, "text/event-stream", $"data: {{\"error\":{{\"message\":\"{Secret}\",\"type\":\"{Secret}\",\"code\":\"{Secret}\"}}}}\n\n"),
                (400, "application/json", $$$"""{"error":{"message":"{{{Secret}}}","type":"{{{Secret}}}","param":"{{{Secret}}}","code":"{{{Secret}}}"}}"""), (500, "text/html", Secret), (429, "application/json", Secret),
            })
            {
                backend.Instead = (context, _) =>
                {
                    (context.Response.StatusCode, context.Response.ContentType) = (status, type);
                    foreach (var name in new[] { "x-request-id", "request-id" }) context.Response.Headers[name] = "no word: " + Secret;
                    context.Response.Headers["x-" + Secret] = Secret;
                    return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), context.RequestAborted).AsTask();
                };
                await Call("/v1/chat/completions", Chat + ",\"stream\":true}");
            }
            // Failed.
            backend.Instead = async (context, _) =>
            {
                await context.Response.WriteAsync(Secret, context.RequestAborted);
                context.Abort();
            };
            await Call("/v1/chat/completions", Chat + "}");
            backend.Instead = (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted);
            await Call("/v1/chat/completions", Chat + "}");
            foreach (var model in new[] { "raw", "garbage", "away", "nowhere" }) await Call("/v1/chat/completions", (Chat + "}").Replace("llama-3", model, StringComparison.Ordinal));
            // A key that is wrong.
            await new Client(http, Secret).Post("/v1/chat/completions?" + Secret, Chat);

            await Until.True(async () => (await caller.Get("/admin/audit-logs")).Total == calls);
            foreach (var path in new[] { "/admin/audit-logs?limit=1000", "/admin/audit-logs/stats", "/admin/audit-logs/timeline", "/admin/audit-logs/export?format=csv", "/admin/audit-logs/export", "/metrics", "/readyz" })
                elsewhere.Append((await caller.Get(path)).Expect(200).Text);
            var frame = new byte[1024 * 1024];
            for (var frames = 0; frames < calls; frames++)
            {
                var read = await live.ReceiveAsync(frame, Client.Cancel);
                elsewhere.Append(Encoding.UTF8.GetString(frame, 0, read.Count));
            }

            async Task Call(string path, string body, string? header = null)
            {
                calls++;
                using var request = caller.Request(HttpMethod.Post, path);
                request.Content = new StringContent(body, Encoding.UTF8, "application/json");
                foreach (var name in new[] { "x-unknown", "User-Agent", "traceparent", "baggage", "Cookie", "X-Forwarded-For", "x-request-id", "OpenAI-Organization" }) request.Headers.TryAddWithoutValidation(name, Secret);
                if (header is not null) request.Content.Headers.TryAddWithoutValidation("Content-Language", header);
                try
                {
                    using var answer = await http.SendAsync(request, Client.Cancel);
                    await answer.Content.ReadAsByteArrayAsync(Client.Cancel);
                }
                catch (HttpRequestException)
                {
                    // Some of them do not end well.
                }
            }

            var ended = await server.StopAndEnd();
            elsewhere.Append(ended.Output).Append(ended.Errors);
        }

        Assert.DoesNotContain(Secret, elsewhere.ToString(), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("llama-3", elsewhere.ToString(), StringComparison.Ordinal);
        var found = false;
        foreach (var file in Directory.GetFiles(data, "*", SearchOption.AllDirectories))
        {
            var bytes = await File.ReadAllBytesAsync(file, Client.Cancel);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Secret)) < 0, file);
            Assert.True(bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(Secret)) < 0, file);
            found |= bytes.AsSpan().IndexOf("llama-3"u8) >= 0;
        }
        Assert.True(found, "What a record does hold is found, so the search finds what is there.");
    }

    [Fact]
    public void No_field_of_a_request_could_hold_a_prompt()
    {
        foreach (var field in Some.RequestKind.Fields.Where(field => field.IsText)) Assert.True(field.MaxLength <= 500, field.Name);
        Assert.DoesNotContain(Some.RequestKind.Fields, field => JsonNamingPolicy.SnakeCaseLower.ConvertName(field.Name) is "prompt" or "messages" or "content" or "input" or "output" or "answer" or "body");
    }
}
