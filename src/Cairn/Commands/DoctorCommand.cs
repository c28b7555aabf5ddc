using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Cairn.Access.Oidc;
using Cairn.Gateway;
using Cairn.Hosting;
using Cairn.Push;
using Cairn.Requests.Remote;

namespace Cairn.Commands;

/// <summary>Looks at everything that Cairn stands on, and says what is wrong and what mends it.</summary>
static class DoctorCommand
{
    const long LittleDisk = 1024L * 1024 * 1024, TooLittleDisk = 64L * 1024 * 1024;
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    static readonly TimeSpan MostAhead = TimeSpan.FromHours(24), AnswersWithin = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        var command = new Command("doctor", """
            Check the configuration, the data directory, the store, the clock and the addresses: one line each, ok, warn or fail, with what mends it. The exit code is 1 when something fails. It reads through everything that is stored, which takes its time on a large log.

            Example: cairn doctor --data /var/lib/cairn
            """);
        command.SetAction(async (parsed, cancel) =>
        {
            var report = new Report();
            await Examine(report, parsed, cancel);
            return report.HasFailed ? Run.NotDone : Run.Done;
        });
        return command;
    }

    static async Task Examine(Report report, ParseResult parsed, CancellationToken cancel)
    {
        Settings settings;
        try
        {
            settings = SettingOptions.Read(parsed);
            report.Ok("configuration", "every setting is understood");
        }
        catch (SettingException wrong)
        {
            report.Fail("configuration", wrong.Message);
            return;
        }

        if (settings.Oidc is { } oidc) await Provider(report, oidc, cancel);
        foreach (var address in settings.Gateways) await Remote(report, address, cancel);
        if (settings.Role != Role.Console)
            foreach (var backend in settings.Inference.Backends) await Model(report, backend, cancel);
        foreach (var target in settings.Push) await Target(report, target, cancel);
        var mayOpen = Directory(report, settings.DataDirectory);
        await using var server = mayOpen ? await Owner.TryConnect(settings) : null;
        if (server is not null) await Inside(report, settings, server, cancel);
        else if (mayOpen) await Opened(report, settings, cancel);
        else Clock(report, null);
        if (server is null)
        {
            if (settings.Role != Role.Console) Free(report, "gateway", settings.Gateway);
            if (settings.Role != Role.Gateway) Free(report, "console", settings.Console);
        }
    }

    static async Task Provider(Report report, OidcSettings settings, CancellationToken cancel)
    {
        using var provider = new OidcProvider(settings, TimeProvider.System);
        try
        {
            await provider.Doors(cancel);
            report.Ok("sign-in", $"{settings.Issuer.OriginalString} answers and has keys");
        }
        catch (OidcException away)
        {
            report.Fail("sign-in", away.Message);
        }
    }

    static async Task Remote(Report report, GatewayAddress address, CancellationToken cancel)
    {
        using var gateway = new RemoteGateway(address);
        try
        {
            using var answer = await gateway.Get("/audit-logs", "?limit=1", cancel);
            report.Ok("gateway", $"{address.Name} at {address.Url} answers");
        }
        catch (GatewayAwayException away)
        {
            report.Fail("gateway", away.Message);
        }
    }

    static async Task Model(Report report, BackendSettings settings, CancellationToken cancel)
    {
        const string name = "backend";
        using var backend = new Backend(settings);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(AnswersWithin);
        try
        {
            switch (await backend.Ask(patience.Token))
            {
                case < 300:
                    report.Ok(name, $"{settings} answers");
                    break;
                case StatusCodes.Status401Unauthorized or StatusCodes.Status403Forbidden:
                    report.Fail(name, $"{settings} refuses {(settings.Key is null ? "calls without a key; give it one with Gateway:Backends:N:Key" : "its key; correct Gateway:Backends:N:Key")}");
                    break;
                case StatusCodes.Status404NotFound:
                    report.Warn(name, $"{settings} answers, and has no list of models there; make sure that its Url is what stands for /v1");
                    break;
                case var status:
                    report.Warn(name, $"{settings} answers {status} when it is asked for its models");
                    break;
            }
        }
        catch (BackendException) when (!cancel.IsCancellationRequested)
        {
            if (settings.Url == GatewaySettings.Ollama) report.Warn(name, $"nobody answers at {settings.Url}, where an Ollama usually is; start one, or name your models' server in Gateway:Backends");
            else report.Fail(name, $"{settings} does not answer; start it, or correct Gateway:Backends:N:Url");
        }
    }

    static async Task Target(Report report, PushTarget target, CancellationToken cancel)
    {
        const string name = "push";
        await using var connection = Pushers.Connection(target, TimeProvider.System);
        try
        {
            var found = $"{target.Name} at {target.Address} {await connection.Ask(cancel)}";
            if (target is { IsSyslog: true, UsesTls: false, Url.IsLoopback: false }) report.Warn(name, found);
            else report.Ok(name, found);
        }
        catch (PushFailedException away)
        {
            report.Fail(name, $"{target.Name}: {away.Message}");
        }
    }

    /// <summary>Looks from outside. Answers whether the store can be opened without harm.</summary>
    static bool Directory(Report report, string path)
    {
        const string name = "data directory";
        if (!System.IO.Directory.Exists(path))
        {
            report.Warn(name, $"{path} is not there yet; 'cairn serve' makes it");
            return false;
        }
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(path) is var mode && mode != OwnerOnly)
            report.Warn(name, $"{path} has mode {Convert.ToString((int)mode, 8)}, so that others may read the log; run: chmod 700 {path}");
        if (FileOwner.Of(path) is { } owner && FileOwner.OfThisProcess() is { } self && owner != self)
        {
            report.Fail(name, $"{path} belongs to user {owner} and this is user {self}; run the command as that user");
            return false;
        }
        if (new DriveInfo(path).AvailableFreeSpace is var free && free < TooLittleDisk) report.Fail("disk", $"{free / 1024 / 1024} MiB are free, too little to take records; free some space");
        else if (free < LittleDisk) report.Warn("disk", $"{free / 1024 / 1024} MiB are free; free some space before records are refused");
        else report.Ok("disk", $"{free / 1024 / 1024 / 1024} GiB are free");
        return true;
    }

    /// <summary>Without a server: opens the store in this process.</summary>
    static async Task Opened(Report report, Settings settings, CancellationToken cancel)
    {
        try
        {
            await using var owner = await Owner.Start(settings);
            await Inside(report, settings, owner, cancel);
        }
        catch (DataDirectoryInUseException)
        {
            var process = File.ReadAllText(DataDirectory.Lock(settings.DataDirectory)).Trim();
            report.Fail("data directory", $"process {process} has {settings.DataDirectory} and does not answer; if it is not about to start, stop it");
        }
        catch (Exception error) when (error is IOException or SettingException)
        {
            report.Fail("store", error.Message);
        }
    }

    static async Task Inside(Report report, Settings settings, Owner owner, CancellationToken cancel)
    {
        using var check = await owner.Get("/local/check", cancel);
        using var health = await owner.Get("/api/v1/admin/health", cancel);
        report.Ok("data directory", owner.IsServerRunning ? $"the server with process {check.RootElement.GetProperty("process")} has {settings.DataDirectory}" : $"{settings.DataDirectory} is free for a server");

        var store = health.RootElement.GetProperty("store");
        if (store.GetProperty("problem").GetString() is { } problem) report.Fail("store", problem);
        else if (check.RootElement.GetProperty("damage").GetString() is { } damage) report.Fail("store", $"it is damaged ({damage}); stop Cairn and restore the last backup");
        else report.Ok("store", $"{store.GetProperty("engine")}, {store.GetProperty("bytes").GetInt64() / 1024.0 / 1024:0.0} MiB, sound throughout");

        if (store.GetProperty("degraded").GetString() is { } degraded) report.Warn("store", degraded);

        var conversations = health.RootElement.GetProperty("conversations");
        var source = $"{conversations.GetProperty("source").GetString()}, {conversations.GetProperty("engine").GetString()}";
        if (conversations.GetProperty("problem").GetString() is { } away) report.Fail("conversations", $"{source}: {away}; see docs/conversations.md");
        else report.Ok("conversations", $"{source}, can be read{(settings.AuditLogsEnabled || owner.IsServerRunning ? "" : "; AUDIT_LOGS_ENABLED is not true, so that nobody may")}");

        if (health.RootElement.GetProperty("retention").GetProperty("held").GetString() is { } held) report.Warn("retention", held);

        foreach (var target in health.RootElement.GetProperty("push").EnumerateArray())
            if (target.GetProperty("problem").GetString() is { } why) report.Warn("push", $"{target.GetProperty("name")} is {target.GetProperty("state")}, {target.GetProperty("lagRecords")} records behind: {why}");

        Clock(report, await Newest(owner, cancel));

        if (!owner.IsServerRunning) return;
        foreach (var listener in new[] { "gateway", "console" })
            if (check.RootElement.GetProperty(listener).GetString() is { } url) await Answers(report, listener, url, cancel);
    }

    static async Task<DateTimeOffset?> Newest(Owner owner, CancellationToken cancel)
    {
        DateTimeOffset? newest = null;
        foreach (var log in NamedLog.All)
        {
            using var page = await owner.Get(log.List + "?limit=1", cancel);
            var items = log.IsRequests ? page.RootElement : page.RootElement.GetProperty("items");
            if (items.GetArrayLength() == 0) continue;
            var at = items[0].GetProperty(log.IsRequests ? "timestamp" : "createdAt").GetDateTimeOffset();
            if (newest is null || at > newest) newest = at;
        }
        return newest;
    }

    static void Clock(Report report, DateTimeOffset? newest)
    {
        var now = DateTimeOffset.UtcNow;
        if (now.Year is < 2025 or > 2100) report.Fail("clock", $"it says {now:yyyy-MM-dd}, which cannot be; set it before retention believes it");
        else if (newest > now + MostAhead) report.Fail("clock", $"it says {now:yyyy-MM-dd HH:mm} UTC and the newest record is from {newest:yyyy-MM-dd HH:mm}; set the clock, or find out who sends such times");
        else report.Ok("clock", $"{now:yyyy-MM-dd HH:mm} UTC{(newest is null ? "" : $", and the newest record is from {newest:yyyy-MM-dd HH:mm}")}");
    }

    static async Task Answers(Report report, string listener, string url, CancellationToken cancel)
    {
        using var client = new HttpClient { Timeout = AnswersWithin };
        try
        {
            using var answer = await client.GetAsync(new Uri(new Uri(url), "/readyz"), cancel);
            if (answer.IsSuccessStatusCode) report.Ok(listener, $"{url} answers");
            else report.Fail(listener, $"{url} answers that it is not ready ({(int)answer.StatusCode}); look at the server's log");
        }
        catch (Exception error) when (error is HttpRequestException or SocketException or OperationCanceledException && !cancel.IsCancellationRequested)
        {
            report.Fail(listener, $"{url} does not answer; look at the server's log, and restart it");
        }
    }

    static void Free(Report report, string listener, Uri url)
    {
        var address = IPAddress.TryParse(url.Host.Trim('[', ']'), out var named) ? named : url.Host == "localhost" ? IPAddress.Loopback : IPAddress.Any;
        using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            probe.Bind(new IPEndPoint(address, url.Port));
            report.Ok(listener, $"{url.OriginalString} is free for a server");
        }
        catch (SocketException error)
        {
            report.Fail(listener, error.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? $"another process listens on {url.OriginalString}; stop it, or give another address with --{listener}"
                : $"{url.OriginalString} cannot be listened on ({error.Message}); give another address with --{listener}");
        }
    }

    sealed class Report
    {
        public bool HasFailed { get; private set; }

        public void Ok(string what, string found) => Line("ok", what, found);

        public void Warn(string what, string found) => Line("warn", what, found);

        public void Fail(string what, string found) => Line("fail", what, found);

        void Line(string state, string what, string found)
        {
            HasFailed |= state == "fail";
            Console.WriteLine($"{state,-4}  {what,-14}  {Terminal.Escaped(found)}");
        }
    }
}
