using System.Diagnostics;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cairn.Benchmarks;

/// <summary>How fast is appending, durably, in batches of 1,000, and does it stay as fast when the log grows?</summary>
sealed class AppendQuestion(Settings settings)
{
    const int BatchRows = 1_000;

    readonly Tables tables = new(settings);

    int Batches => settings.Short ? 5 : 32;

    int Rounds => settings.Short ? 3 : 9;

    public async Task Ask()
    {
        Report.Title($"Append, durable, batches of {BatchRows}");
        Report.Head("records", "Cairn", "limit: same rows, bare statements", "ratio", "asked", "ok?", "limit without kept counts", "ratio", "naive", "ratio");
        foreach (var shape in settings.Shapes)
        {
            await Ask<RequestRecord>(shape);
            await Ask<EventRecord>(shape);
        }
    }

    async Task Ask<T>(Shape shape) where T : class, IRecord, new()
    {
        var subjects = new List<Subject<T>>();
        try
        {
            foreach (var rows in settings.Rows) subjects.Add(new(shape, rows, tables.Copy(await tables.Cairn<T>(shape, rows)), tables.Copy(await tables.Naive<T>(shape, rows))));
            for (var round = 0; round < 1 + Rounds; round++)
                foreach (var subject in subjects) await subject.Run(Batches, counts: round > 0);
        }
        finally
        {
            foreach (var subject in subjects) await subject.DisposeAsync();
        }

        foreach (var subject in subjects)
        {
            var (cairn, limit, records, naive) = (subject.Rate(Way.Cairn), subject.Rate(Way.Limit), subject.Rate(Way.LimitRecords), subject.Rate(Way.Naive));
            Report.Row(
                $"{Tables.Kind<T>().Name}, {shape}, at {Report.Rows(subject.Rows)}", Rate(cairn), Rate(limit), Report.Ratio(cairn / limit), "≥ 0.7", Report.AtLeast(cairn / limit, 0.7),
                Rate(records), Report.Ratio(cairn / records), Rate(naive), Report.Ratio(cairn / naive));
        }
        if (subjects.Count < 2) return;
        var (kept, keptNaive) = (subjects[^1].Rate(Way.Cairn) / subjects[0].Rate(Way.Cairn), subjects[^1].Rate(Way.Naive) / subjects[0].Rate(Way.Naive));
        Report.Row($"{Tables.Kind<T>().Name}, {shape}, {Report.Rows(settings.Most)} : {Report.Rows(settings.Least)}", Report.Ratio(kept), "", "", "≥ 0.8", Report.AtLeast(kept, 0.8), "", "", Report.Ratio(keptNaive), "");
    }

    static string Rate(double rate) => $"{rate:#,0}/s";

    enum Way { Cairn, Limit, LimitRecords, Naive }

    /// <summary>Copies of the tables of one size, each appended to in turn.</summary>
    sealed class Subject<T> : IAsyncDisposable where T : class, IRecord, new()
    {
        readonly Generator generator;
        readonly Scratch cairnFiles, limitFiles, naiveFiles;
        readonly SqliteLogStore store;
        readonly Recorder recorder;
        readonly Limit<T> limit;
        readonly NaiveTable<T> naive;
        readonly Dictionary<Way, List<double>> rates = Enum.GetValues<Way>().ToDictionary(way => way, _ => new List<double>());
        readonly Dictionary<Way, long> next;

        public Subject(Shape shape, long rows, Scratch cairn, Scratch naiveCopy)
        {
            (Rows, generator) = (rows, new(shape, rows));
            (cairnFiles, naiveFiles) = (cairn, naiveCopy);
            limitFiles = new(cairn.Folder, cairn.Folder + "-limit");
            store = Tables.Open(cairn.Folder);
            recorder = new(store, NullLogger<Recorder>.Instance);
            limit = new(limitFiles.Folder, Tables.Kind<T>());
            naive = new(Path.Combine(naiveCopy.Folder, "naive.db"), Tables.Kind<T>());
            next = Enum.GetValues<Way>().ToDictionary(way => way, _ => rows);
        }

        public long Rows { get; }

        public double Rate(Way way) => Timing.Median(rates[way]);

        public async Task Run(int batches, bool counts)
        {
            await Measure(Way.Cairn, records => records, records => records is List<RequestRecord> requests ? recorder.Append(requests) : recorder.Append((List<EventRecord>)(object)records));
            await Measure(Way.Limit, limit.Prepare, Synchronously<Limit<T>.Batch>(batch => limit.Append(batch, withCounts: true)));
            await Measure(Way.LimitRecords, limit.Prepare, Synchronously<Limit<T>.Batch>(batch => limit.Append(batch, withCounts: false)));
            await Measure(Way.Naive, records => records, Synchronously<List<T>>(naive.Append));

            async Task Measure<TBatch>(Way way, Func<List<T>, TBatch> prepare, Func<TBatch, Task> append)
            {
                // The two limits write to one table, one after the other.
                var first = way is Way.LimitRecords ? Way.Limit : way;
                var prepared = new List<TBatch>();
                for (var i = 0; i < batches; i++, next[first] += BatchRows) prepared.Add(prepare(generator.Take<T>(next[first], BatchRows)));
                GC.Collect();
                var clock = Stopwatch.StartNew();
                foreach (var batch in prepared) await append(batch);
                if (counts) rates[way].Add(batches * BatchRows / clock.Elapsed.TotalSeconds);
            }
        }

        static Func<TBatch, Task> Synchronously<TBatch>(Action<TBatch> act) => batch =>
        {
            act(batch);
            return Task.CompletedTask;
        };

        public async ValueTask DisposeAsync()
        {
            await recorder.DisposeAsync();
            await store.DisposeAsync();
            limit.Dispose();
            naive.Dispose();
            cairnFiles.Dispose();
            limitFiles.Dispose();
            naiveFiles.Dispose();
        }
    }
}
