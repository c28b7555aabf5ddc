using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;

namespace Cairn.Benchmarks;

/// <summary>How long does the first page with one filter and its exact total take, and statistics of everything, and does it stay so when the log grows?</summary>
sealed class ReadQuestion(Settings settings)
{
    /// <summary>From this share of the records on, a filter must beat counting by index and by table.</summary>
    const double ManyShare = 0.02;

    static readonly string[] RequestGroupings = ["status", "backend_type", "model", "api_key_id", "user"];
    static readonly string[] EventGroupings = ["action", "resource", "outcome"];

    readonly Tables tables = new(settings);

    /// <summary>Records on a page when the caller does not say.</summary>
    public static int PageRows<T>() => typeof(T) == typeof(RequestRecord) ? 100 : 25;

    public async Task Ask()
    {
        Report.Title("First page with one filter, and its exact total");
        Report.Note($"The covering count is `SELECT count(*) ... WHERE column = ?` by an index of that text alone, without a page. The naive table has indexes of its time (for the page) but none for the filter. "
            + $"The last two are asked where a filter matches {ManyShare:0 %} or more.");
        var (small, large) = (Report.Rows(settings.Least), Report.Rows(settings.Most));
        Report.Head("filter", "matches", $"Cairn {small}", $"Cairn {large}", "ratio", "≤ 2", $"covering count {large}", "ratio", "≥ 10", $"naive {large}", "ratio", "≥ 50");
        foreach (var shape in settings.Shapes)
        {
            await Ask<RequestRecord>(shape);
            await Ask<EventRecord>(shape);
        }
    }

    async Task Ask<T>(Shape shape) where T : class, IRecord, new()
    {
        var kind = Tables.Kind<T>();
        await using var smallStore = Tables.Open(await tables.Cairn<T>(shape, settings.Least));
        await using var largeStore = Tables.Open(await tables.Cairn<T>(shape, settings.Most));
        using var naive = new NaiveReader<T>(await tables.Naive<T>(shape, settings.Most), kind);
        var (small, large) = (Tables.Log<T>(smallStore), Tables.Log<T>(largeStore));
        var indexed = NaiveTable<T>.Indexes(kind);
        var rows = PageRows<T>();
        var name = $"{kind.Name}, {shape}";

        foreach (var field in kind.Fields.Where(field => field.Parameter is not null))
            foreach (var (value, share) in await Values(large, field))
            {
                var filter = new Filter<T> { Conditions = [new(field, [value], [])] };
                var hasIndex = indexed.Contains(field.Name);
                var (found, counted) = (0L, 0L);
                List<Func<Task>> subjects =
                [
                    async () => await PageAndTotal(small, filter, rows),
                    async () => found = await PageAndTotal(large, filter, rows),
                    Run(() => counted = naive.PageAndTotal($"+\"{field.Name}\" IS ?", [value], rows)),
                ];
                if (hasIndex) subjects.Add(Run(() => naive.Count($"\"{field.Name}\" = ?", [value])));
                var times = await Timing.Interleave(settings.Patience, [.. subjects]);

                var isMany = share >= ManyShare;
                var slower = times[1] / times[0];
                if (found != counted && value != field.AbsentName) throw new InvalidDataException($"{name} {field.Name} = {value}: Cairn counts {found}, the naive table {counted}.");
                Report.Row(
                    $"{name}: {field.Name}", $"{share:0.00 %}", Report.Time(times[0]), Report.Time(times[1]), Report.Ratio(slower), Report.AtMost(slower, 2),
                    hasIndex ? Report.Time(times[3]) : "", hasIndex ? Report.Ratio(times[3] / times[1]) : "", hasIndex && isMany ? Report.AtLeast(times[3] / times[1], 10) : "",
                    Report.Time(times[2]), Report.Ratio(times[2] / times[1]), isMany ? Report.AtLeast(times[2] / times[1], 50) : "");
            }

        var groupings = (kind.Name == "request" ? RequestGroupings : EventGroupings).Select(column => new[] { kind[column] }).ToArray();
        var stats = await Timing.Interleave(
            settings.Patience,
            () => small.Summarise(Filter<T>.Everything, groupings, kind.Measured is not null, default),
            () => large.Summarise(Filter<T>.Everything, groupings, kind.Measured is not null, default),
            Run(() =>
            {
                foreach (var grouping in groupings) naive.Walk($"SELECT \"{grouping[0].Name}\", count(*) FROM naive GROUP BY 1");
            }));
        var grown = stats[1] / stats[0];
        Report.Row($"{name}: statistics of everything", "100 %", Report.Time(stats[0]), Report.Time(stats[1]), Report.Ratio(grown), Report.AtMost(grown, 2), "", "", "", Report.Time(stats[2]), Report.Ratio(stats[2] / stats[1]), Report.AtLeast(stats[2] / stats[1], 50));
    }

    public static async Task<long> PageAndTotal<T>(ILog<T> log, Filter<T> filter, int rows) where T : class, IRecord, new() =>
        (await log.Read(new(filter, rows, Counted: true), default)).Total;

    public static Func<Task> Run(Action act) => () =>
    {
        act();
        return Task.CompletedTask;
    };

    /// <summary>The most and the least frequent value of a field, with their share of the records; none for a field that is empty.</summary>
    static async Task<List<(string Value, double Share)>> Values<T>(ILog<T> log, Field<T> field) where T : class, IRecord, new()
    {
        if (field.Keep != Keep.Term)
        {
            var newest = await log.Read(new(Filter<T>.Everything, 1), default);
            if (field.Text!(newest.Records[0]) is not { } text) return [];
            return [(text, (double)await log.Count(new() { Conditions = [new(field, [text], [])] }, default) / newest.Records[0].Position)];
        }
        var summary = await log.Summarise(Filter<T>.Everything, [[field]], percentiles: false, default);
        var groups = summary.Groups[0].Where(group => group.Values[0] is not null || field.AbsentName is not null).ToList();
        if (groups.Count == 0) return [];
        Group[] ends = groups.Count == 1 ? [groups[0]] : [groups[0], groups[^1]];
        return [.. ends.Select(group => (group.Values[0] ?? field.AbsentName!, (double)group.Count / summary.Count))];
    }
}
