using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Cairn.Hosting;

namespace Cairn.Support;

/// <summary>How a command ended, and what it said.</summary>
sealed record Ended(int Code, string Output, string Errors)
{
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public string[] ErrorLines => Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>The real program as a process of its own, spoken to as a person would.</summary>
sealed class CairnProcess : IAsyncDisposable
{
    /// <summary>Long enough for a busy machine; nothing waits as long when all is well.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    static readonly string Program = typeof(CairnHost).Assembly.Location;

    readonly Process process;
    readonly BlockingCollection<string> output = [], errors = [];
    readonly StringBuilder errorText = new();
    readonly StringBuilder outputText = new();

    CairnProcess(ProcessStartInfo start)
    {
        process = new() { StartInfo = start };
        process.OutputDataReceived += (_, line) => Take(line.Data, output, outputText);
        process.ErrorDataReceived += (_, line) => Take(line.Data, errors, errorText);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        static void Take(string? line, BlockingCollection<string> lines, StringBuilder text)
        {
            if (line is null)
            {
                lines.CompleteAdding();
                return;
            }
            lock (text) text.Append(line).Append('\n');
            lines.Add(line);
        }
    }

    /// <summary>Starts a command; each argument goes to the program as it stands.</summary>
    public static CairnProcess Start(params string[] arguments) => new(Info("dotnet", [Program, .. arguments]));

    /// <summary>A server on free ports, which answers when this returns.</summary>
    public static async Task<CairnProcess> Serve(string directory, params string[] arguments)
    {
        var server = Start(["serve", "--data", directory, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0", .. arguments]);
        await server.Line(line => line.StartsWith("Press", StringComparison.Ordinal));
        return server;
    }

    /// <summary>The same with settings in its environment.</summary>
    public static async Task<CairnProcess> ServeWith(string directory, params (string Name, string Value)[] settings)
    {
        var server = StartServer(directory, settings);
        await server.IsReady();
        return server;
    }

    /// <summary>The same, not waited for.</summary>
    public static CairnProcess StartServer(string directory, params (string Name, string Value)[] settings)
    {
        var info = Info("dotnet", [Program, "serve", "--data", directory, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0"]);
        foreach (var (name, value) in settings) info.Environment[name] = value;
        return new(info);
    }

    /// <summary>Waits until a server answers.</summary>
    public Task IsReady() => Line(line => line.StartsWith("Press", StringComparison.Ordinal));

    /// <summary>Runs a command to its end.</summary>
    public static Task<Ended> Run(params string[] arguments) => Finish(Info("dotnet", [Program, .. arguments]), null);

    public static Task<Ended> RunWithInput(string input, params string[] arguments) => Finish(Info("dotnet", [Program, .. arguments]), input);

    public static Task<Ended> RunWithSetting(string name, string value, params string[] arguments)
    {
        var info = Info("dotnet", [Program, .. arguments]);
        info.Environment[name] = value;
        return Finish(info, null);
    }

    /// <summary>Runs a command on a terminal, whose output is all that the terminal got.</summary>
    /// <param name="after">What the shell has after the command, such as where the output goes.</param>
    public static Task<Ended> RunOnTerminal(string after, params string[] arguments) => Finish(OnTerminal(after, arguments), null);

    public static CairnProcess StartOnTerminal(params string[] arguments) => new(OnTerminal("", arguments));

    static ProcessStartInfo OnTerminal(string after, string[] arguments)
    {
        Needs.Command("script");
        var command = string.Join(' ', new[] { "dotnet", Program }.Concat(arguments).Select(one => "'" + one.Replace("'", "'\\''", StringComparison.Ordinal) + "'"));
        var info = Info("script", ["-qefc", $"exec {command} {after}", "/dev/null"]);
        info.Environment["TERM"] = "xterm";
        return info;
    }

    static ProcessStartInfo Info(string program, string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var name in info.Environment.Keys.Where(name => name.StartsWith("Cairn__", StringComparison.OrdinalIgnoreCase)).ToArray()) info.Environment.Remove(name);
        return info;
    }

    static async Task<Ended> Finish(ProcessStartInfo info, string? input)
    {
        await using var command = new CairnProcess(info);
        if (input is not null) await command.process.StandardInput.WriteAsync(input);
        command.process.StandardInput.Close();
        return await command.End();
    }

    /// <summary>The next line of standard output that is the one waited for; those before it are passed over.</summary>
    public Task<string> Line(Predicate<string> isIt) => Wait(output, isIt);

    public Task<string> ErrorLine(Predicate<string> isIt) => Wait(errors, isIt);

    Task<string> Wait(BlockingCollection<string> lines, Predicate<string> isIt) => Task.Run(() =>
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        foreach (var line in lines.GetConsumingEnumerable(patience.Token))
            if (isIt(line)) return line;
        lock (errorText) throw new InvalidOperationException($"The command ended without saying it. It said: {outputText}{errorText}");
    });

    /// <summary>The address that the server printed.</summary>
    public Uri Address(string listener)
    {
        lock (outputText) return new(outputText.ToString().Split('\n').First(line => line.StartsWith(listener, StringComparison.Ordinal))[listener.Length..].Trim());
    }

    /// <summary>The first line of its output that begins so.</summary>
    public string Said(string beginning)
    {
        lock (outputText) return outputText.ToString().Split('\n').First(line => line.StartsWith(beginning, StringComparison.Ordinal));
    }

    public bool HasSaid(string beginning)
    {
        lock (outputText) return outputText.ToString().Split('\n').Any(line => line.StartsWith(beginning, StringComparison.Ordinal));
    }

    /// <summary>The process's number, by which the machine knows it.</summary>
    public int Id => process.Id;

    /// <summary>Presses Ctrl+C.</summary>
    public void Stop()
    {
        if (process.StartInfo.FileName != "script") Needs.Run("sh", "-c", $"kill -INT {process.Id}");
        else
        {
            process.StandardInput.Write('\u0003');
            process.StandardInput.Flush();
        }
    }

    /// <summary>Ends it as a power cut would: nothing of it runs any more.</summary>
    public async Task Kill()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
    }

    /// <summary>Waits for the end.</summary>
    public async Task<Ended> End()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        await process.WaitForExitAsync(patience.Token);
        return new(process.ExitCode, outputText.ToString(), errorText.ToString());
    }

    public async Task<Ended> StopAndEnd()
    {
        Stop();
        return await End();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
        process.Dispose();
    }
}
