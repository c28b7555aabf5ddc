using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cairn.Support;

namespace Cairn.Docs;

/// <summary>Goes through the README as a newcomer does: in a clean clone, one command after another, with free ports in the place of the usual ones and the console's packages brought along.</summary>
public sealed partial class ReadmeTests : IDisposable
{
    /// <summary>The first command builds the program and the console.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromMinutes(8);

    /// <summary>What each block of commands is known by, and what it must say. A block that is not here fails the test.</summary>
    static readonly (string Block, string[] Says)[] Expected =
    [
        ("keys create --name first", ["\"object\":\"chat.completion\"", "demo backend"]),
        ("\"actorId\": \"u-17\"", ["\"accepted\":1,\"duplicates\":0,\"rejected\":[]"]),
        ("python3", ["\"accepted\":1,\"duplicates\":0,\"rejected\":[]"]),
        ("gzip |", ["\"accepted\":3,\"duplicates\":0,\"rejected\":[]"]),
        ("audit-logs?search=research", ["\"actorName\":\"Ada\"", "\"actionLabel\":\"Stopped workspace\"", "\"total_requests\":"]),
        ("export events", ["ok    configuration", "ok    store"]),
        ("-X PUT", ["\"accepted\":1"]),
    ];

    /// <summary>What runs a program with mounts of its own, by which the providers' names lead to this machine.</summary>
    static readonly string[] OwnMounts = ["--map-root-user", "--mount"];

    readonly TempDirectory directory = new();
    readonly int gateway = FreePort(), console = FreePort();
    readonly string clone, variables;

