using System.Diagnostics;
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

    /// <param name="within">Where the file is that stands for the disk, which takes only as much as was written: when there is no more, writing goes on and flushing fails.</param>
    public LoopDisk(int mebibytes = 512, string? within = null)
    {
        Needs.Root();
        Needs.Command("mkfs.ext4");
        image = System.IO.Path.Combine(within ?? directory.Path, "image");
        Directory.CreateDirectory(Path);
        using (var file = File.Create(image)) file.SetLength(mebibytes * 1024L * 1024);
        if (Needs.Run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,nodiscard", image) == 0 && Mount()) return;
        directory.Dispose();
        Needs.Missing("the right to mount an ext4 on a loop device");
    }

    public string Path => System.IO.Path.Combine(directory.Path, "disk");

    bool Mount() => Needs.Run("mount", "-o", "loop", image, Path) == 0;

    /// <summary>
    /// From now on nothing reaches the disk any more, and what was not flushed never did. Answers when that began: in the
    /// moment after it the kernel may still say OK to a flush, where a machine without power says nothing.
    /// </summary>
    public long CutPower()
    {
        var began = Stopwatch.GetTimestamp();
        var descriptor = Open(Path, 0);
        Assert.True(descriptor >= 0, "The disk cannot be opened.");
        var how = WithoutFlush;
        var code = IoControl(descriptor, Shutdown, ref how);
        _ = Close(descriptor);
        if (code != 0) Needs.Missing("a kernel whose ext4 can be shut down");
        return began;
    }

    /// <summary>The power is back: the file system is mounted anew, and plays its journal back. Whoever used it must have ended.</summary>
    public void Restore()
    {
        Assert.Equal(0, Needs.Run("umount", Path));
        Assert.True(Mount(), "The disk does not mount again.");
    }

    /// <summary>
    /// Makes it read-only at once, as the kernel does with a disk that it finds broken. Answers when that began: ext4 says OK to
    /// some of the flushes of that moment and does not do them, to any program.
    /// </summary>
    public long MakeReadOnly()
    {
        var began = Stopwatch.GetTimestamp();
        Assert.Equal(0, Needs.Run("mount", "-o", "remount,abort", Path));
        return began;
    }

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
