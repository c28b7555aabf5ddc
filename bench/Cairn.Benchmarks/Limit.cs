using System.Text;
using Cairn.Records;
using Cairn.Storage;
using Cairn.Storage.Sqlite;

namespace Cairn.Benchmarks;

/// <summary>
/// The limit of what appending can reach: the very rows that Cairn writes, into the same tables, with every value computed
/// beforehand and nothing left to do but bind and step bare prepared statements.
/// </summary>
sealed class Limit<T> : IDisposable where T : class, IRecord, new()
{
    const int CheckpointAfterPages = 8_000;

    readonly record struct Value(long? Number, byte[]? Bytes, bool IsText)
    {
        public static implicit operator Value(long? number) => new(number, null, false);
    }

    readonly record struct Step(Statement Statement, Value[] Values);

    /// <summary>One transaction's statements in order: the records with their terms and indexes, and the kept counts.</summary>
    public sealed class Batch
    {
        internal object Records { get; init; } = null!;
        internal object Counts { get; init; } = null!;
    }

    readonly Connection connection;
    readonly LogTable<T> table;
    readonly Kind<T> kind;
    readonly Statement insert, index, findTurn, findTerm, insertTerm, end, begin, probe;
    readonly Counts[] counts;
    readonly Dictionary<long, long> nextKeys = [];
    readonly Dictionary<(int, string), long> terms = [];
    readonly Dictionary<int, long> lastTerms = [];
    long position;

    public Limit(string folder, Kind<T> kind)
    {
        this.kind = kind;
        connection = Connection.OpenWriter(Path.Combine(folder, "log.db"));
        table = new(connection, kind);
        var columns = string.Concat(table.InRow.Select(column => ", " + column.Name));
        insert = connection.Prepare($"INSERT INTO {table.Name} (key, position{columns}) VALUES (?, ?{string.Concat(table.InRow.Select(_ => ", ?"))})");
        index = connection.Prepare($"INSERT INTO {table.Name}_index (rowid, tokens) VALUES (?, ?)");
        findTurn = connection.Prepare($"SELECT max(key) FROM {table.Name} WHERE key < ?");
        findTerm = connection.Prepare("SELECT term FROM terms WHERE field = ? AND text = ?");
        insertTerm = connection.Prepare("INSERT INTO terms (field, term, text) VALUES (?, ?, ?)");
        end = connection.Prepare($"INSERT INTO {table.Name}_gone (subject, key) VALUES (?, ?) ON CONFLICT DO UPDATE SET key = excluded.key");
        begin = connection.Prepare($"DELETE FROM {table.Name}_gone WHERE subject = ?");
        probe = connection.Prepare("SELECT ?");
        counts = [.. table.Rollups.Select(rollup => new Counts(connection, table, rollup))];
        position = connection.Number($"SELECT coalesce(max(position), 0) FROM {table.Name}");
    }

    public Batch Prepare(List<T> records)
    {
        var steps = new List<Step>();
        var entries = new List<(long Key, byte[] Tokens)>();
        var line = new byte[4_096];
        var numbers = new long[table.InRow.Length];
        foreach (var record in records)
        {
            var key = NextKey(record.TimeMs);
            var values = new Value[2 + numbers.Length];
            (values[0], values[1]) = (key, ++position);
            var tokens = new Utf8Line(line);
            for (var i = 0; i < numbers.Length; i++)
            {
                var column = table.InRow[i];
                numbers[i] = 0;
                if (!column.Field.IsText)
                {
                    var number = column.Field.Number!(record);
                    values[2 + i] = column.Field.Type == FieldType.Time ? number - record.TimeMs : number;
                    continue;
                }
                var text = column.Field.Text!(record);
                if (text is not null) values[2 + i] = column.IsTerm ? numbers[i] = Term(column, text, steps) : Packed(text);
                if (!column.Field.IsIndexed || column.Field == kind.Identity || (text is null && !(column.IsTerm && column.Field.AbsentName is not null))) continue;
                if (column.IsTerm) column.AppendToken(ref tokens, numbers[i]);
                else tokens.Append(column.Token(text!));
                tokens.Append(" ");
            }
            steps.Add(new(insert, values));
            entries.Add((key, line[..tokens.Length]));
            foreach (var kept in counts) kept.Add(record, kept.Rollup.Fields.Select(field => numbers[Array.IndexOf(table.InRow, table[field])]).ToArray());
            if (kind.Fate(record) is { } fate)
            {
                if (fate.Ends) steps.Add(new(end, [Text(fate.Subject), key]));
                else if (fate.Begins) steps.Add(new(begin, [Text(fate.Subject)]));
            }
        }
        steps.AddRange(entries.OrderBy(entry => entry.Key).Select(entry => new Step(index, [entry.Key, new(null, entry.Tokens, true)])));
        return new() { Records = steps.ToArray(), Counts = counts.SelectMany(kept => kept.Take()).ToArray() };
    }

    public void Append(Batch batch, bool withCounts)
    {
        connection.Run("BEGIN IMMEDIATE");
        Run((Step[])batch.Records);
        if (withCounts) Run((Step[])batch.Counts);
        connection.Run("COMMIT");
        if (connection.WriteAheadPages >= CheckpointAfterPages) connection.Checkpoint(restart: false);
    }

