using Cairn.Events;
using Cairn.Records;

namespace Cairn.Access;

/// <summary>Cairn's own deeds as events. Each is durable before the call that did it is answered.</summary>
sealed class SelfAudit(Recorder recorder, TimeProvider clock)
{
    /// <param name="by">Who did it; <see cref="Caller.Nobody"/> for Cairn itself.</param>
    /// <param name="metadata">A JSON object; never a secret.</param>
    public Task Record(Caller by, string? ip, string action, string resource, string? resourceId, string? resourceName, string? metadata)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return recorder.Append([new EventRecord
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
        }]);
    }
}
