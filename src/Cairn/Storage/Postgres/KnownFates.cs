using System.Collections.Concurrent;

namespace Cairn.Storage.Postgres;

/// <summary>Which things are gone, as far as that was asked, at one count of changes; with another count nothing of it is believed.</summary>
sealed class KnownFates
{
    const int MostKept = 50_000;

    sealed record State(long Count, ConcurrentDictionary<string, bool> Gone);

    volatile State? state;

    /// <summary>Which of the subjects are gone; null when that has to be asked.</summary>
    public HashSet<string>? Gone(long count, IEnumerable<string> subjects)
    {
        if (state is not { } known || known.Count != count) return null;
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var subject in subjects)
        {
            if (!known.Gone.TryGetValue(subject, out var isGone)) return null;
            if (isGone) found.Add(subject);
        }
        return found;
    }

    public void Learn(long count, IEnumerable<string> subjects, HashSet<string> gone)
    {
        if (state is not { } known || known.Count != count || known.Gone.Count > MostKept) state = known = new(count, new(StringComparer.Ordinal));
        foreach (var subject in subjects) known.Gone[subject] = gone.Contains(subject);
    }
}
