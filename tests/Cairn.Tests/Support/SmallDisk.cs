namespace Cairn.Support;

/// <summary>A file system in memory that is soon full.</summary>
sealed class SmallDisk : IDisposable
{
    readonly TempDirectory directory;

    public SmallDisk(int mebibytes)
    {
        Needs.Root();
        directory = new();
        if (Needs.Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m", "cairn-test", directory.Path) == 0) return;
        directory.Dispose();
        Needs.Missing("the right to mount a tmpfs");
    }

    public string Path => directory.Path;

    public void Dispose()
    {
        _ = Needs.Run("umount", "--lazy", directory.Path);
        directory.Dispose();
    }
}
