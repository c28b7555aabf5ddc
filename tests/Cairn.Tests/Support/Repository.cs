using System.Runtime.CompilerServices;

namespace Cairn.Support;

/// <summary>Where the sources are that these tests were built from.</summary>
static class Repository
{
    public static string Root { get; } = Above();

    static string Above([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../.."));
}
