using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>What a sender was told of an event.</summary>
enum Told
{
    /// <summary>No answer came, or that the log could not be written: it may be there.</summary>
    Nothing,

    /// <summary>It was acknowledged: it must be there.</summary>
    Taken,

    /// <summary>It was rejected for what it is: it must not be there.</summary>
    Refused,
}

/// <summary>One event as it was sent.</summary>
/// <param name="Number">Stands in its metadata, so that it is known also under another id.</param>
/// <param name="IsBad">It must be rejected, and its call's other events kept.</param>
sealed record Sent(long Number, string Id, int Writer, JsonObject Json, bool IsBad)
{
    public Told Told { get; set; }

    /// <summary>When the sender was told, for the first time.</summary>
    public long ToldAt { get; set; }

    /// <summary>Its place in what its writer had acknowledged; of the same call, the place in it.</summary>
    public long Turn { get; set; }
}

/// <summary>One call's events: stored together or not at all.</summary>
sealed class SentCall(IReadOnlyList<Sent> events, int format)
{
    public IReadOnlyList<Sent> Events => events;

    /// <summary>Held against one writer's earlier events only: a later call that repeats them says nothing of them.</summary>
    public bool WasAnswered { get; set; }

    public void ChangeIds()
    {
        foreach (var one in events) one.Json["id"] = Guid.NewGuid().ToString();
    }

    public HttpContent Content()
    {
        var texts = events.Select(one => one.Json.ToJsonString());
        var isLines = format != 0;
        var bytes = Encoding.UTF8.GetBytes(isLines ? string.Join('\n', texts) : $"[{string.Join(',', texts)}]");
        if (!isLines && events.Count == 1) bytes = bytes[1..^1];
        var content = new ByteArrayContent(format == 2 ? Client.Gzip(bytes) : bytes);
        content.Headers.ContentType = new(isLines ? "application/x-ndjson" : "application/json");
        if (format == 2) content.Headers.ContentEncoding.Add("gzip");
        return content;
    }
}

/// <summary>Everything that was sent to one Cairn and what the senders were told: what the log is held against.</summary>
sealed class Receipts
{
    public const string Resource = "Trial";

    static readonly string[] Actions = ["trial.began", "trial.went_on", "trial.failed", "trial.ended", "workspace.created", "workspace.destroyed"];

    readonly Lock writing = new();
    readonly List<Sent> sent = [];
    readonly List<SentCall> calls = [];
    long lastNumber, lastTurn;

    public IReadOnlyList<Sent> All
    {
        get
        {
            lock (writing) return [.. sent];
        }
    }

    public IReadOnlyList<SentCall> Calls
    {
        get
        {
            lock (writing) return [.. calls];
        }
    }

    public int Taken => All.Count(one => one.Told == Told.Taken);

    /// <summary>A call of new events, of what the seed makes of them.</summary>
    public SentCall New(RandomRecords random, int writer, int most, DateTimeOffset? now = null)
    {
        var events = new List<Sent>();
        for (var count = 1 + random.Random.Next(most); events.Count < count;) events.Add(Make(random, writer, isBad: random.Chance(0.02), now ?? DateTimeOffset.UtcNow));
        var call = new SentCall(events, random.Random.Next(3));
        lock (writing)
        {
            sent.AddRange(events);
            calls.Add(call);
        }
        return call;
    }

    Sent Make(RandomRecords random, int writer, bool isBad, DateTimeOffset now)
    {
        var number = Interlocked.Increment(ref lastNumber);
        Span<byte> bytes = stackalloc byte[16];
        random.Random.NextBytes(bytes);
        var id = new Guid(bytes).ToString();
        var json = new JsonObject
        {
            ["id"] = id,
            ["action"] = random.Pick(Actions),
            ["actorName"] = Text(80),
            ["resource"] = Resource,
            ["resourceId"] = $"writer-{writer}",
            ["resourceName"] = Text(400),
            ["metadata"] = new JsonObject { ["n"] = number, ["writer"] = writer, ["text"] = Text(2_000), ["list"] = new JsonArray(1, "two", null, true) },
        };
        if (random.Chance(0.8)) json["actorId"] = $"u{random.Random.Next(20)}";
        if (random.Chance(0.5)) json["createdAt"] = now.AddSeconds(-random.Random.Next(3 * 86_400)).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'");
        if (isBad) json["notAField"] = number;
        return new(number, id, writer, json, isBad);

        string Text(int most)
        {
            var text = random.Chance(0.1) ? random.Pick(RandomRecords.Hostile) : $"{random.Pick(["blue", "green", "old"])} {random.Pick(["lab", "Haus", "größer"])} {random.Random.Next(1_000)}";
            return text.Length == 0 ? "x" : text.Length > most ? "long" : text;
        }
    }

    /// <summary>Takes back what was told after a time: of what a machine says while its power goes, nobody hears anything.</summary>
    public void Unhear(long after)
    {
        lock (writing)
        {
            foreach (var call in calls.Where(call => call.Events.Any(one => one.ToldAt > after)))
            {
                call.WasAnswered = false;
                foreach (var one in call.Events) (one.Told, one.ToldAt, one.Turn) = (Told.Nothing, 0, 0);
            }
        }
    }

    /// <summary>Notes what a call was answered: how many events were taken or known, and which were rejected, by place.</summary>
    public void Answered(SentCall call, int accepted, int duplicates, IReadOnlySet<int> rejected)
    {
        var bad = call.Events.Index().Where(one => one.Item.IsBad).Select(one => one.Index).ToHashSet();
        Assert.True(bad.SetEquals(rejected), $"Rejected were [{string.Join(' ', rejected)}] and bad were [{string.Join(' ', bad)}].");
        Assert.Equal(call.Events.Count, accepted + duplicates + rejected.Count);
        lock (writing)
        {
            call.WasAnswered = true;
            foreach (var one in call.Events)
            {
                if (one.Told == Told.Nothing) (one.ToldAt, one.Turn) = (Stopwatch.GetTimestamp(), ++lastTurn);
                one.Told = one.IsBad ? Told.Refused : Told.Taken;
            }
        }
    }
}
