using Cairn.Commands;
using Cairn.Hosting;
using Cairn.Support;

namespace Cairn.Storage.Postgres;

/// <summary>What a start says when the database is not what Cairn needs: one line, without the password.</summary>
public sealed class PostgresStartTests
{
    const string Secret = "a-very-secret-word";

    static async Task<string> Refusal(string url)
    {
        Assert.True(StoreAddress.TryRead(url, out var address));
        using var directory = new TempDirectory();
        var settings = new Settings { DataDirectory = directory.Path, Store = address };
        var refused = await Assert.ThrowsAnyAsync<IOException>(() => Stores.Open(settings, directory.Path));
        Assert.DoesNotContain('\n', refused.Message);
        foreach (var secret in new[] { Secret, "a p@ss/word", Uri.EscapeDataString("a p@ss/word") }) Assert.DoesNotContain(secret, refused.Message, StringComparison.Ordinal);
        return refused.Message;
    }

    static string NameOf(string url) => url[(url.LastIndexOf('/') + 1)..];

    [Fact]
    public async Task A_wrong_password_a_missing_database_and_nobody_at_the_address_are_told_apart()
    {
        var server = await PostgresServer.Shared();
        Assert.Contains("refuses this user or password", await Refusal($"postgres://postgres:{Secret}@127.0.0.1:{server.Port}/postgres"), StringComparison.Ordinal);
        Assert.Contains("refuses this user or password", await Refusal($"postgres://nobody:{Secret}@127.0.0.1:{server.Port}/postgres"), StringComparison.Ordinal);
        Assert.Contains("createdb not_there", await Refusal(server.UrlOf("not_there")), StringComparison.Ordinal);
        Assert.Contains("does not answer", await Refusal($"postgres://postgres:{Secret}@127.0.0.1:{PostgresServer.FreePort()}/cairn"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_without_the_right_to_make_tables_is_told_which_right_is_missing()
    {
        var server = await PostgresServer.Shared();
        var database = NameOf(await server.NewDatabase());
        await server.Execute("postgres", $"CREATE ROLE \"reader of {database}\" LOGIN PASSWORD '{Secret}'");
        Assert.Contains($"GRANT CREATE ON DATABASE \"{database}\" TO \"reader of {database}\"", await Refusal($"postgres://{Uri.EscapeDataString($"reader of {database}")}:{Secret}@127.0.0.1:{server.Port}/{database}"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_who_may_not_use_the_schema_that_is_there_is_told_so()
    {
        var server = await PostgresServer.Shared();
        var url = await server.NewDatabase();
        var database = NameOf(url);
        Assert.True(StoreAddress.TryRead(url, out var address));
        await (await PostgresControlStore.Open(address)).DisposeAsync();
        await server.Execute("postgres", $"CREATE ROLE \"guest of {database}\" LOGIN PASSWORD '{Secret}'");
        Assert.Contains("let it own the schema cairn", await Refusal($"postgres://{Uri.EscapeDataString($"guest of {database}")}:{Secret}@127.0.0.1:{server.Port}/{database}"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("14"), InlineData("10")]
    public async Task A_server_that_is_too_old_is_refused(string version)
    {
        var server = await PostgresServer.Shared();
        var database = NameOf(await server.NewDatabase());
        await using var old = new OlderPostgres(server.Port, version);
        Assert.Contains($"is PostgreSQL {version}; Cairn needs 15 or later", await Refusal(server.UrlOf(database, old.Port)), StringComparison.Ordinal);
        Assert.Equal(false, await server.Execute(database, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'cairn')"));
    }

    [Theory]
    [InlineData("synchronous_commit")]
    public async Task A_server_that_does_not_wait_for_its_disk_is_refused(string setting)
    {
        var server = await PostgresServer.Shared();
        var url = await server.NewDatabase();
        await server.Execute("postgres", $"ALTER DATABASE {NameOf(url)} SET {setting} = off");
        Assert.Contains($"{setting}=off", await Refusal(url), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_never_flushes_is_refused()
    {
        await using var server = await PostgresServer.Start();
        await server.Stop();
        await server.Run("fsync=off");
        Assert.Contains("fsync=off", await Refusal(await server.NewDatabase()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("synchronous_commit", "on", "fsync", "off")]
    [InlineData("synchronous_commit", "off", "fsync", "on")]
    public void Neither_setting_may_be_off(string first, string one, string second, string other) =>
        Assert.Contains(one == "off" ? first : second, Database.Unsafe(one, other), StringComparison.Ordinal);

    [Fact]
    public async Task A_schema_with_tables_that_are_not_ours_is_left_alone()
    {
        var server = await PostgresServer.Shared();
        var url = await server.NewDatabase();
        await server.Execute(NameOf(url), "CREATE SCHEMA cairn; CREATE TABLE cairn.request (theirs int)");
        Assert.Contains("tables that are not Cairn's", await Refusal(url), StringComparison.Ordinal);
        Assert.Equal(0L, await server.Execute(NameOf(url), "SELECT count(*) FROM cairn.request"));
    }

    [Fact]
    public async Task A_database_of_a_newer_cairn_is_left_alone()
    {
        var server = await PostgresServer.Shared();
        var url = await server.NewDatabase();
        Assert.True(StoreAddress.TryRead(url, out var address));
        await (await PostgresControlStore.Open(address)).DisposeAsync();
        await server.Execute(NameOf(url), "INSERT INTO cairn.scripts (number) VALUES (99)");
        Assert.Contains("written by a newer Cairn", await Refusal(url), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_parameter_of_the_address_that_is_not_known_stops_the_start()
    {
        Assert.True(StoreAddress.TryRead($"postgres://cairn:{Secret}@127.0.0.1/cairn?password={Secret}", out var address));
        using var directory = new TempDirectory();
        var refused = await Assert.ThrowsAsync<SettingException>(() => Stores.Open(new() { DataDirectory = directory.Path, Store = address }, directory.Path));
        Assert.DoesNotContain(Secret, refused.Message, StringComparison.Ordinal);
        Assert.Contains("sslmode", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_program_says_it_in_one_line_and_doctor_says_it_too()
    {
        var server = await PostgresServer.Shared();
        using var directory = new TempDirectory();
        var wrong = $"postgres://postgres:{Secret}@127.0.0.1:{server.Port}/postgres";
        var served = await CairnProcess.Run("serve", "--data", Path.Combine(directory.Path, "data"), "--store", wrong, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0");
        Assert.Equal(Run.NotDone, served.Code);
        Assert.Contains("refuses this user or password", Assert.Single(served.ErrorLines), StringComparison.Ordinal);
        var examined = await CairnProcess.Run("doctor", "--data", Path.Combine(directory.Path, "data"), "--store", wrong, "--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0");
        Assert.Contains(examined.Lines, line => line.StartsWith("fail  store", StringComparison.Ordinal) && line.Contains("refuses this user or password", StringComparison.Ordinal));
        Assert.DoesNotContain(Secret, served.Errors + served.Output + examined.Errors + examined.Output, StringComparison.Ordinal);
    }
}
