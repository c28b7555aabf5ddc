using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Cairn.Client;

/// <summary>Flushes that tell the truth: the runtime's own swallow the kernel's error on Linux.</summary>
static partial class Durable
{
    /// <summary>The kernel's EINVAL: a file system that has no flush for its directories.</summary>
    const int NoSuchFlush = 22;

    /// <summary>What was written to a file survives a power cut when this returns.</summary>
    /// <exception cref="IOException">It may not, and a second flush that succeeds would not mean that it does.</exception>
    public static void Flush(FileStream file)
    {
        // On macOS the runtime also empties the drive's own cache.
        if (!OperatingSystem.IsLinux()) file.Flush(flushToDisk: true);
        if (OperatingSystem.IsWindows()) return;
        if (Fsync(file.SafeFileHandle) != 0) throw Failed(file.Name, Marshal.GetLastPInvokeError());
    }

    /// <summary>Makes a new file's name survive a power cut.</summary>
    public static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows()) return;
        using var opened = Open(directory, 0);
        if (opened.IsInvalid) throw Failed(directory, Marshal.GetLastPInvokeError());
        if (Fsync(opened) != 0 && Marshal.GetLastPInvokeError() is not NoSuchFlush and var error) throw Failed(directory, error);
    }

    static IOException Failed(string path, int error) => new($"Cannot flush {path}: {new Win32Exception(error).Message}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);
}
