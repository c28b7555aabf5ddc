using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Cairn.Storage;

/// <summary>Flushes that tell the truth: the runtime's own swallow the kernel's error on Linux.</summary>
static partial class Durable
{
    /// <summary>What this process makes from now on is for its owner alone.</summary>
    public static void KeepPrivate()
    {
        if (!OperatingSystem.IsWindows()) _ = Umask(0x3f);
    }

    /// <summary>Makes a new or renamed file's name survive a power cut.</summary>
    public static void SyncDirectory(string directory)
    {
        if (OperatingSystem.IsWindows()) return;
        var descriptor = Open(directory, 0);
        if (descriptor < 0) throw new IOException($"Cannot open {directory} to flush it: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        try
        {
            if (Fsync(descriptor) != 0) throw new IOException($"Cannot flush {directory}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Which file a path leads to, on Linux; another file under the same name is told apart. Null when there is none, and elsewhere.</summary>
    public static unsafe FileIdentity? Identity(string path)
    {
        if (!OperatingSystem.IsLinux()) return null;
        // The kernel's struct statx, the same on every processor: the inode at byte 32, the device at 136.
        var found = stackalloc byte[256];
        if (Statx(CurrentDirectory, path, 0, InodeAsked, found) != 0) return null;
        return new(*(ulong*)(found + 136), *(ulong*)(found + 32));
    }

    const int CurrentDirectory = -100;
    const uint InodeAsked = 0x100;

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int Statx(int directory, string path, int flags, uint mask, byte* found);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint Umask(uint mask);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

/// <summary>A file, whatever its name.</summary>
readonly record struct FileIdentity(ulong Device, ulong Inode);
