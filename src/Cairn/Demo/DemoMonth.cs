using Cairn.Access;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Demo;

/// <summary>A month of a small platform, ending now: office hours, quiet nights, a bad afternoon, an administrator who changes things.</summary>
static class DemoMonth
{
    const string Filled = "demo.filled";
    const int Days = 30, RequestsOnBusiestHour = 90, EventsOnBusiestHour = 9, ConversationsOnBusiestHour = 2, InOneAppend = 2_000;

    sealed record Model(string Name, string Backend, string Endpoint, string Prefix, int Share, double TypicalMs, double TypicalPrompt, double TypicalAnswer);

    static readonly Model[] Models =
    [
        new("gpt-5-mini", "openai", "/v1/chat/completions", "chatcmpl-", 34, 1_400, 900, 220),
        new("gpt-5", "openai", "/v1/responses", "resp-", 12, 5_200, 1_800, 640),
        new("claude-sonnet-4-5", "anthropic", "/v1/messages", "msg-", 22, 4_100, 2_400, 700),
        new("llama-3.3-70b", "local", "/v1/chat/completions", "chatcmpl-", 18, 2_600, 700, 260),
        new("qwen3-coder", "local", "/v1/completions", "cmpl-", 6, 900, 1_500, 90),
        new("nomic-embed-text", "local", "/v1/embeddings", "emb-", 8, 45, 380, 0),
    ];

    sealed record Actor(string Id, string Name, string Email, string Role);

    static readonly Actor[] Actors =
    [
        new("u-1", "Ada", "ada@example.com", "admin"), new("u-2", "Grace", "grace@example.com", "admin"), new("u-3", "Alan", "alan@example.com", "user"), new("u-4", "Edsger", "edsger@example.com", "user"),
        new("u-5", "Barbara", "barbara@example.com", "user"), new("u-6", "Katherine", "katherine@example.com", "user"), new("u-7", "Dennis", "dennis@example.com", "user"), new("u-8", "Radia", "radia@example.com", "viewer"),
    ];

    static readonly (string Id, string Name)[] Keys = [("demo-chat", "chat frontend"), ("demo-ci", "code review"), ("demo-search", "document search"), ("demo-lab", "research notebooks")];

    static readonly string[] Workspaces = ["blue-lab", "research", "vision-prototype", "billing-forecast", "support-triage", "docs-search", "speech-tests", "evals"], Projects = ["Assistant", "Search", "Forecasting", "Vision"];

