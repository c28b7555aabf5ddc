using Cairn.Support;

namespace Cairn.Storage.Sqlite;

/// <summary>The contract, and what is the embedded store's own: its file, its disk, its connections.</summary>
public sealed class SqliteLogStoreTests : LogStoreContract
{
    private protected override ILogStore Open(string place) => SqliteLogStore.Open(place, Some.RequestKind, Some.EventKind);

    string Database => Path.Combine(Place, "log.db");

    /// <summary>Changes the file behind the back of a closed store.</summary>
    void Alter(string sql)
    {
        using var connection = Connection.OpenWriter(Database);
        connection.Run(sql);
    }

    [Fact]
    public async Task The_sqlite_shell_finds_nothing_wrong_with_the_file()
    {
        Needs.Command("sqlite3");
        await using var twins = Start();
        var random = new RandomRecords(31);
        for (var i = 0; i < 20; i++)
        {
            await twins.Append([random.Request(Some.Midnight + i), random.Request(Some.Midnight)], [random.Event(Some.Midnight + i), random.Event(Some.Midnight)]);
            if (i % 7 == 6) await twins.Drop(Some.Midnight + i / 2, 5);
        }
        await twins.Sweep(10);
        await twins.Store.DisposeAsync();
        Assert.Equal(0, Needs.Run(out var answer, "sqlite3", Database, "PRAGMA integrity_check; INSERT INTO request_index (request_index) VALUES ('integrity-check'); INSERT INTO event_index (event_index) VALUES ('integrity-check')"));
        Assert.Equal("ok", answer.Trim());
        await twins.Reopen();
    }

    [Fact]
    public async Task After_a_sweep_no_table_of_texts_knows_a_dropped_name()
    {
        await using var twins = Start();
        await twins.Append(
            [Some.Request(Some.Midnight, model: "secret-model"), Some.Request(Some.Midnight + 10)],
            [Some.Event(Some.Midnight, resourceName: "secret garden", action: "secret.deleted"), Some.Event(Some.Midnight + 10)]);
        await twins.Drop(Some.Midnight + 5, 100);
        await twins.Sweep(1);
        await twins.Store.DisposeAsync();

        using (var connection = Connection.OpenWriter(Database))
        {
            Assert.Equal(0, connection.Number("SELECT count(*) FROM terms WHERE text LIKE '%secret%'"));
            Assert.Equal(0, connection.Number("SELECT count(*) FROM event_gone"));
            Assert.Equal(0, connection.Number("SELECT count(*) FROM orphans"));
            Assert.True(connection.Number("SELECT count(*) FROM terms WHERE text = 'llama-3'") > 0);
        }
        await twins.Reopen();
    }

    [Fact]
    public async Task A_full_disk_refuses_appends_and_nothing_else_until_there_is_space_again()
    {
        using var disk = new SmallDisk(mebibytes: 8);
        var ballast = Path.Combine(disk.Path, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[3 << 20], Cancel);
        await using var twins = new Twins(() => Open(disk.Path));
        await twins.FillDisk();
        await twins.Agree();

        File.Delete(ballast);
        await twins.Append(Some.Event(resourceName: "after"));
        Assert.True((await twins.Store.Health(Cancel)).Writable);
        await twins.Agree();
        await twins.Reopen();
        await twins.Agree();
        await twins.Append(Some.Event(resourceName: "after reopening"));
        await twins.Agree();
    }

    [Fact]
    public async Task A_write_that_fails_leaves_nothing_of_its_batch_and_does_not_keep_out_the_next()
    {
        await using var twins = Start();
        await twins.Append([Some.Request()], [Some.Event()]);
        await twins.Store.DisposeAsync();
        Alter("CREATE TRIGGER fail BEFORE INSERT ON event WHEN new.resourceId = 'poison' BEGIN SELECT raise(ABORT, 'failed'); END");
        await twins.Reopen();

        await Assert.ThrowsAsync<LogUnavailableException>(() => twins.Store.Append(Twins.Batch([Some.Request()], [Some.Event(resourceName: "new"), Some.Event(resourceId: "poison")]), Cancel));
        await twins.Agree();
        await twins.Append([Some.Request()], [Some.Event(resourceName: "newer"), Some.Event(resourceName: "new")]);
        await twins.Agree();
    }

    [Fact]
    public async Task A_millisecond_that_is_full_takes_no_more_and_still_knows_what_it_has()
    {
        await using var twins = Start();
        var (first, other) = (Some.Event(Some.Midnight), Some.Event(Some.Midnight, resourceName: "other"));
        await twins.Append(first);
        await twins.Store.DisposeAsync();
        Alter($"UPDATE event SET key = key + {SortKey.Turns - 1}");
        await twins.Reopen();

        other.Id = first.Id;
        var batch = Twins.Batch([], [Some.Event(Some.Midnight), first, other, Some.Event(Some.Midnight + 1), Some.Event(Some.Midnight)]);
        Assert.Equal([Outcome.Crowded, Outcome.Duplicate, Outcome.Conflict, Outcome.Stored, Outcome.Crowded], (await twins.Store.Append(batch, Cancel)).Events);
        Assert.Equal(2, await twins.Store.Events.LastPosition(Cancel));
    }

    [Fact]
    public async Task A_field_that_is_new_in_the_list_is_added_to_a_log_that_lacks_it()
    {
        await using var twins = Start();
        await twins.Append(Some.Event());
        await twins.Store.DisposeAsync();
        Alter("ALTER TABLE event DROP COLUMN userAgent; DELETE FROM fields WHERE name = 'userAgent'");
        await twins.Reopen();
        var sent = Some.Event();
        sent.UserAgent = "curl/8";
        await twins.Append(sent);
        await twins.Agree();
    }

    [Fact]
    public void A_log_of_a_newer_program_is_refused_with_the_mend()
    {
        Alter("PRAGMA user_version = 1000");
        var refused = Assert.Throws<IOException>(() => Open(Place));
        Assert.Contains("newer Cairn", refused.Message, StringComparison.Ordinal);
    }
}
