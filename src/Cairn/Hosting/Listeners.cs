using System.Net;
using Cairn.Access;
using Cairn.Access.Oidc;
using Cairn.Conversations;
using Cairn.Conversations.Sources;
using Cairn.Events;
using Cairn.Gateway;
using Cairn.Requests;
using Cairn.Retention;
using Cairn.Storage;
using Microsoft.AspNetCore.HttpOverrides;

namespace Cairn.Hosting;

/// <summary>The three doors, each with its own table of routes: the gateway, the console, and the owner's socket.</summary>
static class Listeners
{
    const int MostHeaderBytes = 32 * 1024, MostBodyBytes = 32 * 1024 * 1024;

    public static WebApplication Gateway(CairnHost host) => Build(host, kestrel => Bind(kestrel, host.Settings.Gateway), Door.Gateway, app =>
    {
        app.MapInference(host);
        app.MapEventIngest(host);
        app.MapOtlpLogs(host);
        app.MapConversationIngest(host);
        app.MapRequests(host, "/admin");
        app.MapHealth(host);
        app.MapMetrics(host);
        app.MapOpenApi(host);
    });

    public static WebApplication Console(CairnHost host) => Build(host, kestrel => Bind(kestrel, host.Settings.Console), Door.Console, app =>
    {
        app.MapConsoleConfig(host);
        app.MapSessions(host);
        app.MapOidc(host);
        app.MapUsers(host);
        app.MapEvents(host);
        app.MapConversations(host);
        app.MapRequests(host, "/api/system", host.RequestsAre);
        app.MapKeys(host);
        app.MapRetention(host);
        app.MapHealth(host);
        app.MapAdminHealth(host);
        app.MapOpenApi(host);
        app.MapConsolePages();
    });

    /// <summary>What commands speak to. Only the owner of the data directory can open it.</summary>
    public static WebApplication Owners(CairnHost host, string socket) => Build(host, kestrel => kestrel.ListenUnixSocket(socket), Door.Owners, app =>
    {
        app.MapUsers(host);
        app.MapEvents(host);
        app.MapConversations(host);
        app.MapRequests(host, "/api/system");
        app.MapKeys(host);
        app.MapRetention(host);
        app.MapAdminHealth(host);
        app.MapImport(host);
        app.MapCheck(host);
    });

    /// <summary>A web server without what its kind brings along: it reads no settings, logs nothing, and leaves signals to the command.</summary>
    public static WebApplicationBuilder Bare()
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = "Production" });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, ListenerLifetime>();
        return builder;
    }

    static WebApplication Build(CairnHost host, Action<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions> listen, Door door, Action<WebApplication> map)
    {
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        var builder = Bare();
        builder.Services.AddSingleton(host.Logs);
        builder.Services.AddSingleton(host.Clock);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(5));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestHeadersTotalSize = MostHeaderBytes;
            kestrel.Limits.MaxRequestBodySize = MostBodyBytes;
            kestrel.RequestHeaderEncodingSelector = StrictLength.Select;
            listen(kestrel);
        });

        var app = builder.Build();
        if (Proxies(host.Settings) is { } forwarded) app.UseForwardedHeaders(forwarded);
        app.Use(Guard(host, door));
        app.UseWebSockets(new() { KeepAliveInterval = TimeSpan.FromSeconds(15), KeepAliveTimeout = TimeSpan.FromSeconds(30) });
        app.UseRouting();
        app.UseConsolePages();
        app.UseAccess(host, door);
        map(app);
        return app;
    }

    static void Bind(Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions kestrel, Uri url)
    {
        if (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address)) kestrel.Listen(address, url.Port);
        // Both addresses of localhost cannot be given the same free port at once.
        else if (url is { Host: "localhost", Port: 0 }) kestrel.Listen(IPAddress.Loopback, 0);
        else kestrel.ListenLocalhost(url.Port);
    }

    /// <summary>How far a proxy is believed; null when none is named, and then nobody's word counts but the connection's.</summary>
    static ForwardedHeadersOptions? Proxies(Settings settings)
    {
        if (settings.TrustedProxies.Count == 0) return null;
        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto, ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in settings.TrustedProxies) options.KnownIPNetworks.Add(network);
        return options;
    }

    /// <summary>The outermost step: headers that every answer has, and one shape for whatever fails inside.</summary>
    static Func<HttpContext, RequestDelegate, Task> Guard(CairnHost host, Door door)
    {
        var log = host.Logs.CreateLogger("Cairn.Hosting");
        return async (context, next) =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            context.Response.Headers["Referrer-Policy"] = "no-referrer";
            context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
            if (door == Door.Console && SameOrigin.IsHttps(context, host.Settings)) context.Response.Headers.StrictTransportSecurity = "max-age=31536000";
            try
            {
                await next(context);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                // The caller left; there is no one to answer.
            }
            catch (LogUnavailableException unavailable) when (!context.Response.HasStarted)
            {
                await Problems.Unavailable(unavailable.Message).ExecuteAsync(context);
            }
            catch (SourceAwayException away) when (!context.Response.HasStarted)
            {
                // Why is for who runs Cairn: it may name machines and files.
                HostLog.ConversationsAway(log, away.Message);
                await Problems.Away("Conversations cannot be read now. The health of this Cairn says why.").ExecuteAsync(context);
            }
            catch (BadHttpRequestException bad) when (!context.Response.HasStarted)
            {
                await Problems.Status(bad.StatusCode, "Bad request", bad.StatusCode == StatusCodes.Status413PayloadTooLarge ? "The body is too large." : "The request could not be read.").ExecuteAsync(context);
            }
            catch (Exception error) when (!context.Response.HasStarted)
            {
                HostLog.CallFailed(log, error, context.Request.Method, context.Request.Path);
                await Problems.Status(StatusCodes.Status500InternalServerError, "Something failed inside Cairn", "It is in Cairn's own log. Nothing was acknowledged.").ExecuteAsync(context);
            }
        };
    }
}
