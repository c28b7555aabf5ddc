using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Access;

/// <summary>Who did something, and from where.</summary>
sealed record By(Caller Caller, string? Ip, string? UserAgent)
{
    /// <summary>Cairn itself.</summary>
    public static readonly By Cairn = new(Caller.Nobody, null, null);

    public static By Of(HttpContext context) => Of(context, Caller.Of(context));

    public static By Of(HttpContext context, Caller caller) => new(caller, Address.Of(context), Address.UserAgent(context));
}

/// <summary>What was done to what.</summary>
sealed record Deed(string Action, string Resource, string? ResourceId, string? ResourceName)
{
    public string Outcome { get; init; } = "success";

    /// <summary>A JSON object; never a secret.</summary>
    public string? Metadata { get; init; }

    /// <summary>What changed, as metadata: each name with the value before and the value after.</summary>
    public static string Changes(IEnumerable<(string Name, string? From, string? To)> changes) => RecordJson.Text(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartObject("changes");
        foreach (var (name, from, to) in changes)
        {
            writer.WriteStartObject(name);
            writer.WriteString("from", from);
            writer.WriteString("to", to);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WriteEndObject();
    });

    /// <summary>Metadata of texts; absent ones are left out.</summary>
    public static string Of(params (string Name, string? Value)[] texts) => RecordJson.Text(writer =>
    {
        writer.WriteStartObject();
        foreach (var (name, value) in texts)
            if (value is not null) writer.WriteString(name, value);
        writer.WriteEndObject();
    });
}

/// <summary>
/// Cairn's own deeds as events. A change to accounts, sessions and keys is written in one transaction with a
/// <see cref="Notice"/> of it, so that neither can be without the other; the notice then goes into the log before the call
/// is answered, or as soon as the log can be written.
/// </summary>
sealed class SelfAudit(Recorder recorder, IControlStore control, Kind<EventRecord> kind, TimeProvider clock)
{
    /// <summary>Deeds kept in memory at most while the log cannot be written.</summary>
    const int MostKept = 1_000;

    readonly ConcurrentQueue<EventRecord> kept = new();
    volatile bool hasNotices = true;

    /// <summary>Records a deed that must not be done without a trace.</summary>
    /// <exception cref="LogUnavailableException">The log cannot be written; the deed must not be done.</exception>
    public Task Record(By by, Deed deed, CancellationToken cancel) => recorder.Append([New(by, deed)]).WaitAsync(cancel);

    /// <summary>Records what is durable elsewhere until this returns. Once it was recorded, recording it again does nothing.</summary>
    /// <exception cref="LogUnavailableException">The log cannot be written; the notice must be brought again.</exception>
    public Task Record(Notice notice) => recorder.Append([Read(notice)]);

    /// <summary>
    /// Records a deed that a full disk must not prevent, such as taking an export to safety: where the log cannot be written,
    /// the event is kept and written, with its own time, once it can. A crash before that loses it.
    /// </summary>
    public Task RecordOrKeep(By by, Deed deed) => RecordOrKeep(New(by, deed));

    /// <summary>The same for a notice that the control store could not take either.</summary>
    public Task RecordOrKeep(Notice notice) => RecordOrKeep(Read(notice));

    async Task RecordOrKeep(EventRecord told)
    {
        try
        {
            await recorder.Append([told]);
        }
        catch (LogUnavailableException) when (kept.Count < MostKept)
        {
            kept.Enqueue(told);
        }
    }

    /// <summary>What the control store writes together with the change.</summary>
    public Notice Notice(By by, Deed deed)
    {
        var told = New(by, deed);
        return new(told.Id, RecordJson.Text(writer => new RecordJson<EventRecord>(kind).Write(writer, told)));
    }

    /// <summary>Brings a notice that is durable into the log. Where the log cannot be written it stays, and is brought later.</summary>
    public async Task Deliver(Notice notice)
    {
        try
        {
            await recorder.Append([Read(notice)]);
            await control.RemoveNotices([notice.Id], CancellationToken.None);
        }
        catch (LogUnavailableException)
        {
            // It is durable where it is.
            hasNotices = true;
        }
    }

    /// <summary>Writes what was kept and what still waits, as far as the log can be written again.</summary>
    public async Task WriteKept(CancellationToken cancel)
    {
        if (hasNotices)
        {
            hasNotices = false;
            foreach (var notice in await control.Notices(cancel)) await Deliver(notice);
        }
        while (kept.TryPeek(out var deed))
        {
            await recorder.Append([deed]);
            kept.TryDequeue(out _);
        }
    }

    EventRecord Read(Notice notice)
    {
        var record = new EventRecord();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(notice.Json));
        reader.Read();
        if (new RecordParser<EventRecord>(kind, lenient: true).Read(ref reader, record) is { } fault) throw new InvalidDataException($"A kept event {fault}.");
        record.RecordedAtMs = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return record;
    }

    EventRecord New(By by, Deed deed)
    {
        var now = clock.GetUtcNow();
        return new()
        {
            Id = Guid.CreateVersion7(now).ToString("D"),
            TimeMs = now.ToUnixTimeMilliseconds(),
            RecordedAtMs = now.ToUnixTimeMilliseconds(),
            ActorId = by.Caller.Id,
            ActorName = by.Caller.Id is null ? null : by.Caller.Name,
            ActorEmail = by.Caller.Email,
            ActorRole = by.Caller.Role?.Text(),
            Action = deed.Action,
            Resource = deed.Resource,
            ResourceId = deed.ResourceId,
            ResourceName = deed.ResourceName,
            Outcome = deed.Outcome,
            Ip = by.Ip,
            UserAgent = by.UserAgent,
            Metadata = deed.Metadata,
        };
    }
}
