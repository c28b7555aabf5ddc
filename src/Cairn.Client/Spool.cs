namespace Cairn.Client;

/// <summary>A file of events, one a line.</summary>
sealed class SpoolFile(string path, long bytes, int lines)
{
    public string Path => path;

    public long Bytes => bytes;

    public int Lines { get; set; } = lines;
}

/// <summary>
/// Events that wait on disk, in order, in files of lines. A file is read once nothing is written to it any more, and
/// goes once Cairn has everything in it. What a process left behind, the next one with the same directory finds, or one that runs
/// beside it.
/// </summary>
sealed class Spool : IDisposable
{
    const int MostFileBytes = Delivery.MostBytes / 2, MostDirectories = 100;

    readonly long mostBytes;
    readonly string path, directory;
    readonly FileStream guard;
    readonly Action<string, Exception> tell;
    readonly List<SpoolFile> files = [];

    /// <summary>What failed and is tried again: to read these, to count the events of those, to remove the last.</summary>
    readonly List<SpoolFile> unread = [];
    readonly List<string> uncounted = [], unremoved = [];

    FileStream? writing;
    SpoolFile? last;
    long next;

    Spool(string path, string directory, FileStream guard, long mostBytes, Action<string, Exception> tell)
    {
        (this.path, this.directory, this.guard, this.mostBytes, this.tell) = (path, directory, guard, mostBytes, tell);
        foreach (var left in Left(directory))
        {
            if (long.TryParse(Path.GetFileNameWithoutExtension(left), out var number)) next = Math.Max(next, number + 1);
            Find(left);
        }
    }

    static IEnumerable<string> Left(string directory) => Directory.EnumerateFileSystemEntries(directory, "*.ndjson").Order(StringComparer.Ordinal);

    void Find(string path)
    {
        try
        {
            var lines = Lines(path, long.MaxValue);
            if (lines.Count == 0) File.Delete(path);
            else Add(new(path, new FileInfo(path).Length, lines.Count));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            tell(path, unreadable);
            uncounted.Add(path);
        }
    }

    string NextPath() => Path.Combine(directory, $"{next++:D12}.ndjson");

    void Add(SpoolFile file)
    {
        files.Add(file);
        Bytes += file.Bytes;
        Found += file.Lines;
    }

    /// <summary>Events that an earlier process left, as far as they were found yet.</summary>
    public int Found { get; private set; }

    public long Bytes { get; private set; }

    /// <summary>How many files wait.</summary>
    public int Files => files.Count + (last is null ? 0 : 1);

    /// <param name="tell">Is told of each file that cannot be read or removed, and why.</param>
    /// <exception cref="IOException">The directory cannot be made or written to.</exception>
    public static Spool Open(string path, long mostBytes, Action<string, Exception> tell)
    {
        for (var turn = 1; turn <= MostDirectories; turn++)
        {
            var directory = Turn(path, turn);
            Make(directory);
            if (Lock(directory) is { } guard) return new(path, directory, guard, mostBytes, tell);
        }
        throw new IOException($"{MostDirectories} processes have the spool {path} already.");
    }

    static string Turn(string path, int turn) => turn == 1 ? path : $"{path}-{turn}";

