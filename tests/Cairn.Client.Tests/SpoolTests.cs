using System.Collections.Concurrent;
using Cairn.Support;

namespace Cairn.Client;

/// <summary>Events that wait on disk: how they get there, who takes them from there, and what becomes of them when the disk fails.</summary>
public sealed class SpoolTests
{
    static NewEvent Numbered(int number) => AuditTests.Numbered(number);

    /// <summary>What a process leaves behind that ended while Cairn was away.</summary>
    static async Task Leave(Server server, params IEnumerable<int> numbers)
    {
        await using var audit = new Audit(server.Options);
        foreach (var number in numbers) audit.Record(Numbered(number));
    }

    static async Task<IEnumerable<string>> Names(Server server) => (await server.Events()).Select(one => one.GetProperty("resourceName").GetString()!).OrderBy(int.Parse);

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

    [Theory]
    [InlineData(0)]
    [InlineData(5_000)]
    public async Task What_is_recorded_while_a_call_hangs_is_on_disk_and_arrives_in_order(int left)
    {
        await using var server = await Server.Start();
        if (left > 0)
        {
            await server.Kill();
            await Leave(server, Enumerable.Range(0, left));
            await server.Return();
        }
        var options = server.Options;
        (options.MaxQueued, options.Timeout) = (1_000, TimeSpan.FromMinutes(2));
        server.Suspend();
        await using (var audit = new Audit(options))
        {
            await Until.True(() => audit.Counts.Recorded == left);
            for (var sent = left; sent < left + 5_000; sent += 500)
            {
                for (var i = sent; i < sent + 500; i++) audit.Record(Numbered(i));
                await Until.True(() => server.Spooled == sent + 500);
            }
            server.Resume();
            await Until.True(() => audit.Counts.Waiting == 0);
            Assert.Equal(new(left + 5_000, left + 5_000, 0, 0, 0), audit.Counts);
        }
        Assert.Empty(server.Files);
        AuditTests.ArrivedInOrder(left + 5_000, await server.Events());
    }

    [Fact]
    public async Task An_end_that_does_not_wait_for_a_hanging_call_keeps_what_was_under_way()
    {
        await using var server = await Server.Start();
        var options = server.Options;
        options.Timeout = TimeSpan.FromSeconds(1);
        server.Suspend();
        await using (var audit = new Audit(options))
        {
            for (var i = 0; i < 100; i++) audit.Record(Numbered(i));
            using var hurry = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
            await audit.Stop(hurry.Token);
        }
        Assert.Equal(100, server.Spooled);
        server.Resume();
        await using (var next = new Audit(server.Options)) await Until.True(() => next.Counts.Delivered == 100);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), await Names(server));
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_is_told_and_does_not_hold_up_the_others()
    {
        await using var server = await Server.Start();
        await server.Kill();
        for (var i = 0; i < 6; i += 2) await Leave(server, i, i + 1);
        var (told, options) = (new ConcurrentQueue<Undelivered>(), server.Options);
        options.OnUndelivered = told.Enqueue;
        await using var audit = new Audit(options);
        await Until.True(() => audit.Counts.Recorded == 6);
        var files = server.Files;
        File.Delete(files[0]);
        // Nobody can read a directory as a file.
        var hidden = files[1] + ".hidden";
        File.Move(files[1], hidden);
        Directory.CreateDirectory(files[1]);
        await server.Return();
        audit.Record(Numbered(6));
        await Until.True(() => audit.Counts.Delivered == 3);
        Assert.Equal(new(7, 3, 2, 0, 2), audit.Counts);
        Assert.Equal(2, told.Count);
        // It is there again.
        Directory.Delete(files[1]);
        File.Move(hidden, files[1]);
        await Until.True(() => audit.Counts.Waiting == 0);
        Assert.Equal(new(7, 5, 0, 0, 2), audit.Counts);
        Assert.Equal(["2", "3", "4", "5", "6"], await Names(server));
        Assert.Empty(server.Files);
    }

    [Fact]
    public async Task A_file_that_cannot_be_removed_is_delivered_once_and_does_not_hold_up_the_others()
    {
        Needs.Root();
        await using var server = await Server.Start();
        await server.Kill();
        await Leave(server, 0, 1);
        var file = Assert.Single(server.Files);
        // What something is mounted on cannot be removed.
        if (Needs.Run("mount", "--bind", file, file) != 0) Needs.Missing("the right to mount");
        try
        {
            await server.Return();
            await using var audit = new Audit(server.Options);
            await Until.True(() => audit.Counts.Delivered == 2);
            audit.Record(Numbered(2));
            await Until.True(() => audit.Counts.Delivered == 3);
            Assert.Equal(0, Needs.Run("umount", file));
            await Until.True(() => server.Files.Length == 0);
            Assert.Equal(new(3, 3, 0, 0, 0), audit.Counts);
        }
        finally
        {
            _ = Needs.Run("sh", "-c", $"umount --lazy '{file}' 2> /dev/null");
        }
        Assert.Equal(["0", "1", "2"], await Names(server));
    }

    [Fact]
    public async Task What_several_processes_left_a_single_one_delivers()
    {
        await using var server = await Server.Start();
        await server.Kill();
        await using (new Audit(server.Options))
        await using (var second = new Audit(server.Options))
        await using (var third = new Audit(server.Options))
        {
            await Until.True(() => Directory.Exists(server.Spool + "-3"));
            second.Record(Numbered(2));
            third.Record(Numbered(3));
        }
        await server.Return();
        await using (var single = new Audit(server.Options))
        {
            await Until.True(() => single.Counts.Delivered == 2);
            Assert.Equal(new(2, 2, 0, 0, 0), single.Counts);
        }
        Assert.Equal(["2", "3"], await Names(server));
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.GetDirectoryName(server.Spool)!, "*.ndjson", SearchOption.AllDirectories), path => path.StartsWith(server.Spool, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_a_process_left_that_ended_another_that_runs_delivers()
    {
        await using var server = await Server.Start();
        await server.Kill();
        await using (var running = new Audit(server.Options))
        {
            running.Record(Numbered(1));
            await Until.True(() => server.Spooled == 1);
            await Leave(server, 2, 3);
            await server.Return();
            await Until.True(() => running.Counts.Delivered == 3);
            Assert.Equal(new(3, 3, 0, 0, 0), running.Counts);
        }
        Assert.Equal(["1", "2", "3"], await Names(server));
    }
}
