using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Push;
using Cairn.Records;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cairn.Benchmarks;

/// <summary>How fast is a log pushed to a receiver that takes whatever comes, and what does that cost who records? Receiver and Cairn share the machine.</summary>
sealed class PushQuestion(Settings settings)
{
    const int BatchRows = 1_000;

    int Rows => settings.Short ? 20_000 : 100_000;

    int Rounds => settings.Short ? 1 : 3;

    readonly Generator generator = new(Shape.Low, 100_000_000);
    long next;

    public async Task Ask()
    {
        Report.Title($"Push: {Report.Rows(Rows)} events");
        Report.Head("", "measured", "of", "ratio", "asked", "ok?");
        await using var hook = await Hook();
        using var syslog = new TcpListener(IPAddress.Loopback, 0);
        syslog.Start();
        var listening = Swallow(syslog);
        var (webhook, tcp) = (new Uri(hook.Urls.First()), new Uri($"syslog+tcp://{syslog.LocalEndpoint}"));

        var (alone, beside, byHook, bySyslog) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            alone.Add(await InFolder(folder => Append(folder, null)));
            beside.Add(await InFolder(folder => Append(folder, webhook)));
            byHook.Add(await InFolder(folder => Drain(folder, webhook)));
            bySyslog.Add(await InFolder(folder => Drain(folder, tcp)));
        }
        syslog.Stop();
        await listening;
        Report.Row($"recorded in batches of {BatchRows}, while a webhook is pushed to", Rate(beside), $"{Rate(alone)} without", Report.Ratio(Timing.Median(beside) / Timing.Median(alone)), "≥ 0.7", Report.AtLeast(Timing.Median(beside) / Timing.Median(alone), 0.7));
        Report.Row("what was recorded before, by webhook, 500 in a call", Rate(byHook), "", "", "", "");
        Report.Row("the same by syslog over TCP", Rate(bySyslog), "", "", "", "");

        static string Rate(List<double> rates) => $"{Timing.Median(rates):#,0}/s";
    }

    static async Task<double> InFolder(Func<string, Task<double>> measure)
    {
        GC.Collect();
        var folder = Directory.CreateTempSubdirectory("cairn-bench-push-").FullName;
        try
        {
            return await measure(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static Task<CairnHost> Start(string folder, Uri? target) => CairnHost.Start(
        new()
        {
            DataDirectory = Path.Combine(folder, "host"),
            Gateway = new("http://127.0.0.1:0"),
            Console = new("http://127.0.0.1:0"),
            EventDays = 0,
            RequestDays = 0,
            Push = target is null ? [] : [new PushTarget("bench", target, Filter<EventRecord>.Everything, null) { FromBeginning = true }],
        },
        TimeProvider.System, NullLoggerFactory.Instance);

    /// <summary>Records, and answers how many a second.</summary>
    async Task<double> Append(string folder, Uri? target)
    {
        await using var host = await Start(folder, target);
        var batches = Enumerable.Range(0, Rows / BatchRows).Select(_ => Take()).ToArray();
        var clock = Stopwatch.StartNew();
        foreach (var batch in batches) await host.Recorder.Append(batch);
        return Rows / clock.Elapsed.TotalSeconds;
    }

    /// <summary>Records while nobody is pushed to, and answers how many a second then arrive.</summary>
    async Task<double> Drain(string folder, Uri target)
    {
        await Append(folder, null);
        var clock = Stopwatch.StartNew();
        await using var host = await Start(folder, target);
        while ((await host.Push.Health(default))[0].Sent < Rows)
        {
            if (clock.Elapsed > TimeSpan.FromMinutes(5)) throw new InvalidOperationException("What was recorded does not arrive.");
            await Task.Delay(10);
        }
        return Rows / clock.Elapsed.TotalSeconds;
    }

    List<EventRecord> Take()
    {
        var records = generator.Take<EventRecord>(next, BatchRows);
        next += BatchRows;
        return records;
    }

    static async Task<WebApplication> Hook()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.Run(context => context.Request.Body.CopyToAsync(Stream.Null));
        await app.StartAsync();
        return app;
    }

    /// <summary>Reads whatever comes, of one connection after the other, and does nothing with it.</summary>
    static async Task Swallow(TcpListener listener)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync();
                await client.GetStream().CopyToAsync(Stream.Null);
            }
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException)
        {
            // The question is answered.
        }
    }
}
