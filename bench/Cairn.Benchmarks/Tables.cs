using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;
using Cairn.Storage.Sqlite;

namespace Cairn.Benchmarks;

/// <summary>
/// Tables that are made once and kept between runs. A table's folder names the generator's version and a digest of the
/// schema, so that one made by another program is not mistaken for this one's.
/// </summary>
sealed class Tables(Settings settings)
{
    const int BatchRows = 5_000;

    static readonly Kind<EventRecord> Events = EventFields.KindOf(EventCatalog.Known);

    public static Kind<T> Kind<T>() where T : class, IRecord, new() => typeof(T) == typeof(RequestRecord) ? (Kind<T>)(object)RequestFields.Kind : (Kind<T>)(object)Events;

    public static ILog<T> Log<T>(ILogStore store) where T : class, IRecord, new() => typeof(T) == typeof(RequestRecord) ? (ILog<T>)store.Requests : (ILog<T>)store.Events;

    public static SqliteLogStore Open(string folder) => SqliteLogStore.Open(folder, RequestFields.Kind, Events);

    public static Batch Batch<T>(List<T> records)
    {
        var batch = new Batch();
        if (records is List<RequestRecord> requests) batch.Requests.AddRange(requests);
        if (records is List<EventRecord> events) batch.Events.AddRange(events);
        return batch;
    }

    /// <summary>A folder with Cairn's log of so many records of one kind.</summary>
    public async Task<string> Cairn<T>(Shape shape, long rows) where T : class, IRecord, new()
    {
        var folder = Path.Combine(settings.Tables, $"cairn-{Kind<T>().Name}-{shape}-{Report.Rows(rows)}-v{Generator.Version}-{await Schema.Value}");
        if (Directory.Exists(folder)) return folder;
        return await Make(folder, rows, async part =>
        {
            await using var store = Open(part);
            await Fill<T>(shape, rows, records => store.Append(Batch(records), default));
        });
    }

    /// <summary>A folder with the naive table of the same records, <c>naive.db</c>.</summary>
    public async Task<string> Naive<T>(Shape shape, long rows) where T : class, IRecord, new()
    {
        var folder = Path.Combine(settings.Tables, $"naive-{Kind<T>().Name}-{shape}-{Report.Rows(rows)}-v{Generator.Version}");
        if (Directory.Exists(folder)) return folder;
        return await Make(folder, rows, async part =>
        {
            using var naive = new NaiveTable<T>(Path.Combine(part, "naive.db"), Kind<T>());
            naive.Connection.Run("PRAGMA synchronous = OFF");
            naive.Create();
            await Fill<T>(shape, rows, records =>
            {
                naive.Append(records);
                return Task.CompletedTask;
            });
            naive.CreateIndexes();
        });
    }

    /// <summary>A copy that may be written to, for as long as it is not disposed.</summary>
    public Scratch Copy(string folder) => new(folder, Path.Combine(settings.Tables, $"scratch-{Environment.ProcessId}-{Guid.NewGuid():n}"));

    static async Task<string> Make(string folder, long rows, Func<string, Task> fill)
    {
        var part = folder + ".part";
        if (Directory.Exists(part)) Directory.Delete(part, recursive: true);
        Directory.CreateDirectory(part);
        Report.Progress($"making {Path.GetFileName(folder)}");
        var clock = Stopwatch.StartNew();
        await fill(part);
        Directory.Move(part, folder);
        Report.Progress($"made in {clock.Elapsed.TotalSeconds:0} s, {rows / clock.Elapsed.TotalSeconds:0} rows/s");
        return folder;
    }

    /// <summary>The next rows are generated while the last ones are written.</summary>
    static async Task Fill<T>(Shape shape, long rows, Func<List<T>, Task> append) where T : class, IRecord, new()
    {
        var generator = new Generator(shape, rows);
        var next = Task.Run(() => generator.Take<T>(0, (int)Math.Min(rows, BatchRows)));
        for (long start = BatchRows; ; start += BatchRows)
        {
            var records = await next;
            var (first, count) = (start, (int)Math.Min(rows - start, BatchRows));
            if (count > 0) next = Task.Run(() => generator.Take<T>(first, count));
            await append(records);
            if (count <= 0) return;
        }
    }

    static readonly Lazy<Task<string>> Schema = new(async () =>
    {
        var folder = Directory.CreateTempSubdirectory("cairn-bench-").FullName;
        await using (var store = Open(folder)) _ = store;
        using var connection = Connection.OpenReader(Path.Combine(folder, "log.db"));
        using var list = connection.Prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name");
        var all = new StringBuilder();
        while (list.Step()) all.AppendLine(list.Text(0));
        Directory.Delete(folder, recursive: true);
        // What is in the index shows in no table's text.
        foreach (var field in RequestFields.Kind.Stored.Where(field => field.IsIndexed)) all.Append(field.Name).Append(' ');
        foreach (var field in Events.Stored.Where(field => field.IsIndexed)) all.Append(field.Name).Append(' ');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all.ToString())))[..8];
    });
}

sealed class Scratch : IDisposable
{
    public Scratch(string source, string folder)
    {
        Folder = folder;
        Directory.CreateDirectory(folder);
        foreach (var file in Directory.EnumerateFiles(source)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }

    public string Folder { get; }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
