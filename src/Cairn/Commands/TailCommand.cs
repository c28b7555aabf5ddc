using System.Buffers;
using System.CommandLine;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Cairn.Export;

namespace Cairn.Commands;

/// <summary>Follows a log: the newest records, then each new one, until it is stopped.</summary>
static class TailCommand
{
    static readonly TimeSpan ComeBackAfter = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var command = new Command("tail", """
            Follow requests or events: the last 100 that match, then each new one as it is stored. Ctrl+C ends it.

            Example: cairn tail requests --status error --status timeout
            """);
        foreach (var log in NamedLog.All) command.Subcommands.Add(Of(log));
        return command;
    }

    static Command Of(NamedLog log)
    {
        var after = new Option<string>("--after") { Description = "Go on after this cursor, as an earlier tail told it when it ended (default: begin with the last 100)", HelpName = "CURSOR" };
        var json = new Option<bool>("--json") { Description = "One JSON object a line; so it is too when standard output is not a terminal" };
        var format = new Option<string>("--format") { Description = "jsonl, ocsf or ecs: one JSON object a line, as an export has it (default: readable lines on a terminal, else jsonl)", HelpName = "FORMAT" }.AcceptOnlyFromAmong(Formats.Objects);
        var command = new Command(log.Name, $"""
            Follow {log.Name}, one line each. When the server goes away it is asked again every 5 seconds, from where it ended.

            Example: cairn tail {log.Name} {(log.IsRequests ? "--model gpt-5" : "--outcome denied")} --json
            """) { after, json, format };
        var filter = new FilterOptions(command, log.Filter);
        command.SetAction(async (parsed, cancel) =>
        {
            await using var output = Terminal.OpenOutput();
            var wanted = parsed.GetValue(format);
            var isReadable = Terminal.IsOutput && !parsed.GetValue(json) && wanted is null;
            var tail = new Tail(output, isReadable ? log.IsRequests ? RequestLine : EventLine : data => data.GetRawText()) { Cursor = parsed.GetValue(after) };
            try
            {
                await Follow(SettingOptions.Read(parsed), () => filter.Query(parsed, log.Live, ("after", tail.Cursor), ("format", wanted)), tail, cancel);
            }
            catch (Exception ended) when (Terminal.IsClosed(ended) || (ended is OperationCanceledException && cancel.IsCancellationRequested))
            {
                // Stopped, or its reader has enough: both are how it ends.
            }
            if (tail.HasSome) Run.Say($"to go on from here: --after {tail.Cursor}");
            return Run.Done;
        });
        return command;
    }

    static async Task Follow(Hosting.Settings settings, Func<string> path, Tail tail, CancellationToken cancel)
    {
        await using (var owner = await Owner.Connect(settings, cancel))
        {
            if (!owner.IsServerRunning) Run.Say("no server runs on this data directory; until this ends, none can start on it.");
            await tail.Read(owner, path(), cancel);
            if (!owner.IsServerRunning) return;
        }
        Run.Say("the server went away; trying again every 5 seconds.");
        while (true)
        {
            await Task.Delay(ComeBackAfter, cancel);
            try
            {
                // Never by a server of our own: it would keep the real one from coming back.
                await using var owner = await Owner.TryConnect(settings);
                if (owner is not null) await tail.Read(owner, path(), cancel);
            }
            catch (Exception gone) when (gone is WebSocketException or HttpRequestException)
            {
                // Still starting, or already stopping.
            }
        }
    }

    /// <summary>What one live connection after another brings, written as lines.</summary>
    sealed class Tail(Stream output, Func<JsonElement, string> line)
    {
        /// <summary>Where the next connection goes on; null before there was anything.</summary>
        public string? Cursor { get; set; }

        public bool HasSome { get; private set; }

        /// <summary>Returns when the other side ends the connection.</summary>
        public async Task Read(Owner owner, string path, CancellationToken cancel)
        {
            using var socket = await owner.Follow(path, cancel);
            var frame = new ArrayBufferWriter<byte>(4096);
            while (await Receive(socket, frame, cancel))
            {
                using var message = JsonDocument.Parse(frame.WrittenMemory, new() { MaxDepth = 512 });
                switch (message.RootElement.GetProperty("type").GetString())
                {
                    case "log":
                        await output.WriteAsync(Encoding.UTF8.GetBytes(Terminal.Escaped(line(message.RootElement.GetProperty("data"))) + "\n"), cancel);
                        await output.FlushAsync(cancel);
                        (Cursor, HasSome) = (message.RootElement.GetProperty("cursor").GetString(), true);
                        break;
                    case "error":
                        Run.Say(message.RootElement.GetProperty("message").GetString() ?? "");
                        break;
                }
            }
        }

        static async Task<bool> Receive(WebSocket socket, ArrayBufferWriter<byte> frame, CancellationToken cancel)
        {
            frame.ResetWrittenCount();
            try
            {
                while (true)
                {
                    var part = await socket.ReceiveAsync(frame.GetMemory(4096), cancel);
                    if (part.MessageType == WebSocketMessageType.Close) return false;
                    frame.Advance(part.Count);
                    if (part.EndOfMessage) return true;
                }
            }
            catch (WebSocketException)
            {
                // It broke off without a word: gone all the same.
                return false;
            }
        }
    }

    static string RequestLine(JsonElement data)
    {
        var error = Text(data, "error_type") is { } type ? $"  {type}{(Text(data, "error_message") is { } message ? ": " + message : "")}" : "";
        var tokens = Text(data, "total_tokens") is { } total ? total + " tokens" : "-";
        return $"{Text(data, "timestamp")}  {Text(data, "status"),-7}  {Took(data.GetProperty("duration_ms").GetInt64()),7}  {Text(data, "backend_type"),-9}  {Text(data, "model"),-24}  {Text(data, "endpoint")}  {tokens}{error}";
    }

    static string EventLine(JsonElement data)
    {
        var actor = Text(data, "actorId") is null ? "System" : Text(data, "actorName") ?? Text(data, "actorId");
        return $"{Text(data, "createdAt")}  {Text(data, "outcome"),-7}  {actor,-20}  {Text(data, "actionLabel"),-24}  {Text(data, "resource")} {Text(data, "resourceName") ?? Text(data, "resourceId")}".TrimEnd();
    }

    static string? Text(JsonElement data, string name) => data.GetProperty(name) is { ValueKind: not JsonValueKind.Null } value ? value.ToString() : null;

    static string Took(long ms) => ms < 1_000 ? $"{ms}ms" : ms < 60_000 ? $"{ms / 1_000.0:0.0}s" : $"{ms / 60_000.0:0.0}m";
}
