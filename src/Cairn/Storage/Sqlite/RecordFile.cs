namespace Cairn.Storage.Sqlite;

/// <summary>
/// A file that takes what must stay: one writer, which also checkpoints, and several readers. After the operating system fails to
/// write or to flush, nothing is acknowledged until a restart: a later flush would answer OK for data that is gone.
/// </summary>
sealed class RecordFile : IDisposable
{
    /// <summary>Pages of the write-ahead log after which it is moved into the database. Larger means fewer, longer moves.</summary>
    const int CheckpointAfterPages = 8_000;

    readonly string path, what;
    readonly Action? undone;
    readonly SemaphoreSlim gate = new(1);
    readonly Readers readers;
    readonly Statement begin, commit;
    readonly (string Path, FileIdentity? Identity)[] opened;
    readonly Dictionary<string, Statement> statements = new(StringComparer.Ordinal);
    string? failure, refusal;
    bool disposed;

    /// <summary>Opens the file, or makes it. When this returns, its journal and flushing were read back and are what durability needs, and its tables are this program's.</summary>
    /// <param name="scripts">How the names of its scripts begin.</param>
    /// <param name="what">What is in it, as a message begins.</param>
    /// <param name="undone">Forgets what was gathered in memory by a write that is not made.</param>
    public RecordFile(string path, string scripts, string what, Action? undone = null)
    {
        (this.path, this.what, this.undone) = (path, what, undone);
        var isNew = !File.Exists(path);
        Writer = Connection.OpenWriter(path);
        Schema.Apply(Writer, scripts);
        if (isNew) Durable.SyncDirectory(Path.GetDirectoryName(path)!);
        (begin, commit) = (Writer.Prepare("BEGIN IMMEDIATE"), Writer.Prepare("COMMIT"));
        opened = [.. new[] { path, path + "-wal" }.Select(one => (one, Durable.Identity(one)))];
        readers = new(path);
    }

    /// <summary>Used within <see cref="Write"/>, and before the first one.</summary>
    public Connection Writer { get; }

    /// <summary>Why nothing can be taken, and what mends it; null while it can.</summary>
    public string? Problem => failure ?? refusal;

    public long FreeDiskBytes => new DriveInfo(Path.GetDirectoryName(Path.GetFullPath(path))!).AvailableFreeSpace;

    /// <summary>What the records take, without free pages and the write-ahead log.</summary>
    public static long Bytes(Reader reader) =>
        (reader.Connection.Number("PRAGMA page_count") - reader.Connection.Number("PRAGMA freelist_count")) * reader.Connection.Number("PRAGMA page_size");

    /// <summary>A statement of the writer's, prepared once. Used within <see cref="Write"/> and <see cref="Look"/>, at whose end it is as new.</summary>
    public Statement Statement(string sql) => statements.TryGetValue(sql, out var statement) ? statement : statements[sql] = Writer.Prepare(sql);

    /// <inheritdoc cref="Readers.Read"/>
    public async Task<TResult> Read<TResult>(Func<Reader, TResult> read, CancellationToken cancel)
    {
        try
        {
            return await readers.Read(read, cancel);
        }
        catch (SqliteException broken) when (broken.IsLasting)
        {
            throw new LogUnavailableException($"{what} cannot be read ({broken.Message}). Check the disk.", broken);
        }
    }

    /// <summary>Reads with the writer's connection, between two writes. It goes on after a failure.</summary>
    public async Task<TResult> Look<TResult>(Func<TResult> read, CancellationToken cancel)
    {
        await gate.WaitAsync(cancel);
        try
        {
            return Ended(read);
        }
        catch (SqliteException refused)
        {
            throw new LogUnavailableException(refused.Message, refused);
        }
        finally
        {
            gate.Release();
        }
    }

    TResult Ended<TResult>(Func<TResult> work)
    {
        try
        {
            return work();
        }
        finally
        {
            foreach (var statement in statements.Values) statement.Reset();
        }
    }

