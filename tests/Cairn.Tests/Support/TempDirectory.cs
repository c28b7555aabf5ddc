namespace Cairn.Support;

/// <summary>A directory of its own for one test, gone with it.</summary>
sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("cairn-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