    public ReadmeTests()
    {
        (clone, variables) = (Path.Combine(directory.Path, "cairn"), Path.Combine(directory.Path, "variables"));
        File.WriteAllText(variables, "");
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task Every_command_works_in_a_clean_clone()
    {
        foreach (var command in new[] { "git", "curl", "python3", "node", "npm" }) Needs.Command(command);
        if (Needs.Run("unshare", [.. OwnMounts, "true"]) != 0) Needs.Missing("mounts of its own (unshare)");
        Assert.Equal(0, Needs.Run("git", "clone", "--quiet", Repository.Root, clone));
        // The packages that the console is built with are those of the lock file, here as there; getting them once more would only be slow.
        Assert.Equal(0, Needs.Run("cp", "-r", Path.Combine(Repository.Root, "console/node_modules"), Path.Combine(clone, "console/node_modules")));
        Assert.Equal(0, Needs.Run("touch", Path.Combine(clone, "console/node_modules/.package-lock.json")));
        var readme = await File.ReadAllTextAsync(Path.Combine(clone, "README.md"), Client.Cancel);

        Server? server = null;
        try
        {
            foreach (Match block in Blocks().Matches(readme))
            {
                var (language, text) = (block.Groups["language"].Value, AtFreePorts(block.Groups["text"].Value));
                if (language == "csharp") await RunFromDotnet(text);
                else if (text.Split('\n', StringSplitOptions.RemoveEmptyEntries).All(line => Serves().IsMatch(line)))
                {
                    foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    {
                        if (server is not null) await server.Stop();
                        server = await Start(line);
                        if (!line.Contains("--demo", StringComparison.Ordinal)) await CallsGoTo(server, line);
                    }
                }
                else if (text.Contains("-- tail ", StringComparison.Ordinal)) await Follow(text);
                else await RunBlock(text);
            }
        }
        finally
        {
            if (server is not null) await server.Stop();
        }

        // What a newcomer takes away.
        Assert.StartsWith("createdAt,id,actorId,", await File.ReadAllTextAsync(Path.Combine(clone, "events.csv"), Client.Cancel));
    }

    string AtFreePorts(string text) => text.Replace("localhost:10243", $"localhost:{gateway}", StringComparison.Ordinal).Replace("localhost:10242", $"localhost:{console}", StringComparison.Ordinal);

    /// <summary>Runs a block in a shell that knows the variables of those before it.</summary>
    async Task RunBlock(string text)
    {
        var (_, says) = Expected.FirstOrDefault(one => text.Contains(one.Block, StringComparison.Ordinal));
        Assert.True(says is not null, "No test knows what this block of the README should say:\n" + text);
        await using var shell = new Server(Shell($"set -euo pipefail\n. {variables}\n{text}\ndeclare -p KEY > {variables}"), Patience);
        Assert.True(await shell.End() == 0, $"{text}\nended badly:\n{shell.Said}");
        foreach (var part in says) Assert.Contains(part, shell.Said);
        if (text.Contains("/v1/chat/completions", StringComparison.Ordinal)) IsRecorded(shell.Said);
    }

    /// <summary>What a newcomer sees: the answer, and then the list's newest record, which is of this very call and of none that was invented.</summary>
    static void IsRecorded(string said)
    {
        var answers = said.Replace("}[{", "}\n[{", StringComparison.Ordinal).Split('\n').Where(line => line.StartsWith('{') || line.StartsWith('[')).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var completion = answers.Single(answer => answer.ValueKind == JsonValueKind.Object);
        var record = answers.Single(answer => answer.ValueKind == JsonValueKind.Array).EnumerateArray().Single();
        Assert.Equal(("demo", "success", "first"), (record.GetProperty("model").GetString(), record.GetProperty("status").GetString(), record.GetProperty("api_key_name").GetString()));
        Assert.Equal(completion.GetProperty("usage").GetProperty("total_tokens").GetInt32(), record.GetProperty("total_tokens").GetInt32());
    }

    /// <summary>Looks at a command that runs until it is stopped: that it shows what arrives.</summary>
    async Task Follow(string text)
    {
        await using var tail = new Server(Shell(text), Patience);
        await tail.Line("\"action\":\"workspace.stopped\"");
        await tail.Stop();
    }

    async Task<Server> Start(string line)
    {
        if (line.Contains("_API_KEY=", StringComparison.Ordinal)) line = await ToNobody(line);
        var server = new Server(Shell(line, ("Cairn__Gateway__Url", $"http://localhost:{gateway}"), ("Cairn__Console__Url", $"http://localhost:{console}")), Patience);
        await server.Line("Press Ctrl+C to stop.");
        return server;
    }

    /// <summary>The same command, for which the providers are on this machine, where nobody is: what these tests send stays here.</summary>
    async Task<string> ToNobody(string line)
    {
        var hosts = Path.Combine(directory.Path, "hosts");
        await File.WriteAllTextAsync(hosts, "127.0.0.1 localhost api.openai.com api.anthropic.com\n", Client.Cancel);
        return $"exec unshare {string.Join(' ', OwnMounts)} bash -c 'mount --bind {hosts} /etc/hosts && exec env {line}'";
    }

    /// <summary>A model that only one of the three backends has is recorded as that one's, whether it could be reached from here or not.</summary>
    async Task CallsGoTo(Server server, string line)
    {
        var (model, type) = line.StartsWith("OPENAI", StringComparison.Ordinal) ? ("gpt-5", "openai") : line.StartsWith("ANTHROPIC", StringComparison.Ordinal) ? ("claude-sonnet-4", "anthropic") : ("llama3.2", "local");
        using var http = new HttpClient { BaseAddress = new($"http://localhost:{gateway}") };
        var keys = Path.Combine(directory.Path, "key");
        if (server.FirstKey is { } key) await File.WriteAllTextAsync(keys, key, Client.Cancel);
        http.DefaultRequestHeaders.Authorization = new("Bearer", await File.ReadAllTextAsync(keys, Client.Cancel));
        using var answer = await http.PostAsJsonAsync("/v1/chat/completions", new { model, messages = new[] { new { role = "user", content = "Good day" } } }, Client.Cancel);
        Assert.True(answer.Headers.TryGetValues("x-request-id", out var ids), $"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync(Client.Cancel)}");
        JsonElement records = default;
        await Until.True(async () => (records = await http.GetFromJsonAsync<JsonElement>($"/admin/audit-logs?search={ids.Single()}", Client.Cancel)).GetArrayLength() == 1);
        Assert.Equal(type, records[0].GetProperty("backend_type").GetString());
        if (type != "local") Assert.Equal("backend_unreachable", records[0].GetProperty("error_type").GetString());
    }

    /// <summary>The three lines, in the smallest application that they can stand in.</summary>
    async Task RunFromDotnet(string text)
    {
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        var program = Path.Combine(directory.Path, "application.cs");
        await File.WriteAllTextAsync(program, $"""
            #:sdk Microsoft.NET.Sdk.Web
            #:project {clone}/src/Cairn.Client
            #:property PublishAot=false
            using Cairn.Client;
            var builder = WebApplication.CreateSlimBuilder(args);
            {lines[0]}
            var app = builder.Build();
            {lines[1]}
            app.Urls.Add("http://127.0.0.1:0");
            await app.StartAsync();
            var audit = app.Services.GetRequiredService<Audit>();
            {lines[2]}
            await app.StopAsync();
            await app.DisposeAsync();
            Console.WriteLine(audit.Counts);
            """, Client.Cancel);
        await using var application = new Server(Shell($". {variables}\nexport Cairn__Key=$KEY\ndotnet run {program}"), Patience);
        Assert.True(await application.End() == 0, application.Said);
        Assert.Contains("Delivered = 1", application.Said);
    }

    ProcessStartInfo Shell(string text, params (string Name, string Value)[] settings)
    {
        // A group of its own, so that Ctrl+C reaches all of it and nothing else.
        var info = new ProcessStartInfo("setsid", ["bash", "-c", text]) { WorkingDirectory = clone, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var name in info.Environment.Keys.Where(name => name.StartsWith("Cairn__", StringComparison.OrdinalIgnoreCase) || name.EndsWith("_API_KEY", StringComparison.Ordinal)).ToArray()) info.Environment.Remove(name);
        // Nothing of the build stays behind, and the analysers had their say when these tests were built.
        info.Environment["RunAnalyzers"] = "false";
        (info.Environment["MSBUILDDISABLENODEREUSE"], info.Environment["UseSharedCompilation"], info.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"]) = ("1", "false", "0");
        foreach (var (name, value) in settings) info.Environment[name] = value;
        return info;
    }

    static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex("^```(?<language>sh|csharp)\n(?<text>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();

    /// <summary>A line that starts the server.</summary>
    [GeneratedRegex(@"^([A-Z_]+=\S+ )*dotnet run --project src/Cairn( -- --demo --data demo)?$")]
    private static partial Regex Serves();

    /// <summary>A command and all that it starts.</summary>
    sealed class Server : IAsyncDisposable
    {
        readonly Process process;
        readonly TimeSpan patience;
        readonly StringBuilder said = new();
        readonly SemaphoreSlim news = new(0);

        public Server(ProcessStartInfo start, TimeSpan patience)
        {
            this.patience = patience;
            process = new() { StartInfo = start };
            process.OutputDataReceived += (_, line) => Take(line.Data);
            process.ErrorDataReceived += (_, line) => Take(line.Data);
            process.Start();
            process.StandardInput.Close();
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        public string Said
        {
            get
            {
                lock (said) return said.ToString();
            }
        }

        /// <summary>The key that a first start prints.</summary>
        public string? FirstKey => Said.Split('\n').FirstOrDefault(line => line.StartsWith("API key  ", StringComparison.Ordinal))?["API key  ".Length..].Trim();

        void Take(string? line)
        {
            lock (said) said.Append(line).Append('\n');
            news.Release();
        }

        /// <summary>Waits until it said something.</summary>
        public async Task Line(string part)
        {
            var began = Stopwatch.StartNew();
            while (!Said.Contains(part, StringComparison.Ordinal))
            {
                if (process.HasExited) await process.WaitForExitAsync(Client.Cancel);
                Assert.True((!process.HasExited || Said.Contains(part, StringComparison.Ordinal)) && began.Elapsed < patience, $"It never said '{part}', but:\n{Said}");
                await news.WaitAsync(TimeSpan.FromSeconds(1), Client.Cancel);
            }
        }

        public async Task<int> End()
        {
            using var late = CancellationTokenSource.CreateLinkedTokenSource(Client.Cancel);
            late.CancelAfter(patience);
            await process.WaitForExitAsync(late.Token);
            return process.ExitCode;
        }

        /// <summary>Presses Ctrl+C, and waits until everything that it started is gone.</summary>
        public async Task Stop()
        {
            if (!process.HasExited) Needs.Run("kill", "-INT", "--", $"-{process.Id}");
            await End();
        }

        public async ValueTask DisposeAsync()
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
                await process.WaitForExitAsync();
            }
            process.Dispose();
            news.Dispose();
        }
    }
}