    static void Run(Step[] steps)
    {
        foreach (var (statement, values) in steps)
        {
            for (var i = 0; i < values.Length; i++)
            {
                var (number, bytes, isText) = values[i];
                if (bytes is null) statement.Bind(1 + i, number);
                else if (isText) statement.BindUtf8(1 + i, bytes);
                else statement.BindBlob(1 + i, bytes);
            }
            statement.Run();
        }
    }

    long NextKey(long ms)
    {
        var first = SortKey.First(ms);
        if (!nextKeys.TryGetValue(ms, out var next))
        {
            findTurn.Bind(1, first + SortKey.Turns).Step();
            next = Math.Max(first, (findTurn.IntegerOrNull(0) ?? -1) + 1);
            findTurn.Reset();
        }
        nextKeys[ms] = next + 1;
        return next;
    }

    long Term(Column<T> column, string text, List<Step> steps)
    {
        if (terms.TryGetValue((column.Number, text), out var term)) return term;
        if (findTerm.Bind(1, column.Number).Bind(2, text).Step())
        {
            term = findTerm.Integer(0);
            findTerm.Reset();
        }
        else
        {
            if (!lastTerms.TryGetValue(column.Number, out var last)) last = connection.Number($"SELECT coalesce(max(term), 0) FROM terms WHERE field = {column.Number}");
            lastTerms[column.Number] = term = last + 1;
            steps.Add(new(insertTerm, [column.Number, term, Text(text)]));
        }
        return terms[(column.Number, text)] = term;
    }

    /// <summary>What Cairn binds for a text: a packed blob or the text.</summary>
    Value Packed(string text)
    {
        Pack.Bind(probe, 1, text);
        probe.Step();
        var value = new Value(null, probe.Bytes(0).ToArray(), !probe.IsBlob(0));
        probe.Reset();
        return value;
    }

    static Value Text(string text) => new(null, Encoding.UTF8.GetBytes(text), true);

    public void Dispose() => connection.Dispose();

    /// <summary>One rollup's counts, added up for a batch. What a histogram will be is known beforehand too, so that it is only written.</summary>
    sealed class Counts
    {
        readonly Field<T>[] sums;
        readonly Field<T>? measured;
        readonly Statement add;
        readonly Statement? find;
        readonly Dictionary<string, (long[] Cell, long[] Added, List<int> Bins)> cells = [];
        readonly Dictionary<string, byte[]> histograms = [];

        public Counts(Connection connection, LogTable<T> table, Rollup<T> rollup)
        {
            Rollup = rollup;
            sums = rollup.Sums ? table.Kind.Sums : [];
            measured = rollup.Histogram ? table.Kind.Measured : null;
            var name = table.RollupName(rollup);
            string[] added = ["count", .. sums.Select(field => $"\"{field.Name}\"")];
            var updates = string.Join(", ", added.Select(column => $"{column} = {column} + excluded.{column}")) + (measured is null ? "" : $", \"{measured.Name}\" = excluded.\"{measured.Name}\"");
            add = connection.Prepare($"INSERT INTO {name} VALUES ({string.Join(", ", Enumerable.Repeat("?", 2 + rollup.Fields.Length + added.Length + (measured is null ? 0 : 1)))}) ON CONFLICT DO UPDATE SET {updates}");
            find = measured is null ? null : connection.Prepare($"SELECT \"{measured.Name}\" FROM {name} WHERE span = ? AND period = ?{string.Concat(rollup.Fields.Select(field => $" AND {table[field].Name} = ?"))}");
        }

        public Rollup<T> Rollup { get; }

        public void Add(T record, long[] terms)
        {
            foreach (var span in Span.Each.Where(span => Rollup.Spans.HasFlag(span)))
            {
                long[] cell = [(long)span, Span.Period(span, record.TimeMs), .. terms.Select(term => term > Rollup.MostTerms ? Gathering<T>.OtherTerms : term)];
                var name = string.Join(' ', cell);
                if (!cells.TryGetValue(name, out var sum)) cells[name] = sum = (cell, new long[1 + sums.Length], []);
                sum.Added[0]++;
                for (var i = 0; i < sums.Length; i++) sum.Added[1 + i] += sums[i].Number!(record) ?? 0;
                if (measured is not null) sum.Bins.Add(Histogram.Bin(measured.Number!(record) ?? 0));
            }
        }

        public List<Step> Take()
        {
            var steps = new List<Step>();
            foreach (var (name, (cell, added, bins)) in cells.OrderBy(pair => pair.Value.Cell, Comparer<long[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))))
            {
                List<Value> values = [.. cell.Concat(added).Select(number => (Value)(long?)number)];
                if (find is not null)
                {
                    if (!histograms.TryGetValue(name, out var histogram))
                    {
                        for (var i = 0; i < cell.Length; i++) find.Bind(1 + i, cell[i]);
                        histogram = find.Step() ? find.Bytes(0).ToArray() : [];
                        find.Reset();
                    }
                    histograms[name] = histogram = Histogram.Combine(histogram, Histogram.Of(bins), 1);
                    values.Add(new(null, histogram, false));
                }
                steps.Add(new(add, [.. values]));
            }
            cells.Clear();
            return steps;
        }
    }
}
