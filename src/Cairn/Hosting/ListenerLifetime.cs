namespace Cairn.Hosting;

/// <summary>
/// A listener begins and ends when Cairn says so. Ctrl+C and SIGTERM are for the command that runs: a web server left to itself takes them away from the process,
/// and one that comes before the command listens for it would be lost.
/// </summary>
sealed class ListenerLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
