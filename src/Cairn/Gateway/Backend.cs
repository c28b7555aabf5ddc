using System.Collections.Concurrent;

namespace Cairn.Gateway;

/// <summary>A server that models are at, and the connections to it. It is reached directly, at its own address and no other.</summary>
sealed class Backend(BackendSettings settings) : IDisposable
{
    static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Shorter than servers wait by default, so that a call seldom meets a connection that is being closed; and a name's new address is asked for in time.</summary>
    const long MostIdleMs = 4_000, MostAgeMs = 300_000;

    readonly ConcurrentStack<BackendConnection> idle = new();
    readonly string host = settings.Url.IsDefaultPort ? settings.Url.IdnHost : $"{settings.Url.IdnHost}:{settings.Url.Port}";
    readonly string path = settings.Url.AbsolutePath.TrimEnd('/');
    readonly string authorization = "Bearer " + settings.Key;

    public string Name => settings.Name;

    public string Type => settings.Type;

    /// <summary>Where a path of the gateway stands at this backend.</summary>
    public string At(string of, string query) => path + of["/v1".Length..] + query;

    public TimeSpan Timeout(InferenceEndpoint endpoint) =>
        (endpoint == InferenceEndpoint.Completions ? settings.CompletionsTimeout : endpoint == InferenceEndpoint.Embeddings ? settings.EmbeddingsTimeout : settings.ChatTimeout)
        ?? settings.Timeout ?? endpoint.Timeout;

    /// <summary>A connection with the head of a call begun on it, this backend's key in the place of the client's.</summary>
    public async ValueTask<BackendConnection> Begin(string method, string of, string query, Dialect dialect, CancellationToken cancel)
    {
        var connection = Idle() ?? await Open(cancel);
        connection.Begin(method, At(of, query), host);
        // Anthropic's own paths take the key under another name.
        if (settings.Key is { } key)
        {
            if (settings.Type == "anthropic" && dialect == Dialect.Anthropic) connection.Add("x-api-key", key);
            else connection.Add("Authorization", authorization);
        }
        return connection;
    }

    /// <summary>The status of this backend's answer to who asks for its models, as the doctor does.</summary>
    /// <exception cref="BackendException">It does not answer.</exception>
    public async Task<int> Ask(CancellationToken cancel)
    {
        var dialect = Type == "anthropic" ? Dialect.Anthropic : Dialect.OpenAi;
        using var connection = await Begin(HttpMethods.Get, "/v1/models", "", dialect, cancel);
        await using var aborting = cancel.UnsafeRegister(static one => ((BackendConnection)one!).Dispose(), connection);
        if (dialect == Dialect.Anthropic) connection.Add("anthropic-version", "2023-06-01");
        await connection.Send(null);
        return connection.Status;
    }

    BackendConnection? Idle()
    {
        while (idle.TryPop(out var connection))
        {
            var now = Environment.TickCount64;
            if (now - connection.IdleSince < MostIdleMs && now - connection.OpenedAt < MostAgeMs && connection.IsQuiet()) return connection;
            connection.Dispose();
        }
        return null;
    }

    async Task<BackendConnection> Open(CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(ConnectTimeout);
        return await BackendConnection.Open(settings.Url, patience.Token);
    }

    /// <summary>Takes a connection back once its call is over.</summary>
    public void Return(BackendConnection connection)
    {
        if (!connection.IsReusable)
        {
            connection.Dispose();
            return;
        }
        connection.Rest();
        idle.Push(connection);
    }

    public void Dispose()
    {
        while (idle.TryPop(out var connection)) connection.Dispose();
    }
}
