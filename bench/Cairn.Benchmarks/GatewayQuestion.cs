using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Cairn.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cairn.Benchmarks;

/// <summary>
/// What does a call cost more through Cairn than through a plain proxy, and than through other gateways? All have the same
/// backend, and take turns in one run. Clients, gateways and backend share the machine.
/// </summary>
sealed class GatewayQuestion(Settings settings)
{
    const string Body = """{"model":"llama-3","messages":[{"role":"user","content":"hello there, how are you today?"}],"temperature":0.7}""";
    const string Streamed = """{"model":"llama-3","messages":[{"role":"user","content":"hello"}],"stream":true,"stream_options":{"include_usage":true}}""";
    const string Answer = """{"id":"chatcmpl-up","object":"chat.completion","created":1760000000,"model":"llama-3-8b","choices":[{"index":0,"message":{"role":"assistant","content":"Good day"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}""";
    const int StreamConnections = 32, OpenStreams = 500;

    int Seconds => settings.Short ? 2 : 5;

    int Rounds => settings.Short ? 3 : 5;

    int Streams => settings.Short ? 5 : 20;

    /// <summary>Something that stands before the backend, and how it is called.</summary>
    sealed record Door(string Name, int Port, string Headers)
    {
        public List<double>[] Latency { get; } = [[], [], []];
        public List<double>[] Rate { get; } = [[], [], []];
        public List<double> FirstToken { get; } = [];
        public List<double> Delay { get; } = [];
    }

    static readonly int[] Connections = [1, 16, 64];

    readonly List<Process> processes = [];

    public async Task Ask()
    {
        Report.Title("Calls to models, beside a plain proxy and other gateways");
        if (!File.Exists("/usr/sbin/nginx") || !File.Exists("/usr/bin/wrk"))
        {
            Report.Note("Not measured: nginx and wrk are not installed.");
            return;
        }
        var folder = Directory.CreateTempSubdirectory("cairn-bench-gateway-").FullName;
        await using var streams = await StartStreams();
        var streamPort = new Uri(streams.Urls.First()).Port;
        try
        {
            int plain = FreePort(), proxy = FreePort(), streamProxy = FreePort();
            await StartNginx(folder, plain, proxy, streamProxy, streamPort);
            var direct = new Door("the backend itself", plain, "");
            var nginx = new Door("nginx", proxy, "");
            var (atStart, startProcess) = await StartCairn(folder, "start", plain);
            var (atEnd, _) = await StartCairn(folder, "end", plain);
            var portkey = await StartPeer("Portkey", ["node_modules/@portkey-ai/gateway/build/start-server.js", "--headless"], port => $"--port={port}", plain);
            Door[] doors = [.. new[] { direct, nginx, atStart, atEnd, portkey }.OfType<Door>()];

            foreach (var door in doors) await Load(door, 64, Seconds * 2);
            for (var round = 0; round < Rounds; round++)
                for (var i = 0; i < Connections.Length; i++)
                    foreach (var door in doors)
                    {
                        var (median, rate) = await Load(door, Connections[i], Seconds);
                        door.Latency[i].Add(median);
                        door.Rate[i].Add(rate);
                    }

            Report.Head("connections", "through", "median", "more than the backend", "calls", "of nginx");
            for (var i = 0; i < Connections.Length; i++)
                foreach (var door in doors)
                    Report.Row($"{Connections[i]}", door.Name, Time(Median(door.Latency[i])), door == direct ? "" : Time(Median(door.Latency[i]) - Median(direct.Latency[i])), $"{Median(door.Rate[i]):#,0}/s", Report.Ratio(Median(door.Rate[i]) / Median(nginx.Rate[i])));

            double Added(Door door) => Median(door.Latency[0]) - Median(nginx.Latency[0]);
            double Share(Door door, Door of) => Median(door.Rate[2]) / Median(of.Rate[2]);
            Report.Note("What was asked:");
            Report.Head("", "measured", "asked", "ok?");
            Report.Row("recorded at the start: added to nginx's median, 1 connection", Time(Added(atStart)), "≤ 0.5 ms", Report.AtMost(Added(atStart), 500));
            if (portkey is not null)
            {
                Report.Row("the same, of what Portkey adds", Report.Ratio(Added(atStart) / Added(portkey)), "≤ 0.33", Report.AtMost(Added(atStart) / Added(portkey), 0.333));
                Report.Row("recorded at the start: calls at 64 connections, of Portkey's", Report.Ratio(Share(atStart, portkey)), "≥ 20", Report.AtLeast(Share(atStart, portkey), 20));
            }
            Report.Row("recorded at the start: calls at 64 connections, of nginx's", Report.Ratio(Share(atStart, nginx)), "≥ 0.25", Report.AtLeast(Share(atStart, nginx), 0.25));
            Report.Row("recorded at the end: calls at 64 connections, of nginx's", Report.Ratio(Share(atEnd, nginx)), "≥ 0.4", Report.AtLeast(Share(atEnd, nginx), 0.4));

            await AskStreams(folder, streamPort, streamProxy);
        }
        finally
        {
            foreach (var process in processes) await Stop(process);
            Directory.Delete(folder, recursive: true);
        }
    }

