using System.Collections.Concurrent;
using Cairn.Access;
using Cairn.Hosting;

namespace Cairn.Gateway;

/// <summary>The inference gateway of one Cairn: its backends, which model is where, and what it owes the log.</summary>
sealed partial class Inference : IAsyncDisposable
{
    readonly CairnHost host;
    readonly ILogger<Inference> log;
    readonly ConcurrentDictionary<Task, byte> telling = [];
    int underWay;

    public Inference(CairnHost host)
    {
        (this.host, log) = (host, host.Logs.CreateLogger<Inference>());
        Backends = [.. host.Settings.Inference.Backends.Select(settings => new Backend(settings))];
        Routes = new(host.Settings.Inference.Routes, Backends);
        Ledger = new(host.Recorder, host.Settings.Inference, TellGap, host.Clock, host.Logs.CreateLogger<Ledger>());
        RefusedKeys = new(host.Clock, address => Tell(new(Caller.Stranger, address, null), new("auth.key_refused", "ApiKey", null, null) { Outcome = "denied" }));
    }

    public IReadOnlyList<Backend> Backends { get; }

    public ModelRoutes Routes { get; }

    public Ledger Ledger { get; }

    public RefusedKeys RefusedKeys { get; }

    /// <summary>Calls that have not ended.</summary>
    public int UnderWay => Volatile.Read(ref underWay);

    /// <summary>Counts a call as under way until it is disposed.</summary>
    public IDisposable Count()
    {
        Interlocked.Increment(ref underWay);
        return new Counted(this);
    }

    sealed class Counted(Inference inference) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref inference.underWay);
    }

    /// <summary>Answers a call that goes to no backend, and records it.</summary>
    public async Task Answer(HttpContext context, InferenceEndpoint endpoint, GatewayError error)
    {
        var call = new Call(context, endpoint, host.Clock);
        if (Ledger.Refuses && !Ledger.Refuse()) error = GatewayError.Unrecordable;
        await error.Write(context, endpoint.Dialect, call.Record.RequestId);
        if (error == GatewayError.Unrecordable) return;
        call.Fail(error);
        call.Record.HttpStatus = error.Status;
        call.End();
        Ledger.End(call.Record);
    }

    Task TellGap(string metadata) => host.SelfAudit.Record(By.Cairn, new("audit.gap_marked", "AuditLog", null, null) { Metadata = metadata }, CancellationToken.None);

    /// <summary>Records an event that no call waits for.</summary>
    async Task Tell(By by, Deed deed)
    {
        var task = host.SelfAudit.RecordOrKeep(by, deed);
        telling.TryAdd(task, 0);
        try
        {
            await task;
        }
        catch (IOException error)
        {
            LogUntold(error, deed.Action);
        }
        telling.TryRemove(task, out _);
    }

    /// <summary>Writes what is owed to the log.</summary>
    public async ValueTask DisposeAsync()
    {
        await Ledger.DisposeAsync();
        await Task.WhenAll(telling.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var backend in Backends) backend.Dispose();
    }

    public void LogFailure(Exception failure) => LogCallFailed(failure.GetType().Name, failure.StackTrace ?? "");

    [LoggerMessage(LogLevel.Error, "A call at the gateway failed: {Kind} {Where}")]
    private partial void LogCallFailed(string kind, string where);

    [LoggerMessage(LogLevel.Error, "The event {Action} was not recorded")]
    private partial void LogUntold(Exception error, string action);
}
