using System.Buffers;
using System.CommandLine;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Cairn.Commands;

/// <summary>Takes over records that were exported before, or come from elsewhere.</summary>
static class ImportCommand
{
    const int MostLines = 1_000, MostBytes = 4 * 1024 * 1024;

    public static Command Create()
    {
        var command = new Command("import", """
            Take over requests or events from a file of JSON lines or CSV. Each record stands for itself: the good ones are kept, the others are named by their line. Importing again stores nothing twice.

            Example: cairn import events events.csv
            """);
        foreach (var log in NamedLog.All) command.Subcommands.Add(Of(log));
        return command;
    }

    static Command Of(NamedLog log)
    {
        var file = new Argument<string>("file") { Description = "The file to read; - is standard input" };
        var format = new Option<string>("--format") { Description = "csv or jsonl (default: what the file's name ends with; jsonl for standard input)", HelpName = "FORMAT" }.AcceptOnlyFromAmong("csv", "jsonl");
        var command = new Command(log.Name, $"""
            Import {log.Name}. JSON lines hold one object a line, as 'export {log.Name} --format jsonl' writes them; CSV begins with a line of field names, in any order. The exit code is 1 when something was rejected.

            Example: cairn import {log.Name} {log.Name}.jsonl
            """) { file, format };
        command.SetAction((parsed, cancel) => Import(log, parsed.GetValue(file)!, parsed.GetValue(format), SettingOptions.Read(parsed), cancel));
        return command;
    }

    static async Task<int> Import(NamedLog log, string name, string? format, Hosting.Settings settings, CancellationToken cancel)
    {
        format ??= Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".csv" => "csv",
            ".jsonl" or ".ndjson" or ".json" => "jsonl",
            _ when name == "-" => "jsonl",
            _ => throw new CommandException($"{name} does not end with .csv or .jsonl; say what it is with --format.", Run.NotUnderstood),
        };
        await using var stream = name == "-" ? Console.OpenStandardInput() : new FileStream(name, FileMode.Open, FileAccess.Read, FileShare.Read);
        await using var owner = await Owner.Connect(settings, cancel, mayBegin: true);

        var source = new ImportFile(stream);
        var sender = new Sender(owner, log.Import);
        var size = stream.CanSeek ? stream.Length : 0;
        try
        {
            await Terminal.WithBar($"Importing {log.Name}", wanted: size > 0, async (done, say) =>
            {
                await foreach (var line in format == "csv" ? source.CsvRows(log, cancel) : source.JsonLines(cancel))
                {
                    if (!sender.HasRoom(line)) await sender.Send(say, cancel);
                    if (line.Fault is { } fault) sender.Reject(line.Number, fault);
                    else sender.Add(line);
                    done(size == 0 ? 0 : (double)source.BytesRead / size);
                }
                await sender.Send(say, cancel);
            });
        }
        catch (Exception error) when (error is HttpRequestException or SocketException or IOException or OperationCanceledException or CommandException && sender.Calls > 0)
        {
            var why = error switch { OperationCanceledException => "Stopped.", HttpRequestException or SocketException => "The server went away.", _ => error.Message };
            throw new CommandException($"{why} Until then: {sender.Summary}. Import the file again to go on; nothing is stored twice.");
        }
        Console.WriteLine(sender.Summary);
        return sender.Rejected > 0 ? Run.NotDone : Run.Done;
    }

    /// <summary>Sends records in calls that are neither many nor large, and counts what became of them.</summary>
    sealed class Sender(Owner owner, string path)
    {
        readonly ArrayBufferWriter<byte> body = new(64 * 1024);
        readonly List<long> lines = [];
        readonly List<(long Line, string Fault)> faults = [];
        long imported, repeated;

        public int Calls { get; private set; }

        public long Rejected { get; private set; }

        public string Summary => $"imported {imported}, already there {repeated}, rejected {Rejected}";

        public bool HasRoom(ImportLine line) => lines.Count < MostLines && faults.Count < MostLines && body.WrittenCount + line.Json.Length < MostBytes;

        public void Add(ImportLine line)
        {
            body.Write(line.Json.Span);
            body.Write("\n"u8);
            lines.Add(line.Number);
        }

        public void Reject(long line, string fault)
        {
            faults.Add((line, fault));
            Rejected++;
        }

        /// <summary>Sends what was added. When it returns, what counts as imported is durable; what was rejected is told in the order of the file.</summary>
        public async Task Send(Action<string> say, CancellationToken cancel)
        {
            if (lines.Count > 0)
            {
                using var content = new ReadOnlyMemoryContent(body.WrittenMemory);
                content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
                using var answer = await owner.Send(HttpMethod.Post, path, content, cancel);
                Calls++;
                imported += answer.RootElement.GetProperty("accepted").GetInt64();
                repeated += answer.RootElement.GetProperty("duplicates").GetInt64();
                foreach (var one in answer.RootElement.GetProperty("rejected").EnumerateArray()) Reject(lines[one.GetProperty("index").GetInt32()], one.GetProperty("error").GetString()!);
            }
            foreach (var (line, fault) in faults.OrderBy(one => one.Line)) say($"line {line}: {Terminal.Escaped(fault)}");
            body.ResetWrittenCount();
            lines.Clear();
            faults.Clear();
        }
    }
}
