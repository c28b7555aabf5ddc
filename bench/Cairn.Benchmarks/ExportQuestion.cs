using System.Buffers;
using System.Diagnostics;
using Cairn.Events;
using Cairn.Export;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;

namespace Cairn.Benchmarks;

/// <summary>How fast is a CSV file of the whole log, beside the sqlite3 shell on the naive table, and how much memory does it take?</summary>
sealed class ExportQuestion(Settings settings)
{
    const int RowsInPiece = 2_000;

    readonly Tables tables = new(settings);

    public async Task Ask()
    {
        Report.Title("CSV export of the whole log");
        Report.Head("records", "Cairn", "sqlite3 shell, naive table", "ratio", "≥ 0.6", "memory when a tenth is written", "at the end", "ratio", "≤ 1.1");
        foreach (var shape in settings.Shapes)
        {
            await Ask<RequestRecord>(shape);
            await Ask<EventRecord>(shape);
        }
    }

    async Task Ask<T>(Shape shape) where T : class, IRecord, new()
    {
        var kind = Tables.Kind<T>();
        await using var store = Tables.Open(await tables.Cairn<T>(shape, settings.Most));
        var log = Tables.Log<T>(store);
        var naive = Path.Combine(await tables.Naive<T>(shape, settings.Most), "naive.db");
        var columns = string.Join(", ", kind.Csv.Select(field => field.Stored ? $"\"{field.Name}\"" : $"'' AS \"{field.Name}\""));
        var sql = $"SELECT {columns} FROM naive ORDER BY \"{kind.Time.Name}\" DESC";

        // Memory is looked at once, by itself: what was asked before, or an export before this one, leaves room in which growth would not show.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        var (tenth, end) = await Write(log, settings.Most);
        var times = await Timing.Interleave(
            settings.Patience,
            () => Write(log, settings.Most),
            () => Shell("-csv", "-header", naive, sql));
        Report.Row(
            $"{kind.Name}, {shape}, {Report.Rows(settings.Most)}", $"{settings.Most / times[0].TotalSeconds:#,0}/s", $"{settings.Most / times[1].TotalSeconds:#,0}/s",
            Report.Ratio(times[1] / times[0]), Report.AtLeast(times[1] / times[0], 0.6), $"{tenth >> 20} MiB", $"{end >> 20} MiB", Report.Ratio((double)end / tenth), Report.AtMost((double)end / tenth, 1.1));
    }

    /// <summary>As the export endpoint does, into nowhere. Answers the most memory in use until a tenth was written, and until the end.</summary>
    static async Task<(long Tenth, long End)> Write<T>(ILog<T> log, long rows) where T : class, IRecord, new()
    {
        await using var nowhere = new FileStream("/dev/null", FileMode.Open, FileAccess.Write);
        var buffer = new ArrayBufferWriter<byte>(1 << 20);
        var csv = new CsvWriter<T>(log.Kind, buffer);
        csv.WriteHeader();
        var (written, tenth, most) = (0L, 0L, 0L);
        for (long? before = null; ;)
        {
            var page = await log.Read(new(Filter<T>.Everything, RowsInPiece, before, Fields: log.Kind.Csv), default);
            foreach (var record in page.Records) csv.Write(record);
            await nowhere.WriteAsync(buffer.WrittenMemory);
            buffer.ResetWrittenCount();
            most = Math.Max(most, Environment.WorkingSet);
            if ((written += page.Records.Count) <= rows / 10) tenth = most;
            before = page.Next;
            if (before is null) break;
        }
        if (written != rows) throw new InvalidDataException($"{written} of {rows} records were exported.");
        return (tenth, most);
    }

    static async Task Shell(params string[] arguments)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec sqlite3 \"$@\" > /dev/null", "sqlite3", .. arguments]);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"sqlite3 ended with {process.ExitCode}.");
    }
}
