using System.Globalization;
using Cairn.Events;
using Cairn.Records;
using Cairn.Storage.Outbox;

namespace Cairn.Storage.ClickHouse;

/// <summary>Rows that are to be sent, each of them by itself.</summary>
abstract class Unsent
{
    public abstract IReadOnlyList<ReadOnlyMemory<byte>> Rows { get; }

    /// <summary>Takes out what the store knows already, of pieces of whom that could not be told. Answers what was taken out.</summary>
    public abstract Task<List<Aside>> SortOut(CancellationToken cancel);
}

/// <summary>Where one kind's records go, and how one finds out whether they came.</summary>
abstract class Route(ClickHouseClient client, ClickHouseAddress address, Outbox.Outbox outbox, OutboxKind kind)
{
    /// <summary>Positions that are counted together when the store is compared with what it should have.</summary>
    const long Bucket = 65_536;

    const int FateBytes = 33, PositionInFate = 24;

    public OutboxKind Kind => kind;

    public abstract string Table { get; }
    public abstract string Columns { get; }
    public abstract bool HasFates { get; }

    public string Ids => Table + "_ids";
    public const string IdColumns = "hash, ms, position";
    public string Fates => Table + "_fates";
    public const string FateColumns = "subject, turn, ms, position, ends";

    /// <summary>The rows of pieces.</summary>
    public abstract Unsent All(List<Piece> pieces);

    /// <summary>Those rows of pieces that the store lacks and should have.</summary>
    public abstract Task<Unsent> Missing(List<Piece> pieces, CancellationToken cancel);

    /// <summary>What is not hidden by retention.</summary>
    protected abstract string NotCut { get; }

    protected abstract IEnumerable<(long Ms, long Position)> Places(Piece piece);

    /// <summary>What pieces say about the existence of things, without the records that were set aside.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> FatesOf(List<Piece> pieces, IReadOnlySet<long> asides)
    {
        foreach (var piece in pieces)
        {
            if (asides.Count == 0) yield return piece.Fates;
            else
                for (var at = 0; at < piece.Fates.Length; at += FateBytes)
                    if (!asides.Contains(BitConverter.ToInt64(piece.Fates, at + PositionInFate))) yield return piece.Fates.AsMemory(at, FateBytes);
        }
    }

    protected async Task<HashSet<long>> Present(List<Piece> pieces, CancellationToken cancel)
    {
        var present = new HashSet<long>();
        var sql = $"SELECT position FROM {Table} WHERE position >= {pieces[0].First} AND position <= {pieces[^1].Last} AND ms >= {pieces.Min(piece => piece.LeastMs)} AND ms <= {pieces.Max(piece => piece.MostMs)} FORMAT RowBinary";
        for (var rows = new RowReader(await client.Query(sql, cancel)); !rows.AtEnd;) present.Add(rows.Number());
        return present;
    }

    /// <summary>Ranges of positions, delivered within the replay window, of which the store does not have as many as it should. Rows that it has twice are merged on the way.</summary>
    public async Task<List<(long After, long Last)>> Lacking(CancellationToken cancel)
    {
        if (await outbox.Window(kind, cancel) is not var (first, last, least, most)) return [];

        // 1. How many there should be.
        var expected = new SortedDictionary<long, long>();
        for (var bucket = Of(first); bucket <= Of(last); bucket++)
            expected[bucket] = Math.Min(last, kind.First + (bucket + 1) * Bucket) - Math.Max(first - 1, kind.First + bucket * Bucket);
        foreach (var position in await outbox.Asides(kind, first - 1, last, cancel)) expected[Of(position)]--;
        if (kind.Cuts.Any(cut => cut.Ms >= least))
        {
            for (var place = first - 1; place < last;)
            {
                var pieces = await outbox.Pieces(kind, place, last, 16 << 20, cancel);
                foreach (var piece in pieces)
                    foreach (var (ms, position) in Places(piece))
                        if (kind.Hides(ms, position)) expected[Of(position)]--;
                place = pieces[^1].Last;
            }
        }

        // 2. How many there are.
        var lacking = new SortedSet<long>();
        foreach (var table in new[] { Table, Ids })
        {
            var where = $"position >= {first} AND position <= {last} AND ms >= {least} AND ms <= {most} AND {NotCut}";
            var found = new Dictionary<long, (long Different, long All)>();
            var sql = $"SELECT intDiv(position - {kind.First + 1}, {Bucket}) AS bucket, toInt64(uniqExact(position)), toInt64(count()) FROM {table} WHERE {where} GROUP BY bucket FORMAT RowBinary";
            for (var rows = new RowReader(await client.Query(sql, cancel)); !rows.AtEnd;) found[rows.Number()] = (rows.Number(), rows.Number());
            foreach (var (bucket, count) in expected)
                if (found.GetValueOrDefault(bucket).Different < count) lacking.Add(bucket);
            if (table == Table && found.Values.Any(one => one.All > one.Different)) await MergeDoubles(where, cancel);
        }
        return [.. lacking.Select(bucket => (Math.Max(first - 1, kind.First + bucket * Bucket), Math.Min(last, kind.First + (bucket + 1) * Bucket)))];

        long Of(long position) => (position - kind.First - 1) / Bucket;
    }

