using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage.ClickHouse;
using Cairn.Storage.Outbox;
using Cairn.Storage.Postgres;
using Cairn.Storage.Sqlite;

namespace Cairn.Storage;

/// <summary>The stores of one Cairn.</summary>
sealed record Stores(ILogStore Log, IControlStore Control)
{
    /// <summary>Opens the stores that the settings name. When it throws an <see cref="IOException"/> nothing is open, and the message is one line that says what mends it.</summary>
    /// <param name="directory">The data directory, which this process has.</param>
    /// <exception cref="SettingException">The address has what its engine does not know.</exception>
    public static async Task<Stores> Open(Settings settings, string directory)
    {
        var (requests, events) = (RequestFields.Kind, EventFields.KindOf(settings.Catalog));
        return settings.Store.Engine switch
        {
            StoreEngine.Sqlite => await Both(directory, () => Task.FromResult<ILogStore>(SqliteLogStore.Open(directory, requests, events)), () => Task.FromResult<IControlStore>(SqliteControlStore.Open(directory))),
            StoreEngine.Postgres => await OpenPostgres(settings.Store, directory, requests, events),
            StoreEngine.ClickHouse => await Both(directory, () => OpenClickHouse(settings, directory), () => Task.FromResult<IControlStore>(SqliteControlStore.Open(directory))),
            var other => throw new InvalidOperationException($"No store is opened for {other}."),
        };
    }

    /// <summary>Tells this data directory from every other one that uses the same store.</summary>
    public static string DirectoryId(string directory)
    {
        var file = Path.Combine(directory, "directory.id");
        if (File.Exists(file)) return File.ReadAllText(file).Trim();
        var id = Guid.NewGuid().ToString("N");
        File.WriteAllText(file + ".new", id + "\n");
        Durable.SyncDirectory(file + ".new");
        File.Move(file + ".new", file);
        Durable.SyncDirectory(directory);
        return id;
    }

    static async Task<Stores> OpenPostgres(StoreAddress address, string directory, Kind<RequestRecord> requests, Kind<EventRecord> events)
    {
        var database = await Database.Open(address);
        var store = await PostgresLogStore.Open(database, DirectoryId(directory), requests, events);
        try
        {
            return new(await BridgedLogStore.Open(directory, store, TimeProvider.System), new PostgresControlStore(database.Shared()));
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    static async Task<ILogStore> OpenClickHouse(Settings settings, string directory)
    {
        if (!ClickHouseAddress.TryRead(settings.Store, out var address, out var fault)) throw new SettingException($"Setting Store has {fault}; allowed is {ClickHouseAddress.Allowed}.");
        return await ClickHouseLogStore.Open(directory, address, RequestFields.Kind, EventFields.KindOf(settings.Catalog), TimeProvider.System);
    }

    static async Task<Stores> Both(string where, Func<Task<ILogStore>> openLog, Func<Task<IControlStore>> openControl)
    {
        ILogStore? log = null;
        try
        {
            log = await openLog();
            return new(log, await openControl());
        }
        catch (Exception error)
        {
            if (log is not null) await log.DisposeAsync();
            if (error is SqliteException) throw new IOException($"The store in {where} does not open: {error.Message}. If the disk is sound, restore the last backup.", error);
            throw;
        }
    }
}
