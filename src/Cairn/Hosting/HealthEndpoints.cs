using System.Text;
using Cairn.Access;
using Cairn.Records;

namespace Cairn.Hosting;

/// <summary>Is it alive, is it ready, how is it: for load balancers, for monitoring, for administrators.</summary>
static class HealthEndpoints
{
    /// <summary>Disk space below which Cairn calls itself not ready.</summary>
    const long LeastFreeBytes = 64 * 1024 * 1024;

    public static void MapHealth(this WebApplication app, CairnHost host) => app.Routes(host, "", AccessRule.Open)
        .Get("/healthz", Alive, new("Whether the process is alive") { AnswerTypes = ["text/plain"] })
        .Get("/readyz", Ready, new("Whether records can be taken; says degraded where they wait here for a store that is away, and 503 when they cannot be taken") { AnswerTypes = ["text/plain"] });

    public static void MapAdminHealth(this WebApplication app, CairnHost host) => app.Routes(host, "/api/v1/admin", AccessRule.Reader)
        .Get("/health", Health, new("How recording, the store and retention are") { Answers = "Health" });

    public static void MapMetrics(this WebApplication app, CairnHost host) => app.Routes(host, "", AccessRule.Open)
        .Get("/metrics", Metrics, new("Numbers for Prometheus") { AnswerTypes = ["text/plain"] });

    public static void MapOpenApi(this WebApplication app, CairnHost host) => app.Routes(host, "/openapi", AccessRule.Open)
        .Get("/v1.json", Description, new("This description"));

    static Task<IResult> Alive(HttpContext context, CairnHost host) => Task.FromResult(Results.Text("ok\n"));

    static Task<IResult> Description(HttpContext context, CairnHost host) => Task.FromResult(Results.Bytes(host.ApiDescription, "application/json"));

    static string? WhyNotReady(Storage.StoreHealth store) =>
        !store.Writable ? "the log cannot be written" : store.FreeDiskBytes < LeastFreeBytes ? "the disk is almost full" : null;

    static async Task<IResult> Ready(HttpContext context, CairnHost host)
    {
        var store = await host.Log.Health(context.RequestAborted);
        return WhyNotReady(store) is not { } why ? Results.Text(store.Degraded is null ? "ready\n" : "degraded\n") : Problems.Status(StatusCodes.Status503ServiceUnavailable, "Not ready", $"Cairn is not ready: {why}.");
    }

