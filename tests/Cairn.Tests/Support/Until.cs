using System.Diagnostics;

namespace Cairn.Support;

/// <summary>Waits for what has no signal of its own, by looking again and again; fails when it does not come.</summary>
static class Until
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Between two looks: what is waited for needs the processor as well.</summary>
    static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    public static Task True(Func<bool> condition) => True(() => Task.FromResult(condition()));

    public static async Task True(Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < Patience, "What the test waits for did not come.");
            await Task.Delay(Pause);
        }
    }
}
