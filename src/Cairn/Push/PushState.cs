namespace Cairn.Push;

/// <summary>How far a target is, and how it stands. Kept by the control store, so that every process tells the same.</summary>
/// <param name="Version">Counts the changes; zero while nothing was stored.</param>
/// <param name="Events">Every event up to this position was delivered, is of no interest to the target, or is gone.</param>
/// <param name="Requests">The same of requests.</param>
sealed record PushState(string Name, long Version, long Events, long Requests)
{
    /// <summary>Records that were removed before they could be delivered. With a filter, some of them may not have been the target's.</summary>
    public long Removed { get; init; }

    /// <summary>How many of them an event told.</summary>
    public long RemovedTold { get; init; }

    /// <summary>When the target last took something.</summary>
    public DateTimeOffset? SucceededAt { get; init; }

    /// <summary>Since when it has not taken what it was sent; null while all is well.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>Why the last attempt failed; null while all is well.</summary>
    public string? Problem { get; init; }

    /// <summary>The target said that it does not want what it was sent. It is tried again, and seldom.</summary>
    public bool IsRefused { get; init; }

    /// <summary>An event told that it has been failing for long.</summary>
    public bool IsTold { get; init; }
}

/// <summary>Something that only one of the processes that share a store has. Letting go of it lets another take it.</summary>
/// <param name="isHeld">Whether it is still this process's.</param>
sealed class Hold(Func<CancellationToken, Task<bool>> isHeld, Func<ValueTask> letGo) : IAsyncDisposable
{
    /// <summary>Of a store that one process has alone.</summary>
    public static Hold Alone { get; } = new(_ => Task.FromResult(true), () => ValueTask.CompletedTask);

    public Task<bool> IsHeld(CancellationToken cancel) => isHeld(cancel);

    public ValueTask DisposeAsync() => letGo();
}
