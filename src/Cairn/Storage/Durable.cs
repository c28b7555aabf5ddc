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

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint Umask(uint mask);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
