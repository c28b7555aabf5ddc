using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Cairn.Support;

namespace Cairn.Demo;

public sealed class DemoTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_fresh_directory_is_filled_once_with_a_month_that_looks_like_one()
    {
        HttpClient Reader(CairnProcess server, string key) => new() { BaseAddress = server.Address("Console"), DefaultRequestHeaders = { { "x-api-key", key } } };
        string key;
        long requests, events;
        await using (var server = await CairnProcess.Serve(Data, "--demo"))
        {
            key = server.Said("API key")["API key  ".Length..].Trim();
            using var http = Reader(server, key);
            var stats = JsonDocument.Parse(await http.GetStringAsync("/api/system/audit-logs/stats", Client.Cancel)).RootElement;
            requests = stats.GetProperty("total_requests").GetInt64();
            Assert.InRange(requests, 5_000, 40_000);
            Assert.Equal(["error", "success", "timeout"], stats.GetProperty("by_status").EnumerateObject().Select(one => one.Name).Order());
            Assert.Equal(["anthropic", "local", "openai"], stats.GetProperty("by_backend").EnumerateObject().Select(one => one.Name).Order());
            Assert.Equal(6, stats.GetProperty("unique_models").GetInt32());
            Assert.InRange(stats.GetProperty("by_status").GetProperty("success").GetInt64(), requests * 9 / 10, requests);

            events = Total(await http.GetStringAsync("/api/v1/admin/audit-logs?action=!api_key.created", Client.Cancel));
            Assert.InRange(events, 300, 5_000);
            // Every kind of row that the pages show: changes, failures, deeds of the system, what is gone.
            foreach (var filter in new[] { "outcome=failure", "outcome=denied", "actorId=System", "action=platform.configuration.changed", "action=workspace.destroyed" })
                Assert.True(Total(await http.GetStringAsync("/api/v1/admin/audit-logs?" + filter, Client.Cancel)) > 0, filter);
            var gone = JsonDocument.Parse(await http.GetStringAsync("/api/v1/admin/audit-logs?action=workspace.destroyed&limit=1", Client.Cancel)).RootElement.GetProperty("items")[0];
            Assert.False(gone.GetProperty("resourceExists").GetBoolean());
            // Nothing is of tomorrow, and nothing is older than what is kept.
            var oldest = JsonDocument.Parse(await http.GetStringAsync("/api/v1/admin/health", Client.Cancel)).RootElement.GetProperty("oldest").GetProperty("request").GetDateTimeOffset();
            Assert.InRange(DateTimeOffset.UtcNow - oldest, TimeSpan.FromDays(28), TimeSpan.FromDays(30));
            Assert.Equal(0, Total(await http.GetStringAsync($"/api/v1/admin/audit-logs?from={DateTimeOffset.UtcNow.AddMinutes(1):yyyy-MM-ddTHH:mm:ssZ}", Client.Cancel)));
        }
        await using var again = await CairnProcess.Serve(Data, "--demo");
        using var same = Reader(again, key);
        Assert.Equal(requests, JsonDocument.Parse(await same.GetStringAsync("/api/system/audit-logs/stats", Client.Cancel)).RootElement.GetProperty("total_requests").GetInt64());
        Assert.Equal(events, Total(await same.GetStringAsync("/api/v1/admin/audit-logs?action=!api_key.created", Client.Cancel)));

        static long Total(string json) => JsonDocument.Parse(json).RootElement.GetProperty("total").GetInt64();
    }

    [Fact]
    public async Task A_directory_with_real_records_is_refused_and_left_as_it_is()
    {
        await CairnProcess.RunWithInput("""{"request_id":"chatcmpl-0193a1b27c3d4e5f60718293","timestamp":"2026-11-20T12:00:00Z","model":"m","backend_type":"local","endpoint":"/v1/chat/completions","duration_ms":5,"status":"success"}""" + "\n", "import", "requests", "-", "--data", Data);
        var refused = await CairnProcess.Run("serve", "--demo", "--data", Data, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0");
        Assert.Equal(2, refused.Code);
        Assert.Contains("holds real records", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        Assert.Single((await CairnProcess.Run("export", "requests", "--data", Data)).Lines);
    }

    [Fact]
    public async Task A_newcomer_asks_the_demo_backend_and_sees_the_call_arrive()
    {
        await using var server = await CairnProcess.Serve(Data, "--demo");
        var key = server.Said("API key")["API key  ".Length..].Trim();
        using var http = new HttpClient { BaseAddress = server.Address("Gateway"), DefaultRequestHeaders = { { "x-api-key", key } } };
        foreach (var (path, body, finish) in new[]
        {
            ("/v1/chat/completions", """{"model":"demo","messages":[{"role":"user","content":"hello"}]}""", "stop"), ("/v1/chat/completions", """{"model":"demo","stream":true,"messages":[{"role":"user","content":"hello"}]}""", "stop"),
            ("/v1/completions", """{"model":"demo","prompt":"hello"}""", "stop"), ("/v1/completions", """{"model":"demo","stream":true,"prompt":"hello"}""", "stop"),
            ("/v1/responses", """{"model":"demo","input":"hello"}""", null), ("/v1/responses", """{"model":"demo","stream":true,"input":"hello"}""", null),
            ("/v1/messages", """{"model":"demo","max_tokens":100,"messages":[{"role":"user","content":"hello"}]}""", "end_turn"), ("/v1/messages", """{"model":"demo","stream":true,"max_tokens":100,"messages":[{"role":"user","content":"hello"}]}""", "end_turn"),
            ("/v1/embeddings", """{"model":"demo","input":"hello"}""", null),
        })
        {
            using var answer = await http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"), Client.Cancel);
            var text = await answer.Content.ReadAsStringAsync(Client.Cancel);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, text);
            var id = Assert.Single(answer.Headers.GetValues("x-request-id"));
            var record = await Recorded(id);
            Assert.Equal(("success", "demo", "local"), (record.GetProperty("status").GetString(), record.GetProperty("model").GetString(), record.GetProperty("backend_type").GetString()));
            Assert.True(record.GetProperty("prompt_tokens").GetInt64() > 0, path);
            if (!path.EndsWith("/embeddings", StringComparison.Ordinal)) Assert.True(record.GetProperty("completion_tokens").GetInt64() > 10, path + body);
            if (finish is not null) Assert.Equal(finish, record.GetProperty("finish_reason").GetString());
        }
        foreach (var (model, status) in new[] { ("demo-error", 500), ("demo-limit", 429) })
        {
            using var answer = await http.PostAsync("/v1/chat/completions", new StringContent($$"""{"model":"{{model}}","messages":[]}""", Encoding.UTF8, "application/json"), Client.Cancel);
            Assert.Equal(status, (int)answer.StatusCode);
            Assert.Equal("error", (await Recorded(Assert.Single(answer.Headers.GetValues("x-request-id")))).GetProperty("status").GetString());
        }
        var watch = Stopwatch.StartNew();
        using var slow = await http.PostAsync("/v1/chat/completions", new StringContent("""{"model":"demo-slow","messages":[]}""", Encoding.UTF8, "application/json"), Client.Cancel);
        Assert.True(watch.Elapsed > TimeSpan.FromSeconds(1));
        Assert.Contains("demo-slow", await http.GetStringAsync("/v1/models", Client.Cancel), StringComparison.Ordinal);

        async Task<JsonElement> Recorded(string id)
        {
            JsonElement found = default;
            await Until.True(async () =>
            {
                var rows = JsonDocument.Parse(await http.GetStringAsync("/admin/audit-logs?search=" + id, Client.Cancel)).RootElement;
                if (rows.GetArrayLength() == 1) found = rows[0];
                return rows.GetArrayLength() == 1;
            });
            return found;
        }
    }
}
