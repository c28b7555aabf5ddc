using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;

namespace Cairn.Requests.Remote;

/// <summary>A gateway in another process, whose requests this console shows.</summary>
/// <param name="Name">As people call it.</param>
/// <param name="Key">An API key of that gateway with the scope audit:read.</param>
sealed record GatewayAddress(string Name, Uri Url, string Key);

/// <summary>A gateway does not answer, or does not know this console's key.</summary>
/// <param name="why">For Cairn's own log.</param>
sealed class GatewayAwayException(string gateway, string why, Exception? inner = null) : IOException($"Gateway {gateway}: {why}", inner)
{
    public string Gateway => gateway;
}

/// <summary>What is asked of one gateway over the wire.</summary>
sealed class RemoteGateway(GatewayAddress address) : IDisposable
{
    static readonly TimeSpan ConnectsWithin = TimeSpan.FromSeconds(5), AnswersWithin = TimeSpan.FromSeconds(30);

    readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ConnectTimeout = ConnectsWithin, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        BaseAddress = address.Url,
        Timeout = Timeout.InfiniteTimeSpan,
    };

    public string Name => address.Name;

    /// <summary>Whether it did not answer when it was asked last.</summary>
    public bool IsAway { get; private set; }

    /// <summary>Where it said last that its news go on.</summary>
    public string LiveCursor { get; set; } = "";

    /// <summary>Asks for a path below <c>/admin</c>. When it returns, the head of the answer is there and it is no refusal of this console; the body may still be under way.</summary>
    /// <param name="within">How long the answer may take; absent, as long as a large log may take.</param>
    /// <exception cref="GatewayAwayException">No answer, or one that is not about what was asked.</exception>
    public async Task<HttpResponseMessage> Get(string path, string query, CancellationToken cancel, TimeSpan? within = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/admin" + path + query);
        request.Headers.Authorization = new("Bearer", address.Key);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(within ?? AnswersWithin);
        HttpResponseMessage answer;
        try
        {
            answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
        }
        catch (Exception away) when (away is HttpRequestException or SocketException || (away is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            IsAway = true;
            throw new GatewayAwayException(Name, away.Message, away);
        }
        // What is wrong with the question is the asker's; everything else is the gateway's.
        IsAway = answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.BadRequest);
        if (!IsAway) return answer;
        var status = (int)answer.StatusCode;
        answer.Dispose();
        throw new GatewayAwayException(Name, status is 401 or 403 ? $"it refuses this console's key ({status})" : $"it answered {status}");
    }

    /// <exception cref="GatewayAwayException">No connection.</exception>
    public async Task<WebSocket> Follow(string query, CancellationToken cancel)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + address.Key);
        socket.Options.Proxy = null;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(ConnectsWithin);
        try
        {
            await socket.ConnectAsync(new UriBuilder(new Uri(address.Url, "/admin/ws/audit-logs" + query)) { Scheme = address.Url.Scheme == "https" ? "wss" : "ws" }.Uri, patience.Token);
            return socket;
        }
        catch (Exception away) when (away is WebSocketException || (away is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            socket.Dispose();
            throw new GatewayAwayException(Name, away.Message, away);
        }
    }

    public void Dispose() => http.Dispose();
}