    static async Task<IResult> Health(HttpContext context, CairnHost host)
    {
        if (new Query(context.Request).Fault is { } fault) return Problems.Bad(fault);
        var store = await host.Log.Health(context.RequestAborted);
        var requests = await OldestMs(host.Log.Requests);
        var events = await OldestMs(host.Log.Events);
        var retention = await host.Retention.State(context.RequestAborted);
        var conversations = host.OwnConversations.Problem ?? await host.Conversations.Problem(context.RequestAborted);
        var targets = await host.Push.Health(context.RequestAborted);
        var counts = host.Recorder.Counts;
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("status", WhyNotReady(store) is not null ? "failing" : (store.Degraded ?? host.Control.Problem ?? host.OwnConversations.Problem) is not null ? "degraded" : "ok");
            writer.WriteStartObject("records");
            writer.WriteNumber("accepted", counts.Accepted);
            writer.WriteNumber("written", counts.Written);
            writer.WriteNumber("duplicates", counts.Duplicates);
            writer.WriteNumber("conflicts", counts.Conflicts);
            writer.WriteNumber("refused", counts.Refused);
            writer.WriteNumber("waiting", host.Recorder.Waiting + host.Inference.Ledger.Waiting);
            writer.WriteNumber("lost", host.Inference.Ledger.Lost);
            writer.WriteNumber("commits", counts.Commits);
            writer.WriteEndObject();
            writer.WriteStartObject("store");
            writer.WriteString("engine", store.Engine);
            writer.WriteBoolean("writable", store.Writable);
            writer.WriteString("problem", store.Problem);
            writer.WriteString("degraded", store.Degraded);
            writer.WriteNumber("bytes", store.Bytes);
            if (store.FreeDiskBytes is { } free) writer.WriteNumber("freeDiskBytes", free);
            else writer.WriteNull("freeDiskBytes");
            writer.WriteEndObject();
            if (store.Outbox is { } outbox)
            {
                writer.WriteStartObject("outbox");
                writer.WriteNumber("waiting", outbox.Waiting);
                writer.WriteString("waitingSince", outbox.WaitingSince is { } since ? Iso.Text(since.ToUnixTimeMilliseconds()) : null);
                writer.WriteNumber("setAside", outbox.SetAside);
                writer.WriteNumber("bytes", outbox.Bytes);
                writer.WriteEndObject();
            }
            else writer.WriteNull("outbox");
            writer.WriteStartObject("oldest");
            writer.WriteString("request", requests is { } request ? Iso.Text(request) : null);
            writer.WriteString("event", events is { } ev ? Iso.Text(ev) : null);
            writer.WriteEndObject();
            writer.WriteStartObject("accounts");
            writer.WriteString("problem", host.Control.Problem);
            writer.WriteEndObject();
            writer.WriteStartObject("conversations");
            writer.WriteString("source", host.Conversations.Name);
            writer.WriteString("engine", host.Conversations.Engine);
            writer.WriteString("problem", conversations);
            writer.WriteEndObject();
            writer.WriteStartArray("push");
            foreach (var target in targets) target.Write(writer);
            writer.WriteEndArray();
            writer.WritePropertyName("retention");
            retention.Write(writer);
            writer.WriteEndObject();
        });

        // A store that is away keeps nobody from seeing that it is.
        async Task<long?> OldestMs<T>(Storage.ILog<T> log) where T : class, IRecord, new()
        {
            try
            {
                return store.Degraded is null ? await log.OldestMs(context.RequestAborted) : null;
            }
            catch (Storage.LogUnavailableException)
            {
                return null;
            }
        }
    }

    static async Task<IResult> Metrics(HttpContext context, CairnHost host)
    {
        var store = await host.Log.Health(context.RequestAborted);
        var counts = host.Recorder.Counts;
        var text = new StringBuilder();
        Metric("cairn_records_accepted_total", "counter", "Records taken from senders.", counts.Accepted);
        Metric("cairn_requests_written_total", "counter", "Requests stored.", counts.Requests);
        Metric("cairn_events_written_total", "counter", "Events stored.", counts.Events);
        Metric("cairn_records_duplicate_total", "counter", "Records that were sent again.", counts.Duplicates);
        Metric("cairn_records_conflicting_total", "counter", "Records whose id was recorded with other content.", counts.Conflicts);
        Metric("cairn_records_refused_total", "counter", "Records that could not be written and were not acknowledged.", counts.Refused);
        Metric("cairn_records_waiting", "gauge", "Records that wait to be written.", host.Recorder.Waiting);
        Metric("cairn_gateway_requests_under_way", "gauge", "Calls at the inference gateway that have not ended.", host.Inference.UnderWay);
        Metric("cairn_gateway_records_waiting", "gauge", "Records of calls that wait to be written.", host.Inference.Ledger.Waiting);
        Metric("cairn_gateway_refused_total", "counter", "Calls refused because the log could not be written.", host.Inference.Ledger.Refused);
        Metric("cairn_gateway_unstarted_total", "counter", "Calls served though their start could not be written.", host.Inference.Ledger.Unstarted);
        Metric("cairn_gateway_lost_total", "counter", "Calls served that have no record.", host.Inference.Ledger.Lost);
        Metric("cairn_gateway_keys_refused_total", "counter", "Calls at the inference gateway without a key that may call.", host.Inference.RefusedKeys.Count);
        Metric("cairn_commits_total", "counter", "Transactions that stored records.", counts.Commits);
        Metric("cairn_store_bytes", "gauge", "What the records take.", store.Bytes);
        Metric("cairn_store_writable", "gauge", "1 while the log can be written.", store.Writable ? 1 : 0);
        Metric("cairn_store_degraded", "gauge", "1 while the store is away and records wait here.", store.Degraded is null ? 0 : 1);
        if (store.Outbox is { } outbox)
        {
            Metric("cairn_outbox_waiting", "gauge", "Records that are acknowledged and not delivered to the store yet.", outbox.Waiting);
            Metric("cairn_outbox_waiting_seconds", "gauge", "How long the oldest of them has waited.", outbox.WaitingSince is { } since ? (long)Math.Max(0, (host.Clock.GetUtcNow() - since).TotalSeconds) : 0);
            Metric("cairn_outbox_set_aside", "gauge", "Records whose id the store turned out to have with other content.", outbox.SetAside);
            Metric("cairn_outbox_bytes", "gauge", "What the outbox takes on this disk, replay window included.", outbox.Bytes);
        }
        if (store.FreeDiskBytes is { } free) Metric("cairn_disk_free_bytes", "gauge", "What the disk has left.", free);
        var targets = await host.Push.Health(context.RequestAborted);
        Targets("cairn_push_lag_records", "gauge", "Records behind a target's place in the log.", target => target.Lag?.Records);
        Targets("cairn_push_lag_seconds", "gauge", "How long the oldest of them has been recorded.", target => target.Lag?.Seconds);
        Targets("cairn_push_failing", "gauge", "1 while a target does not take what it is sent.", target => target.Condition is "ok" or "starting" ? 0 : 1);
        Targets("cairn_push_sent_total", "counter", "Records that arrived at a target.", target => target.Sent);
        Targets("cairn_push_failures_total", "counter", "Attempts to push to a target that failed.", target => target.Failures);
        Targets("cairn_push_removed_total", "counter", "Records that retention removed before they were pushed.", target => target.State?.Removed);
        return Results.Text(text.ToString(), "text/plain; version=0.0.4; charset=utf-8");

        // A target's name has no letters that would have to be escaped.
        void Targets(string name, string type, string help, Func<Push.PushHealth, long?> value)
        {
            if (targets.Count == 0) return;
            text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");
            foreach (var target in targets)
                if (value(target) is { } number) text.Append($"{name}{{target=\"{target.Target.Name}\"}} {number}\n");
        }

        void Metric(string name, string type, string help, long value) => text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n{name} {value}\n");
    }
}
