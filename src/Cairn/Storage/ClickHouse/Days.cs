using System.Globalization;
using Cairn.Records;
using Cairn.Storage.Outbox;

namespace Cairn.Storage.ClickHouse;

/// <summary>A day that holds records, as the engine knows it without looking at them.</summary>
/// <param name="Rows">About how many: one that came twice counts twice until it is merged away.</param>
/// <param name="Block">The number of the newest block that was inserted. It grows with each; with the number of rows it tells whether anything changed.</param>
readonly record struct Day(long Number, long Rows, long Block)
{
    public long FirstMs => Number * Span.DayMs;

    public long UntilMs => FirstMs + Span.DayMs;
}

/// <summary>The days, which are the partitions of a kind's table.</summary>
sealed class Days<T>(ClickHouseClient client, ClickHouseAddress address, ClickHouseTable<T> table, OutboxKind own, TimeProvider clock) where T : class, IRecord, new()
{
    static readonly TimeSpan KeptFor = TimeSpan.FromMilliseconds(500);

    volatile Known? last;

    sealed record Known(IReadOnlyList<Day> Days, long Delivered, Cut[] Cuts, long At);

    /// <summary>The newest first. What this writer delivered or dropped counts at once; what others did, in a moment.</summary>
    public async Task<IReadOnlyList<Day>> All(CancellationToken cancel)
    {
        if (last is { } known && known.Delivered == own.Delivered && ReferenceEquals(known.Cuts, own.Cuts) && clock.GetElapsedTime(known.At) < KeptFor) return known.Days;
        var (delivered, cuts, at) = (own.Delivered, own.Cuts, clock.GetTimestamp());
        Day[] days = [.. (await Partitions(table.Name, cancel)).OrderByDescending(day => day.Number)];
        last = new(days, delivered, cuts, at);
        return days;
    }

    /// <summary>A table's partitions, by their number.</summary>
    public async Task<IEnumerable<Day>> Partitions(string name, CancellationToken cancel)
    {
        var (parts, local) = address.Cluster is { } cluster ? ($"cluster('{cluster}', system.parts)", name + "_local") : ("system.parts", name);
        var lines = await client.Text($"SELECT partition, sum(rows), max(max_block_number) FROM {parts} WHERE database = '{address.Database}' AND table = '{local}' AND active GROUP BY partition", cancel);
        return lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).Select(parts => new Day(Number(parts[0]), Number(parts[1]), Number(parts[2])));

        static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
    }

    public async Task Drop(string name, long partition, CancellationToken cancel)
    {
        foreach (var host in client.Hosts) await client.Query($"ALTER TABLE {(address.Cluster is null ? name : name + "_local")} DROP PARTITION {partition}", cancel, host);
    }
}
