using Cairn.Support;

namespace Cairn.Storage.Sqlite;

public sealed class SqliteLogStoreTests : LogStoreContract
{
    private protected override ILogStore Open(string place) => SqliteLogStore.Open(place, Some.RequestKind, Some.EventKind);
}
