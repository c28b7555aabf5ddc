using Cairn.Access;

namespace Cairn.Storage;

/// <summary>The small storage: rows that change, such as keys and settings. Every call is durable when it returns, and throws <see cref="LogUnavailableException"/> when it cannot be.</summary>
interface IControlStore : IAsyncDisposable
{
    Task<IReadOnlyList<ApiKey>> Keys(CancellationToken cancel);

    /// <summary>The key with this hash, revoked and expired ones included, or null.</summary>
    Task<ApiKey?> FindKey(byte[] hash, CancellationToken cancel);

    Task Append(ApiKey key, byte[] hash, CancellationToken cancel);

    /// <summary>The key as it is after it was revoked; null when there is none with this id. Revoking twice keeps the first time.</summary>
    Task<ApiKey?> RevokeKey(string id, DateTimeOffset at, CancellationToken cancel);

    /// <summary>Notes when keys were last used. A later time wins over an earlier one.</summary>
    Task TouchKeys(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken cancel);

    Task<string?> FindSetting(string name, CancellationToken cancel);

    Task SaveSetting(string name, string value, CancellationToken cancel);
}
