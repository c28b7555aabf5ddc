namespace Cairn.Hosting;

/// <summary>Another process has the data directory.</summary>
sealed class DataDirectoryInUseException(string message) : IOException(message);

/// <summary>The directory that holds all state, locked against a second process for as long as this lives.</summary>
sealed class DataDirectory : IDisposable
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>What the kernel takes as the path of a socket.</summary>
    const int LongestSocketPath = 107;

    readonly FileStream locked;

    DataDirectory(string path, FileStream locked) => (Path, this.locked) = (path, locked);

    public string Path { get; }

    /// <summary>Holds the number of the process that has the directory, or had it last.</summary>
    public static string Lock(string directory) => System.IO.Path.Combine(directory, "cairn.lock");

    public static string Socket(string directory) => System.IO.Path.Combine(directory, "cairn.sock");

    public static DataDirectory Open(string path)
    {
        if (!OperatingSystem.IsWindows() && Socket(path).Length > LongestSocketPath)
            throw new SettingException($"Setting Data is '{path}'; allowed is a path of at most {LongestSocketPath - "/cairn.sock".Length} letters, because a socket stands in it.");
        try
        {
            if (!Directory.Exists(path))
            {
                if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
                else Directory.CreateDirectory(path, OwnerOnly);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SettingException($"Setting Data is '{path}', which cannot be made: {error.Message}");
        }

        var file = Lock(path);
        try
        {
            var locked = new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            locked.SetLength(0);
            locked.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId + "\n"));
            locked.Flush();
            return new(path, locked);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new SettingException($"Setting Data is '{path}', which cannot be written: {error.Message}");
        }
        catch (IOException)
        {
            throw new DataDirectoryInUseException($"Another Cairn is using {path}. Stop it first, or give this one another directory with --data.");
        }
    }

    public void Dispose() => locked.Dispose();
}
