using System.Net.WebSockets;
using Cairn.Access;
using Cairn.Export;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Live;

static class LiveEndpoints
{
    /// <summary>Live connections of one process at most; the next one is told to come back.</summary>
    const int MostConnections = 1_000;

    static int connections;

    /// <summary>Upgrades a call to a live connection with the list's own filter; <c>after</c> takes up where another one ended.</summary>
    public static async Task<IResult> Follow<T>(HttpContext context, ILog<T> log, Feed<T> feed, string from, string until, CancellationToken stopping) where T : class, IRecord, new()
    {
        var query = new Query(context.Request);
        var filter = query.Filter(log.Kind, from, until);
        var after = query.TailCursor("after", log.Kind.Name);
        var format = query.Choice("format", Formats.Jsonl, Formats.Objects);
        if (query.Fault is { } fault) return Problems.Bad(fault);
        if (after > await log.LastPosition(context.RequestAborted)) return Problems.Bad(new BadParameter("after", "is ahead of this log"));
        return await Accept(context, (socket, gone) =>
            new Follower<T>(socket, log, feed, filter, format, context.RequestServices.GetRequiredService<TimeProvider>()).Run(after, Caller.Of(context).Ended, gone), stopping);
    }

    /// <summary>Upgrades a call, and follows until one of the two sides ends it.</summary>
    /// <param name="follow">Is given the connection, and what rings when it is gone or Cairn stops.</param>
    public static async Task<IResult> Accept(HttpContext context, Func<WebSocket, CancellationToken, Task> follow, CancellationToken stopping)
    {
        if (!context.WebSockets.IsWebSocketRequest) return Problems.Status(StatusCodes.Status426UpgradeRequired, "This path is a WebSocket", "Open it as a WebSocket (ws://), or read the list beside it.");
        try
        {
            if (Interlocked.Increment(ref connections) > MostConnections) return Problems.Busy($"{MostConnections} live connections are open already. Come back later.");
            using var gone = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await follow(socket, gone.Token);
            return Results.Empty;
        }
        finally
        {
            Interlocked.Decrement(ref connections);
        }
    }
}
