using System.Buffers.Binary;
using System.CommandLine;
using System.Security.Cryptography;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;
using Cairn.Storage.Postgres;
using Cairn.Storage.Sqlite;

namespace Cairn.Commands;

/// <summary>Takes all records of one store into another, and proves that they are the same there.</summary>
static class CopyCommand
{
    const int RowsInPiece = 5_000;

    public static Command Create()
    {
        var from = new Option<string>("--from") { Description = "The data directory to copy from, while no server has it: sqlite:DIR", HelpName = "STORE", Required = true };
        var to = new Option<string>("--to") { Description = "The store to copy to: postgres://user:password@host:5432/database", HelpName = "STORE", Required = true };
        var command = new Command("copy", """
            Copy all requests and events from the embedded store into another one, in their order, and compare counts and digests of both. What was copied by an earlier run is passed over, so an interrupted copy is started again with the same command. The other store holds nothing but a copy of this one. Accounts and keys are not copied.

            Example: cairn copy --from sqlite:/var/lib/cairn --to postgres://cairn@db.example.com/cairn
            """) { from, to };
        command.SetAction((parsed, cancel) => Copy(parsed.GetValue(from)!, parsed.GetValue(to)!, SettingOptions.Read(parsed), cancel));
        return command;
    }

    static async Task<int> Copy(string from, string to, Settings settings, CancellationToken cancel)
    {
        const string sqlite = "sqlite:";
        if (!from.StartsWith(sqlite, StringComparison.Ordinal)) throw new CommandException("--from takes sqlite:DIR, where DIR is a data directory.", Run.NotUnderstood);
        if (!StoreAddress.TryRead(to, out var address) || address.Engine != StoreEngine.Postgres) throw new CommandException($"--to is '{StoreAddress.Shown(to)}'; it takes postgres://user:password@host:5432/database.", Run.NotUnderstood);
        var directory = Path.GetFullPath(from[sqlite.Length..]);
        if (!File.Exists(Path.Combine(directory, "log.db"))) throw new CommandException($"There is no log in {directory}.");

        using var locked = DataDirectory.Open(directory);
        var (requestKind, eventKind) = (RequestFields.Kind, EventFields.KindOf(settings.Catalog));
        await using var source = SqliteLogStore.Open(directory, requestKind, eventKind);
        await using var target = await PostgresLogStore.Open(address, Stores.DirectoryId(directory), requestKind, eventKind);

        var requests = await Copy("requests", source.Requests, target.Requests, (batch, records) => batch.Requests.AddRange(records), outcome => outcome.Requests, target, cancel);
        var events = await Copy("events", source.Events, target.Events, (batch, records) => batch.Events.AddRange(records), outcome => outcome.Events, target, cancel);
        // What was under way when Cairn ended gets its record when it is started again with this directory.
        var unfinished = new Batch();
        unfinished.Starts.AddRange(await source.Unfinished(cancel));
        if (unfinished.Starts.Count > 0) await target.Append(unfinished, cancel);
        Console.WriteLine($"copied and compared: {requests} requests, {events} events");
        return Run.Done;
    }

    static async Task<long> Copy<T>(string name, ILog<T> source, ILog<T> target, Action<Batch, IEnumerable<T>> add, Func<BatchOutcome, Outcome[]> of, PostgresLogStore store, CancellationToken cancel) where T : class, IRecord, new()
    {
        var all = await source.Count(Filter<T>.Everything, cancel);
        var before = await target.Count(Filter<T>.Everything, cancel);

        // 1. What an earlier run copied is the beginning of this log, in its order; what is not is refused below.
        var (place, known) = (0L, 0L);
        if (before > 0 && await Last(target, cancel) is { } last)
        {
            var there = await source.Find(source.Kind.Identity.Text!(last)!, cancel);
            if (there is null || !source.Kind.IsRepeat(there, last)) throw new CommandException($"The other store holds {name} that are not of this one, so that the copy could not be compared. Give it an empty database.");
            (place, known) = (there.Position, before);
        }

        // 2. Piece by piece, each durable before the next.
        await Terminal.WithBar($"Copying {name}", wanted: all > 0, async (done, _) =>
        {
            while (true)
            {
                var piece = await source.Follow(Filter<T>.Everything, place, RowsInPiece, cancel);
                if (piece.Examined == place) break;
                // The copy's positions are its own.
                place = piece.Examined;
                var batch = new Batch();
                add(batch, piece.Records);
                if (piece.Records.Count > 0 && of(await store.Append(batch, cancel)).Any(outcome => outcome is Outcome.Conflict or Outcome.Crowded))
                    throw new CommandException($"The other store holds {name} of the same identity with other content. Give it an empty database.");
                known += piece.Records.Count;
                done(all == 0 ? 1 : Math.Min(1, (double)known / all));
            }
        });

        // 3. Both read again from beginning to end.
        var (here, copied) = (await Digest(source, cancel), await Digest(target, cancel));
        return here == copied ? here.Count : throw new CommandException($"The copy is not the same: {here.Count} {name} here and {copied.Count} there{(here.Count == copied.Count ? ", with other content" : "")}. Copy into an empty database.");
    }

    /// <summary>The record that was appended last; null for an empty log.</summary>
    static async Task<T?> Last<T>(ILog<T> log, CancellationToken cancel) where T : class, IRecord, new()
    {
        var last = await log.LastPosition(cancel);
        return (await log.Follow(Filter<T>.Everything, last - 1, 1, cancel)).Records is [var record, ..] ? record : null;
    }

    /// <summary>How many, and the sum of what each one's stored fields come to: the same whatever the order.</summary>
    static async Task<(long Count, UInt128 Sum)> Digest<T>(ILog<T> log, CancellationToken cancel) where T : class, IRecord, new()
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        var (count, sum, place) = (0L, UInt128.Zero, 0L);
        while (true)
        {
            var piece = await log.Follow(Filter<T>.Everything, place, RowsInPiece, cancel);
            if (piece.Examined == place) return (count, sum);
            place = piece.Examined;
            foreach (var record in piece.Records)
            {
                content.SetLength(0);
                foreach (var field in log.Kind.Stored)
                {
                    var (text, number) = (field.Text?.Invoke(record), field.Number?.Invoke(record));
                    writer.Write(text is not null || number is not null);
                    if (text is not null) writer.Write(text);
                    else if (number is not null) writer.Write(number.Value);
                }
                writer.Flush();
                var hash = SHA256.HashData(content.GetBuffer().AsSpan(0, (int)content.Length));
                sum += new UInt128(BinaryPrimitives.ReadUInt64BigEndian(hash), BinaryPrimitives.ReadUInt64BigEndian(hash.AsSpan(8)));
                count++;
            }
        }
    }
}
