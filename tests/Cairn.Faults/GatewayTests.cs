using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Cairn.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cairn.Faults;

/// <summary>No request passes unrecorded: what reached a backend has exactly one record, wherever it was broken off.</summary>
public sealed class GatewayTests
{
    [Fact]
    public async Task Each_request_that_reached_a_backend_has_exactly_one_record()
    {
        var (reached, broken, kills) = (0, 0, 0);
        foreach (var seed in Rounds.Of("gateway", brief: 1, share: 0.24))
        {
            using var directory = new TempDirectory();
            await using var backend = await BreakingBackend.Start(seed);
            await using var beyond = new CuttingProxy(seed + 1, share: 0.3, most: 40_000) { Target = backend.Url };
            await using var before = new CuttingProxy(seed + 2, share: 0.3, most: 40_000);
            await using var trial = new Trial(directory.Path, ("Cairn__Gateway__Backends__0__Url", beyond.Url + "v1"), ("Cairn__Gateway__Backends__0__Timeout", "20s"));
            for (var start = 0; start < 3; start++)
            {
                await trial.Start();
                before.Target = trial.Gateway.Http.BaseAddress!;
                using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = before.Url };
                var callers = new Callers(new(http, trial.Gateway.Key), seed + start);
                await callers.Made(250);
                if (start < 2)
                {
                    await trial.Kill();
                    kills++;
                }
                await callers.Stop();
            }
            await Until.True(async () => (await trial.Gateway.Get("/metrics")).Text is var metrics
                && metrics.Contains("cairn_gateway_requests_under_way 0\n", StringComparison.Ordinal) && metrics.Contains("cairn_gateway_records_waiting 0\n", StringComparison.Ordinal));

            var records = (await trial.Export("/api/system/audit-logs/export?format=jsonl")).Select(row => JsonDocument.Parse(row).RootElement).ToList();
            var byId = records.ToLookup(record => record.GetProperty("request_id").GetString()!);
            Assert.All(byId, same => Assert.Single(same));
            var unrecorded = backend.Reached.Where(id => !byId.Contains(id)).ToList();
            Assert.True(unrecorded.Count == 0, $"{unrecorded.Count} of {backend.Reached.Count} requests that reached the backend have no record, such as {unrecorded.FirstOrDefault()}.");
            Assert.Equal(backend.Reached.Count, backend.Reached.Distinct().Count());
            // What is called a success was said to its end; what never reached the backend is not called one.
            foreach (var record in records.Where(record => record.GetProperty("status").GetString() == "success"))
                Assert.Contains(record.GetProperty("request_id").GetString()!, backend.Finished.Keys);
            var ids = records.Select(record => record.GetProperty("id").GetInt64()).Order().ToList();
            Assert.Equal(Enumerable.Range(1, ids.Count).Select(id => (long)id), ids);
            await trial.Stop();
            trial.CheckFiles();
            Assert.True(before.Cuts > 5 && beyond.Cuts > 5 && backend.Finished.Count > 50, $"Too little was broken or came through: {before.Cuts} and {beyond.Cuts} connections were cut, {backend.Finished.Count} answers said to their end.");
            reached += backend.Reached.Count;
            broken += before.Cuts + beyond.Cuts + backend.Broken;
        }
        Rounds.Say($"gateway: {reached} requests reached the backend, {broken} connections broken off, {kills} kills; each has one record");
    }
}

/// <summary>Applications that call models, some of which lose patience.</summary>
sealed class Callers
{
    readonly Task[] work;
    readonly Counter made = new();
    volatile bool stopping;

    public Callers(Client through, int seed, int count = 12) => work = [.. Enumerable.Range(0, count).Select(caller => Task.Run(() => Call(through, new(seed + caller))))];

    async Task Call(Client through, Random random)
    {
        while (!stopping)
        {
            using var patience = new CancellationTokenSource(random.Next(4) == 0 ? random.Next(30) : 10_000);
            using var request = through.Request(HttpMethod.Post, random.Next(4) == 0 ? "/v1/messages" : "/v1/chat/completions");
            var text = new string('x', random.Next(3) == 0 ? random.Next(600_000) : random.Next(200));
            request.Content = new StringContent($$"""{"model":"llama-3","stream":{{(random.Next(2) == 0 ? "true" : "false")}},"messages":[{"role":"user","content":"{{text}}"}]}""", Encoding.UTF8, "application/json");
            try
            {
                using var answer = await through.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
                await answer.Content.CopyToAsync(Stream.Null, patience.Token);
            }
            catch (Exception gone) when (gone is HttpRequestException or IOException or OperationCanceledException or System.Net.Sockets.SocketException)
            {
                // Broken off, on one side or the other: that is what this is about.
                if (!stopping) await Task.Yield();
            }
            made.Add();
        }
    }

    /// <summary>Done once so many calls were made.</summary>
    public Task Made(int count) => made.Reaches(count);

    public async Task Stop()
    {
        stopping = true;
        await Task.WhenAll(work);
    }
}

/// <summary>A backend that notes each request as soon as it hears of it, and breaks some of its answers off.</summary>
sealed class BreakingBackend : IAsyncDisposable
{
    readonly WebApplication app;
    readonly Random random;
    int broken;

    BreakingBackend(WebApplication app, int seed) => (this.app, random) = (app, new(seed));

    /// <summary>Ids of the requests that came, whether or not all of them.</summary>
    public ConcurrentQueue<string> Reached { get; } = [];

    /// <summary>Those that were answered to the end.</summary>
    public ConcurrentDictionary<string, bool> Finished { get; } = [];

    public int Broken => Volatile.Read(ref broken);

    public Uri Url => new(app.Urls.First());

    public static async Task<BreakingBackend> Start(int seed)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0);
            kestrel.Limits.MaxRequestBodySize = null;
        });
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.Zero);
        var backend = new BreakingBackend(builder.Build(), seed);
        backend.app.Run(backend.Answer);
        await backend.app.StartAsync();
        return backend;
    }

    async Task Answer(HttpContext context)
    {
        var id = context.Request.Headers["x-request-id"].ToString();
        Reached.Enqueue(id);
        int breakAt, pause;
        lock (random) (breakAt, pause) = (random.Next(5) == 0 ? random.Next(25) : int.MaxValue, random.Next(4) == 0 ? random.Next(8) : 0);
        try
        {
            if (breakAt == 0) throw new IOException("Broken off at once.");
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
            var isStream = JsonDocument.Parse(body.ToArray()).RootElement.GetProperty("stream").GetBoolean();
            if (!isStream)
            {
                // From here on the whole of it may have come across.
                Finished[id] = true;
                await ScriptedBackend.Json(context, ScriptedBackend.Chat);
                return;
            }
            var events = Enumerable.Repeat(ScriptedBackend.ChatStream[1], 20).Append("data: [DONE]\n\n").ToArray();
            if (context.Request.Path == "/v1/messages") events = ScriptedBackend.MessageStream;
            for (var i = 0; i < events.Length; i++)
            {
                if (i == breakAt) throw new IOException("Broken off within the answer.");
                if (i == events.Length - 1) Finished[id] = true;
                await ScriptedBackend.Events(context, events[i]);
                if (pause > 0) await Task.Delay(pause, context.RequestAborted);
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or BadHttpRequestException or ConnectionAbortedException)
        {
            Interlocked.Increment(ref broken);
            context.Abort();
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await app.StopAsync(now.Token);
        await app.DisposeAsync();
    }
}
