using Cairn.Events;
using Cairn.Export;
using Cairn.Live;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;

namespace Cairn.Push;

/// <param name="Records">Of the log, behind the target's place; not all of them need be the target's.</param>
/// <param name="Seconds">How long the oldest of them has been recorded.</param>
readonly record struct Lag(long Records, long Seconds);

/// <summary>What one target gets of one log: a cursor that moves along it, as a live tail does.</summary>
abstract class PushSource
{
    public abstract string Kind { get; }

    /// <summary>Everything up to here was taken.</summary>
    public long Place { get; set; }

    /// <summary>A parcel that failed ended here. It is made up of the same records when it is taken again, so that it has the same name.</summary>
    public long? RepeatUntil { get; set; }

    /// <summary>Ends when something is recorded after it was asked for.</summary>
    public abstract Task Next { get; }

    /// <summary>Where the log ends.</summary>
    public abstract Task<long> LastPosition(CancellationToken cancel);

    /// <summary>Where a target begins that has no place yet.</summary>
    public abstract Task<long> FirstPlace(bool fromBeginning, CancellationToken cancel);

    /// <summary>The next records for the target, as many as go together. It does not move the place.</summary>
    public abstract Task<Parcel> Take(int most, int mostBytes, CancellationToken cancel);

    public abstract Task<Lag> Behind(long place, DateTimeOffset now, CancellationToken cancel);

    public static PushSource Of(ILog<EventRecord> log, Feed<EventRecord> feed, Filter<EventRecord> filter, string format) =>
        new PushSource<EventRecord>(log, feed, filter, format, record => record.RecordedAtMs, record => record.Outcome != "success",
            [("action", record => record.Action), ("outcome", record => record.Outcome), ("actor", record => record.ActorId), ("resource", record => record.Resource)]);

    public static PushSource Of(ILog<RequestRecord> log, Feed<RequestRecord> feed, Filter<RequestRecord> filter, string format) =>
        new PushSource<RequestRecord>(log, feed, filter, format, record => record.TimeMs, record => record.Status != "success",
            [("model", record => record.Model), ("status", record => record.Status), ("user", record => record.User)]);
}

/// <inheritdoc/>
/// <param name="recordedMs">When a record came into the log, as near as it tells.</param>
/// <param name="named">What stands beside the record for receivers that choose by it.</param>
sealed class PushSource<T>(ILog<T> log, Feed<T> feed, Filter<T> filter, string format, Func<T, long> recordedMs, Func<T, bool> isFault, (string Name, Func<T, string?> Value)[] named) : PushSource where T : class, IRecord, new()
{
    /// <summary>Records looked at in one read, and reads for one parcel, where few of them are the target's.</summary>
    const int Looked = 1_000, MostReads = 20;

    /// <summary>Read at first, while it is not known how large they are.</summary>
    const int FirstLooked = 16;

    /// <summary>What each record of the last read came to in its parcel: what no longer fits would be read again.</summary>
    int? bytesEach;

    readonly Action<System.Text.Json.Utf8JsonWriter, T> write = log.Kind.ObjectWriter(format);

    public override string Kind => log.Kind.Name;

    public override Task Next => feed.Next;

    public override Task<long> LastPosition(CancellationToken cancel) => log.LastPosition(cancel);

    public override async Task<long> FirstPlace(bool fromBeginning, CancellationToken cancel)
    {
        if (!fromBeginning) return await LastPosition(cancel);
        var oldest = await log.Follow(Filter<T>.Everything, 0, 1, cancel);
        return oldest.Records.Count > 0 ? oldest.Records[0].Position - 1 : oldest.Examined;
    }

    public override async Task<Parcel> Take(int most, int mostBytes, CancellationToken cancel)
    {
        var parcel = new Parcel(Kind, Place);
        // What is repeated is repeated whole, in however many reads.
        for (var reads = 0; reads < MostReads || parcel.Until < RepeatUntil; reads++)
        {
            var fitting = bytesEach is { } each ? (mostBytes - parcel.Bytes) / Math.Max(1, each) + 1 : FirstLooked;
            var limit = Math.Min(filter.IsEverything ? most - parcel.Items.Count : Looked, fitting);
            var tail = await Read(parcel.Until, limit, cancel);
            var (bytes, looked, isEnough) = (parcel.Bytes, 0, false);
            foreach (var record in tail.Records)
            {
                if (record.Position > RepeatUntil)
                {
                    isEnough = parcel.Items.Count > 0;
                    if (isEnough) break;
                    // All that was to be repeated is gone, or another process delivered it.
                    RepeatUntil = null;
                }
                var isWanted = filter.Matches(log.Kind, record);
                isEnough = isWanted && (parcel.Items.Count == most || parcel.Bytes >= mostBytes);
                if (isEnough) break;
                parcel.Pass(record.Position, tail.Unused);
                if (isWanted) parcel.Add(log.Kind.Identity.Text!(record)!, record.TimeMs, isFault(record), Array.ConvertAll(named, one => (one.Name, one.Value(record))), writer => write(writer, record));
                else parcel.Leave();
                looked++;
            }
            if (looked > 0) bytesEach = (parcel.Bytes - bytes) / looked;
            if (isEnough) return parcel;
            if (tail.Examined <= parcel.Until && tail.Records.Count == 0) return parcel;
            parcel.Pass(tail.Examined + 1, tail.Unused);
            if (parcel.Items.Count == most || parcel.Bytes >= mostBytes || (parcel.Items.Count > 0 && tail.Records.Count < limit && !(parcel.Until < RepeatUntil))) return parcel;
        }
        return parcel;
    }

    /// <summary>All that follows, whether or not the target wants it: so what is missing between two positions is known to be gone.</summary>
    async Task<Tail<T>> Read(long after, int limit, CancellationToken cancel) =>
        feed.TryRead(Filter<T>.Everything, after, limit, out var tail) ? tail : await log.Follow(Filter<T>.Everything, after, limit, cancel);

    public override async Task<Lag> Behind(long place, DateTimeOffset now, CancellationToken cancel)
    {
        var last = await log.LastPosition(cancel);
        if (last <= place) return default;
        var oldest = (await Read(place, 1, cancel)).Records;
        return new(last - place, oldest.Count == 0 ? 0 : Math.Max(0, (now.ToUnixTimeMilliseconds() - recordedMs(oldest[0])) / 1_000));
    }
}
