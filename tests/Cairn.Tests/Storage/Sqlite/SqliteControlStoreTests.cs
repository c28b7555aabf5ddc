using Cairn.Support;

namespace Cairn.Storage.Sqlite;

public sealed class SqliteControlStoreTests : ControlStoreContract, IDisposable
{
    readonly TempDirectory directory = new();

    private protected override Task<IControlStore> Open() => Task.FromResult<IControlStore>(SqliteControlStore.Open(directory.Path));

    public void Dispose() => directory.Dispose();
}
