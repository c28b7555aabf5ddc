using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Cairn.Benchmarks;

/// <summary>What was asked for on the command line.</summary>
/// <param name="Rows">Sizes of the tables, ascending; the last is compared with the first, and is the one that a question is asked of which compares nothing.</param>
/// <param name="Short">A taste of every figure, on small tables.</param>
/// <param name="Shapes">How many distinct values the tables have: few, many, or one after the other.</param>
/// <param name="Tables">Where tables are kept between runs.</param>
sealed record Settings(string Question, long[] Rows, bool Short, Shape[] Shapes, string Tables)
{
    /// <summary>Reading is pages and searches too.</summary>
    public bool Asks(string question) => Question == "all" || Question == question || (Question == "read" && question is ("page" or "search"));

    public long Least => Rows[0];

    public long Most => Rows[^1];

    /// <summary>How long one comparison may take.</summary>
    public TimeSpan Patience => TimeSpan.FromSeconds(Short ? 1 : 4);

    public static bool TryParse(string[] args, string[] questions, [NotNullWhen(true)] out Settings? settings, [NotNullWhen(false)] out string? problem)
    {
        (settings, problem) = (null, null);
        var (question, isShort, tables) = ("all", false, Path.Combine(Home(), ".tables"));
        long[]? rows = null;
        Shape[] shapes = [Shape.Low, Shape.High];
        for (var i = 0; i < args.Length; i++)
        {
            if (args[i] == "all" || questions.Contains(args[i])) question = args[i];
            else if (args[i] == "--short") isShort = true;
            else if (args[i] == "--rows" && i + 1 < args.Length && args[i + 1].Split(',').Select(Size).ToArray() is var sizes && sizes.All(size => size > 0)) (rows, i) = ([.. sizes.Order()], i + 1);
            else if (args[i] == "--shape" && i + 1 < args.Length && shapes.FirstOrDefault(known => known.Name == args[i + 1]) is { } shape) (shapes, i) = ([shape], i + 1);
            else if (args[i] == "--tables" && i + 1 < args.Length) tables = Path.GetFullPath(args[++i]);
            else problem = $"'{args[i]}' is not understood\nusage: Cairn.Benchmarks [{string.Join('|', questions)}|all] [--rows 1m,10m] [--shape low|high] [--short] [--tables DIR]";
        }
        if (problem is not null) return false;
        settings = new(question, rows ?? (isShort ? [20_000, 200_000] : [1_000_000, 10_000_000]), isShort, shapes, tables);
        return true;
    }

    /// <summary>The folder above this project, wherever the program is started from.</summary>
    static string Home()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Cairn.Benchmarks.csproj"))) return folder.Parent!.FullName;
        return Environment.CurrentDirectory;
    }

    static long Size(string text)
    {
        var unit = text.EndsWith('m') ? 1_000_000 : text.EndsWith('k') ? 1_000 : 1;
        return long.TryParse(text.TrimEnd('m', 'k'), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number * unit : 0;
    }
}
