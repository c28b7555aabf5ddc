namespace Cairn.Gateway;

/// <summary>Ends a call when its client leaves, or when its time is up.</summary>
sealed class Deadline(TimeProvider clock, CancellationToken left) : IDisposable
{
    readonly CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(left);
    ITimer? timer;

    public CancellationToken Token => ended.Token;

    public bool HasPassed { get; private set; }

    /// <summary>From now on there is only so much time.</summary>
    public void Begin(TimeSpan time) => timer = clock.CreateTimer(_ => Pass(), null, time, Timeout.InfiniteTimeSpan);

    /// <summary>Ends the call.</summary>
    public void End() => ended.Cancel();

    void Pass()
    {
        HasPassed = !left.IsCancellationRequested;
        try
        {
            ended.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The call ended in this very moment.
        }
    }

    public void Dispose()
    {
        timer?.Dispose();
        ended.Dispose();
    }
}
