using System.Collections.Concurrent;
using Cairn.Events;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Access;

/// <summary>Cairn's own deeds as events. Each is durable before the call that did it is answered.</summary>
sealed class SelfAudit(Recorder recorder, TimeProvider clock)
{
    /// <summary>Deeds kept in memory at most while the log cannot be written.</summary>
    const int MostKept = 1_000;

    readonly ConcurrentQueue<EventRecord> kept = new();

    /// <param name="by">Who did it; <see cref="Caller.Nobody"/> for Cairn itself.</param>
    /// <param name="metadata">A JSON object; never a secret.</param>
    /// <exception cref="LogUnavailableException">The log cannot be written; the deed must not be done.</exception>
    public Task Record(Caller by, string? ip, string action, string resource, string? resourceId, string? resourceName, string? metadata) =>
        recorder.Append([New(by, ip, action, resource, resourceId, resourceName, metadata)]);

    /// <summary>
    /// Records a deed that a full disk must not prevent, such as taking an export to safety: where the log cannot be written,
    /// the event is kept and written, with its own time, once it can. A crash before that loses it.
    /// </summary>
    public async Task RecordOrKeep(Caller by, string? ip, string action, string resource, string? resourceId, string? resourceName, string? metadata)
    {
        var deed = New(by, ip, action, resource, resourceId, resourceName, metadata);
        try
        {
            await recorder.Append([deed]);
        }
        catch (LogUnavailableException) when (kept.Count < MostKept)
        {
            kept.Enqueue(deed);
        }
    }

    /// <summary>Writes what was kept, as far as the log can be written again.</summary>
    public async Task WriteKept()
    {
        while (kept.TryPeek(out var deed))
        {
            await recorder.Append([deed]);
            kept.TryDequeue(out _);
        }
    }

    EventRecord New(Caller by, string? ip, string action, string resource, string? resourceId, string? resourceName, string? metadata)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return new()
        {
            Id = Guid.CreateVersion7(clock.GetUtcNow()).ToString("D"),
            TimeMs = now,
            RecordedAtMs = now,
            ActorId = by.Id,
            ActorName = by.Id is null ? null : by.Name,
            Action = action,
            Resource = resource,
            ResourceId = resourceId,
            ResourceName = resourceName,
            Ip = ip,
            Metadata = metadata,
        };
    }
}
