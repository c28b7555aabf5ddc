using Cairn.Access;
using Cairn.Access.Oidc;
using Cairn.Conversations.Sources;
using Cairn.Gateway;
using Cairn.Push;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Requests.Remote;
using Cairn.Retention;
using Cairn.Storage;

namespace Cairn.Hosting;

/// <summary>
/// A running Cairn: one log, one recorder, and the listeners over them. Each listener is an application of its own, so
/// that no path of one can be reached through another.
/// </summary>
sealed class CairnHost : IAsyncDisposable
{
    /// <summary>Often enough that what another process ended ends here within five seconds.</summary>
    static readonly TimeSpan RoundEvery = TimeSpan.FromSeconds(2);

    readonly DataDirectory directory;
    readonly CancellationTokenSource stopping = new();
    readonly List<WebApplication> listeners = [];
    Task housekeeping = Task.CompletedTask, listening = Task.CompletedTask;
    bool disposed;

    CairnHost(Settings settings, TimeProvider clock, ILoggerFactory logs, DataDirectory directory, ILogStore log, IControlStore control, Passwords passwords, BuiltIn conversations)
    {
        (Settings, Clock, Logs, this.directory, Log, Control, Passwords) = (settings, clock, logs, directory, log, control, passwords);
        Recorder = new(log, logs.CreateLogger<Recorder>());
        SelfAudit = new(Recorder, control, log.Events.Kind, clock);
        Keys = new(control, SelfAudit, clock);
        Sessions = new(control, SelfAudit, clock);
        Accounts = new(control, passwords, SelfAudit, Sessions, clock);
        SignIns = new(clock);
        Gateways = settings.Gateways.Count > 0 ? [.. settings.Gateways.Select(gateway => new RemoteGateway(gateway))] : null;
        Oidc = settings.Oidc is { } oidc ? new(oidc, clock) : null;
        OwnConversations = conversations;
        Conversations = settings.ConversationSource == "builtin" ? conversations.Source : OtherDatabase.Open(settings);
        ClockWatch = new(control, SelfAudit, clock);
        Retention = new(settings, log, control, conversations, SelfAudit, ClockWatch, clock);
        Push = new(settings, log, Recorder, control, SelfAudit, clock, logs);
        Inference = new(this);
    }

    public Settings Settings { get; }
    public TimeProvider Clock { get; }
    public ILoggerFactory Logs { get; }
    public ILogStore Log { get; }
    public IControlStore Control { get; }
    public Passwords Passwords { get; }
    public Recorder Recorder { get; }
    public ApiKeys Keys { get; }
    public SelfAudit SelfAudit { get; }
    public Sessions Sessions { get; }
    public Accounts Accounts { get; }
    public SignInThrottle SignIns { get; }

    /// <summary>The provider that people may sign in with; null when none is configured.</summary>
    public OidcProvider? Oidc { get; }

    /// <summary>Where conversations are reviewed.</summary>
    public ConversationSource Conversations { get; }

    /// <summary>Where applications send conversations to.</summary>
    public BuiltIn OwnConversations { get; }

    public ClockWatch ClockWatch { get; }

    public RetentionWorker Retention { get; }

    /// <summary>The other systems that the log is pushed to.</summary>
    public Pushers Push { get; }

    public Inference Inference { get; }

    /// <summary>Rings when Cairn stops, so that what is long ends.</summary>
    public CancellationToken Stopping => stopping.Token;

    /// <summary>Where the gateway and the console really listen; null for one that is not open.</summary>
    public Uri? GatewayUrl { get; private set; }

    public Uri? ConsoleUrl { get; private set; }

    /// <summary>The gateways in other processes whose requests the console shows; null when it shows this process's own.</summary>
    public IReadOnlyList<RemoteGateway>? Gateways { get; }

    /// <summary>Where the console reads requests. In ClickHouse all gateways write into the log that this console has itself; news are with each of them.</summary>
    public RequestsAre RequestsAre => Gateways is null ? RequestsAre.Here : Settings.Store.Engine == StoreEngine.ClickHouse ? RequestsAre.HereFollowedThere : RequestsAre.There;

