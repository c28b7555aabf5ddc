using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>Where a Cairn's log is kept: in its own directory, or by a server that is there for it alone.</summary>
sealed class LogPlace : IAsyncDisposable
{
    readonly Func<Task> leave, comeBack;
    readonly IAsyncDisposable? server;

    LogPlace(string url, IAsyncDisposable? server, Func<Task> leave, Func<Task> comeBack)
    {
        Assert.True(StoreAddress.TryRead(url, out var store));
        (Url, Address, this.server, this.leave, this.comeBack) = (url, store, server, leave, comeBack);
    }

    public StoreAddress Address { get; }

    /// <summary>With its password, as a setting has it.</summary>
    public string Url { get; }

    /// <summary>True while the server is there.</summary>
    public bool IsThere { get; private set; } = true;

    /// <param name="engine">As an address begins.</param>
    public static async Task<LogPlace> Start(string engine)
    {
        if (engine == "sqlite") return new(engine, null, () => Task.CompletedTask, () => Task.CompletedTask);
        if (engine == "postgres")
        {
            var postgres = await PostgresServer.Start();
            return new(postgres.Url, postgres, postgres.Stop, () => postgres.Run());
        }
        var clickhouse = await ClickHouseServer.Start();
        await clickhouse.Run("CREATE DATABASE log");
        return new(clickhouse.Url("log"), clickhouse, clickhouse.Kill, clickhouse.Begin);
    }

    /// <summary>The server is away, until it comes back.</summary>
    public async Task Leave()
    {
        IsThere = false;
        await leave();
    }

    public async Task ComeBack()
    {
        if (!IsThere) await comeBack();
        IsThere = true;
    }

    public ValueTask DisposeAsync() => server?.DisposeAsync() ?? ValueTask.CompletedTask;
}
