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

    [Fact]
    public async Task What_one_process_holds_no_other_has_until_it_is_let_go_or_lost()
    {
        await using var here = await Open();
        await using var there = await Open();
        var hold = await here.TryHold("push.siem", Cancel);
        Assert.NotNull(hold);
        Assert.Null(await there.TryHold("push.siem", Cancel));
        await using (var other = await there.TryHold("push.other", Cancel)) Assert.NotNull(other);

        await hold.DisposeAsync();
        var next = await there.TryHold("push.siem", Cancel);
        Assert.NotNull(next);
        Assert.Null(await here.TryHold("push.siem", Cancel));

        // The connection is lost, and with it what it held.
        await PostgresServer.Change(url!, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
        Assert.False(await next.IsHeld(Cancel));
        await Until.True(async () =>
        {
            await using var again = await here.TryHold("push.siem", Cancel);
            return again is not null;
        });
        await next.DisposeAsync();
    }
}