    /// <summary>The console as people address it, as far as that is known without a call.</summary>
    public string ConsoleOrigin => (Settings.PublicUrl ?? ConsoleUrl ?? Settings.Console).GetLeftPart(UriPartial.Authority);

    /// <summary>The description of both listeners' paths, whichever of them this process opens.</summary>
    public byte[] ApiDescription => description ??= Describe();
    byte[]? description;

    byte[] Describe()
    {
        using IHost gateway = Listeners.Gateway(this), console = Listeners.Console(this);
        return OpenApi.Describe([("gateway", Paths(gateway)), ("console", Paths(console))]);

        static IEnumerable<Endpoint> Paths(IHost listener) => ((IEndpointRouteBuilder)listener).DataSources.SelectMany(source => source.Endpoints);
    }

    /// <summary>The applications that listen: the owner's socket first, then what is open to others.</summary>
    public IReadOnlyList<WebApplication> Doors => listeners;

    /// <param name="openToOthers">False opens the owner's socket alone, for a command while no server runs.</param>
    /// <param name="prepare">What is done before anyone else can come in.</param>
    /// <param name="around">What stands between Cairn and its log; nothing when absent.</param>
    /// <param name="passwords">How passwords are kept; with as many rounds as are advised when absent.</param>
    public static async Task<CairnHost> Start(Settings settings, TimeProvider clock, ILoggerFactory logs, bool openToOthers = true, Func<CairnHost, Task>? prepare = null, Func<ILogStore, ILogStore>? around = null, Passwords? passwords = null)
    {
        ThreadPool.SetMinThreads(32, 32);
        Durable.KeepPrivate();
        var directory = DataDirectory.Open(settings.DataDirectory);
        CairnHost? host = null;
        try
        {
            var stores = await Stores.Open(settings, directory.Path);
            host = new(settings, clock, logs, directory, around?.Invoke(stores.Log) ?? stores.Log, stores.Control, passwords ?? new(), BuiltIn.Open(directory.Path));
            await host.CheckConversations();
            await host.Push.SetBack(host.Stopping);
            if (prepare is not null) await prepare(host);
            await host.Listen(openToOthers);
            if (openToOthers) (host.housekeeping, host.listening) = (Task.WhenAll(Task.Run(host.KeepHouse), Task.Run(host.Retire)), Task.Run(host.ListenToOthers));
            if (openToOthers) host.Push.Start();
            return host;
        }
        catch
        {
            if (host is not null) await host.DisposeAsync();
            else directory.Dispose();
            throw;
        }
    }

    /// <summary>A database that lacks what conversations are read from is a mistake in the settings; one that is away may come back.</summary>
    async Task CheckConversations()
    {
        try
        {
            await Conversations.Check(Stopping);
        }
        catch (WrongShapeException wrong)
        {
            throw new SettingException($"Setting Conversations:Connection is {DatabaseUrl.WithoutSecrets(Settings.ConversationConnection)}; {wrong.Message}");
        }
        catch (SourceAwayException away)
        {
            HostLog.ConversationsAway(Logs.CreateLogger<CairnHost>(), away.Message);
        }
    }

