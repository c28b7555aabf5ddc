using Cairn.Client;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Cairn.Client
{
    /// <summary>Ends the recording with the application: after all that it runs, which may record as it stops, and before its loggers.</summary>
    sealed class AuditLifetime(Audit audit) : IHostedLifecycleService
    {
        public Task StoppedAsync(CancellationToken cancellationToken) => audit.Stop(cancellationToken);

        public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

namespace Microsoft.Extensions.DependencyInjection
{
    public static class CairnServices
    {
        /// <summary>Adds <see cref="Audit"/>, which records events for Cairn's audit log for as long as the application runs.</summary>
        public static IServiceCollection AddCairn(this IServiceCollection services, Action<CairnOptions> configure)
        {
            ArgumentNullException.ThrowIfNull(configure);
            var options = new CairnOptions();
            configure(options);
            services.AddSingleton(provider => new Audit(options, provider.GetService<ILogger<Audit>>()));
            services.AddHostedService(provider => new AuditLifetime(provider.GetRequiredService<Audit>()));
            return services;
        }
    }
}

namespace Microsoft.AspNetCore.Builder
{
    public static class CairnMiddleware
    {
        /// <summary>
        /// Fills what an event leaves out from the call under way: who is signed in, their address and browser, the call's id. Place it
        /// behind what knows proxies (<c>UseForwardedHeaders</c>); who signs in later is known all the same.
        /// </summary>
        public static IApplicationBuilder UseCairn(this IApplicationBuilder app) => app.Use(next => context => AuditContext.During(context, next));
    }
}
