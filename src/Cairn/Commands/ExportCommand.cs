using System.CommandLine;
using System.Text;
using Cairn.Export;

namespace Cairn.Commands;

/// <summary>Writes what matches a filter to a file or to standard output, as the same call over HTTP would.</summary>
static class ExportCommand
{
    const int ChunkBytes = 64 * 1024;

    public static Command Create()
    {
        var command = new Command("export", """
            Write requests, events or conversations as CSV or as lines of JSON, to a file or to standard output. Requests and events also in the formats of other systems: ocsf (Open Cybersecurity Schema Framework) and ecs (Elastic Common Schema).

            Example: cairn export events --format csv --from 2026-01-01 --output events.csv
            """);
        foreach (var log in NamedLog.All.Append(NamedLog.Conversations)) command.Subcommands.Add(Of(log));
        return command;
    }

    static Command Of(NamedLog log)
    {
        string[] formats = log == NamedLog.Conversations ? [Formats.Csv, Formats.Jsonl] : Formats.All;
        var format = new Option<string>("--format") { Description = $"{string.Join(", ", formats[..^1])} or {formats[^1]} (default: what --output ends with, else {log.ExportFormat})", HelpName = "FORMAT" }.AcceptOnlyFromAmong(formats);
        var output = new Option<string>("--output", "-o") { Description = "The file to write; one that exists is replaced (default: standard output)", HelpName = "FILE" };
        var command = new Command(log.Name, $"""
            Export {log.Name}, newest first; without a filter all of them.{(log.IsRequests ? "" : " It stops at 10,000 rows (Export:MaxRows) and says so.")} An export is itself recorded as an event.

            Example: {Example(log)}
            """) { format, output };
        var filter = new FilterOptions(command, log.Filter);
        command.SetAction((parsed, cancel) =>
        {
            var file = parsed.GetValue(output);
            var ending = Path.GetExtension(file)?.ToLowerInvariant();
            var wanted = parsed.GetValue(format) ?? (ending is ".csv" or ".jsonl" ? ending[1..] : log.ExportFormat);
            return Export(log, filter.Query(parsed, log.Export, ("format", wanted)), wanted, file, SettingOptions.Read(parsed), cancel);
        });
        return command;
    }

    static string Example(NamedLog log) => log.IsRequests ? "cairn export requests --status error --start-time 2026-01-01 -o errors.csv"
        : log == NamedLog.Conversations ? "AUDIT_LOGS_ENABLED=true cairn export conversations --owner-email ada@ --date-from 2026-01-01 -o ada.csv"
        : "cairn export events --actor-id u-17 --from 2026-01-01 --to 2026-01-31 -o ada.csv";

    static async Task<int> Export(NamedLog log, string path, string format, string? file, Hosting.Settings settings, CancellationToken cancel)
    {
        // 1. Asked before the file is touched: what is refused leaves it as it was.
        await using var owner = await Owner.Connect(settings, cancel);
        using var answer = await owner.Stream(path, cancel);
        var total = answer.Headers.TryGetValues("X-Total-Count", out var count) && long.TryParse(count.First(), out var number) ? number : 0;

        // 2. Piece by piece. Letters that could command a terminal do not reach one.
        var toTerminal = file is null && Terminal.IsOutput;
        await using var target = file is null ? Terminal.OpenOutput() : new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.Read);
        var rows = new RowCount(format);
        try
        {
            await Terminal.WithBar($"Exporting {log.Name}", wanted: !toTerminal, async (done, _) =>
            {
                await using var source = await answer.Content.ReadAsStreamAsync(cancel);
                var (chunk, decoder) = (new byte[ChunkBytes], new UTF8Encoding(false).GetDecoder());
                for (int read; (read = await source.ReadAsync(chunk, cancel)) > 0;)
                {
                    rows.Add(chunk.AsSpan(0, read));
                    await target.WriteAsync(toTerminal ? Harmless(decoder, chunk, read) : chunk.AsMemory(0, read), cancel);
                    done(total == 0 ? 1 : (double)rows.Rows / total);
                }
                await target.FlushAsync(cancel);
            });
        }
        catch (Exception error) when (file is not null && error is IOException or HttpRequestException or OperationCanceledException)
        {
            throw new CommandException($"{file} is not complete ({(error is OperationCanceledException ? "stopped" : error.Message)}).");
        }

        if (answer.Headers.Contains("X-Truncated")) Run.Say($"the export stopped at {rows.Rows} of {total} {log.Name} (setting Export:MaxRows); narrow the filter, or set it to 0 for no limit.");
        return Run.Done;
    }

    static ReadOnlyMemory<byte> Harmless(Decoder decoder, byte[] chunk, int length)
    {
        var letters = new char[Encoding.UTF8.GetMaxCharCount(length)];
        return Encoding.UTF8.GetBytes(Terminal.Escaped(new(letters, 0, decoder.GetChars(chunk, 0, length, letters, 0)), keepLines: true));
    }

    /// <summary>Counts the rows that pass by: ends of lines outside quotes; the header of CSV is none.</summary>
    sealed class RowCount(string format)
    {
        bool inQuotes;
        long lines;

        public long Rows => format == "csv" ? Math.Max(0, lines - 1) : lines;

        public void Add(ReadOnlySpan<byte> bytes)
        {
            foreach (var one in bytes)
            {
                if (one == '\n' && !inQuotes) lines++;
                else if (one == '"' && format == "csv") inQuotes = !inQuotes;
            }
        }
    }
}
