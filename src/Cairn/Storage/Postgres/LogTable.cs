using System.Security.Cryptography;
using System.Text;
using Cairn.Records;

namespace Cairn.Storage.Postgres;

/// <summary>A stored field with its number, which terms name it by.</summary>
sealed record Column<T>(Field<T> Field, int Number)
{
    public string Name { get; } = $"\"{Field.Name}\"";

    /// <summary>A repeated text: a number in the row, zero for the absent value.</summary>
    public bool IsTerm => Field.Keep == Keep.Term && Field.IsText;

    public string Type => IsTerm ? "int NOT NULL DEFAULT 0" : Field.IsText ? "text COLLATE \"C\"" : "bigint";
}

/// <summary>
/// The tables of one kind, made from its list of fields: <c>request</c> (the records, a partition for each month),
/// <c>request_identity</c> (which identities there are, whatever month they are in), <c>request_gone</c> (what no longer
/// exists) and <c>request_by_...</c> (kept counts). A field that the list has and the table lacks is added at start.
/// </summary>
sealed class LogTable<T> where T : class, IRecord, new()
{
    readonly Dictionary<Field<T>, Column<T>> byField;

    LogTable(Kind<T> kind, Column<T>[] columns)
    {
        (Kind, Columns) = (kind, [.. columns.Where(column => column.Field != kind.Time)]);
        byField = columns.ToDictionary(column => column.Field);
        Searched = [.. kind.Searched.Select(field => this[field])];
    }

    public Kind<T> Kind { get; }

    public string Name => Kind.Name;

    /// <summary>All but the time, which with the position begins every row.</summary>
    public Column<T>[] Columns { get; }

    /// <summary>The columns whose terms a text search looks at.</summary>
    public Column<T>[] Searched { get; }

    public Rollup<T>[] Rollups => Kind.AllRollups;

    public Column<T> this[Field<T> field] => byField[field];

    public string RollupName(Rollup<T> rollup) => $"{Name}_by_{rollup.Name}";

    /// <summary>What identities are looked up by: of bounded length, and in the order of time where the identity is.</summary>
    public static byte[] IdentityKey(string identity)
    {
        Span<byte> packed = stackalloc byte[PackedText.MostBytes];
        return PackedText.TryPack(identity, packed, out var length) ? packed[..length].ToArray() : SHA256.HashData(Encoding.UTF8.GetBytes(identity));
    }

    public static byte[] SubjectKey(string subject) => SHA256.HashData(Encoding.UTF8.GetBytes(subject));

    /// <summary>Keeps its months from being dropped for as long as a transaction lasts.</summary>
    public Sql Keep => new($"LOCK TABLE ONLY {Name} IN ACCESS SHARE MODE");

    /// <summary>The month that a time falls into: its partition's name, and where it begins and ends.</summary>
    public (string Name, long FirstMs, long UntilMs) Partition(long ms)
    {
        var month = DateTimeOffset.FromUnixTimeMilliseconds(ms).UtcDateTime;
        var first = new DateTimeOffset(month.Year, month.Month, 1, 0, 0, 0, TimeSpan.Zero);
        return ($"{Name}_{first.Year:0000}_{first.Month:00}", first.ToUnixTimeMilliseconds(), first.AddMonths(1).ToUnixTimeMilliseconds());
    }

    /// <summary>The oldest month that is there; null for none.</summary>
    public async Task<(string Name, long FirstMs, long UntilMs)?> OldestPartition(Transaction transaction) => await OldestPartitions(transaction, 1) is [var oldest] ? oldest : null;

