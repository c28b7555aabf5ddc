using System.Runtime.InteropServices;
using Cairn.Storage.Sqlite;

namespace Cairn.Benchmarks;

/// <summary>Markdown on standard output; progress on standard error.</summary>
static class Report
{
    const string Met = "yes", NotMet = "**no**";

    /// <summary>In the place of a verdict, where the peer is not installed.</summary>
    public const string Absent = "not measured";

    /// <summary>What was asked and measured so far: under which title, in which row, whether it was met.</summary>
    static readonly List<(string Title, string Row, bool IsMet)> verdicts = [];

    /// <summary>What could not be measured here, and why.</summary>
    static readonly List<string> missing = [];

    static string title = "";

    public static void Begin(Settings settings)
    {
        Console.WriteLine("# Cairn benchmarks");
        Console.WriteLine();
        Console.WriteLine($"{Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, SQLite {Sqlite3.Version}.");
        Console.WriteLine($"Tables of {string.Join(" and ", settings.Rows.Select(Rows))} rows. Every comparison is interleaved in one run; figures are medians.");
    }

    /// <summary>All that was asked, in one place.</summary>
    public static void End()
    {
        Title("What was asked, and met");
        Head("figures", "met", "not met", "which");
        foreach (var figures in verdicts.GroupBy(verdict => verdict.Title))
            Row(figures.Key, $"{figures.Count(one => one.IsMet)}", $"{figures.Count(one => !one.IsMet)}", string.Join("; ", figures.Where(one => !one.IsMet).Select(one => one.Row)));
        foreach (var reason in missing) Row(reason, "", "", "not measured here");
    }

    public static void Title(string title)
    {
        Report.title = title;
        Console.WriteLine();
        Console.WriteLine($"## {title}");
        Console.WriteLine();
    }

    public static void Note(string text)
    {
        Console.WriteLine();
        Console.WriteLine(text);
        Console.WriteLine();
    }

    public static void NotMeasured(string why)
    {
        missing.Add($"{title}: {why}");
        Note($"Not measured: {why}");
    }

    public static void Head(params string[] columns)
    {
        Console.WriteLine($"| {string.Join(" | ", columns)} |");
        Console.WriteLine($"|{string.Concat(columns.Select(_ => " --- |"))}");
    }

    public static void Row(params string[] cells)
    {
        Console.WriteLine($"| {string.Join(" | ", cells)} |");
        if (cells.Contains(Absent)) missing.Add($"{title}: {cells[0]}.");
        verdicts.AddRange(cells.Where(cell => cell is Met or NotMet).Select(cell => (title, cells[0], cell == Met)));
    }

    public static void Progress(string text) => Console.Error.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {text}");

    public static string Rows(long rows) => rows % 1_000_000 == 0 ? $"{rows / 1_000_000}m" : rows % 1_000 == 0 ? $"{rows / 1_000}k" : $"{rows}";

    public static string Time(TimeSpan time) => time switch
    {
        { TotalMilliseconds: < 1 } => $"{time.TotalMicroseconds:0} µs",
        { TotalMilliseconds: < 10 } => $"{time.TotalMilliseconds:0.00} ms",
        { TotalMilliseconds: < 1_000 } => $"{time.TotalMilliseconds:0} ms",
        _ => $"{time.TotalSeconds:0.0} s",
    };

    public static string Ratio(double ratio) => ratio >= 10 ? $"{ratio:0}" : $"{ratio:0.00}";

    public static string AtLeast(double ratio, double asked) => ratio >= asked ? Met : NotMet;

    public static string AtMost(double ratio, double asked) => ratio <= asked ? Met : NotMet;
}
