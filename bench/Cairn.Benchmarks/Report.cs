using System.Runtime.InteropServices;
using Cairn.Storage.Sqlite;

namespace Cairn.Benchmarks;

/// <summary>Markdown on standard output; progress on standard error.</summary>
static class Report
{
    public static void Begin(Settings settings)
    {
        Console.WriteLine("# Cairn benchmarks");
        Console.WriteLine();
        Console.WriteLine($"{Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30} GiB, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, SQLite {Sqlite3.Version}.");
        Console.WriteLine($"Tables of {string.Join(" and ", settings.Rows.Select(Rows))} rows. Every comparison is interleaved in one run; figures are medians.");
    }

    public static void Title(string title)
    {
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

    public static void Head(params string[] columns)
    {
        Console.WriteLine($"| {string.Join(" | ", columns)} |");
        Console.WriteLine($"|{string.Concat(columns.Select(_ => " --- |"))}");
    }

    public static void Row(params string[] cells) => Console.WriteLine($"| {string.Join(" | ", cells)} |");

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

    public static string AtLeast(double ratio, double asked) => ratio >= asked ? "yes" : "**no**";

    public static string AtMost(double ratio, double asked) => ratio <= asked ? "yes" : "**no**";
}