    async Task<List<(string Name, long FirstMs, long UntilMs)>> OldestPartitions(Transaction transaction, int most)
    {
        var oldest = new List<(string, long, long)>();
        await transaction.Each(new("SELECT relname::text FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = to_regclass($1) ORDER BY relname LIMIT $2", Name, most), row =>
        {
            var name = row.GetString(0);
            oldest.Add(Partition(new DateTimeOffset(int.Parse(name[^7..^3]), int.Parse(name[^2..]), 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds()));
        });
        return oldest;
    }

    /// <summary>
    /// Bytes that hold no record any longer. A file does not shrink when rows go one by one; what is left of it is taken again by
    /// later ones. Records go from the oldest month on, and their identities lie anywhere.
    /// </summary>
    public async Task<long> Unused(Transaction transaction)
    {
        var unused = 0L;
        foreach (var (name, firstMs, untilMs) in await OldestPartitions(transaction, 2))
            unused += await Unused(transaction, name, $"(SELECT * FROM {name} ORDER BY time DESC LIMIT 500)",
                await transaction.Number(new($"SELECT coalesce(sum(count), 0)::bigint FROM {Name}_by_all WHERE span = {(int)Spans.Day} AND period >= $1 AND period < $2", Span.Period(Spans.Day, firstMs), Span.Period(Spans.Day, untilMs))));
        return unused + await Unused(transaction, $"{Name}_identity", $"(SELECT * FROM {Name}_identity LIMIT 500)",
            await transaction.Number(new($"SELECT coalesce(sum(count), 0)::bigint FROM {Name}_by_all WHERE span = {(int)Spans.Ever}")));
    }

    /// <summary>Told from how many pages so many rows would fill; the indexes are taken to be as loose as the table.</summary>
    static async Task<long> Unused(Transaction transaction, string name, string sample, long rows)
    {
        const double page = 8_192, usable = page - 24;
        var (bytes, pages, width) = (0L, 0d, 0d);
        await transaction.Ask(
            (new("SELECT pg_table_size(to_regclass($1)) + pg_indexes_size(to_regclass($1)), pg_relation_size(to_regclass($1))", name), row => (bytes, pages) = (row.GetInt64(0), row.GetInt64(1) / page)),
            (new($"SELECT coalesce(avg(4 + (pg_column_size(s.*) + 7) / 8 * 8), 0)::float8 FROM {sample} s"), row => width = row.GetDouble(0)));
        if (pages == 0 || (width == 0 && rows > 0)) return 0;
        var filled = rows == 0 ? 0 : rows / Math.Max(1, Math.Floor(usable / width));
        return (long)(bytes * Math.Max(0, 1 - filled / pages));
    }

    /// <summary>Makes what is not there yet. Runs under the lock of the schema.</summary>
    public static async Task<LogTable<T>> Open(Transaction transaction, Kind<T> kind)
    {
        await transaction.Run(new Sql("INSERT INTO logs (kind) VALUES ($1) ON CONFLICT DO NOTHING", kind.Name));
        foreach (var field in kind.Stored)
            await transaction.Run(new Sql("INSERT INTO fields (number, kind, name) SELECT coalesce(max(number) + 1, 0), $1, $2 FROM fields HAVING NOT EXISTS (SELECT FROM fields WHERE kind = $1 AND name = $2)", kind.Name, field.Name));
        var numbers = new Dictionary<string, int>();
        await transaction.Each(new("SELECT name, number FROM fields WHERE kind = $1", kind.Name), row => numbers[row.GetString(0)] = row.GetInt32(1));
        var table = new LogTable<T>(kind, [.. kind.Stored.Select(field => new Column<T>(field, numbers[field.Name]))]);
        await table.Create(transaction);
        return table;
    }

    async Task Create(Transaction transaction)
    {
        await transaction.Run($"CREATE TABLE IF NOT EXISTS {Name} (time bigint NOT NULL, position bigint NOT NULL{string.Concat(Columns.Select(column => $", {column.Name} {column.Type}"))}, PRIMARY KEY (time, position)) PARTITION BY RANGE (time)");
        var present = new HashSet<string>(StringComparer.Ordinal);
        await transaction.Each(new("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped", Name), row => present.Add(row.GetString(0)));
        foreach (var column in Columns.Where(column => !present.Contains(column.Field.Name))) await transaction.Run($"ALTER TABLE {Name} ADD COLUMN {column.Name} {column.Type}");

        // Every index ends with time and position, so that what it finds is in the order of the list.
        await transaction.Run($"CREATE INDEX IF NOT EXISTS {Name}_position ON {Name} (position)");
        foreach (var column in Columns.Where(column => column.Field.IsIndexed && column.Field != Kind.Identity))
        {
            var on = column.IsTerm ? column.Name : $"hashtextextended({column.Name}, 0)";
            var where = !column.IsTerm ? $" WHERE {column.Name} IS NOT NULL" : column.Field.AbsentName is null ? $" WHERE {column.Name} <> 0" : "";
            await transaction.Run($"CREATE INDEX IF NOT EXISTS \"{Name}_of_{column.Field.Name}\" ON {Name} ({on}, time, position){where}");
        }
        // Of identities that Cairn makes none is here; those of elsewhere are searched by themselves.
        await transaction.Run($"CREATE INDEX IF NOT EXISTS {Name}_foreign ON {Name} (position) WHERE octet_length({this[Kind.Identity].Name}) <> char_length({this[Kind.Identity].Name})");

        await transaction.Run($"CREATE TABLE IF NOT EXISTS {Name}_identity (identity bytea PRIMARY KEY, time bigint NOT NULL, position bigint NOT NULL)");
        await transaction.Run($"CREATE INDEX IF NOT EXISTS {Name}_identity_time ON {Name}_identity USING brin (time)");
        await transaction.Run($"CREATE TABLE IF NOT EXISTS {Name}_gone (subject bytea PRIMARY KEY, time bigint NOT NULL, position bigint NOT NULL)");
        await transaction.Run($"CREATE INDEX IF NOT EXISTS {Name}_gone_time ON {Name}_gone (time, position)");
        foreach (var rollup in Rollups)
        {
            var fields = string.Concat(rollup.Fields.Select(field => $", {this[field].Name}"));
            var typed = string.Concat(rollup.Fields.Select(field => $", {this[field].Name} int NOT NULL"));
            var sums = string.Concat(rollup.Sums ? Kind.Sums.Select(field => $", \"{field.Name}\" bigint NOT NULL") : []);
            var measured = rollup.Histogram ? $", \"{Kind.Measured!.Name}\" bytea NOT NULL" : "";
            await transaction.Run($"CREATE TABLE IF NOT EXISTS {RollupName(rollup)} (span int NOT NULL, period bigint NOT NULL{typed}, count bigint NOT NULL{sums}{measured}, PRIMARY KEY (span, period{fields})) WITH (fillfactor = 70)");
        }
    }

    /// <summary>A month's table, beside which readers go on.</summary>
    public IEnumerable<Sql> Make((string Name, long FirstMs, long UntilMs) partition)
    {
        yield return new($"CREATE TABLE {partition.Name} (LIKE {Name} INCLUDING DEFAULTS)");
        yield return new($"ALTER TABLE {Name} ATTACH PARTITION {partition.Name} FOR VALUES FROM ({partition.FirstMs}) TO ({partition.UntilMs})");
    }
}