    async Task MergeDoubles(string where, CancellationToken cancel)
    {
        var days = await client.Text($"SELECT DISTINCT day FROM (SELECT intDiv(ms, 86400000) AS day, position FROM {Table} WHERE {where} GROUP BY day, position HAVING count() > 1)", cancel);
        foreach (var day in days.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            foreach (var host in client.Hosts) await client.Query($"OPTIMIZE TABLE {(address.Cluster is null ? Table : Table + "_local")} PARTITION {long.Parse(day, CultureInfo.InvariantCulture)} FINAL", cancel, host);
    }
}

sealed class Route<T>(ClickHouseLog<T> log, ClickHouseClient client, ClickHouseAddress address, Outbox.Outbox outbox) : Route(client, address, outbox, log.Own) where T : class, IRecord, new()
{
    readonly Outbox.Outbox outbox = outbox;

    public sealed record Row(T Record, ReadOnlyMemory<byte> Bytes, bool Checked);

    public override string Table => log.Table.Name;

    public override string Columns => log.Table.ColumnList;

    public override bool HasFates => log.Table.HasFates;

    protected override string NotCut => log.NotCut();

    public static List<Row> Rows(ClickHouseTable<T> table, Piece piece)
    {
        var found = new List<Row>();
        for (var rows = new RowReader(piece.Rows); !rows.AtEnd;)
        {
            var start = piece.Rows.Length - rows.Left;
            var record = table.ReadWhole(ref rows);
            // An event whose sender left the time to Cairn has that of its recording, and sending it again is no conflict.
            if (record is EventRecord said) said.TimeIsGiven = said.TimeMs != said.RecordedAtMs;
            found.Add(new(record, piece.Rows.AsMemory(start, piece.Rows.Length - rows.Left - start), piece.Checked));
        }
        return found;
    }

    protected override IEnumerable<(long Ms, long Position)> Places(Piece piece) => Rows(log.Table, piece).Select(row => (row.Record.TimeMs, row.Record.Position));

    public override Unsent All(List<Piece> pieces) => new Some(log, [.. pieces.SelectMany(piece => Rows(log.Table, piece))]);

    public override async Task<Unsent> Missing(List<Piece> pieces, CancellationToken cancel)
    {
        var present = await Present(pieces, cancel);
        present.UnionWith(await outbox.Asides(Kind, pieces[0].First - 1, pieces[^1].Last, cancel));
        return new Some(log, [.. pieces.SelectMany(piece => Rows(log.Table, piece)).Where(row => !present.Contains(row.Record.Position) && !Kind.Hides(row.Record.TimeMs, row.Record.Position))]);
    }

    sealed class Some(ClickHouseLog<T> log, List<Row> rows) : Unsent
    {
        public override IReadOnlyList<ReadOnlyMemory<byte>> Rows => [.. rows.Select(row => row.Bytes)];

        public override async Task<List<Aside>> SortOut(CancellationToken cancel)
        {
            var kind = log.Kind;
            var untold = rows.Where(row => !row.Checked).ToList();
            if (untold.Count == 0) return [];

            var stored = new Dictionary<string, T>(StringComparer.Ordinal);
            var own = rows.Select(row => row.Record.Position).ToHashSet();
            foreach (var some in untold.Select(row => log.Table.Hash(row.Record)).Distinct().Chunk(10_000))
            {
                var keys = await log.Known(some, cancel);
                foreach (var known in (await log.Load(keys.Where(key => !own.Contains(key.Position)).Select(key => (key.Ms, key.Position)), cancel)).OrderBy(known => known.Position))
                    stored.TryAdd(kind.Identity.Text!(known)!, known);
            }

            var asides = new List<Aside>();
            foreach (var row in rows)
            {
                if (stored.TryAdd(kind.Identity.Text!(row.Record)!, row.Record) || row.Checked) continue;
                asides.Add(new(row.Record.Position, kind.IsRepeat(stored[kind.Identity.Text!(row.Record)!], row.Record) ? null : row.Bytes.ToArray()));
            }
            var positions = asides.Select(aside => aside.Position).ToHashSet();
            rows.RemoveAll(row => positions.Contains(row.Record.Position));
            return asides;
        }
    }
}