    async Task AskStreams(string folder, int streamPort, int streamProxy)
    {
        var direct = new Door("the backend itself", streamPort, "");
        var nginx = new Door("nginx, buffering off", streamProxy, "");
        var (cairn, process) = await StartCairn(folder, "start", streamPort);
        var llmops = await StartPeer("@llmops/gateway", ["llmops.mjs"], port => $"{port}", streamPort);
        Door[] doors = [.. new[] { direct, nginx, cairn, llmops }.OfType<Door>()];
        foreach (var door in doors) await Load(door, 64, Seconds * 2, Streamed);
        for (var round = 0; round <= Rounds; round++)
            foreach (var door in doors)
            {
                if (round == 1) (_, _) = (door.FirstToken.RemoveAll(_ => true), door.Delay.RemoveAll(_ => true));
                await Task.WhenAll(Enumerable.Range(0, StreamConnections).Select(_ => Read(door, Streams)));
            }

        Report.Title($"Streams, {StreamConnections} connections");
        Report.Head("through", "first token, median", "of nginx", "asked", "ok?", "a chunk is passed on after, median");
        foreach (var door in doors)
        {
            var share = Median(door.FirstToken) / Median(nginx.FirstToken);
            Report.Row(door.Name, Time(Median(door.FirstToken)), Report.Ratio(share), door == cairn ? "≤ 1.1" : "", door == cairn ? Report.AtMost(share, 1.1) : "", Time(Math.Max(0, Median(door.Delay) - Median(direct.Delay))));
        }
        Report.Row("a chunk through Cairn", Time(Median(cairn.Delay)), "", "≤ 1 ms", Report.AtMost(Median(cairn.Delay) - Median(direct.Delay), 1_000), "");

        var before = Resident(process);
        using var closing = new CancellationTokenSource();
        var open = Enumerable.Range(0, OpenStreams).Select(_ => Hold(cairn, closing.Token)).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(5));
        var early = Resident(process);
        await Task.Delay(TimeSpan.FromSeconds(settings.Short ? 5 : 20));
        var late = Resident(process);
        await closing.CancelAsync();
        await Task.WhenAll(open);
        Report.Title($"Memory with {OpenStreams} streams open");
        Report.Head("before", "open", "later", "per stream");
        Report.Row($"{before:0} MiB", $"{early:0} MiB", $"{late:0} MiB", $"{(late - before) * 1024 / OpenStreams:0} KiB");
    }

    static string Time(double microseconds) => microseconds < 0 ? "-" + Report.Time(TimeSpan.FromMicroseconds(-microseconds)) : Report.Time(TimeSpan.FromMicroseconds(microseconds));

    static double Median(List<double> values) => Timing.Median([.. values]);

    static double Resident(Process process) =>
        double.Parse(File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;

    /// <summary>A backend whose streams tell in each chunk when it was sent. One that is asked to waits between chunks and never ends.</summary>
    static async Task<WebApplication> StartStreams()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            var holds = (await reader.ReadToEndAsync(context.RequestAborted)).Contains("\"hold\"", StringComparison.Ordinal);
            context.Response.ContentType = "text/event-stream";
            try
            {
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

    async Task StartNginx(string folder, int plain, int proxy, int streamProxy, int streams)
    {
        var file = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(file, $$"""
            worker_processes {{Environment.ProcessorCount}}; daemon off; pid {{folder}}/nginx.pid; error_log {{folder}}/nginx.log;
            events { worker_connections 4096; }
            http {
              access_log off; keepalive_requests 1000000000;
              client_body_temp_path {{folder}}/b; proxy_temp_path {{folder}}/p; fastcgi_temp_path {{folder}}/f; uwsgi_temp_path {{folder}}/u; scgi_temp_path {{folder}}/s;
              upstream plain { server 127.0.0.1:{{plain}}; keepalive 128; keepalive_requests 1000000000; }
              upstream streams { server 127.0.0.1:{{streams}}; keepalive 128; }
              server { listen 127.0.0.1:{{plain}}; default_type application/json; location / { return 200 '{{Answer}}'; } }
              server { listen 127.0.0.1:{{proxy}}; location / { proxy_pass http://plain; proxy_http_version 1.1; proxy_set_header Connection ""; } }
              server { listen 127.0.0.1:{{streamProxy}}; location / { proxy_pass http://streams; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; } }
            }
            """);
        Begin("/usr/sbin/nginx", ["-c", file], folder);
        await Answers(proxy);
    }

    async Task<(Door Door, Process Process)> StartCairn(string folder, string record, int backend)
    {
        var data = Path.Combine(folder, $"{record}-{backend}");
        Directory.CreateDirectory(data);
        await File.WriteAllTextAsync(Path.Combine(data, "cairn.json"), $$$"""{"Gateway":{"Record":"{{{record}}}","Backends":[{"Url":"http://127.0.0.1:{{{backend}}}/v1"}]}}""");
        var program = typeof(CairnHost).Assembly.Location;
        var port = FreePort();
        using var create = Begin("dotnet", [program, "keys", "create", "--name", "bench", "--scope", "inference", "--data", data], folder, keeps: false);
        var key = (await create.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        await create.WaitForExitAsync();
        var server = Begin("dotnet", [program, "serve", "--data", data, "--gateway", $"http://127.0.0.1:{port}", "--console", "http://127.0.0.1:0"], folder);
        await Answers(port);
        return (new($"Cairn, recorded at the {record}", port, $"Authorization: Bearer {key}"), server);
    }

    /// <summary>Null where npm ci was not run in bench/peers.</summary>
    async Task<Door?> StartPeer(string name, string[] arguments, Func<int, string> portArgument, int backend)
    {
        var folder = Path.GetFullPath(Path.Combine(settings.Tables, "../peers"));
        if (!Directory.Exists(Path.Combine(folder, "node_modules")))
        {
            Report.Note($"{name} is not measured: run npm ci in bench/peers.");
            return null;
        }
        var port = FreePort();
        Begin("node", [.. arguments, portArgument(port)], folder);
        await Answers(port);
        var prefix = name == "Portkey" ? "x-portkey" : "x-llmops";
        return new(name, port, $"Authorization: Bearer x\r\n{prefix}-provider: openai\r\n{prefix}-custom-host: http://127.0.0.1:{backend}/v1");
    }

    /// <summary>The median in microseconds, and calls in a second. A call that is not answered well fails the benchmark.</summary>
    async Task<(double Median, double Rate)> Load(Door door, int connections, int seconds, string body = Body)
    {
        var script = Path.GetTempFileName();
        var headers = string.Concat(door.Headers.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(header => $"wrk.headers[\"{header.Split(": ")[0]}\"] = \"{header.Split(": ")[1]}\"\n"));
        await File.WriteAllTextAsync(script, $"wrk.method = \"POST\"\nwrk.body = '{body}'\nwrk.headers[\"Content-Type\"] = \"application/json\"\n{headers}done = function(s, l, r) io.write(string.format(\"%d %d %d %d\\n\", l:percentile(50), s.requests, s.duration, s.errors.status + s.errors.read + s.errors.timeout)) end\n");
        using var wrk = Begin("wrk", ["-t1", $"-c{connections}", $"-d{seconds}s", "--timeout", "20s", "-s", script, $"http://127.0.0.1:{door.Port}/v1/chat/completions"], Path.GetTempPath(), keeps: false);
        var output = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        File.Delete(script);
        var numbers = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Split(' ').Select(double.Parse).ToArray();
        if (numbers[3] > 0) throw new InvalidOperationException($"{door.Name}: {numbers[3]} of {numbers[1]} calls failed.");
        Report.Progress($"{door.Name}, {connections}: {numbers[0]:0} µs, {numbers[1] / numbers[2] * 1_000_000:0}/s");
        return (numbers[0], numbers[1] / numbers[2] * 1_000_000);
    }

    /// <summary>Reads streams one after another on one connection each, as a client does, and notes when what came.</summary>
    static async Task Read(Door door, int streams)
    {
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{door.Port}") };
        for (var i = 0; i < streams; i++)
        {
            var began = Stopwatch.GetTimestamp();
            using var answer = await http.SendAsync(Request(door, Streamed), HttpCompletionOption.ResponseHeadersRead);
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
            using var answer = await http.SendAsync(Request(door, Streamed.Replace("hello", "hold", StringComparison.Ordinal)), HttpCompletionOption.ResponseHeadersRead, cancel);
            await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
            await stream.CopyToAsync(Stream.Null, cancel);
        }
        catch (OperationCanceledException)
        {
            // It is over.
        }
    }

    static HttpRequestMessage Request(Door door, string body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var header in door.Headers.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)) request.Headers.TryAddWithoutValidation(header.Split(": ")[0], header.Split(": ")[1]);
        return request;
    }

    Process Begin(string program, string[] arguments, string folder, bool keeps = true)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        if (!keeps) return process;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        processes.Add(process);
        return process;
    }

    static async Task Answers(int port)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(30); await Task.Delay(50))
        {
            try
            {
                using var socket = new TcpClient();
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
                // Not yet.
            }
        }
        throw new InvalidOperationException($"Nothing answers at port {port}.");
    }

    static async Task Stop(Process process)
    {
        if (!process.HasExited) process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
