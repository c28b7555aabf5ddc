using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cairn.Support;

/// <param name="Status">What it was answered; 0 when it was not.</param>
sealed record WebhookCall(int Status, Dictionary<string, string> Headers, byte[] Body)
{
    public string Id => Headers["webhook-id"];

    public IReadOnlyList<JsonElement> Records => [.. JsonDocument.Parse(Body).RootElement.EnumerateArray()];
}

/// <summary>A real server that takes webhooks, and answers as the test says.</summary>
sealed class WebhookReceiver : IAsyncDisposable
{
    readonly WebApplication app;
    readonly List<WebhookCall> calls = [];

    WebhookReceiver(WebApplication app) => this.app = app;

    /// <summary>Answers a call that was read; 200 unless it says otherwise.</summary>
    public Func<HttpContext, Task> Answer { get; set; } = _ => Task.CompletedTask;

    public Uri Url => new(new Uri(app.Urls.First().Replace("[::]", "127.0.0.1", StringComparison.Ordinal)), "/hook");

    public static async Task<WebhookReceiver> Start(X509Certificate2? certificate = null, int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen =>
        {
            if (certificate is not null) listen.UseHttps(certificate);
        }));
        var app = builder.Build();
        var receiver = new WebhookReceiver(app);
        app.Run(receiver.Take);
        await app.StartAsync();
        return receiver;
    }

    async Task Take(HttpContext context)
    {
        var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var status = 0;
        try
        {
            await Answer(context);
            status = context.Response.StatusCode;
        }
        finally
        {
            lock (calls) calls.Add(new(status, context.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString()), body.ToArray()));
        }
    }

    public IReadOnlyList<WebhookCall> Calls
    {
        get
        {
            lock (calls) return [.. calls];
        }
    }

    /// <summary>The records of the calls that were answered with success, in the order in which they came.</summary>
    public IReadOnlyList<JsonElement> Taken => [.. Calls.Where(call => call.Status is >= 200 and < 300).SelectMany(call => call.Records)];

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}
