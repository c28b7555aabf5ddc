using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage.Sqlite;

namespace Cairn.Storage.Outbox;

/// <summary>Records of one kind that were acknowledged together.</summary>
/// <param name="First">The position of the first of them; the others follow without holes.</param>
/// <param name="Checked">False when the store could not be asked whether it knows them.</param>
/// <param name="Ids">The hash of each identity, with time and position, as the store takes it.</param>
/// <param name="Rows">The records as the store takes them.</param>
sealed record Piece(long First, long Last, long LeastMs, long MostMs, bool Checked, byte[] Ids, byte[] Fates, byte[] Rows);

/// <summary>What is being delivered: everything up to a position, under a name that the store knows it by while it works on it.</summary>
sealed record Attempt(long Last, string Query);

/// <summary>A record that was given a position and is not in the store: one it had already, or (with <paramref name="Record"/>) one that conflicts.</summary>
sealed record Aside(long Position, byte[]? Record);

/// <summary>Retention removed what happened before a time (at that very time: before a position), of what had been recorded when it ran.</summary>
/// <param name="Through">The last position then.</param>
readonly record struct Cut(long Ms, long Position, long Through)
{
    public bool IsBefore(long ms, long position) => ms < Ms || (ms == Ms && position < Position);

    /// <summary>True when this one hides all that the other does.</summary>
    public bool Covers(Cut other) => Through >= other.Through && (Ms, Position).CompareTo((other.Ms, other.Position)) >= 0;
}

/// <summary>One kind's part of the outbox, as it stands in memory.</summary>
/// <param name="first">One less than the first position of this writer.</param>
sealed class OutboxKind(int number, long first)
{
    /// <summary>Positions that one writer has: each writer of a log has its own range of them.</summary>
    public const long Positions = 1L << 40;

    public int Number => number;

    /// <summary>One less than the first position of this writer.</summary>
    public long First => first;

    /// <summary>The last position that this writer could give.</summary>
    public long End => first + Positions - 1;

    long last, delivered;
    volatile Cut[] cuts = [];

    /// <summary>The last position given.</summary>
    public long Last { get => Volatile.Read(ref last); set => Volatile.Write(ref last, value); }

    /// <summary>The store has everything up to here.</summary>
    public long Delivered { get => Volatile.Read(ref delivered); set => Volatile.Write(ref delivered, value); }

    public Cut[] Cuts { get => cuts; set => cuts = value; }

    public Attempt? Attempt { get; set; }

    /// <summary>Of what others wrote a cut hides what they recorded later as well: it is as old.</summary>
    public bool Hides(long ms, long position) => Cuts.Any(cut => cut.IsBefore(ms, position) && (position <= cut.Through || position > End));
}

/// <summary>
/// A durable queue on this machine's disk in front of a store that is away now and then, or that acknowledges before it is
/// safe. What is in it survives a crash and a power cut; what was delivered stays for a while, so that it can be sent again.
/// A full disk refuses what is new and keeps what it has.
/// </summary>
sealed class Outbox : IDisposable
{
    readonly RecordFile file;
    readonly Connection writer;
    readonly Statement insert, attempt, ended, mark, aside, cut, uncut;

