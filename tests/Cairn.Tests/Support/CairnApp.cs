using System.Net.Sockets;
using System.Text.Json;
using Cairn.Access;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cairn.Support;

/// <summary>A whole Cairn in a directory of its own, at a time that the test moves, and the people who call it.</summary>
sealed class CairnApp : IAsyncDisposable
{
    readonly TempDirectory? directory;
    readonly List<HttpClient> clients = [];

    CairnApp(TempDirectory? directory, CairnHost host, TestClock clock)
    {
        (this.directory, Host, Clock) = (directory, host, clock);
        Owner = Client(OwnersClient());
    }

    public CairnHost Host { get; }

    public TestClock Clock { get; }

    /// <summary>Who came through the owner's socket.</summary>
    public Client Owner { get; }

    /// <summary>An application that sends events.</summary>
    public Client Sender { get; private set; } = null!;

    /// <summary>Someone who reads at the console with a key.</summary>
    public Client Reader { get; private set; } = null!;

    /// <summary>Someone who reads requests at the gateway with a key.</summary>
    public Client GatewayReader { get; private set; } = null!;

    /// <param name="change">What this Cairn has set otherwise.</param>
    /// <param name="place">A directory that stays; absent, one of its own that goes with it.</param>
    public static async Task<CairnApp> Start(Func<Settings, Settings>? change = null, TestClock? clock = null, Func<ILogStore, ILogStore>? around = null, string? place = null)
    {
        var directory = place is null ? new TempDirectory() : null;
        clock ??= new();
        var settings = new Settings { DataDirectory = Path.Combine(place ?? directory!.Path, "data"), Gateway = new("http://127.0.0.1:0"), Console = new("http://127.0.0.1:0") };
        var host = await CairnHost.Start(change?.Invoke(settings) ?? settings, clock, NullLoggerFactory.Instance, around: around);
        var app = new CairnApp(directory, host, clock);

        // The first run of retention is over before a test writes anything.
        await Until.True(async () => (await host.Retention.State(CancellationToken.None)).NextRun is not null);
        app.Sender = app.Gateway(await app.Key(Scopes.EventsWrite));
        var reader = await app.Key(Scopes.AuditRead);
        app.Reader = app.Console(reader);
        app.GatewayReader = app.Gateway(reader);
        return app;
    }

    public Client Gateway(string? key = null) => Client(new HttpClient { BaseAddress = Host.GatewayUrl }, key);

    public Client Console(string? key = null) => Client(new HttpClient { BaseAddress = Host.ConsoleUrl }, key);

    Client Client(HttpClient http, string? key = null)
    {
        clients.Add(http);
        return new(http, key);
    }

    HttpClient OwnersClient() => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(DataDirectory.Socket(Host.Settings.DataDirectory)), cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    { BaseAddress = new("http://cairn") };

    /// <summary>A key made before the test begins, of which the log therefore says nothing.</summary>
    public async Task<string> Key(params string[] scopes) => (await Host.Keys.Create("a key", scopes, null, Support.Client.Cancel)).Text;

    /// <summary>Sends events and expects every one of them to be taken.</summary>
    public async Task Send(params string[] events)
    {
        var answer = (await Sender.Post("/api/v1/events", string.Join('\n', events), "application/x-ndjson")).Expect(200);
        Assert.True(answer.Json.GetProperty("accepted").GetInt32() == events.Length, answer.Text);
    }

    public Task Import(params IEnumerable<RequestRecord> requests) => Import("/local/import/requests", RequestFields.Kind, requests);

    public Task Import(params IEnumerable<EventRecord> events) => Import("/local/import/events", Some.EventKind, events);

    async Task Import<T>(string path, Kind<T> kind, IEnumerable<T> records) where T : class, IRecord, new()
    {
        foreach (var piece in records.Chunk(5_000))
        {
            var lines = new MemoryStream();
            var json = new RecordJson<T>(kind);
            foreach (var record in piece)
            {
                using (var writer = new Utf8JsonWriter(lines, RecordJson.Writing)) json.Write(writer, record);
                lines.WriteByte((byte)'\n');
            }
            var answer = (await Owner.Post(path, lines.ToArray(), "application/x-ndjson")).Expect(200);
            Assert.True(answer.Json.GetProperty("accepted").GetInt32() == piece.Length, answer.Text);
        }
    }

    /// <summary>Follows a log live. The path stands on the console, unless it is the gateway's.</summary>
    public Task<LiveClient> Follow(string path, Client? who = null)
    {
        who ??= path.StartsWith("/admin", StringComparison.Ordinal) ? GatewayReader : Reader;
        return LiveClient.Open(who, path);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in clients) client.Dispose();
        await Host.DisposeAsync();
        directory?.Dispose();
    }
}