    async Task Listen(bool openToOthers)
    {
        var socket = DataDirectory.Socket(directory.Path);
        File.Delete(socket);
        var owners = Listeners.Owners(this, socket);
        listeners.Add(owners);
        await owners.StartAsync();
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(socket, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        if (!openToOthers) return;

        Inference.Ledger.TakeOver(await Log.Unfinished(Stopping));
        if (Settings.Role != Role.Console) GatewayUrl = await Open(Listeners.Gateway(this), Settings.Gateway);
        if (Settings.Role != Role.Gateway) ConsoleUrl = await Open(Listeners.Console(this), Settings.Console);
    }

    async Task<Uri> Open(WebApplication listener, Uri wanted)
    {
        listeners.Add(listener);
        try
        {
            await listener.StartAsync();
        }
        catch (Exception refused) when (refused is IOException or System.Net.Sockets.SocketException)
        {
            throw new IOException($"Cannot listen on {wanted.OriginalString}: {(refused.InnerException ?? refused).Message}. Give another address with --gateway or --console.", refused);
        }
        return new(listener.Urls.First());
    }

    /// <summary>What other processes record in a shared store reaches who follows here.</summary>
    Task ListenToOthers() => Log.Listen((requests, events) =>
    {
        Recorder.RequestFeed.Reach(requests);
        Recorder.EventFeed.Reach(events);
    }, Stopping);

    /// <summary>What is done now and then, in the background, and never in the way of recording.</summary>
    Task KeepHouse() => Rounds(
        () => ClockWatch.Look(Stopping),
        () => SelfAudit.WriteKept(Stopping),
        () => OwnConversations.Tell(SelfAudit, Stopping),
        () => Sessions.Refresh(Stopping),
        () => Keys.Refresh(Stopping),
        () => Keys.WriteLastUses(Stopping),
        () => Inference.Ledger.TellGap());

    /// <summary>By itself, because a run may take long and what is above may not.</summary>
    Task Retire() => Rounds(() => Retention.RunWhenDue(Stopping));

    /// <summary>One step after the other, again and again. Whatever became of one, the next is done: nothing else keeps in order what it does.</summary>
    async Task Rounds(params Func<Task>[] steps)
    {
        var log = Logs.CreateLogger<CairnHost>();
        using var rounds = new PeriodicTimer(RoundEvery, Clock);
        do
        {
            foreach (var step in steps)
            {
                try
                {
                    await step();
                }
                catch (OperationCanceledException) when (Stopping.IsCancellationRequested)
                {
                    return;
                }
                catch (Exception error)
                {
                    HostLog.HousekeepingFailed(log, error);
                }
            }
        }
        while (await Tick(rounds));

        async Task<bool> Tick(PeriodicTimer timer)
        {
            try
            {
                return await timer.WaitForNextTickAsync(Stopping);
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
    }

    /// <summary>Ends the listeners, writes what was taken, and gives the directory back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, true)) return;
        await stopping.CancelAsync();
        foreach (var listener in listeners) await listener.DisposeAsync();
        await housekeeping;
        await listening;
        await Inference.DisposeAsync();
        await Push.DisposeAsync();
        try
        {
            await SelfAudit.WriteKept(CancellationToken.None);
            await Sessions.Refresh(CancellationToken.None);
            await Keys.WriteLastUses(CancellationToken.None);
        }
        catch (IOException error)
        {
            HostLog.HousekeepingFailed(Logs.CreateLogger<CairnHost>(), error);
        }
        Oidc?.Dispose();
        foreach (var gateway in Gateways ?? []) gateway.Dispose();
        Retention.Dispose();
        ClockWatch.Dispose();
        if (Conversations != OwnConversations.Source) await Conversations.DisposeAsync();
        await OwnConversations.DisposeAsync();
        await Recorder.DisposeAsync();
        await Log.DisposeAsync();
        await Control.DisposeAsync();
        File.Delete(DataDirectory.Socket(directory.Path));
        directory.Dispose();
        stopping.Dispose();
    }
}

static partial class HostLog
{
    [LoggerMessage(LogLevel.Error, "Housekeeping failed; it is tried again")]
    public static partial void HousekeepingFailed(ILogger log, Exception error);

    [LoggerMessage(LogLevel.Warning, "Conversations cannot be read: {Why}")]
    public static partial void ConversationsAway(ILogger log, string why);

    [LoggerMessage(LogLevel.Warning, "Keys and sessions cannot be looked up: {Why}")]
    public static partial void LookUpFailed(ILogger log, string why);

    [LoggerMessage(LogLevel.Error, "A call failed: {Method} {Path}")]
    public static partial void CallFailed(ILogger log, Exception error, string method, string path);
}
