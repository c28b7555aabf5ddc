using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json;
using Cairn.Hosting;
using Cairn.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cairn.Commands;

/// <summary>
/// The owner of a data directory, speaking to Cairn through the socket in it. Where no server runs, one is started in this
/// process for as long as the command takes, with that socket as its only door: so a command has one way of doing its work.
/// </summary>
sealed class Owner : IAsyncDisposable
{
    static readonly TimeSpan StartsWithin = TimeSpan.FromSeconds(5), StartsSoon = TimeSpan.FromMilliseconds(50);

    readonly CairnHost? own;
    readonly SocketsHttpHandler handler;

    Owner(string socket, CairnHost? own)
    {
        this.own = own;
        handler = new()
        {
            ConnectCallback = async (_, cancel) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancel);
                return new NetworkStream(connection, ownsSocket: true);
            },
        };
        Http = new(handler) { BaseAddress = new("http://cairn"), Timeout = Timeout.InfiniteTimeSpan };
    }

    public HttpClient Http { get; }

    /// <summary>True when a server was running already.</summary>
    public bool IsServerRunning => own is null;

    /// <summary>The owner, by the server that runs; where none does, by one in this process.</summary>
    /// <param name="mayBegin">Makes a data directory where there is none. What only reads does not: a mistyped directory must not pass for an empty log.</param>
    public static async Task<Owner> Connect(Settings settings, CancellationToken cancel, bool mayBegin = false)
    {
        if (!mayBegin && settings.Store.Engine == StoreEngine.Sqlite && !File.Exists(Path.Combine(settings.DataDirectory, "log.db")))
            throw new CommandException($"There is no log in {settings.DataDirectory}. Name the directory that the server uses with --data.");
        for (var patience = StartsWithin; ; patience -= StartsSoon)
        {
            if (await TryConnect(settings) is { } running) return running;
            try
            {
                return await Start(settings);
            }
            catch (DataDirectoryInUseException) when (patience > TimeSpan.Zero)
            {
                // A server that starts has the directory before it has its socket.
                await Task.Delay(StartsSoon, cancel);
            }
        }
    }

    /// <summary>By the server that runs; null when none does.</summary>
    public static async Task<Owner?> TryConnect(Settings settings)
    {
        var socket = DataDirectory.Socket(settings.DataDirectory);
        return await Answers(socket) ? new(socket, null) : null;
    }

    /// <summary>By a server in this process.</summary>
    public static async Task<Owner> Start(Settings settings) =>
        new(DataDirectory.Socket(settings.DataDirectory), await CairnHost.Start(settings, TimeProvider.System, NullLoggerFactory.Instance, openToOthers: false));

    static async Task<bool> Answers(string socket)
    {
        if (!File.Exists(socket)) return false;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await probe.ConnectAsync(new UnixDomainSocketEndPoint(socket));
            return true;
        }
        catch (SocketException)
        {
            // A server that was killed leaves its socket behind.
            return false;
        }
    }

    public async Task<JsonDocument> Get(string path, CancellationToken cancel)
    {
        using var answer = await Http.GetAsync(path, cancel);
        return await Read(answer, cancel);
    }

    public async Task<JsonDocument> Send(HttpMethod method, string path, HttpContent? content, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        using var answer = await Http.SendAsync(request, cancel);
        return await Read(answer, cancel);
    }

    /// <summary>A stream of bytes, read as it comes.</summary>
    public async Task<HttpResponseMessage> Stream(string path, CancellationToken cancel)
    {
        var answer = await Http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancel);
        if (!answer.IsSuccessStatusCode) (await Read(answer, cancel)).Dispose();
        return answer;
    }

    public async Task<WebSocket> Follow(string path, CancellationToken cancel)
    {
        var socket = new ClientWebSocket();
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        try
        {
            await socket.ConnectAsync(new Uri("ws://cairn" + path), invoker, cancel);
            return socket;
        }
        catch (WebSocketException)
        {
            socket.Dispose();
            // A refused upgrade does not say why; the same call without one does.
            using var answer = await Http.GetAsync(path, cancel);
            if (answer.StatusCode == HttpStatusCode.BadRequest) (await Read(answer, cancel)).Dispose();
            throw;
        }
    }

    static async Task<JsonDocument> Read(HttpResponseMessage answer, CancellationToken cancel)
    {
        await using var body = await answer.Content.ReadAsStreamAsync(cancel);
        var json = await JsonDocument.ParseAsync(body, cancellationToken: cancel);
        if (answer.IsSuccessStatusCode) return json;
        using (json)
        {
            var detail = json.RootElement.GetProperty("detail").GetString() ?? answer.ReasonPhrase ?? "It failed.";
            // The call's parameter is the command's option, but for what commands take as an argument or from standard input.
            if (json.RootElement.TryGetProperty("parameter", out var parameter) && parameter.GetString() is { } name and not ("email" or "password") && detail.StartsWith(name + " ", StringComparison.Ordinal))
                detail = FilterOptions.OptionName(name) + detail[name.Length..];
            throw new CommandException(detail, answer.StatusCode == HttpStatusCode.BadRequest ? Run.NotUnderstood : Run.NotDone);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        handler.Dispose();
        if (own is not null) await own.DisposeAsync();
    }
}
