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
    /// <param name="passwords">How passwords are kept; absent, with so few rounds that hundreds of sign-ins take no time.</param>
    public static async Task<CairnApp> Start(Func<Settings, Settings>? change = null, TestClock? clock = null, Func<ILogStore, ILogStore>? around = null, string? place = null, Passwords? passwords = null)
    {
        var directory = place is null ? new TempDirectory() : null;
        clock ??= new();
        var settings = new Settings { DataDirectory = Path.Combine(place ?? directory!.Path, "data"), Gateway = new("http://127.0.0.1:0"), Console = new("http://127.0.0.1:0") };
        var host = await CairnHost.Start(change?.Invoke(settings) ?? settings, clock, NullLoggerFactory.Instance, around: around, passwords: passwords ?? new(rounds: 1_000));
        var app = new CairnApp(directory, host, clock);

        // The first run of retention is over before a test writes anything.
        await Until.True(async () => (await host.Retention.State(CancellationToken.None)).NextRun is not null);
        app.Sender = app.Gateway(await app.Key(Scopes.EventsWrite));
        var reader = await app.Key(Scopes.AuditRead);
        app.Reader = app.Console(reader);
        app.GatewayReader = app.Gateway(reader);
        return app;
    }

    public Client Gateway(string? key = null) => Client(NewHttp(Host.GatewayUrl!), key);

    public Client Console(string? key = null) => Client(NewHttp(Host.ConsoleUrl!), key);

    /// <summary>Cookies are the test's own affair, and so is where an answer sends a browser.</summary>
    static HttpClient NewHttp(Uri listener) => new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = listener };

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
    public async Task<string> Key(params string[] scopes) => (await Key(scopes, null)).Text;

    public async Task<(ApiKey Key, string Text)> Key(string[] scopes, DateTimeOffset? expiresAt)
    {
        var text = KeyText.New();
        var key = new ApiKey(Guid.NewGuid().ToString("N"), "a key", scopes, Clock.Now, expiresAt, null, null);
        await Host.Control.Append(key, KeyText.Hash(text), null, Support.Client.Cancel);
        return (key, text);
    }

    /// <summary>A password that is taken.</summary>
    public const string Phrase = "a long and odd phrase";

    /// <summary>An account made by the owner, which signs in with <see cref="Phrase"/>.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> Account(string email, string role = "admin") =>
        (await Owner.Post("/api/v1/admin/users", $$"""{"email":"{{email}}","role":"{{role}}","password":"{{Phrase}}"}""")).Expect(201).Json.GetProperty("id").GetString()!;

    /// <summary>Someone who signed in at the console. An administrator is made first where there is none.</summary>
    public async Task<Client> Person(string role = "admin", string? email = null)
    {
        if (role != "admin" && !await Host.Control.HasAdministrator(Support.Client.Cancel)) await Account("root@example.com");
        email ??= $"{role}-{Some.Number}@example.com";
        await Account(email, role);
        return await SignIn(email);
    }

    /// <summary>Someone who signs in as who has an account already.</summary>
    public async Task<Client> SignIn(string email, string password = Phrase)
    {
        var browser = Console();
        (await browser.Post("/api/auth/login", $$"""{"email":"{{email}}","password":"{{password}}"}""")).Expect(200);
        return browser;
    }

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