    static readonly string[] Agents = ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0 Safari/537.36", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15", "platform-cli/2.4"];

    /// <summary>Fills a fresh data directory, once.</summary>
    /// <exception cref="SettingException">The directory holds records that are no demonstration.</exception>
    public static async Task Fill(CairnHost host, CancellationToken cancel)
    {
        if (await host.Control.FindSetting(Filled, cancel) is not null) return;
        if (await host.Log.Requests.LastPosition(cancel) > 0 || await host.Log.Events.LastPosition(cancel) > 0)
            throw new SettingException($"Setting Demo is given, and {host.Settings.DataDirectory} holds real records; give another directory with --data.");

        // Told first: a start that is cut short leaves a demonstration that is short, and never one that passes for real.
        var now = host.Clock.GetUtcNow();
        await host.Control.SaveSetting(Filled, Iso.Text(now.ToUnixTimeMilliseconds()), cancel);
        var random = new Random(20_260_310);
        foreach (var part in Requests(random, now).Chunk(InOneAppend)) await host.Recorder.Append(part);
        foreach (var part in Events(random, now).Chunk(InOneAppend)) await host.Recorder.Append(part);
        foreach (var (conversation, messages) in DemoConversations.Of(Actors.Select(actor => actor.Email).ToArray(), Times(random, now, ConversationsOnBusiestHour)))
        {
            await host.OwnConversations.Put(conversation, now.ToUnixTimeMilliseconds(), cancel);
            await host.OwnConversations.Append(conversation.Id, messages, cancel);
        }
    }

    /// <summary>How busy an hour is, from 0 to 1.</summary>
    static double Busy(DateTimeOffset hour)
    {
        var day = hour.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? 0.16 : 1;
        return day * (0.05 + 0.95 * Math.Exp(-Math.Pow((hour.Hour - 13.5) / 4.2, 2)));
    }

    /// <summary>Times over the month, as many as the hours are busy, each before now.</summary>
    static IEnumerable<DateTimeOffset> Times(Random random, DateTimeOffset now, int onBusiestHour)
    {
        var first = now.AddDays(-Days).AddHours(1);
        for (var hour = first; hour < now; hour = hour.AddHours(1))
        {
            var moments = Enumerable.Range(0, (int)Math.Round(onBusiestHour * Busy(hour) * (0.7 + 0.6 * random.NextDouble()))).Select(_ => hour.AddMilliseconds(random.Next(3_600_000))).Order();
            foreach (var moment in moments)
                if (moment < now) yield return moment;
        }
    }

    /// <summary>A value around a typical one, with a long tail upwards.</summary>
    static double Around(Random random, double typical)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return typical * Math.Exp(0.55 * normal);
    }

    static T Pick<T>(Random random, IReadOnlyList<T> of) => of[random.Next(of.Count)];

    static string Hex(Random random, int digits)
    {
        var bytes = new byte[digits / 2];
        random.NextBytes(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    static IEnumerable<RequestRecord> Requests(Random random, DateTimeOffset now)
    {
        var shares = Models.SelectMany(model => Enumerable.Repeat(model, model.Share)).ToArray();
        // An afternoon, ten days ago, on which the local machine had no memory left.
        var bad = new DateTimeOffset(now.AddDays(-10).Date.AddHours(14), TimeSpan.Zero);
        foreach (var time in Times(random, now, RequestsOnBusiestHour))
        {
            var model = Pick(random, shares);
            var isBad = model.Backend == "local" && time >= bad && time < bad.AddHours(2.5);
            var failure = random.NextDouble() < (isBad ? 0.55 : 0.018) ? Failure(random, isBad) : null;
            var isStream = model.TypicalAnswer > 200 && random.NextDouble() < 0.7;
            var duration = failure is { Status: "timeout" } ? 900_000 : (long)Around(random, failure is null ? model.TypicalMs : 220);
            var prompt = (long)Around(random, model.TypicalPrompt);
            long? answer = model.TypicalAnswer > 0 ? (long)Around(random, model.TypicalAnswer) : null;
            var key = model.Name switch { "qwen3-coder" => Keys[1], "nomic-embed-text" => Keys[2], _ => Pick(random, Keys) };
            var actor = Pick(random, Actors);
            yield return new()
            {
                RequestId = model.Prefix + time.ToUnixTimeMilliseconds().ToString("x12") + Hex(random, 12),
                TimeMs = time.ToUnixTimeMilliseconds(),
                Model = model.Name,
                BackendType = model.Backend,
                Endpoint = model.Endpoint,
                DurationMs = duration,
                Status = failure?.Status ?? "success",
                PromptTokens = failure is null ? prompt : null,
                CompletionTokens = failure is null ? answer ?? 0 : null,
                TotalTokens = failure is null ? prompt + (answer ?? 0) : null,
                CachedTokens = failure is null && model.Backend != "local" && random.NextDouble() < 0.3 ? prompt / 2 : null,
                ErrorType = failure?.Type,
                ErrorMessage = failure?.Message,
                Stream = isStream,
                HttpStatus = failure?.Http ?? 200,
                TtftMs = isStream && failure is null ? Math.Min(duration, (long)Around(random, model.TypicalMs / 6)) : null,
                FinishReason = failure is not null || model.TypicalAnswer == 0 ? null : random.NextDouble() < 0.06 ? "length" : model.Backend == "anthropic" ? "end_turn" : "stop",
                ResponseModel = failure is null ? model.Name : null,
                UpstreamRequestId = model.Backend == "local" ? null : "req_" + Hex(random, 24),
                ApiKeyId = key.Id,
                ApiKeyName = key.Name,
                User = key.Id is "demo-chat" or "demo-lab" ? actor.Email : null,
                ClientIp = $"10.0.{random.Next(4)}.{random.Next(2, 250)}",
                TraceId = Hex(random, 32),
                SessionId = key.Id == "demo-chat" ? $"s-{time:yyyyMMdd}-{actor.Id}" : null,
            };
        }
    }

    sealed record Failed(string Status, string Type, string Message, long Http);

    static Failed Failure(Random random, bool isBad) => isBad
        ? new("error", "backend_unreachable", "The backend refused the connection.", 502)
        : random.Next(5) switch
        {
            0 => new("timeout", "timeout", "The backend did not answer in time.", 504),
            1 => new("error", "client_cancelled", "The client hung up.", 499),
            2 => new("error", "server_error", "The backend answered 500.", 500),
            _ => new("error", "rate_limit", "The backend answered 429.", 429),
        };

    static IEnumerable<EventRecord> Events(Random random, DateTimeOffset now)
    {
        var number = 100;
        foreach (var time in Times(random, now, EventsOnBusiestHour))
        {
            var actor = Pick(random, Actors);
            var workspace = random.Next(Workspaces.Length);
            var (w, name) = ("w-" + (workspace + 1), Workspaces[workspace]);
            var project = random.Next(Projects.Length);
            var roll = random.Next(100);
            yield return roll switch
            {
                < 26 => Event("workspace.started", "Workspace", w, name, Deed.Of(("machine", Pick(random, ["2 cores, 8 GiB", "4 cores, 16 GiB", "8 cores, 1 GPU"])))),
                < 46 => Event("workspace.stopped", "Workspace", w, name, Deed.Of(("reason", Pick(random, ["idle", "by hand", "end of day"])))),
                < 66 => Event("auth.login", "User", actor.Id, actor.Name, Deed.Of(("method", "password"))),
                < 70 => Event("auth.login_failed", "User", actor.Id, actor.Name, Deed.Of(("reason", "wrong password")), outcome: "failure"),
                < 76 => Event("template.updated", "Template", "t-" + (project + 1), Projects[project] + " starter", Deed.Changes([("image", "cuda:12." + random.Next(4), "cuda:13." + random.Next(2))])),
                < 81 => Event("project.member_added", "Project", "p-" + (project + 1), Projects[project], Deed.Of(("member", Pick(random, Actors).Email), ("role", "editor"))),
                < 84 => Event("project.visibility_changed", "Project", "p-" + (project + 1), Projects[project], Deed.Changes([("visibility", "private", "team")])),
                < 87 => Event("invitation.sent", "Invitation", "i-" + ++number, $"guest{number}@example.com", Deed.Of(("role", "user"))),
                < 90 => Event("workspace.created", "Workspace", "w-" + ++number, "trial-" + number, null),
                < 93 => Event("workspace.destroyed", "Workspace", "w-" + number, "trial-" + number, null),
                < 96 => Event("group.member_added", "Group", "g-1", "Researchers", Deed.Of(("member", Pick(random, Actors).Email))),
                < 98 => Event("platform.configuration.changed", "PlatformConfig", "limits", "Limits", Deed.Changes([("idle_minutes", (15 * random.Next(1, 5)).ToString(), (15 * random.Next(5, 9)).ToString())]), by: Actors[random.Next(2)]),
                < 99 => Event("feature.updated", "Feature", "f-1", "Shared notebooks", Deed.Changes([("enabled", "false", "true")]), by: Actors[random.Next(2)]),
                _ => Event("user.role_changed", "User", actor.Id, actor.Name, Deed.Changes([("role", "user", "viewer")]), outcome: "denied"),
            };

            EventRecord Event(string action, string resource, string id, string called, string? metadata, string outcome = "success", Actor? by = null)
            {
                by ??= action == "workspace.stopped" && random.Next(3) == 0 ? null : actor;
                return new()
                {
                    Id = Guid.CreateVersion7(time).ToString("D"),
                    TimeMs = time.ToUnixTimeMilliseconds(),
                    RecordedAtMs = time.ToUnixTimeMilliseconds(),
                    ActorId = by?.Id,
                    ActorName = by?.Name,
                    ActorEmail = by?.Email,
                    ActorRole = by?.Role,
                    Action = action,
                    Resource = resource,
                    ResourceId = id,
                    ResourceName = called,
                    Outcome = outcome,
                    Ip = by is null ? null : $"192.0.2.{10 + Array.IndexOf(Actors, by)}",
                    UserAgent = by is null ? null : Pick(random, Agents),
                    Metadata = metadata,
                };
            }
        }
    }
}
