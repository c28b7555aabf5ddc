using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Benchmarks;

/// <summary>How long does a search for a part of a text take, first page and exact total, beside LIKE over the naive table?</summary>
sealed class SearchQuestion(Settings settings)
{
    readonly Tables tables = new(settings);

    public async Task Ask()
    {
        Report.Title("Search for a part of a text, first page and exact total");
        var (small, large) = (Report.Rows(settings.Least), Report.Rows(settings.Most));
        Report.Head("search", "finds", $"Cairn {small}", $"Cairn {large}", "of it the page", "of it the total", $"naive `LIKE` {large}", "ratio", "≥ 50");
        foreach (var shape in settings.Shapes)
        {
            await Ask<EventRecord>(
                shape, ["action", "resourceName"],
                (shape == Shape.High ? "-48213" : "-1234", "one name"), (Generator.CommonWord, "one name in a hundred"), (Generator.CommonWord + "-gateway", "one name in two thousand"),
                ("team", "most names"), ("impersonation", "actions only"), ("signed in", "labels only"), ("workspace", "actions and names"),
                ("wo", "two letters, actions and names"), ("zu", "two letters, names"), ("xq", "two letters, nothing"), ("nowhere to be found", "nothing"));
            await Ask<RequestRecord>(
                shape, ["request_id", "model", "error_type", "error_message"],
                ("llama", "models"), ("rate_limit", "errors"), ("after 125 ms", "one error in hundreds"), ("nowhere to be found", "nothing"));
        }
    }

    async Task Ask<T>(Shape shape, string[] searched, params (string Text, string What)[] searches) where T : class, IRecord, new()
    {
        var kind = Tables.Kind<T>();
        await using var smallStore = Tables.Open(await tables.Cairn<T>(shape, settings.Least));
        await using var largeStore = Tables.Open(await tables.Cairn<T>(shape, settings.Most));
        using var naive = new NaiveReader<T>(await tables.Naive<T>(shape, settings.Most), kind);
        var (small, large) = (Tables.Log<T>(smallStore), Tables.Log<T>(largeStore));
        var rows = ReadQuestion.PageRows<T>();
        var where = string.Join(" OR ", searched.Select(column => $"\"{column}\" LIKE ?1"));

        foreach (var (text, what) in searches)
        {
            var filter = new Filter<T> { Search = text };
            var (found, counted) = (0L, 0L);
            var times = await Timing.Interleave(
                settings.Patience,
                () => ReadQuestion.PageAndTotal(small, filter, rows),
                () => large.Read(new(filter, rows), default),
                async () => found = await large.Count(filter, default),
                ReadQuestion.Run(() => counted = naive.PageAndTotal(where, [$"%{text}%"], rows)));

            // Labels are not in the naive table, so that there it finds less.
            if (found < counted || (found > counted && what != "labels only" && !kind.Fields.Any(field => field.SearchText is not null)))
                throw new InvalidDataException($"{kind.Name}, {shape}, '{text}': Cairn counts {found}, the naive table {counted}.");
            var both = times[1] + times[2];
            Report.Row(
                $"{kind.Name}, {shape}: {what} (`{text}`)", $"{found:#,0}", Report.Time(times[0]), Report.Time(both), Report.Time(times[1]), Report.Time(times[2]),
                Report.Time(times[3]), Report.Ratio(times[3] / both), Report.AtLeast(times[3] / both, 50));
        }
    }
}
