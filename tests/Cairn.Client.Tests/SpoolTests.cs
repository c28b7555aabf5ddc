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
}