    /// <param name="name">Of its file in the data directory. What waits for one kind of store is of no use to another.</param>
    public Outbox(string directory, string name, Kind<RequestRecord> requests, int writerNumber)
    {
        Kinds = [new(0, writerNumber * OutboxKind.Positions), new(1, writerNumber * OutboxKind.Positions)];
        file = new(Path.Combine(directory, name), "outbox", "The outbox", () => Starts!.Forget());
        writer = file.Writer;
        insert = writer.Prepare("INSERT INTO pieces (kind, last, first, least, most, at, checked, ids, fates, rows) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        attempt = writer.Prepare("INSERT OR REPLACE INTO attempts (kind, last, query) VALUES (?, ?, ?)");
        ended = writer.Prepare("DELETE FROM attempts WHERE kind = ?");
        mark = writer.Prepare("INSERT OR REPLACE INTO delivered (kind, last, at) VALUES (?, ?, ?)");
        aside = writer.Prepare("INSERT OR REPLACE INTO aside (kind, position, at, record) VALUES (?, ?, ?, ?)");
        cut = writer.Prepare("INSERT OR REPLACE INTO cuts (kind, ms, position, through) VALUES (?, ?, ?, ?)");
        uncut = writer.Prepare("DELETE FROM cuts WHERE kind = ? AND ms = ? AND position = ?");
        Starts = new(writer, requests);

        using (var find = writer.Prepare("SELECT id FROM identity")) Id = find.Step() ? find.Text(0) : "";
        IsNew = Id == "";
        foreach (var kind in Kinds) Load(kind);
    }

    /// <summary>Made once; empty until <see cref="Begin"/>.</summary>
    public string Id { get; private set; }

    /// <summary>True until the store was spoken to for the first time.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Requests, then events.</summary>
    public OutboxKind[] Kinds { get; }

    public Starts Starts { get; }

    public string? Problem => file.Problem;

    public long FreeDiskBytes => file.FreeDiskBytes;

    /// <summary>The requests under way that are noted here.</summary>
    public Task<IReadOnlyList<RequestRecord>> Unfinished(CancellationToken cancel) => file.Read(reader => Starts.Read(reader.Connection), cancel);

    void Load(OutboxKind kind)
    {
        kind.Delivered = Math.Max(kind.First, writer.Number($"SELECT coalesce(max(last), 0) FROM delivered WHERE kind = {kind.Number}"));
        kind.Last = Math.Max(kind.Delivered, writer.Number($"SELECT coalesce(max(last), 0) FROM pieces WHERE kind = {kind.Number}"));
        using var attempts = writer.Prepare($"SELECT last, query FROM attempts WHERE kind = {kind.Number}");
        if (attempts.Step()) kind.Attempt = new(attempts.Integer(0), attempts.Text(1));
        using var cuts = writer.Prepare($"SELECT ms, position, through FROM cuts WHERE kind = {kind.Number}");
        var found = new List<Cut>();
        while (cuts.Step()) found.Add(new(cuts.Integer(0), cuts.Integer(1), cuts.Integer(2)));
        kind.Cuts = [.. found];
    }

    /// <summary>Notes who this is, and positions that the store has beyond those known here: the file may be an older copy.</summary>
    public async Task Begin(string id, IReadOnlyList<long> lastInStore, long nowMs, CancellationToken cancel)
    {
        await Write(() =>
        {
            if (IsNew)
            {
                using var name = writer.Prepare("INSERT INTO identity (id) VALUES (?)");
                name.Bind(1, id).Run();
            }
            foreach (var kind in Kinds)
                if (lastInStore[kind.Number] > kind.Last) mark.Bind(1, kind.Number).Bind(2, lastInStore[kind.Number]).Bind(3, nowMs).Run();
            return true;
        }, cancel);
        (Id, IsNew) = (id, false);
        foreach (var kind in Kinds)
            if (lastInStore[kind.Number] > kind.Last) kind.Last = kind.Delivered = lastInStore[kind.Number];
    }

    // What is written. Each of these runs inside Write.

    public void Append(OutboxKind kind, Piece piece, long nowMs) => insert
        .Bind(1, kind.Number).Bind(2, piece.Last).Bind(3, piece.First).Bind(4, piece.LeastMs).Bind(5, piece.MostMs).Bind(6, nowMs).Bind(7, piece.Checked ? 1 : 0)
        .BindBlob(8, piece.Ids).BindBlob(9, piece.Fates).BindBlob(10, piece.Rows).Run();

    public void Append(OutboxKind kind, Attempt one) => attempt.Bind(1, kind.Number).Bind(2, one.Last).Bind(3, one.Query).Run();

    /// <summary>The store has everything up to a position.</summary>
    public void Mark(OutboxKind kind, long last, IEnumerable<Aside> asides, long nowMs)
    {
        ended.Bind(1, kind.Number).Run();
        mark.Bind(1, kind.Number).Bind(2, last).Bind(3, nowMs).Run();
        foreach (var one in asides)
        {
            aside.Bind(1, kind.Number).Bind(2, one.Position).Bind(3, nowMs);
            (one.Record is { } record ? aside.BindBlob(4, record) : aside.BindNull(4)).Run();
        }
    }

    /// <summary>Notes a cut. Answers those that hold from now on.</summary>
    public Cut[] Append(OutboxKind kind, Cut one)
    {
        foreach (var covered in kind.Cuts.Where(one.Covers)) uncut.Bind(1, kind.Number).Bind(2, covered.Ms).Bind(3, covered.Position).Run();
        cut.Bind(1, kind.Number).Bind(2, one.Ms).Bind(3, one.Position).Bind(4, one.Through).Run();
        return [.. kind.Cuts.Where(other => !one.Covers(other)), one];
    }

    /// <summary>Forgets what was delivered before a time, some pieces at once. Answers how many.</summary>
    public int Forget(OutboxKind kind, long beforeMs, int most)
    {
        var last = writer.Number($"SELECT coalesce(max(last), -1) FROM delivered WHERE kind = {kind.Number} AND at < {beforeMs}");
        if (last < 0) return 0;
        using var delete = writer.Prepare("DELETE FROM pieces WHERE kind = ?1 AND last IN (SELECT last FROM pieces WHERE kind = ?1 AND last <= ?2 ORDER BY last LIMIT ?3)");
        delete.Bind(1, kind.Number).Bind(2, last).Bind(3, most).Run();
        var gone = writer.Changes;
        // The latest mark stays for ever: it says where the next position is.
        if (gone < most) writer.Run($"DELETE FROM delivered WHERE kind = {kind.Number} AND last < {last}; DELETE FROM aside WHERE kind = {kind.Number} AND record IS NULL AND position <= {last}");
        return gone;
    }

    // What is read.

    /// <summary>The pieces that reach beyond a position, oldest first, as far as they fit.</summary>
    public Task<List<Piece>> Pieces(OutboxKind kind, long after, long last, long mostBytes, CancellationToken cancel) => file.Read(reader =>
    {
        var pieces = new List<Piece>();
        var walk = reader.Statement("SELECT first, last, least, most, checked, ids, fates, rows FROM pieces WHERE kind = ? AND last > ? AND first <= ? ORDER BY last");
        walk.Bind(1, kind.Number).Bind(2, after).Bind(3, last);
        while (mostBytes > 0 && walk.Step())
        {
            var piece = new Piece(walk.Integer(0), walk.Integer(1), walk.Integer(2), walk.Integer(3), walk.Integer(4) != 0, walk.Bytes(5).ToArray(), walk.Bytes(6).ToArray(), walk.Bytes(7).ToArray());
            pieces.Add(piece);
            mostBytes -= piece.Rows.Length;
        }
        walk.Reset();
        return pieces;
    }, cancel);

    /// <summary>The times between which the records of a range of positions happened; null when the range reaches back beyond what is kept here.</summary>
    public Task<(long LeastMs, long MostMs)?> Times(OutboxKind kind, long after, long last, CancellationToken cancel) => file.Read<(long, long)?>(reader =>
    {
        var find = reader.Statement("SELECT min(first), min(least), max(most) FROM pieces WHERE kind = ? AND last > ? AND first <= ?").Bind(1, kind.Number).Bind(2, after).Bind(3, last);
        var times = find.Step() && !find.IsNull(0) && find.Integer(0) <= after + 1 ? (find.Integer(1), find.Integer(2)) : ((long, long)?)null;
        find.Reset();
        return times;
    }, cancel);

    /// <summary>What was delivered and is kept here: positions and times, from the first to the last; null when nothing is.</summary>
    public Task<(long First, long Last, long LeastMs, long MostMs)?> Window(OutboxKind kind, CancellationToken cancel) => file.Read<(long, long, long, long)?>(reader =>
    {
        var find = reader.Statement("SELECT min(first), max(last), min(least), max(most) FROM pieces WHERE kind = ? AND last <= ?").Bind(1, kind.Number).Bind(2, kind.Delivered);
        var window = find.Step() && !find.IsNull(0) ? (find.Integer(0), find.Integer(1), find.Integer(2), find.Integer(3)) : ((long, long, long, long)?)null;
        find.Reset();
        return window;
    }, cancel);

    public Task<HashSet<long>> Asides(OutboxKind kind, long after, long last, CancellationToken cancel) => file.Read(reader =>
    {
        var found = new HashSet<long>();
        var walk = reader.Statement("SELECT position FROM aside WHERE kind = ? AND position > ? AND position <= ?").Bind(1, kind.Number).Bind(2, after).Bind(3, last);
        while (walk.Step()) found.Add(walk.Integer(0));
        return found;
    }, cancel);

    public Task<OutboxHealth> Health(CancellationToken cancel)
    {
        // First: what was set aside when nothing waits any longer is then seen as well.
        var waiting = Kinds.Sum(kind => kind.Last - kind.Delivered);
        return file.Read(reader => Health(reader, waiting), cancel);
    }

    OutboxHealth Health(Reader reader, long waiting)
    {
        long? since = null;
        foreach (var kind in Kinds.Where(kind => kind.Last > kind.Delivered))
        {
            var find = reader.Statement("SELECT at FROM pieces WHERE kind = ? AND last > ? ORDER BY last LIMIT 1").Bind(1, kind.Number).Bind(2, kind.Delivered);
            if (find.Step()) since = Math.Min(since ?? long.MaxValue, find.Integer(0));
            find.Reset();
        }
        return new OutboxHealth(waiting, since is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null, reader.Number("SELECT count(*) FROM aside WHERE record IS NOT NULL"), RecordFile.Bytes(reader));
    }

    public async Task<string?> Damage(CancellationToken cancel) => await file.Damage(cancel) is { } damage ? "the outbox: " + damage : null;

    /// <inheritdoc cref="RecordFile.Write"/>
    public Task<TResult> Write<TResult>(Func<TResult> change, CancellationToken cancel) => file.Write(change, cancel);

    public void Dispose() => file.Dispose();
}
