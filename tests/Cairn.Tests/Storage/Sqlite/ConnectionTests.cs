using Cairn.Support;

namespace Cairn.Storage.Sqlite;

public sealed class ConnectionTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Database => Path.Combine(directory.Path, "some.db");

    public void Dispose() => directory.Dispose();

    [Fact]
    public void The_writer_flushes_every_commit_and_checkpoints_only_when_told()
    {
        using var writer = Connection.OpenWriter(Database);
        Assert.Equal(2, writer.Number("PRAGMA synchronous"));
        Assert.Equal(0, writer.Number("PRAGMA wal_autocheckpoint"));
        Assert.Equal(1, writer.Number("SELECT journal_mode = 'wal' FROM pragma_journal_mode"));
    }

    [Fact]
    public void A_reader_cannot_write_and_never_checkpoints()
    {
        using var writer = Connection.OpenWriter(Database);
        writer.Run("CREATE TABLE t (a)");
        using var reader = Connection.OpenReader(Database);
        Assert.Equal(0, reader.Number("PRAGMA wal_autocheckpoint"));
        Assert.Throws<SqliteException>(() => reader.Run("INSERT INTO t VALUES (1)"));
    }

    [Fact]
    public void A_database_that_cannot_have_a_write_ahead_log_is_refused()
    {
        var refused = Assert.Throws<IOException>(() => Connection.OpenWriter(":memory:"));
        Assert.Contains("journal_mode", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_statement_in_use_outlives_any_number_of_others()
    {
        Connection.OpenWriter(Database).Dispose();
        using var reader = new Reader(Connection.OpenReader(Database));
        var walk = reader.Statement("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3) SELECT i FROM n");
        Assert.True(walk.Step());
        for (var i = 0; i < 1_000; i++) Assert.True(reader.Statement($"SELECT {i}").Step());
        Assert.True(walk.Step());
        Assert.Equal(2, walk.Integer(0));
    }
}
