using Cairn.Support;

namespace Cairn.Client;

/// <summary>Events that wait on disk: how they get there, who takes them from there, and what becomes of them when the disk fails.</summary>
public sealed class SpoolTests
{
    [Fact]
    public async Task Each_application_has_a_spool_of_its_own()
    {
        await using var server = await Server.Start();
        await server.Kill();
        using var data = new TempDirectory();
        await using var sample = await Sample.Start(server, localData: data.Path);
        await sample.Change(1);
        await Until.True(() => Directory.EnumerateFiles(data.Path, "*.ndjson", SearchOption.AllDirectories).Any());
        Assert.Equal(Path.Combine(data.Path, "Workspaces", "cairn-spool"), Path.GetDirectoryName(Directory.EnumerateFiles(data.Path, "*.ndjson", SearchOption.AllDirectories).Single()));
        Assert.EndsWith(Path.Combine("Cairn.Client.Tests", "cairn-spool"), new CairnOptions().Spool, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_disk_does_not_flush_is_not_taken_for_kept()
    {
        Needs.Command("strace");
        await using var server = await Server.Start();
        await server.Kill();
        await using var sample = await Sample.Start(server, under: ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO"]);
        for (var i = 0; i < 3; i++) await sample.Change(i);
        await Until.True(() => sample.HasSaid("cannot be written"));
        Assert.Equal(0, server.Spooled);
        // In memory it is still there.
        await server.Return();
        await Until.True(async () => (await server.Events()).Count == 3);
    }

    [Fact]
    public async Task A_new_file_and_its_directory_are_flushed_with_what_is_in_them()
    {
        Needs.Command("strace");
        await using var server = await Server.Start();
        await server.Kill();
        using var trace = new TempDirectory();
        var calls = Path.Combine(trace.Path, "calls");
        await using var sample = await Sample.Start(server, under: ["strace", "-f", "-qq", "-y", "-o", calls, "-e", "trace=fsync"]);
        await sample.Change(1);
        await Until.True(() => server.Spooled == 1);
        var file = Assert.Single(server.Files);
        foreach (var path in new[] { file, server.Spool, Path.GetDirectoryName(server.Spool) }) await Until.True(() => File.ReadAllText(calls).Contains($"<{path}>", StringComparison.Ordinal));
    }
}
