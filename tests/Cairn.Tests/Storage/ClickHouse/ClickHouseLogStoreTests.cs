using Cairn.Support;

namespace Cairn.Storage.ClickHouse;

/// <summary>The contract, and what is ClickHouse's own, behind its outbox.</summary>
public sealed class ClickHouseLogStoreTests(SharedClickHouse shared) : LogStoreContract, IClassFixture<SharedClickHouse>
{
    /// <summary>Readers may send the courier as often as they like; nothing else is otherwise than in a server.</summary>
    static readonly CourierPace Pace = new() { LeastPause = TimeSpan.Zero };

    readonly Dictionary<string, string> databases = [];

    private protected override ILogStore Open(string place) => OpenStore(place).GetAwaiter().GetResult();

    async Task<ClickHouseLogStore> OpenStore(string place, string options = "")
    {
        if (!databases.TryGetValue(place, out var database)) databases[place] = database = await shared.Database();
        var address = ClickHouseServer.Address((await shared.Server()).Url(database, options));
        return await ClickHouseLogStore.Open(place, address, Some.RequestKind, Some.EventKind, TimeProvider.System, Pace, Cancel);
    }
}
