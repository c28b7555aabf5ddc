using System.Runtime.InteropServices;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>A disk of its own: an ext4 in a file. Its power can be cut, whatever was not flushed is then gone.</summary>
sealed partial class LoopDisk : IDisposable
{
    /// <summary>EXT4_IOC_SHUTDOWN, and the way of it that does not write out the journal first.</summary>
    const nuint Shutdown = 0x8004587D;

    const uint WithoutFlush = 2;

    readonly TempDirectory directory = new();
    readonly string image;

    public LoopDisk(int mebibytes = 512)
    {
        Needs.Root();
        Needs.Command("mkfs.ext4");
        image = System.IO.Path.Combine(directory.Path, "image");
        Directory.CreateDirectory(Path);
        using (var file = File.Create(image)) file.SetLength(mebibytes * 1024L * 1024);
        if (Needs.Run("mkfs.ext4", "-q", "-F", image) == 0 && Mount()) return;
        directory.Dispose();
        Needs.Missing("the right to mount an ext4 on a loop device");
    }

    public string Path => System.IO.Path.Combine(directory.Path, "disk");

    bool Mount() => Needs.Run("mount", "-o", "loop", image, Path) == 0;

    /// <summary>From now on nothing reaches the disk any more, and what was not flushed never did.</summary>
    public void CutPower()
    {
        var descriptor = Open(Path, 0);
        Assert.True(descriptor >= 0, "The disk cannot be opened.");
        var how = WithoutFlush;
        var code = IoControl(descriptor, Shutdown, ref how);
        _ = Close(descriptor);
        if (code != 0) Needs.Missing("a kernel whose ext4 can be shut down");
    }

    /// <summary>The power is back: the file system is mounted anew, and plays its journal back. Whoever used it must have ended.</summary>
    public void Restore()
    {
        Assert.Equal(0, Needs.Run("umount", Path));
        Assert.True(Mount(), "The disk does not mount again.");
    }

    public void Remount(string how) => Assert.Equal(0, Needs.Run("mount", "-o", "remount," + how, Path));

    public void Dispose()
    {
        _ = Needs.Run("umount", "--lazy", Path);
        directory.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int IoControl(int descriptor, nuint request, ref uint argument);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