    /// <summary>Null when another process of this application has it.</summary>
    static FileStream? Lock(string directory)
    {
        var path = Path.Combine(directory, "lock");
        try
        {
            return new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    static void Make(string directory)
    {
        var isNew = new List<string>();
        for (var one = Path.GetFullPath(directory); !Directory.Exists(one); one = Path.GetDirectoryName(one)!) isNew.Add(one);
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(directory);
        else Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var one in isNew) Durable.FlushDirectory(Path.GetDirectoryName(one)!);
    }

    /// <summary>Writes events behind those that wait. Answers how many there was room for; when it returns, these are flushed to disk.</summary>
    /// <exception cref="IOException">Nothing was taken.</exception>
    public int Append(IReadOnlyList<byte[]> lines)
    {
        var taken = 0;
        var size = 0L;
        while (taken < lines.Count && Bytes + size + lines[taken].Length + 1 <= mostBytes) size += lines[taken++].Length + 1;
        if (taken == 0) return 0;
        last ??= new(NextPath(), 0, 0);
        try
        {
            writing ??= new(last.Path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
            writing.Write(Joined(lines, taken, size));
            Durable.Flush(writing);
            if (last.Lines == 0) Durable.FlushDirectory(directory);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            GiveUp();
            throw;
        }
        last = new(last.Path, last.Bytes + size, last.Lines + taken);
        Bytes += size;
        if (last.Bytes >= MostFileBytes) Close();
        return taken;
    }

    /// <summary>The same, to a file of their own, which has as many as there was room for.</summary>
    public SpoolFile AppendFile(IReadOnlyList<byte[]> lines)
    {
        Close();
        if (Append(lines) == 0) return new("", 0, 0);
        Close();
        return files[^1];
    }

    /// <summary>
    /// After a flush that failed nobody knows what of the file is on disk, and the next one would say OK. Nothing is written behind that
    /// place any more: what was flushed before stays to be read, and what comes goes to a new file.
    /// </summary>
    void GiveUp()
    {
        try
        {
            writing?.SetLength(last!.Bytes);
            if (writing is not null && last!.Lines == 0) File.Delete(last.Path);
        }
        catch (Exception failing) when (failing is IOException or UnauthorizedAccessException)
        {
            // Then half a batch stays there, beyond what is read. The next process sends it a second time, which is harmless.
        }
        Close();
    }

    static byte[] Joined(IReadOnlyList<byte[]> lines, int count, long size)
    {
        var bytes = new byte[size];
        for (int i = 0, at = 0; i < count; at += lines[i++].Length + 1)
        {
            lines[i].CopyTo(bytes, at);
            bytes[at + lines[i].Length] = (byte)'\n';
        }
        return bytes;
    }

    void Close()
    {
        writing?.Dispose();
        writing = null;
        if (last is { Lines: > 0 }) files.Add(last);
        last = null;
    }

    /// <summary>The file whose events have waited longest; nothing is written to it any more.</summary>
    public SpoolFile? Oldest
    {
        get
        {
            if (files.Count == 0) Close();
            return files.Count == 0 ? null : files[0];
        }
    }

    /// <summary>Its events; null when they cannot be read. The others then go first.</summary>
    /// <param name="gone">How many events of it are no longer there.</param>
    public IReadOnlyList<byte[]>? Read(SpoolFile file, out int gone)
    {
        gone = 0;
        try
        {
            var lines = Lines(file.Path, file.Bytes);
            (gone, file.Lines) = (file.Lines - lines.Count, lines.Count);
            if (lines.Count > 0) return lines;
            Remove(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            tell(file.Path, unreadable);
            files.Remove(file);
            if (unreadable is FileNotFoundException or DirectoryNotFoundException)
            {
                gone = file.Lines;
                Bytes -= file.Bytes;
            }
            else unread.Add(file);
        }
        return null;
    }

    /// <summary>Forgets what Cairn has.</summary>
    public void Remove(SpoolFile file)
    {
        if (!files.Remove(file)) return;
        Bytes -= file.Bytes;
        Remove(file.Path);
    }

    void Remove(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception unremovable) when (unremovable is IOException or UnauthorizedAccessException)
        {
            tell(path, unremovable);
            unremoved.Add(path);
        }
    }

    /// <summary>
    /// Takes what processes left that ended, in the directories beside, as far as there is room for it. A directory stays when it is
    /// empty, as a process may be about to lock it.
    /// </summary>
    public void TakeOver()
    {
        for (var turn = 1; turn <= MostDirectories; turn++)
        {
            var beside = Turn(path, turn);
            if (beside == directory || !Directory.Exists(beside)) continue;
            try
            {
                using var guard = Lock(beside);
                if (guard is not null)
                    foreach (var left in Left(beside)) TakeOver(left);
            }
            catch (Exception closed) when (closed is IOException or UnauthorizedAccessException)
            {
                tell(beside, closed);
            }
        }
    }

    void TakeOver(string left)
    {
        try
        {
            var (lines, bytes) = (Lines(left, long.MaxValue).Count, new FileInfo(left).Length);
            if (Bytes + bytes > mostBytes) return;
            var own = new SpoolFile(NextPath(), bytes, lines);
            File.Move(left, own.Path);
            if (lines == 0) Remove(own.Path);
            else Add(own);
        }
        catch (Exception immovable) when (immovable is IOException or UnauthorizedAccessException)
        {
            tell(left, immovable);
        }
    }

    /// <summary>Tries again what failed before.</summary>
    public void TryAgain()
    {
        files.InsertRange(0, unread);
        unread.Clear();
        foreach (var path in Taken(uncounted)) Find(path);
        foreach (var path in Taken(unremoved)) Remove(path);

        static string[] Taken(List<string> paths)
        {
            string[] taken = [.. paths];
            paths.Clear();
            return taken;
        }
    }

    /// <summary>Whole lines; one that a crash left without its end was promised to nobody.</summary>
    static List<byte[]> Lines(string path, long mostBytes)
    {
        var bytes = File.ReadAllBytes(path);
        var length = (int)Math.Min(bytes.Length, mostBytes);
        var lines = new List<byte[]>();
        for (int start = 0, end; (end = Array.IndexOf(bytes, (byte)'\n', start, length - start)) >= 0; start = end + 1) lines.Add(bytes[start..end]);
        return lines;
    }

    public void Dispose()
    {
        Close();
        guard.Dispose();
    }
}
