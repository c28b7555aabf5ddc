using System.Collections.Frozen;
using Cairn.Export;
using Cairn.Records;

namespace Cairn.Live;

/// <summary>
/// The newest records of one kind, shared by all followers, and a bell that rings when there are more. It holds no one's
/// place: who falls behind it reads from the store instead, and nothing is kept for anyone.
/// </summary>
sealed class Feed<T>(Kind<T> kind) where T : class, IRecord, new()
{
    const int Size = 2_048;

    readonly T?[] ring = new T?[Size];
    readonly Lock writing = new();
    TaskCompletionSource bell = NewBell();

    /// <summary>The last position known; -1 while none is, when only the store knows what there is.</summary>
    long last = -1;

    public Kind<T> Kind => kind;

    /// <summary>The frames of each format.</summary>
    public FrozenDictionary<string, Frames<T>> Frames { get; } = Formats.Objects.ToFrozenDictionary(format => format, format => new Frames<T>(kind, format, Size));

    /// <summary>Ends when something is published after it was asked for. Ask first, then read: so nothing falls in between.</summary>
    public Task Next => Volatile.Read(ref bell).Task;

    public void Publish(IReadOnlyList<T> stored)
    {
        if (stored.Count == 0) return;
        lock (writing)
        {
            foreach (var record in stored)
            {
                Volatile.Write(ref ring[record.Position % Size], record);
                if (record.Position > last) Volatile.Write(ref last, record.Position);
            }
        }
        Interlocked.Exchange(ref bell, NewBell()).SetResult();
    }

    /// <summary>Another process stored records up to a position; they are not here and are read from the store.</summary>
    public void Reach(long position)
    {
        lock (writing)
        {
            if (position <= last) return;
            Volatile.Write(ref last, position);
        }
        Interlocked.Exchange(ref bell, NewBell()).SetResult();
    }

    /// <summary>What follows a position, as far as the newest records reach back; false when they do not reach it.</summary>
    public bool TryRead(Filter<T> filter, long after, int limit, out Tail<T> tail)
    {
        tail = new([], after);
        var end = Volatile.Read(ref last);
        if (end < 0) return false;

        var found = new List<T>();
        var position = after;
        for (; position < end && found.Count < limit; position++)
        {
            var record = Volatile.Read(ref ring[(position + 1) % Size]);
            if (record?.Position != position + 1) return false;
            if (filter.Matches(kind, record)) found.Add(record);
        }
        tail = new(found, position);
        return true;
    }

    static TaskCompletionSource NewBell() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
