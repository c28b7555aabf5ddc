using Cairn.Events;
using Cairn.Requests;
using Cairn.Storage;

namespace Cairn.Support;

/// <summary>A store that fails when it is told to: before it stored anything, or after.</summary>
sealed class FaultyStore(ILogStore inner) : ILogStore
{
    readonly TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
    TaskCompletionSource? holding;

    /// <summary>Thrown instead of storing.</summary>
    public Func<Batch, Exception?> FailBefore { get; set; } = _ => null;

    /// <summary>Thrown after storing, as when the answer of a commit is lost.</summary>
    public Func<Batch, Exception?> FailAfter { get; set; } = _ => null;

    public ILog<RequestRecord> Requests => inner.Requests;

    public ILog<EventRecord> Events => inner.Events;

    /// <summary>Appends wait from now on until they are let go.</summary>
    public void Hold() => holding = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Done once an append waits.</summary>
    public Task Held => held.Task;

    public void LetGo() => holding!.SetResult();

    public async Task<BatchOutcome> Append(Batch batch, CancellationToken cancel)
    {
        if (holding is { } wait)
        {
            held.TrySetResult();
            await wait.Task;
        }
        if (FailBefore(batch) is { } before) throw before;
        var outcome = await inner.Append(batch, cancel);
        return FailAfter(batch) is { } after ? throw after : outcome;
    }

    public Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel) => inner.Unfinished(cancel);

    public Task<StoreHealth> Health(CancellationToken cancel) => inner.Health(cancel);

    public Task<string?> Damage(CancellationToken cancel) => inner.Damage(cancel);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
