using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cairn.Benchmarks;

/// <summary>When does a stream's first token come through Cairn, and how long is a chunk on its way, beside a plain proxy and another gateway?</summary>
sealed class StreamQuestion(Settings settings)
{
    const string Streamed = """{"model":"llama-3","messages":[{"role":"user","content":"hello"}],"stream":true,"stream_options":{"include_usage":true}}""";
    const string Thinking = "think";
    const int StreamConnections = 32, OpenStreams = 500, ThinkingMs = 50;

    int Rounds => settings.Short ? 3 : 5;

    int Streams => settings.Short ? 5 : 20;

    public async Task Ask()
    {
        Report.Title($"Streams, {StreamConnections} connections at once");
        if (!Doors.AreInstalled()) return;
        await using var all = new Doors(settings);
        await using var streams = await StartStreams();
        int streamPort = new Uri(streams.Urls.First()).Port, streamProxy = Doors.FreePort();
        await all.StartNginx(streamPort, streamProxy, "proxy_buffering off;");
        var direct = new Door("the backend itself", streamPort, "");
        var nginx = new Door("nginx, buffering off", streamProxy, "");
        var (cairn, process) = await all.StartCairn("start", streamPort);
        var (atEnd, _) = await all.StartCairn("end", streamPort);
        var llmops = await all.StartPeer("@llmops/gateway", ["llmops.mjs"], port => $"{port}", streamPort);
        Door[] doors = [.. new[] { direct, nginx, cairn, atEnd, llmops }.OfType<Door>()];
        foreach (var door in doors) await all.Load(door, 64, settings.Short ? 4 : 10, Streamed);
        await Compare(doors, nginx, cairn, "a backend that answers at once", Streamed);
        await Compare(doors, nginx, cairn, $"a backend whose first token takes {ThinkingMs} ms, as a quick model's does", Streamed.Replace("hello", Thinking, StringComparison.Ordinal));

        var before = Doors.Resident(process);
        using var closing = new CancellationTokenSource();
        var open = Enumerable.Range(0, OpenStreams).Select(_ => Hold(cairn, closing.Token)).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(5));
        var early = Doors.Resident(process);
        await Task.Delay(TimeSpan.FromSeconds(settings.Short ? 5 : 20));
        var late = Doors.Resident(process);
        await closing.CancelAsync();
        await Task.WhenAll(open);
        Report.Title($"Memory with {OpenStreams} streams open");
        Report.Head("before", "open", "later", "per stream", "later of open", "≤ 1.1");
        Report.Row($"{before:0} MiB", $"{early:0} MiB", $"{late:0} MiB", $"{(late - before) * 1024 / OpenStreams:0} KiB", Report.Ratio(late / early), Report.AtMost(late / early, 1.1));
    }

    async Task Compare(Door[] doors, Door nginx, Door cairn, string backend, string body)
    {
        for (var round = 0; round <= Rounds; round++)
            foreach (var door in doors)
            {
                if (round <= 1) (_, _) = (door.FirstToken.RemoveAll(_ => true), door.Delay.RemoveAll(_ => true));
                await Task.WhenAll(Enumerable.Range(0, StreamConnections).Select(_ => Read(door, Streams, body)));
            }

        Report.Note($"From {backend}:");
        Report.Head("through", "first token, median", "of nginx", "asked", "ok?", "a chunk is on its way, median", "more than from the backend", "asked", "ok?");
        foreach (var door in doors)
        {
            var (first, share) = (Doors.Median(door.FirstToken), Doors.Median(door.FirstToken) / Doors.Median(nginx.FirstToken));
            var (way, more) = (Doors.Median(door.Delay), Doors.Median(door.Delay) - Doors.Median(doors[0].Delay));
            Report.Row(door.Name, Doors.Time(first), Report.Ratio(share), door == cairn ? "≤ 1.1" : "", door == cairn ? Report.AtMost(share, 1.1) : "", Doors.Time(way), door == doors[0] ? "" : Doors.Time(more), door == cairn ? "≤ 1 ms" : "", door == cairn ? Report.AtMost(more, 1_000) : "");
        }
    }

    /// <summary>A backend whose streams tell in each chunk when it was sent. One that is asked to takes its time first, or waits between chunks and never ends.</summary>
    static async Task<WebApplication> StartStreams()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var body = await reader.ReadToEndAsync(context.RequestAborted);
            var holds = body.Contains("\"hold\"", StringComparison.Ordinal);
            context.Response.ContentType = "text/event-stream";
            try
            {
                if (body.Contains(Thinking, StringComparison.Ordinal)) await Task.Delay(ThinkingMs, context.RequestAborted);
                for (var i = 0; holds || i < 10; i++)
                {
                    await context.Response.WriteAsync($$$"""data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"{{{Stopwatch.GetTimestamp()}}}"},"finish_reason":null}]}""" + "\n\n", context.RequestAborted);
                    await context.Response.Body.FlushAsync(context.RequestAborted);
                    await Task.Delay(holds ? 1_000 : 10, context.RequestAborted);
                }
                await context.Response.WriteAsync("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", context.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                // The reader left.
            }
        });
        await app.StartAsync();
        return app;
    }

    /// <summary>Reads streams one after another on one connection each, as a client does, and notes when what came.</summary>
    static async Task Read(Door door, int streams, string body)
    {
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{door.Port}") };
        for (var i = 0; i < streams; i++)
        {
            var began = Stopwatch.GetTimestamp();
            using var answer = await http.SendAsync(door.Request(body), HttpCompletionOption.ResponseHeadersRead);
            answer.EnsureSuccessStatusCode();
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
            for (var isFirst = true; await reader.ReadLineAsync() is { } line; isFirst &= line.Length == 0)
            {
                var now = Stopwatch.GetTimestamp();
                if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
                const string mark = "\"content\":\"";
                var place = line.IndexOf(mark, StringComparison.Ordinal);
                lock (door)
                {
                    if (isFirst) door.FirstToken.Add(Stopwatch.GetElapsedTime(began, now).TotalMicroseconds);
                    if (place >= 0 && long.TryParse(line.AsSpan(place + mark.Length, line.IndexOf('"', place + mark.Length) - place - mark.Length), out var sent)) door.Delay.Add(Stopwatch.GetElapsedTime(sent, now).TotalMicroseconds);
                }
            }
        }
    }

    static async Task Hold(Door door, CancellationToken cancel)
    {
        try
        {
            using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{door.Port}") };
            using var answer = await http.SendAsync(door.Request(Streamed.Replace("hello", "hold", StringComparison.Ordinal)), HttpCompletionOption.ResponseHeadersRead, cancel);
            await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
            await stream.CopyToAsync(Stream.Null, cancel);
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }
}
