using System.Net;

namespace Cairn.Gateway;

/// <summary>A server that models are at, and the connections to it. It is reached directly, follows no redirect and keeps no cookie.</summary>
sealed class Backend(BackendSettings settings) : IDisposable
{
    static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    readonly HttpMessageInvoker client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        ConnectTimeout = ConnectTimeout,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        MaxResponseHeadersLength = 64,
    });

    readonly string address = settings.Url.AbsoluteUri.TrimEnd('/');

    public string Name => settings.Name;

    public string Type => settings.Type;

    public Uri At(string path, string query) => new(address + path["/v1".Length..] + query);

    public TimeSpan Timeout(InferenceEndpoint endpoint) =>
        (endpoint == InferenceEndpoint.Completions ? settings.CompletionsTimeout : endpoint == InferenceEndpoint.Embeddings ? settings.EmbeddingsTimeout : settings.ChatTimeout)
        ?? settings.Timeout ?? endpoint.Timeout;

    /// <summary>Puts this backend's key in the place of the client's. Anthropic's own paths take it under another name.</summary>
    public void Sign(HttpRequestMessage request, Dialect dialect)
    {
        if (settings.Key is not { } key) return;
        if (settings.Type == "anthropic" && dialect == Dialect.Anthropic) request.Headers.TryAddWithoutValidation("x-api-key", key);
        else request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + key);
    }

    public Task<HttpResponseMessage> Send(HttpRequestMessage request, CancellationToken cancel)
    {
        request.Version = HttpVersion.Version11;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        return client.SendAsync(request, cancel);
    }

    public void Dispose() => client.Dispose();
}
