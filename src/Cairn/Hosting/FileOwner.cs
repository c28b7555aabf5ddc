using System.Runtime.InteropServices;

namespace Cairn.Hosting;

/// <summary>Which user of the machine has a file. The runtime tells a file's mode and not its owner.</summary>
static unsafe partial class FileOwner
{
    const int CurrentDirectory = -100, AskForUser = 8, PlaceOfUser = 20, StatxBytes = 256;

    /// <summary>The user's number; null where the machine does not say.</summary>
    public static uint? Of(string path)
    {
        if (!OperatingSystem.IsLinux()) return null;
        var answer = stackalloc byte[StatxBytes];
        try
        {
            return Statx(CurrentDirectory, path, 0, AskForUser, answer) == 0 ? *(uint*)(answer + PlaceOfUser) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    public static uint? OfThisProcess() => OperatingSystem.IsLinux() ? EffectiveUser() : null;

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, byte* answer);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
