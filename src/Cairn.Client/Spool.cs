namespace Cairn.Client;

/// <summary>A file of events, one a line.</summary>
sealed record SpoolFile(string Path, long Bytes, int Lines);

/// <summary>
/// Events that wait on disk, in order, in files of lines. A file is read once nothing is written to it any more, and
/// goes once Cairn has everything in it. What a process left behind, the next one with the same directory finds.
/// </summary>
sealed class Spool : IDisposable
{
    const int MostFileBytes = Delivery.MostBytes / 2, MostDirectories = 100;

    readonly long mostBytes;
    readonly string directory;
    readonly FileStream guard;
    readonly List<SpoolFile> files = [];
    FileStream? writing;
    SpoolFile? last;
    long next;

    Spool(string directory, FileStream guard, long mostBytes)
    {
        (this.directory, this.guard, this.mostBytes) = (directory, guard, mostBytes);
        foreach (var path in Directory.EnumerateFiles(directory, "*.ndjson").Order(StringComparer.Ordinal))
        {
            var lines = Lines(path, long.MaxValue).Count;
            if (long.TryParse(Path.GetFileNameWithoutExtension(path), out var number)) next = Math.Max(next, number + 1);
            if (lines == 0)
            {
                File.Delete(path);
                continue;
            }
            files.Add(new(path, new FileInfo(path).Length, lines));
            Found += lines;
        }
        Bytes = files.Sum(file => file.Bytes);
    }

    /// <summary>Events that an earlier process left.</summary>
    public int Found { get; }

    public long Bytes { get; private set; }

    /// <summary>How many files wait.</summary>
    public int Files => files.Count + (last is null ? 0 : 1);

    /// <exception cref="IOException">The directory cannot be made or written to.</exception>
    public static Spool Open(string path, long mostBytes)
    {
        for (var turn = 1; ; turn++)
        {
            var directory = turn == 1 ? path : $"{path}-{turn}";
            Make(directory);
            try
            {
                return new(directory, new(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), mostBytes);
            }
            catch (IOException) when (turn < MostDirectories && File.Exists(Path.Combine(directory, "lock")))
            {
                // Another process of this application has it.
            }
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
        last ??= new(Path.Combine(directory, $"{next++:D12}.ndjson"), 0, 0);
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

    /// <exception cref="IOException">It cannot be read, or is gone.</exception>
    public static IReadOnlyList<byte[]> Read(SpoolFile file) => Lines(file.Path, file.Bytes);

    /// <summary>Forgets what Cairn has.</summary>
    public void Remove(SpoolFile file)
    {
        if (!files.Remove(file)) return;
        Bytes -= file.Bytes;
        File.Delete(file.Path);
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
