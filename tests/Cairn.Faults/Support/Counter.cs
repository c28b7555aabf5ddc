namespace Cairn.Faults;

/// <summary>A count that can be waited for.</summary>
sealed class Counter
{
    readonly Lock counting = new();
    readonly List<(int At, TaskCompletionSource Mark)> marks = [];
    int count;

    public int Count => Volatile.Read(ref count);

    public void Add()
    {
        List<TaskCompletionSource> reached;
        lock (counting)
        {
            count++;
            reached = [.. marks.Where(one => one.At <= count).Select(one => one.Mark)];
            marks.RemoveAll(one => one.At <= count);
        }
        foreach (var mark in reached) mark.SetResult();
    }

    /// <summary>Done once there were so many more than now.</summary>
    public Task Next(int more) => Reaches(Count + more);

    public Task Reaches(int wanted)
    {
        lock (counting)
        {
            if (count >= wanted) return Task.CompletedTask;
            var mark = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            marks.Add((wanted, mark));
            return mark.Task;
        }
    }
}
