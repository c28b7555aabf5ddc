using System.CommandLine;
using System.Runtime.InteropServices;
using Cairn.Access;
using Cairn.Demo;
using Cairn.Hosting;
using Microsoft.Extensions.Logging.Console;

namespace Cairn.Commands;

/// <summary>Starts the gateway and the console, and runs until it is told to stop.</summary>
static class ServeCommand
{
    public static Command Create()
    {
        var command = new Command("serve", """
            Start the gateway and the console, and run until stopped. This is what cairn does without a command.

            Example: cairn serve --data /var/lib/cairn --gateway http://0.0.0.0:10243
            """);
        command.SetAction(Run);
        return command;
    }

    public static async Task<int> Run(ParseResult parsed, CancellationToken cancel)
    {
        // First of all: a start that is told to stop ends in good order as well.
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var cancelled = cancel.Register(() => stop.TrySetResult());

        var settings = SettingOptions.Read(parsed);
        if (settings.Store.Url is null) PassOnAtOnce();
        await using var demo = settings.Demo ? await DemoBackend.Start() : null;
        if (demo is not null) settings = settings with { Inference = settings.Inference.With(new("demo", "local", demo.Url, null)) };
        using var logs = Logs();
        await using var host = await CairnHost.Start(settings, TimeProvider.System, logs, prepare: host => Prepare(host, cancel));

        Console.WriteLine($"Cairn keeps its log in {(settings.Store.Url is null ? settings.DataDirectory : settings.Store)}");
        if (host.GatewayUrl is { } gateway) Console.WriteLine($"Gateway  {gateway.OriginalString}");
        if (host.ConsoleUrl is { } console) Console.WriteLine($"Console  {console.OriginalString}");
        foreach (var line in await FirstStart.Begin(host, cancel)) Console.WriteLine(line);
        await SettingsAudit.Compare(host, cancel);
        Console.WriteLine("Press Ctrl+C to stop.");

        await stop.Task;
        return Commands.Run.Done;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.TrySetResult();
        }
    }

    /// <summary>
    /// What a socket brings is looked at by the thread that notices it, instead of waking another one: a call passes through sooner, and more
    /// of them. What a remote store answers leads to work too long for that thread, so that Cairn with one stays as it is.
    /// .NET takes this from the environment alone, before the first socket is made.
    /// </summary>
    static void PassOnAtOnce() => Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");

    /// <summary>What is done before anyone can come in.</summary>
    static async Task Prepare(CairnHost host, CancellationToken cancel)
    {
        if (host.Settings.Demo) await DemoMonth.Fill(host, cancel);
        await FirstStart.Appoint(host, cancel);
    }

    /// <summary>Cairn's own log: one JSON object a line, on standard error; letters that could rearrange a line are escaped.</summary>
    static ILoggerFactory Logs() => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(LogLevel.Information)
        .AddFilter("Microsoft", LogLevel.Warning)
        // Why the start failed is the one line that the command ends with.
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
        .AddJsonConsole(options => (options.UseUtcTimestamp, options.TimestampFormat) = (true, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"))
        .Services.Configure<ConsoleLoggerOptions>(options => options.LogToStandardErrorThreshold = LogLevel.Trace));
}
