using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;

namespace Cairn.Support;

/// <summary>A store and, beside it, what it has to agree with.</summary>
sealed class Twins(Func<ILogStore> open) : IAsyncDisposable
{
    public ILogStore Store { get; private set; } = open();

    public ModelLog<RequestRecord> Requests { get; } = new(Some.RequestKind);

    public ModelLog<EventRecord> Events { get; } = new(Some.EventKind);

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public Task Append(params IEnumerable<RequestRecord> requests) => Append(requests, []);

    public Task Append(params IEnumerable<EventRecord> events) => Append([], events);

    /// <summary>Appends to both as one batch. They must say the same of every record.</summary>
    public async Task Append(IEnumerable<RequestRecord> requests, IEnumerable<EventRecord> events)
    {
        var batch = Batch(requests, events);
        var outcome = await Store.Append(batch, Cancel);
        Assert.Equal(batch.Requests.Select(Requests.Append), outcome.Requests);
        Assert.Equal(batch.Events.Select(Events.Append), outcome.Events);
    }

    public static Batch Batch(IEnumerable<RequestRecord> requests, IEnumerable<EventRecord> events)
    {
        var batch = new Batch();
        batch.Requests.AddRange(requests);
        batch.Events.AddRange(events);
        return batch;
    }

    /// <summary>Appends to a store on a small disk until it has refused some times.</summary>
    public async Task FillDisk()
    {
        for (var refusals = 0; refusals < 3;)
        {
            Assert.True(Events.Records.Count < 100_000, "The disk is never full.");
            try
            {
                await Append(Enumerable.Range(0, 50).Select(i => Some.Event(Some.Midnight + i, resourceName: new string('n', 200) + Some.Number)).ToList());
            }
            catch (LogUnavailableException)
            {
                refusals++;
            }
        }
        Assert.False((await Store.Health(Cancel)).Writable);
    }

    public async Task<int> Drop(long beforeMs, int limit)
    {
        var dropped = await Store.Requests.Drop(beforeMs, limit, Cancel);
        Assert.Equal(Requests.Drop(beforeMs, limit), dropped);
        var droppedEvents = await Store.Events.Drop(beforeMs, limit, Cancel);
        Assert.Equal(Events.Drop(beforeMs, limit), droppedEvents);
        return dropped + droppedEvents;
    }

    public async Task DropAll(long beforeMs, int limit)
    {
        while (await Drop(beforeMs, limit) > 0) { }
    }

    public async Task Sweep(int limit)
    {
        while (await Store.Requests.Sweep(limit, Cancel) > 0) { }
        while (await Store.Events.Sweep(limit, Cancel) > 0) { }
    }

    public async Task Reopen()
    {
        await Store.DisposeAsync();
        Store = open();
    }

    /// <summary>Both logs hold the same records, at the same positions, in the same order, and count them alike.</summary>
    public async Task Agree()
    {
        await Store.Requests.Agrees(Requests, Filter<RequestRecord>.Everything);
        await Store.Events.Agrees(Events, Filter<EventRecord>.Everything);
    }

    public ValueTask DisposeAsync() => Store.DisposeAsync();
}

/// <summary>Each way to ask a log, compared with the model's answer.</summary>
static class Agreement
{
    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>All of them.</summary>
    /// <param name="groupings">Those that statistics are asked for by; all that there are when absent.</param>
    public static async Task Agrees<T>(this ILog<T> log, ModelLog<T> model, Filter<T> filter, int page = 100, Field<T>[][]? groupings = null) where T : class, IRecord, new()
    {
        Assert.Equal(model.LastPosition, await log.LastPosition(Cancel));
        Assert.Equal(model.OldestMs, await log.OldestMs(Cancel));
        await log.AgreesOnCount(model, filter);
        await log.AgreesOnWalk(model, filter, page);
        await log.AgreesOnFollowing(model, filter, after: 0, page);
        await log.AgreesOnSummary(model, filter, groupings ?? Groupings(model.Kind));
    }

    public static async Task AgreesOnCount<T>(this ILog<T> log, ModelLog<T> model, Filter<T> filter) where T : class, IRecord, new() =>
        Assert.Equal(model.Matching(filter).Count, await log.Count(filter, Cancel));

