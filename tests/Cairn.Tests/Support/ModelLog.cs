using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Support;

/// <summary>A log as simple as can be: a list, filtered and sorted anew for every question. What a store answers is compared with it.</summary>
sealed class ModelLog<T>(Kind<T> kind) where T : class, IRecord, new()
{
    readonly List<T> records = [];
    readonly Dictionary<string, T> byIdentity = new(StringComparer.Ordinal);
    readonly Dictionary<string, T> gone = new(StringComparer.Ordinal);

    public Kind<T> Kind => kind;

    /// <summary>In the order of recording.</summary>
    public IReadOnlyList<T> Records => records;

    public long LastPosition { get; private set; }

    public long? OldestMs => records.Count == 0 ? null : records.Min(record => record.TimeMs);

    public Outcome Append(T record)
    {
        if (byIdentity.TryGetValue(kind.Identity.Text!(record)!, out var known)) return kind.IsRepeat(known, record) ? Outcome.Duplicate : Outcome.Conflict;

        var copy = Copy(record);
        copy.Position = ++LastPosition;
        records.Add(copy);
        byIdentity.Add(kind.Identity.Text(record)!, copy);
        if (kind.Fate(copy) is { Ends: true } end) gone[end.Subject] = copy;
        if (kind.Fate(copy) is { Begins: true } begin) gone.Remove(begin.Subject);
        return Outcome.Stored;
    }

    public int Drop(long beforeMs, int limit)
    {
        var dropped = records.Where(record => record.TimeMs < beforeMs).OrderBy(record => record.TimeMs).ThenBy(record => record.Position).Take(limit).ToHashSet();
        foreach (var record in dropped)
        {
            byIdentity.Remove(kind.Identity.Text!(record)!);
            if (kind.Fate(record) is { } fate && gone.TryGetValue(fate.Subject, out var end) && end == record) gone.Remove(fate.Subject);
        }
        return records.RemoveAll(dropped.Contains);
    }

    /// <summary>What matches, as a list shows it.</summary>
    public List<T> Matching(Filter<T> filter) =>
        [.. records.Where(record => filter.Matches(kind, record)).OrderByDescending(record => record.TimeMs).ThenByDescending(record => record.Position)];

    /// <summary>Everything there is to know of a record of this log.</summary>
    public string Describe(T record) => Describe(record, kind.Fate(record) is not { } fate || !gone.ContainsKey(fate.Subject));

    /// <summary>Everything a store said of a record.</summary>
    public string DescribeStored(T record) => Describe(record, record.SubjectExists);

    string Describe(T record, bool exists) =>
        $"{record.Position} {(exists ? "there" : "gone")} " + string.Join(' ', kind.Stored.Select(field => $"{field.Name}={(field.IsText ? Quoted(field.Text!(record)) : field.Number!(record)?.ToString() ?? "null")}"));

    static string Quoted(string? text) => text is null ? "null" : $"'{text}'";

    public static string[] GroupLines(IEnumerable<Group> groups) =>
        [.. groups.Select(group => $"{string.Join(" / ", group.Values.Select(Quoted))}: {group.Count}, sums {string.Join(' ', group.Sums)}").Order(StringComparer.Ordinal)];

    public List<Group> Groups(IEnumerable<T> matching, Field<T>[] by) =>
        [.. matching.GroupBy(record => string.Join("\0", by.Select(field => Quoted(field.Text!(record))))).Select(group => new Group([.. by.Select(field => field.Text!(group.First()))], group.Count(), Sums(group)))];

    public long[] Sums(IEnumerable<T> matching) => [.. kind.Sums.Select(field => matching.Sum(record => field.Number!(record) ?? 0))];

    T Copy(T record)
    {
        var copy = new T();
        foreach (var field in kind.Stored)
        {
            if (field.IsText) field.SetText!(copy, field.Text!(record));
            else field.SetNumber!(copy, field.Number!(record));
        }
        return copy;
    }
}
