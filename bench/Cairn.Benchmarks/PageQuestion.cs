using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Benchmarks;

/// <summary>What does a page far down the list cost, by cursor and by number?</summary>
sealed class PageQuestion(Settings settings)
{
    const int DeepPage = 10_000;

    readonly Tables tables = new(settings);

    public async Task Ask()
    {
        Report.Title("A page far down the list");
        Report.Head("list", "page", "first", "by cursor", "ratio", "≤ 1.5", "by number", "ratio", "≤ 20", "naive `OFFSET`", "naive : by number");
        foreach (var shape in settings.Shapes)
        {
            await Ask<RequestRecord>(shape, ("everything", null), ("status = success", ("status", "success")), ("model = the most frequent", ("model", Generator.Model(0))), ("user = the most frequent", ("user", Generator.User(0))));
            await Ask<EventRecord>(shape, ("everything", null), ("action = auth.login", ("action", "auth.login")), ("outcome = success", ("outcome", "success")));
        }
    }

    async Task Ask<T>(Shape shape, params (string Name, (string Field, string Value)? Condition)[] lists) where T : class, IRecord, new()
    {
        var kind = Tables.Kind<T>();
        await using var store = Tables.Open(await tables.Cairn<T>(shape, settings.Most));
        using var naive = new NaiveReader<T>(await tables.Naive<T>(shape, settings.Most), kind);
        var log = Tables.Log<T>(store);
        var rows = ReadQuestion.PageRows<T>();

        foreach (var (name, condition) in lists)
        {
            var filter = condition is { } asked ? new Filter<T> { Conditions = [new(kind[asked.Field], [asked.Value], [])] } : Filter<T>.Everything;
            var total = await log.Count(filter, default);
            var page = Math.Min(DeepPage, total / rows);
            var skip = (page - 1) * rows;
            var cursor = (await log.Read(new(filter, rows, Skip: skip - rows), default)).Next;

            // The naive table may take its text index here: OFFSET costs what it costs all the same.
            var (where, values) = condition is { } asked2 ? ($"\"{asked2.Field}\" = ?", new[] { asked2.Value }) : ("1", []);
            var times = await Timing.Interleave(
                settings.Patience,
                () => log.Read(new(filter, rows), default),
                () => log.Read(new(filter, rows, Before: cursor), default),
                () => log.Read(new(filter, rows, Skip: skip), default),
                ReadQuestion.Run(() => naive.Page(where, values, rows, skip)));
            Report.Row(
                $"{kind.Name}, {shape}: {name}", $"{page:#,0}", Report.Time(times[0]), Report.Time(times[1]), Report.Ratio(times[1] / times[0]), Report.AtMost(times[1] / times[0], 1.5),
                Report.Time(times[2]), Report.Ratio(times[2] / times[0]), Report.AtMost(times[2] / times[0], 20), Report.Time(times[3]), Report.Ratio(times[3] / times[2]));
        }
    }
}
