using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Cairn.Hosting;

namespace Cairn.Benchmarks;

/// <summary>Something that stands before the backend, and how it is called.</summary>
sealed record Door(string Name, int Port, string Headers)
{
    public List<double>[] Latency { get; } = [[], [], []];
    public List<double>[] Rate { get; } = [[], [], []];
    public List<double> FirstToken { get; } = [];
    public List<double> Delay { get; } = [];

    public HttpRequestMessage Request(string body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json") };
        foreach (var header in Headers.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)) request.Headers.TryAddWithoutValidation(header.Split(": ")[0], header.Split(": ")[1]);
        return request;
    }
}

/// <summary>The programs that a benchmark of the gateway starts, in a directory of their own; all are gone at its end.</summary>
sealed class Doors(Settings settings) : IAsyncDisposable
{
    const string Answer = """{"id":"chatcmpl-up","object":"chat.completion","created":1760000000,"model":"llama-3-8b","choices":[{"index":0,"message":{"role":"assistant","content":"Good day"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}}""";

    readonly List<Process> processes = [];

    string Folder { get; } = Directory.CreateTempSubdirectory("cairn-bench-gateway-").FullName;

    public static bool AreInstalled()
    {
        if (File.Exists("/usr/sbin/nginx") && File.Exists("/usr/bin/wrk")) return true;
        Report.NotMeasured("nginx and wrk are not installed.");
        return false;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in processes) await Stop(process);
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>A backend that answers at once, and a plain proxy before it.</summary>
    public Task StartNginx(int backend, int proxy) => StartNginx(backend, proxy, "", $"server {{ listen 127.0.0.1:{backend}; default_type application/json; location / {{ return 200 '{Answer}'; }} }}");

    /// <summary>A plain proxy before a backend.</summary>
    public async Task StartNginx(int backend, int proxy, string option, string more = "")
    {
        var file = Path.Combine(Folder, "nginx.conf");
        await File.WriteAllTextAsync(file, $$"""
            worker_processes {{Environment.ProcessorCount}}; daemon off; pid {{Folder}}/nginx.pid; error_log {{Folder}}/nginx.log;
            events { worker_connections 4096; }
            http {
              access_log off; keepalive_requests 1000000000;
              client_body_temp_path {{Folder}}/b; proxy_temp_path {{Folder}}/p; fastcgi_temp_path {{Folder}}/f; uwsgi_temp_path {{Folder}}/u; scgi_temp_path {{Folder}}/s;
              upstream backend { server 127.0.0.1:{{backend}}; keepalive 128; keepalive_requests 1000000000; }
              server { listen 127.0.0.1:{{proxy}}; location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; {{option}} } }
              {{more}}
            }
            """);
        Begin("/usr/sbin/nginx", ["-c", file]);
        await Answers(proxy);
    }

    /// <summary>A Cairn before a backend, and an application that has a key for it.</summary>
    public async Task<(Door Door, Process Process)> StartCairn(string record, int backend)
    {
        var (gateway, _, key, process) = await Serve($$$"""{"Gateway":{"Record":"{{{record}}}","Backends":[{"Url":"http://127.0.0.1:{{{backend}}}/v1"}]}}""", "inference");
        return (new($"Cairn, recorded at the {record}", gateway.Port, $"Authorization: Bearer {key}"), process);
    }

    /// <summary>A Cairn in a process of its own, and a key.</summary>
    public async Task<(Uri Gateway, Uri Console, string Key, Process Process)> Serve(string configuration, string scopes)
    {
        var data = Directory.CreateDirectory(Path.Combine(Folder, Path.GetRandomFileName())).FullName;
        await File.WriteAllTextAsync(Path.Combine(data, "cairn.json"), configuration);
        var program = typeof(CairnHost).Assembly.Location;
        Uri gateway = new($"http://127.0.0.1:{FreePort()}"), console = new($"http://127.0.0.1:{FreePort()}");
        using var create = Begin("dotnet", [program, "keys", "create", "--name", "bench", "--scope", scopes, "--data", data], keeps: false);
        var key = (await create.StandardOutput.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        await create.WaitForExitAsync();
        var process = Begin("dotnet", [program, "serve", "--data", data, "--gateway", gateway.OriginalString, "--console", console.OriginalString]);
        await Answers(gateway.Port);
        await Answers(console.Port);
        return (gateway, console, key, process);
    }

    /// <summary>Null where npm ci was not run in bench/peers.</summary>
    public async Task<Door?> StartPeer(string name, string[] arguments, Func<int, string> portArgument, int backend)
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
    public async Task<(double Median, double Rate)> Load(Door door, int connections, int seconds, string body)
    {
        var script = Path.GetTempFileName();
        var headers = string.Concat(door.Headers.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Select(header => $"wrk.headers[\"{header.Split(": ")[0]}\"] = \"{header.Split(": ")[1]}\"\n"));
        await File.WriteAllTextAsync(script, $"wrk.method = \"POST\"\nwrk.body = '{body}'\nwrk.headers[\"Content-Type\"] = \"application/json\"\n{headers}done = function(s, l, r) io.write(string.format(\"%d %d %d %d\\n\", l:percentile(50), s.requests, s.duration, s.errors.status + s.errors.read + s.errors.timeout)) end\n");
        using var wrk = Begin("wrk", ["-t1", $"-c{connections}", $"-d{seconds}s", "--timeout", "20s", "-s", script, $"http://127.0.0.1:{door.Port}/v1/chat/completions"], keeps: false);
        var output = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        File.Delete(script);
        var numbers = output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1].Split(' ').Select(double.Parse).ToArray();
        if (numbers[3] > 0) throw new InvalidOperationException($"{door.Name}: {numbers[3]} of {numbers[1]} calls failed.");
        Report.Progress($"{door.Name}, {connections}: {numbers[0]:0} µs, {numbers[1] / numbers[2] * 1_000_000:0}/s");
        return (numbers[0], numbers[1] / numbers[2] * 1_000_000);
    }

    public static string Time(double microseconds) => microseconds < 0 ? "-" + Report.Time(TimeSpan.FromMicroseconds(-microseconds)) : Report.Time(TimeSpan.FromMicroseconds(microseconds));

    public static double Median(List<double> values) => Timing.Median([.. values]);

    public static double Resident(Process process) =>
        double.Parse(File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;

    Process Begin(string program, string[] arguments, string? folder = null, bool keeps = true)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder ?? Folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
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

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
