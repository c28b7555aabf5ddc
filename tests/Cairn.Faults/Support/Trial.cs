using System.Diagnostics;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json;
using Cairn.Records;
using Cairn.Storage.Sqlite;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>A Cairn as a process on one data directory, which is broken off and started again, and what its senders were told.</summary>
sealed class Trial(string directory, params (string Name, string Value)[] settings) : IAsyncDisposable
{
    readonly (string Name, string Value)[] settings = [("Cairn__Export__MaxRows", "0"), .. settings];
    CairnProcess? server;
    HttpClient? gateway, console;
    string? key;

    public string Data { get; } = Path.Combine(directory, "data");

    public Receipts Receipts { get; } = new();

    public CairnProcess Server => server!;

    public Client Gateway { get; private set; } = null!;

    public Client Console { get; private set; } = null!;

    /// <summary>From the start of the process to its first good answer.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    /// <param name="more">Settings of this start alone, such as a library that stands between Cairn and the machine.</param>
    public async Task Start(params (string Name, string Value)[] more)
    {
        var watch = Stopwatch.StartNew();
        await End();
        server = CairnProcess.StartServer(Data, [.. settings, .. more]);
        await server.IsReady();
        ReadyAfter = watch.Elapsed;
        key ??= server.HasSaid("API key") ? server.Said("API key")["API key".Length..].Trim()
            // An earlier start was broken off between making the key and showing it.
            : (await CairnProcess.Run("keys", "create", "--name", "trial", "--scope", "inference,events:write,audit:read", "--data", Data)).Lines[^1];
        (gateway, console) = (New(server.Address("Gateway")), New(server.Address("Console")));
        (Gateway, Console) = (new(gateway, key), new(console, key));

        static HttpClient New(Uri address) => new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = address };
    }

    /// <summary>Begins to start it and breaks that off.</summary>
    public async Task StartAndKill(TimeSpan after)
    {
        await End();
        server = CairnProcess.StartServer(Data, settings);
        await Task.Delay(after, Client.Cancel);
        await server.Kill();
    }

    public Task Kill() => Server.Kill();

    public async Task Stop()
    {
        // What a service manager sends; a shell in the background keeps Ctrl+C from its children.
        Assert.Equal(0, Needs.Run("kill", "-TERM", Server.Id.ToString()));
        var ended = await Server.End();
        Assert.True(ended.Code == 0, $"It ended with {ended.Code}: {ended.Errors}");
    }

    /// <summary>Sends a call. False when no answer came, or that the log cannot be written now.</summary>
    public async Task<bool> Send(SentCall call, HttpClient? through = null)
    {
        try
        {
            using var request = Gateway.Request(HttpMethod.Post, "/api/v1/events");
            request.Content = call.Content();
            using var answer = await (through ?? Gateway.Http).SendAsync(request, Client.Cancel);
            var text = await answer.Content.ReadAsStringAsync(Client.Cancel);
            if ((int)answer.StatusCode == 503)
            {
                Assert.True(answer.Headers.RetryAfter?.Delta > TimeSpan.Zero, "A 503 without Retry-After.");
                return false;
            }
            Assert.True((int)answer.StatusCode == 200, $"{(int)answer.StatusCode}: {text}");
            using var told = JsonDocument.Parse(text);
            Receipts.Answered(call, told.RootElement.GetProperty("accepted").GetInt32(), told.RootElement.GetProperty("duplicates").GetInt32(),
                told.RootElement.GetProperty("rejected").EnumerateArray().Select(one => one.GetProperty("index").GetInt32()).ToHashSet());
            return true;
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException or SocketException)
        {
            return false;
        }
    }

    /// <summary>Sends again what was not answered, as every good sender does. Everything is acknowledged when it returns.</summary>
    public async Task SendAgain()
    {
        foreach (var call in Receipts.Calls.Where(call => !call.WasAnswered)) Assert.True(await Send(call), "A call was refused with nothing wrong any longer.");
    }

    /// <summary>The administrator, where the settings appoint one.</summary>
    public static readonly (string Name, string Value)[] Administrator = [("Cairn__Admin__Email", "ada@example.com"), ("Cairn__Admin__Password", CairnApp.Phrase)];

    /// <summary>What goes on while nothing can be written: signing in, lists, files, health.</summary>
    /// <param name="mayWait">True when records are on their way to a server, and are not read before they are there.</param>
    public async Task CheckReading(bool mayWait = false)
    {
        (await Gateway.Get("/healthz")).Expect(200);
        await Until.True(async () => (await Gateway.Get("/readyz")).Status == 503);
        (await Console.Get("/api/v1/admin/audit-logs")).Expect(200);
        (await Gateway.Get("/admin/audit-logs/stats")).Expect(200);
        await Until.True(async () => !(await Console.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("store").GetProperty("writable").GetBoolean());
        await Until.True(async () => (await Gateway.Get("/metrics")).Expect(200).Text.Contains("cairn_store_writable 0", StringComparison.Ordinal));
        var verdict = await Judge();
        (mayWait ? verdict with { Missing = [] } : verdict).Expect();
        var person = new Client(Console.Http);
        (await person.Post("/api/auth/login", $$"""{"email":"ada@example.com","password":"{{CairnApp.Phrase}}"}""")).Expect(200);
        (await person.Get("/api/v1/admin/audit-logs")).Expect(200);
    }

    /// <summary>Every row of an export.</summary>
    public async Task<List<string>> Export(string path)
    {
        using var request = Console.Request(HttpMethod.Get, path);
        using var answer = await Console.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
        Assert.Equal(200, (int)answer.StatusCode);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Client.Cancel));
        var rows = new List<string>();
        while (await reader.ReadLineAsync(Client.Cancel) is { } line) rows.Add(line);
        Assert.Equal(answer.Headers.GetValues("X-Total-Count").Single(), rows.Count.ToString());
        return rows;
    }

    /// <summary>What the log looks like against what senders were told.</summary>
    public async Task<Verdict> Judge()
    {
        var began = Stopwatch.GetTimestamp();
        return Verdict.Of(await Export("/api/v1/admin/audit-logs/export?format=jsonl"), Receipts, began);
    }

    /// <summary>Holds the whole log against what senders were told: the file, the counts, the order, and health's own account.</summary>
    public async Task Check()
    {
        // 0. What waited for a server is there.
        await Until.True(async () => (await Console.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("outbox") is not { ValueKind: JsonValueKind.Object } outbox || outbox.GetProperty("waiting").GetInt64() == 0);

        // 1. Each acknowledged event once and equal, no rejected one, no call half stored.
        var rows = (await Export($"/api/v1/admin/audit-logs/export?format=jsonl&resource={Receipts.Resource}")).Select(row => JsonDocument.Parse(row).RootElement).ToList();
        Verdict.Of(rows.Select(row => row.GetRawText()), Receipts).Expect();

        // 2. Every count is the number of rows.
        foreach (var name in new[] { "action", "actorId", "resourceId", "outcome" })
            foreach (var group in rows.GroupBy(row => row.GetProperty(name).GetString() ?? "System"))
                Assert.Equal(group.Count(), (await Console.Get($"/api/v1/admin/audit-logs?limit=1&resource={Receipts.Resource}&{name}={Uri.EscapeDataString(group.Key)}")).Expect(200).Total);
        var hits = rows.Count(row => row.GetProperty("resourceName").GetString()!.Contains("haus", StringComparison.OrdinalIgnoreCase));
        Assert.Equal(hits, (await Console.Get($"/api/v1/admin/audit-logs?limit=1&resource={Receipts.Resource}&search=haus")).Expect(200).Total);

        // 3. Followed from the beginning, the log has the same events, each writer's in the order in which they were acknowledged.
        var numbers = await Follow(rows.Count);
        Assert.Equal(rows.Select(Number).Order(), numbers.Order());
        var sent = Receipts.All.ToDictionary(one => one.Number);
        foreach (var writer in numbers.Select(number => sent[number]).Where(one => one.Told == Told.Taken).GroupBy(one => one.Writer))
            Assert.True(writer.Zip(writer.Skip(1)).All(pair => pair.First.Turn < pair.Second.Turn), $"The log has what writer {writer.Key} sent in another order.");

        // 4. Nothing is unaccounted for.
        var records = (await Console.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("records");
        long Count(string name) => records.GetProperty(name).GetInt64();
        Assert.Equal(Count("accepted"), Count("written") + Count("duplicates") + Count("conflicts") + Count("refused") + Count("waiting"));
    }

    static long Number(JsonElement record) => record.GetProperty("metadata").GetProperty("n").GetInt64();

    /// <summary>The numbers of the events in the order of the log, whose cursors must rise.</summary>
    async Task<List<long>> Follow(int count)
    {
        var numbers = new List<long>();
        await using var live = await LiveClient.Open(Console, $"/api/v1/admin/ws/audit-logs?resource={Receipts.Resource}&after={Cursor.ForTail("event", 0)}");
        var last = -1L;
        while (numbers.Count < count)
        {
            var frame = await live.Next() ?? throw new WebSocketException("The live connection closed.");
            if (frame.GetProperty("type").GetString() != "log") continue;
            Assert.True(Cursor.TryReadTail("event", frame.GetProperty("cursor").GetString()!, out var cursor));
            Assert.True(cursor.Place > last, "The positions of the log do not rise.");
            last = cursor.Place;
            numbers.Add(Number(frame.GetProperty("data")));
        }
        return numbers;
    }

    /// <summary>Has SQLite look through a copy of the files, as they are.</summary>
    public void CheckFiles()
    {
        using var copy = new TempDirectory();
        foreach (var file in Directory.GetFiles(Data, "*.db*").Where(file => !file.EndsWith("-shm", StringComparison.Ordinal))) File.Copy(file, Path.Combine(copy.Path, Path.GetFileName(file)));
        foreach (var file in Directory.GetFiles(copy.Path, "*.db"))
        {
            using var connection = Connection.OpenWriter(file);
            using var check = connection.Prepare("PRAGMA integrity_check");
            Assert.True(check.Step());
            Assert.Equal("ok", check.Text(0));
            if (Path.GetFileName(file) != "log.db") continue;
            foreach (var table in new[] { "request", "event" })
            {
                connection.Run($"INSERT INTO {table}_index ({table}_index) VALUES ('integrity-check')");
                // Positions count without a hole, as long as nothing was removed.
                Assert.Equal(connection.Number($"SELECT count(*) FROM {table}"), connection.Number($"SELECT coalesce(max(position), 0) FROM {table}"));
                Assert.Equal(connection.Number($"SELECT count(*) FROM {table}"), connection.Number($"SELECT count(DISTINCT position) FROM {table}"));
            }
        }
    }

    async Task End()
    {
        gateway?.Dispose();
        console?.Dispose();
        if (server is not null) await server.DisposeAsync();
    }

    public async ValueTask DisposeAsync() => await End();
}