    /// <summary>Runs a change as one transaction. When it returns, the change is durable; when it throws, nothing of it is stored.</summary>
    /// <param name="isMade">Tells of the change's answer whether it is to be stored at all; absent, it is.</param>
    public async Task<TResult> Write<TResult>(Func<TResult> change, CancellationToken cancel, Predicate<TResult>? isMade = null)
    {
        await gate.WaitAsync(cancel);
        try
        {
            failure ??= WhyNotOurs();
            if (failure is not null) throw new LogUnavailableException(failure);
            TResult result;
            try
            {
                begin.Run();
                result = Ended(change);
                if (isMade?.Invoke(result) is false)
                {
                    Undo();
                    return result;
                }
                commit.Run();
            }
            catch (SqliteException refused)
            {
                Undo();
                if (refused.IsLasting) failure = $"{what} cannot be written since {DateTimeOffset.UtcNow:u} ({refused.Message}). Check the disk, then restart Cairn.";
                refusal = failure ?? (refused.IsFull ? "The disk is full. Free some space; writing goes on by itself." : null);
                throw new LogUnavailableException(refusal ?? refused.Message, refused);
            }
            catch
            {
                Undo();
                throw;
            }
            refusal = null;
            Checkpoint();
            return result;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>What is written to a file that has lost its name is gone with this process, however well it was flushed.</summary>
    string? WhyNotOurs()
    {
        foreach (var (one, identity) in opened)
            if (Durable.Identity(one) != identity) return $"{Path.GetFileName(one)} was removed or replaced while Cairn ran. Put back the file that was there, or restore a backup, then restart Cairn.";
        return null;
    }

    /// <summary>Takes what was erased out of the write-ahead log as well, as far as no reader stands in the way; otherwise it goes with the next checkpoint.</summary>
    public async Task Forget(CancellationToken cancel)
    {
        await gate.WaitAsync(cancel);
        try
        {
            if (failure is null) Guarded(() => Writer.Run("PRAGMA wal_checkpoint(TRUNCATE)"));
        }
        finally
        {
            gate.Release();
        }
    }

    void Undo()
    {
        undone?.Invoke();
        if (!Writer.InTransaction) return;
        try
        {
            Writer.Run("ROLLBACK");
        }
        catch (SqliteException error)
        {
            failure = $"{what} could not undo a failed write ({error.Message}). Check the disk, then restart Cairn.";
        }
    }

    /// <summary>What was committed is durable in the write-ahead log already, so a full disk here refuses nothing.</summary>
    void Checkpoint()
    {
        // Readers that follow one another can keep the log from ever beginning anew; once it is long they are waited for.
        if (Writer.WriteAheadPages >= CheckpointAfterPages) Guarded(() => Writer.Checkpoint(restart: Writer.WriteAheadPages > 8 * CheckpointAfterPages));
    }

    void Guarded(Action checkpoint)
    {
        try
        {
            checkpoint();
        }
        catch (SqliteException error) when (error.IsFull)
        {
            refusal = "The disk is full. Free some space; writing goes on by itself.";
        }
        catch (SqliteException error) when (error.IsLasting)
        {
            failure = $"{what} could not be moved into the database ({error.Message}). Check the disk, then restart Cairn.";
        }
    }

    /// <summary>Reads through everything. Answers the first damage found, or null.</summary>
    public Task<string?> Damage(CancellationToken cancel) => Read(reader =>
    {
        using var check = reader.Connection.Prepare("PRAGMA quick_check(1)");
        var found = check.Step() ? check.Text(0) : "nothing was answered";
        return found == "ok" ? null : found;
    }, cancel);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, true)) return;
        gate.Wait();
        readers.Dispose();
        // Closing would move the write-ahead log into the database and remove it, on the word of a disk that is not believed any
        // longer. Left open it stays as it is, and the next start takes up from there.
        if (failure is not null) return;
        if (!Writer.InTransaction) Checkpoint();
        Writer.Dispose();
        gate.Dispose();
    }
}
