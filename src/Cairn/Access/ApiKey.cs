namespace Cairn.Access;

/// <summary>An API key as it is listed. The key itself is shown once and stored only as a hash.</summary>
sealed record ApiKey(
    string Id, string Name, IReadOnlyList<string> Scopes, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt);

static class Scopes
{
    public const string Inference = "inference", EventsWrite = "events:write", ConversationsWrite = "conversations:write", AuditRead = "audit:read";

    public static readonly string[] All = [Inference, EventsWrite, ConversationsWrite, AuditRead];
}
