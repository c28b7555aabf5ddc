using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace Cairn.Commands;

/// <summary>What is shown to a person. Whatever a record holds is hostile: it may try to move the cursor or turn the line around.</summary>
static class Terminal
{
    const int BrokenPipe = 32;

    public static bool IsOutput => !Console.IsOutputRedirected;

    /// <summary>Standard output. When its reader closes it, writing fails (see <see cref="IsClosed"/>), where the console's own stream goes on in silence.</summary>
    public static Stream OpenOutput()
    {
        if (OperatingSystem.IsWindows()) return Console.OpenStandardOutput();
        var pipe = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        // In a file the console's stream keeps the place that other writers of the same file go on from.
        return pipe.CanSeek ? Console.OpenStandardOutput() : pipe;
    }

    /// <summary>True when a write failed because the reader of standard output went away.</summary>
    public static bool IsClosed(Exception error) => error is IOException { HResult: BrokenPipe } and not (HttpIOException or Storage.LogUnavailableException);

    /// <summary>A text without control, format and line separating characters: each stands as <c>\u202e</c>. JSON stays the same JSON.</summary>
    /// <param name="keepLines">Leaves ends of lines and tabs.</param>
    public static string Escaped(string text, bool keepLines = false)
    {
        if (IsHarmless(text)) return text;
        var shown = new StringBuilder(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (!IsHostile(rune) || (keepLines && rune.Value is '\r' or '\n' or '\t')) shown.Append(rune);
            else foreach (var letter in rune.ToString()) shown.Append($"\\u{(int)letter:x4}");
        }
        return shown.ToString();
    }

    static bool IsHarmless(string text)
    {
        foreach (var letter in text)
            if (letter is < ' ' or > '~') return false;
        return true;
    }

    static bool IsHostile(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    /// <summary>Rows as a table on a terminal, else as lines without a heading, with a tab between the cells.</summary>
    public static void WriteTable(string[] columns, IEnumerable<string[]> rows)
    {
        if (!IsOutput)
        {
            foreach (var row in rows) Console.WriteLine(string.Join('\t', row));
            return;
        }
        var table = new Table().Border(TableBorder.Simple).AddColumns(columns);
        foreach (var row in rows) table.AddRow(row.Select(Markup.Escape).ToArray());
        AnsiConsole.Write(table);
    }

    /// <summary>Does the work with a bar on standard error, if that is a terminal.</summary>
    /// <param name="wanted">False works without a bar: where it would stand among the data, or its end is not known.</param>
    /// <param name="work">Is given where to tell how much is done, from 0 to 1, and where to write lines meanwhile.</param>
    public static async Task WithBar(string what, bool wanted, Func<Action<double>, Action<string>, Task> work)
    {
        if (!wanted || Console.IsErrorRedirected)
        {
            await work(_ => { }, Console.Error.WriteLine);
            return;
        }
        var console = AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(Console.Error) });
        await console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async context =>
            {
                var bar = context.AddTask(Markup.Escape(what), maxValue: 1);
                await work(share => bar.Value = share, line => console.WriteLine(line));
            });
    }
}
