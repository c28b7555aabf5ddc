using System.Text.Json;
using Cairn.Access;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Push;

/// <summary>All the targets that this Cairn pushes to.</summary>
sealed class Pushers : IAsyncDisposable
{
    readonly IControlStore control;
    readonly TimeProvider clock;
    readonly CancellationTokenSource stopping = new();
    readonly IReadOnlyList<Pusher> pushers;
    Task running = Task.CompletedTask;

    public Pushers(Settings settings, ILogStore store, Recorder recorder, IControlStore control, SelfAudit audit, TimeProvider clock, ILoggerFactory logs)
    {
        (this.control, this.clock) = (control, clock);
        pushers = [.. settings.Push.Select(target => new Pusher(target, Connection(target, clock), [.. Sources(target)], control, audit, clock, logs.CreateLogger<Pusher>()))];

        IEnumerable<PushSource> Sources(PushTarget target)
        {
            if (target.Events is { } events) yield return PushSource.Of(store.Events, recorder.EventFeed, events, target.Format);
            if (target.Requests is { } requests) yield return PushSource.Of(store.Requests, recorder.RequestFeed, requests, target.Format);
        }
    }

    public static IPushConnection Connection(PushTarget target, TimeProvider clock) => target.IsSyslog ? new Syslog(target) : new Webhook(target, clock);

    /// <inheritdoc cref="Pusher.SetBack(CancellationToken)"/>
    public async Task SetBack(CancellationToken cancel)
    {
        foreach (var pusher in pushers) await pusher.SetBack(cancel);
    }

    public void Start() => running = Task.WhenAll(pushers.Select(pusher => Task.Run(() => pusher.Run(stopping.Token))));

    /// <summary>How each target is. A store that is away keeps nobody from seeing the others.</summary>
    public async Task<IReadOnlyList<PushHealth>> Health(CancellationToken cancel)
    {
        var found = new List<PushHealth>();
        foreach (var pusher in pushers)
        {
            var (state, trouble) = (default(PushState), pusher.Trouble);
            Lag? lag = null;
            try
            {
                state = await control.FindPush(pusher.Target.Name, cancel);
                if (state is not null) lag = await Behind(pusher, state, cancel);
            }
            catch (LogUnavailableException away)
            {
                trouble ??= away.Message;
            }
            found.Add(new(pusher.Target, state, lag, pusher.IsHere, pusher.Sent, pusher.Failures, trouble));
        }
        return found;
    }

    async Task<Lag> Behind(Pusher pusher, PushState state, CancellationToken cancel)
    {
        var all = default(Lag);
        foreach (var source in pusher.Sources)
        {
            var one = await source.Behind(source.Kind == "event" ? state.Events : state.Requests, clock.GetUtcNow(), cancel);
            all = new(all.Records + one.Records, Math.Max(all.Seconds, one.Seconds));
        }
        return all;
    }

    /// <summary>Ends what is under way, in good order where the other side lets it.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await running;
        stopping.Dispose();
    }
}

/// <summary>How one target is.</summary>
/// <param name="State">Null while nothing is known of it.</param>
/// <param name="Lag">Null while it cannot be told.</param>
/// <param name="IsHere">This process pushes to it.</param>
/// <param name="Sent">Records that arrived since this process started.</param>
/// <param name="Failures">Attempts that failed since then.</param>
/// <param name="Trouble">Why nothing can be pushed at all; null when that is not so.</param>
sealed record PushHealth(PushTarget Target, PushState? State, Lag? Lag, bool IsHere, long Sent, long Failures, string? Trouble)
{
    public static readonly string[] Conditions = ["ok", "retrying", "refused", "starting", "unknown"];

    public string Condition => Trouble is not null ? "unknown" : State is null ? "starting" : State.IsRefused ? "refused" : State.FailingSince is not null ? "retrying" : "ok";

    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("name", Target.Name);
        writer.WriteString("url", Target.Address);
        writer.WriteString("records", Target.Records);
        writer.WriteString("state", Condition);
        writer.WriteBoolean("here", IsHere);
        Number("lagRecords", Lag?.Records);
        Number("lagSeconds", Lag?.Seconds);
        writer.WriteNumber("removed", State?.Removed ?? 0);
        writer.WriteTime("lastSuccess", State?.SucceededAt);
        writer.WriteTime("failingSince", State?.FailingSince);
        writer.WriteString("problem", Trouble ?? State?.Problem);
        writer.WriteEndObject();

        void Number(string name, long? number)
        {
            if (number is { } known) writer.WriteNumber(name, known);
            else writer.WriteNull(name);
        }
    }
}