    /// <summary>By cursor, from the first page to the last.</summary>
    public static async Task AgreesOnWalk<T>(this ILog<T> log, ModelLog<T> model, Filter<T> filter, int page) where T : class, IRecord, new()
    {
        var walked = new List<T>();
        await foreach (var one in log.Pages(filter, page)) walked.AddRange(one.Records);
        Assert.Equal(model.Matching(filter).Select(model.Describe), walked.Select(model.DescribeStored));
    }

    public static async IAsyncEnumerable<Page<T>> Pages<T>(this ILog<T> log, Filter<T> filter, int limit) where T : class, IRecord, new()
    {
        long? before = null;
        do
        {
            var page = await log.Read(new(filter, limit, before), Cancel);
            if (page.Next is not null) Assert.Equal(limit, page.Records.Count);
            yield return page;
            before = page.Next;
        }
        while (before is not null);
    }

    /// <summary>By number.</summary>
    public static async Task AgreesOnSkip<T>(this ILog<T> log, ModelLog<T> model, List<T> matching, Filter<T> filter, int skip, int limit) where T : class, IRecord, new()
    {
        var page = await log.Read(new(filter, limit, Skip: skip), Cancel);
        Assert.Equal(matching.Skip(skip).Take(limit).Select(model.Describe), page.Records.Select(model.DescribeStored));
        Assert.Equal(matching.Count > skip + limit, page.Next is not null);
    }

    /// <summary>In the order of recording, piece by piece to the end.</summary>
    public static async Task AgreesOnFollowing<T>(this ILog<T> log, ModelLog<T> model, Filter<T> filter, long after, int limit) where T : class, IRecord, new()
    {
        var followed = new List<T>();
        for (var place = after; ;)
        {
            var tail = await log.Follow(filter, place, limit, Cancel);
            Assert.InRange(tail.Records.Count, 0, limit);
            Assert.All(tail.Records, record => Assert.InRange(record.Position, place + 1, tail.Examined));
            followed.AddRange(tail.Records);
            if (tail.Examined == place) break;
            place = tail.Examined;
        }
        Assert.Equal(model.Records.Where(record => record.Position > after && filter.Matches(model.Kind, record)).Select(model.Describe), followed.Select(model.DescribeStored));
    }

    public static async Task AgreesOnSummary<T>(this ILog<T> log, ModelLog<T> model, Filter<T> filter, Field<T>[][] groupings) where T : class, IRecord, new()
    {
        var matching = model.Matching(filter);
        var summary = await log.Summarise(filter, groupings, percentiles: true, Cancel);

        Assert.Equal(matching.Count, summary.Count);
        Assert.Equal(model.Sums(matching), summary.Sums);
        for (var i = 0; i < groupings.Length; i++)
        {
            Assert.Equal(ModelLog<T>.GroupLines(model.Groups(matching, groupings[i])), ModelLog<T>.GroupLines(summary.Groups[i]));
            Assert.Equal(summary.Groups[i].Select(group => group.Count).OrderDescending(), summary.Groups[i].Select(group => group.Count));
        }

        if (model.Kind.Measured is not { } measured || matching.Count == 0)
        {
            Assert.Null(summary.Percentiles);
            return;
        }
        var values = matching.Select(record => Math.Max(0, measured.Number!(record) ?? 0)).Order().ToArray();
        Assert.NotNull(summary.Percentiles);
        Near(summary.Percentiles.P50, 0.50);
        Near(summary.Percentiles.P95, 0.95);
        Near(summary.Percentiles.P99, 0.99);

        void Near(long found, double share)
        {
            var exact = values[Math.Max(1, (int)Math.Ceiling(values.Length * share)) - 1];
            Assert.InRange(found, Math.Floor(exact * 0.995), Math.Ceiling(exact * 1.005));
        }
    }

    /// <summary>Every field that repeats, and some of them together.</summary>
    public static Field<T>[][] Groupings<T>(Kind<T> kind) where T : class, IRecord, new()
    {
        var terms = kind.Stored.Where(field => field.Keep == Keep.Term).ToArray();
        return [.. terms.Select(field => new[] { field }), .. kind.Rollups.Select(rollup => rollup.Fields), [terms[0], terms[^1]], [terms[1], terms[2], terms[^2]]];
    }
}
