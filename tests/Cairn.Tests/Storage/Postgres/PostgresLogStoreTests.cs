using Cairn.Support;

[assembly: AssemblyFixture(typeof(SharedServers))]

namespace Cairn.Storage.Postgres;

/// <summary>The contract, and what is this engine's own: its server, the processes that share it.</summary>
public sealed class PostgresLogStoreTests : LogStoreContract, IAsyncLifetime
{
    readonly Dictionary<string, string> databases = new(StringComparer.Ordinal);
    PostgresServer server = null!;
    string url = "";

    public async ValueTask InitializeAsync()
    {
        server = await PostgresServer.Shared();
        url = await server.NewDatabase();
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private protected override ILogStore Open(string place)
    {
        if (!databases.TryGetValue(place, out var here)) databases[place] = here = databases.Count == 0 ? url : server.NewDatabase().GetAwaiter().GetResult();
        return OpenAt(here).GetAwaiter().GetResult();
    }

    static Task<PostgresLogStore> OpenAt(string url, string directory = "a directory")
    {
        Assert.True(StoreAddress.TryRead(url, out var address));
        return PostgresLogStore.Open(address, directory, Some.RequestKind, Some.EventKind);
    }
}
