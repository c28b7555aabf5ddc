using System.Text.Json.Nodes;

namespace Cairn.Client;

/// <summary>How what was tried came out.</summary>
public enum Outcome { Success, Failure, Denied }

/// <summary>Who did it, as they are named at that time.</summary>
/// <param name="Id">Stays the same when a person is renamed; null for the system itself.</param>
public sealed record Actor(string? Id, string? Name = null, string? Email = null, string? Role = null);

/// <summary>What it was done to, as it is named at that time.</summary>
/// <param name="Type">A word such as <c>Workspace</c>; the console lists events by it.</param>
public sealed record Resource(string Type, string? Id = null, string? Name = null);

/// <summary>Something that happened, for the audit log. What is left out and known of the call under way is filled in.</summary>
/// <param name="Action">A key such as <c>workspace.stopped</c>: what is done, in the past tense.</param>
public sealed record NewEvent(string Action)
{
    /// <summary>Makes sending again harmless: Cairn stores an id once.</summary>
    public Guid Id { get; init; } = Guid.CreateVersion7();

    /// <summary>When it happened.</summary>
    public DateTimeOffset CreatedAt { get; init; } = DateTimeOffset.UtcNow;

    public Actor? Actor { get; init; }

    public Resource? Resource { get; init; }

    public Outcome Outcome { get; init; }

    public string? Ip { get; init; }

    public string? UserAgent { get; init; }

    public string? RequestId { get; init; }

    public string? TraceId { get; init; }

    public string? ConversationId { get; init; }

    /// <summary>Whatever else is worth keeping, at most 16 KiB. <c>changes</c> with <c>from</c> and <c>to</c> for each name is shown as changes. Never a secret.</summary>
    public JsonObject? Metadata { get; init; }
}
