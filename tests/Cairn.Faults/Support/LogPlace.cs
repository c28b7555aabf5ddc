using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>Where a Cairn's log is kept: in its own directory, or by a server that is there for it alone.</summary>
sealed class LogPlace : IAsyncDisposable
{
    readonly IAsyncDisposable? server;

    LogPlace(string address, IAsyncDisposable? server)
    {
        Assert.True(StoreAddress.TryRead(address, out var store));
        (Address, this.server) = (store, server);
    }

    public StoreAddress Address { get; }

    /// <param name="engine">As an address begins.</param>
    public static async Task<LogPlace> Start(string engine)
    {
        if (engine == "sqlite") return new(engine, null);
        if (engine == "postgres")
        {
            var postgres = await PostgresServer.Start();
            return new(postgres.Url, postgres);
        }
        var clickhouse = await ClickHouseServer.Start();
        await clickhouse.Run("CREATE DATABASE log");
        return new(clickhouse.Url("log"), clickhouse);
    }

    public ValueTask DisposeAsync() => server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
