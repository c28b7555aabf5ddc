using System.Runtime.InteropServices;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>A library that stands between a process and its machine, compiled from <c>shims/</c> when it is needed.</summary>
static class Shim
{
    /// <summary>The setting that puts it there.</summary>
    /// <param name="directory">Where the library is put; must stay as long as the process.</param>
    public static (string Name, string Value) Load(string name, string directory)
    {
        if (!RuntimeInformation.IsOSPlatform(OSPlatform.Linux)) Needs.Missing("Linux");
        Needs.Command("gcc");
        var library = Path.Combine(directory, name + ".so");
        if (Needs.Run("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library, Path.Combine(AppContext.BaseDirectory, "shims", name + ".c"), "-ldl") != 0) Needs.Missing("a C compiler with its headers");
        return ("LD_PRELOAD", library);
    }
}
