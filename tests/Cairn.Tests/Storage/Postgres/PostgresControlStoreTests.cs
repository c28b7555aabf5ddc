using Cairn.Support;

namespace Cairn.Storage.Postgres;

public sealed class PostgresControlStoreTests : ControlStoreContract
{
    string? url;

    private protected override async Task<IControlStore> Open()
    {
        url ??= await (await PostgresServer.Shared()).NewDatabase();
        Assert.True(StoreAddress.TryRead(url, out var address));
        return await PostgresControlStore.Open(address);
    }
}
