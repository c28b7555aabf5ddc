using System.Diagnostics;
using System.Text;
using Cairn.Support;

namespace Cairn.Client;

/// <summary>The sample application as a process of its own, in which Ada starts and stops workspaces.</summary>
sealed class Sample : IAsyncDisposable
{
    static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    readonly Process process;
    readonly HttpClient http;
    readonly StringBuilder output = new();

    Sample(ProcessStartInfo start, int port)
    {
        http = new() { BaseAddress = new($"http://127.0.0.1:{port}") };
        http.DefaultRequestHeaders.Add("X-User", "ada@example.com");
        http.DefaultRequestHeaders.Add("User-Agent", "walker/1");
        process = new() { StartInfo = start };
        process.OutputDataReceived += (_, line) =>
        {
            lock (output) output.Append(line.Data).Append('\n');
        };
        process.Start();
        process.BeginOutputReadLine();
    }

    /// <param name="under">The program that starts it, with its arguments; none means that it is started by itself.</param>
    /// <param name="localData">Where its user's local data is; without, its spool is the server's.</param>
    public static async Task<Sample> Start(Server server, string[]? under = null, string? localData = null)
    {
        var port = Server.FreePort();
        string[] command = [.. under ?? [], "dotnet", Path.Combine(AppContext.BaseDirectory, "Workspaces.dll"), $"--urls=http://127.0.0.1:{port}", $"--Cairn:Url={server.Url}", $"--Cairn:Key={server.Key}", "--Logging:LogLevel:Default=Warning"];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true };
        if (localData is null) start.ArgumentList.Add($"--Cairn:Spool={server.Spool}");
        else start.Environment["XDG_DATA_HOME"] = localData;
        var sample = new Sample(start, port);
        await Until.True(async () =>
        {
            try
            {
                return (await sample.http.GetAsync("/audit", Cancel)).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        return sample;
    }

    public async Task Change(int number) => (await http.PostAsync($"/workspaces/w{number}/{(number % 2 == 0 ? "start" : "stop")}", null, Cancel)).EnsureSuccessStatusCode();

    public bool HasSaid(string what)
    {
        lock (output) return output.ToString().Contains(what, StringComparison.Ordinal);
    }

    /// <summary>Asks it to end, waits until it has, and answers its exit code.</summary>
    public async Task<int> End()
    {
        Needs.Run("kill", "-TERM", $"{process.Id}");
        await process.WaitForExitAsync(Cancel);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
        process.Dispose();
        http.Dispose();
    }
}
