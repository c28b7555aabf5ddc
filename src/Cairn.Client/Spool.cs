namespace Cairn.Client;

/// <summary>
/// Events that wait on disk, in order, in files of lines. Only the oldest file is read and only the newest is written; a file
/// goes once Cairn has everything in it. What a process left behind, the next one with the same directory finds.
/// </summary>
sealed class Spool : IDisposable
{
    const int MostFileBytes = Delivery.MostBytes / 2, MostDirectories = 100;

    readonly long mostBytes;
    readonly string directory;
    readonly FileStream guard;
    readonly Queue<(string Path, long Bytes, int Lines)> files = new();
    FileStream? writing;
    (string Path, long Bytes, int Lines) last;
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
            files.Enqueue((path, new FileInfo(path).Length, lines));
            Found += lines;
        }
        Bytes = files.Sum(file => file.Bytes);
    }

    /// <summary>Events that an earlier process left.</summary>
    public int Found { get; }

    public long Bytes { get; private set; }

    public bool IsEmpty => files.Count == 0 && last.Lines == 0;

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
        if (writing is null)
        {
            last = (Path.Combine(directory, $"{next++:D12}.ndjson"), 0, 0);
            writing = new(last.Path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        try
        {
            writing.Write(Joined(lines, taken, size));
            Durable.Flush(writing);
            if (last.Lines == 0) Durable.FlushDirectory(directory);
        }
        catch (IOException)
        {
            GiveUp();
            throw;
        }
        last = (last.Path, last.Bytes + size, last.Lines + taken);
        Bytes += size;
        if (last.Bytes >= MostFileBytes) Close();
        return taken;
    }

    /// <summary>
    /// After a flush that failed nobody knows what of the file is on disk, and the next one would say OK. Nothing is written behind that
    /// place any more: what was flushed before stays to be read, and what comes goes to a new file.
    /// </summary>
    void GiveUp()
    {
        try
        {
            writing!.SetLength(last.Bytes);
            if (last.Lines == 0) File.Delete(last.Path);
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
        if (last.Lines > 0) files.Enqueue(last);
        last = default;
    }

    /// <summary>The events that have waited longest.</summary>
    public IReadOnlyList<byte[]> Oldest()
    {
        if (files.Count == 0) Close();
        var (path, bytes, _) = files.Peek();
        return Lines(path, bytes);
    }

    /// <summary>Forgets what <see cref="Oldest"/> gave.</summary>
    public void RemoveOldest()
    {
        var file = files.Dequeue();
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
