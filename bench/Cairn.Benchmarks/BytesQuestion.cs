using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage.Sqlite;

namespace Cairn.Benchmarks;

/// <summary>What does a record take on disk, indexes and counts included?</summary>
sealed class BytesQuestion(Settings settings)
{
    readonly Tables tables = new(settings);

    public async Task Ask()
    {
        Report.Title("Bytes per record on disk, everything included");
        Report.Head("records", "Cairn", "asked", "ok?", "naive", "ratio", "where they are");
        foreach (var shape in settings.Shapes)
            foreach (var rows in settings.Rows)
            {
                await Ask<RequestRecord>(shape, rows, 250);
                await Ask<EventRecord>(shape, rows, 350);
            }
    }

    async Task Ask<T>(Shape shape, long rows, double most) where T : class, IRecord, new()
    {
        using var cairn = Connection.OpenReader(Path.Combine(await tables.Cairn<T>(shape, rows), "log.db"));
        using var naive = Connection.OpenReader(Path.Combine(await tables.Naive<T>(shape, rows), "naive.db"));
        var (bytes, naiveBytes) = (Bytes(cairn) / rows, Bytes(naive) / rows);
        Report.Row($"{Tables.Kind<T>().Name}, {shape}, {Report.Rows(rows)}", $"{bytes:0}", $"≤ {most}", Report.AtMost(bytes, most), $"{naiveBytes:0}", Report.Ratio(naiveBytes / bytes), Parts(cairn, rows));
    }

    static double Bytes(Connection connection) =>
        (connection.Number("PRAGMA page_count") - connection.Number("PRAGMA freelist_count")) * connection.Number("PRAGMA page_size");

    static string Parts(Connection connection, long rows)
    {
        try
        {
            var parts = new List<string>();
            using var list = connection.Prepare("SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = TRUE GROUP BY name HAVING sum(pgsize) > 0 ORDER BY 2 DESC LIMIT 10");
            while (list.Step()) parts.Add($"{list.Text(0)} {(double)list.Integer(1) / rows:0.0}");
            return string.Join(", ", parts);
        }
        catch (SqliteException)
        {
            return "this SQLite has no dbstat";
        }
    }
}
