using System.Diagnostics;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;
using Cairn.Storage.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Cairn.Benchmarks;

/// <summary>How fast is appending to PostgreSQL beside a bare binary COPY into the same tables, and a filtered page with its total beside the embedded store?</summary>
sealed class PostgresQuestion(Settings settings)
{
    const int BatchRows = 1_000, FillRows = 5_000;

    readonly Tables tables = new(settings);

    public async Task Ask()
    {
        await using var server = await Postgres.TryStart(1);
        if (server is null)
        {
            Report.Title("PostgreSQL");
            Report.NotMeasured("PostgreSQL is not installed.");
            return;
        }
        var rows = settings.Most;
        foreach (var shape in settings.Shapes)
        {
            await Ask<RequestRecord>(server, shape, rows);
            await Ask<EventRecord>(server, shape, rows);
        }
    }

    async Task Ask<T>(Postgres server, Shape shape, long rows) where T : class, IRecord, new()
    {
        var name = $"{Tables.Kind<T>().Name}_{shape}";
        var generator = new Generator(shape, rows);
        await using var store = await Open(server, name);
        for (long first = 0; first < rows; first += FillRows) await store.Append(Tables.Batch(generator.Take<T>(first, (int)Math.Min(FillRows, rows - first))), default);
        await server.Execute($"VACUUM ANALYZE", name);

        // First what reads, because both databases then hold the same rows.
        await Page<T>(server.UrlOf(name), shape, rows, store);
        await Append<T>(server, shape, rows, name, store);
    }

    public static async Task<PostgresLogStore> Open(Postgres server, string database)
    {
        await server.Execute($"CREATE DATABASE {database}");
        if (!StoreAddress.TryRead(server.UrlOf(database), out var address)) throw new InvalidOperationException("The server's address is not one.");
        return await PostgresLogStore.Open(address, "bench", Tables.Kind<RequestRecord>(), Tables.Kind<EventRecord>());
    }

    /// <summary>Both databases hold the same rows when it begins; each batch is committed by itself.</summary>
    async Task Append<T>(Postgres server, Shape shape, long rows, string name, PostgresLogStore store) where T : class, IRecord, new()
    {
        await using (var filled = await Open(server, name + "_peer"))
            for (long first = 0; first < rows; first += FillRows) await filled.Append(Tables.Batch(new Generator(shape, rows).Take<T>(first, (int)Math.Min(FillRows, rows - first))), default);
        // What follows runs into the next months, which Cairn makes when it comes to them.
        for (var (month, kind) = (1, Tables.Kind<T>().Name); month <= 3; month++)
        {
            var first = DateTimeOffset.FromUnixTimeMilliseconds(Generator.UntilMs - 1);
            var begins = new DateTimeOffset(first.Year, first.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(month);
            await server.Execute($"CREATE TABLE IF NOT EXISTS cairn.{kind}_{begins:yyyy_MM} PARTITION OF cairn.{kind} FOR VALUES FROM ({begins.ToUnixTimeMilliseconds()}) TO ({begins.AddMonths(1).ToUnixTimeMilliseconds()})", name + "_peer");
        }
        await using var peer = new Peer<T>(server.UrlOf(name + "_peer"), rows);

        var (generator, next) = (new Generator(shape, rows), rows);
        var (cairn, copied) = (new List<double>(), new List<double>());
        var batches = settings.Short ? 5 : 20;
        for (var round = 0; round < 6; round++)
        {
            var prepared = Enumerable.Range(0, batches).Select(i => generator.Take<T>(next + i * BatchRows, BatchRows)).ToList();
            next += batches * BatchRows;
            GC.Collect();
            var clock = Stopwatch.StartNew();
            foreach (var batch in prepared) await store.Append(Tables.Batch(batch), default);
            var ours = clock.Elapsed;
            clock.Restart();
            foreach (var batch in prepared) await peer.Append(batch);
            if (round == 0) continue;
            cairn.Add(batches * BatchRows / ours.TotalSeconds);
            copied.Add(batches * BatchRows / clock.Elapsed.TotalSeconds);
        }

        var (rate, limit) = (Timing.Median(cairn), Timing.Median(copied));
        Report.Title($"{server.Version}: append, durable, batches of {BatchRows}, at {Report.Rows(rows)}");
        Report.Head("records", "Cairn", "binary COPY into the same tables", "ratio", "asked", "ok?");
        Report.Row($"{Tables.Kind<T>().Name}, {shape}", $"{rate:#,0}/s", $"{limit:#,0}/s", Report.Ratio(rate / limit), "≥ 0.7", Report.AtLeast(rate / limit, 0.7));
    }

    async Task Page<T>(string url, Shape shape, long rows, PostgresLogStore store) where T : class, IRecord, new()
    {
        var kind = Tables.Kind<T>();
        await using var embedded = Tables.Open(await tables.Cairn<T>(shape, rows));
        var (ours, theirs) = (Tables.Log<T>(store), Tables.Log<T>(embedded));
        Report.Title($"First page with one filter, and its exact total, at {Report.Rows(rows)}");
        Report.Head("filter", "PostgreSQL", "embedded", "ratio", "asked", "ok?", "a bare trip");
        // The least that any answer of the server costs: one prepared statement without a table, sent and answered.
        await using var bare = new NpgsqlConnection(Connection(url));
        await bare.OpenAsync();
        await using var nothing = new NpgsqlCommand("SELECT 1", bare);
        await nothing.PrepareAsync();
        foreach (var field in kind.Fields.Where(field => field is { Parameter: not null, Keep: Keep.Term }))
        {
            var summary = await theirs.Summarise(Filter<T>.Everything, [[field]], false, default);
            if (summary.Groups[0].FirstOrDefault(group => group.Values[0] is not null)?.Values[0] is not { } value) continue;
            var filter = new Filter<T> { Conditions = [new(field, [value], [])] };
            var times = await Timing.Interleave(settings.Patience, () => Read(ours), () => Read(theirs), () => nothing.ExecuteScalarAsync());
            Report.Row($"{kind.Name}, {shape}, {field.Name}", Report.Time(times[0]), Report.Time(times[1]), Report.Ratio(times[0] / times[1]), "≤ 3", Report.AtMost(times[0] / times[1], 3), Report.Time(times[2]));

            Task Read(ILog<T> log) => log.Read(new(filter, ReadQuestion.PageRows<T>(), Counted: true), default);
        }
    }

    /// <summary>How Cairn itself connects.</summary>
    static string Connection(string url) => StoreAddress.TryRead(url, out var address) ? Database.Settings(address).ToString() : throw new InvalidOperationException("The server's address is not one.");

    /// <summary>Who copies rows into Cairn's tables and does nothing else: no look for repeated records, no counts, no names.</summary>
    sealed class Peer<T> : IAsyncDisposable where T : class, IRecord, new()
    {
        readonly NpgsqlConnection connection;
        readonly Field<T>[] fields = [.. Tables.Kind<T>().Stored.Where(field => field != Tables.Kind<T>().Time)];
        readonly Dictionary<(string, string), int> numbers = [];
        long position;

        public Peer(string url, long rows)
        {
            connection = new(Connection(url));
            connection.Open();
            // Beyond the rows of before, which gave theirs.
            position = rows;
        }

        public async Task Append(List<T> records)
        {
            var kind = Tables.Kind<T>();
            await using var transaction = await connection.BeginTransactionAsync();
            var first = position;
            await using (var rows = await connection.BeginBinaryImportAsync($"COPY {kind.Name} (time, position, {string.Join(", ", fields.Select(field => $"\"{field.Name}\""))}) FROM STDIN (FORMAT BINARY)"))
            {
                foreach (var record in records)
                {
                    await rows.StartRowAsync();
                    await rows.WriteAsync(record.TimeMs, NpgsqlDbType.Bigint);
                    await rows.WriteAsync(++position, NpgsqlDbType.Bigint);
                    foreach (var field in fields)
                    {
                        if (field.IsText && field.Keep == Keep.Term) await rows.WriteAsync(Number(field, field.Text!(record)), NpgsqlDbType.Integer);
                        else if (field.IsText && field.Text!(record) is { } text) await rows.WriteAsync(text, NpgsqlDbType.Text);
                        else if (!field.IsText && field.Number!(record) is { } number) await rows.WriteAsync(number, NpgsqlDbType.Bigint);
                        else await rows.WriteNullAsync();
                    }
                }
                await rows.CompleteAsync();
            }
            await using (var identities = await connection.BeginBinaryImportAsync($"COPY {kind.Name}_identity (identity, time, position) FROM STDIN (FORMAT BINARY)"))
            {
                foreach (var record in records)
                {
                    await identities.StartRowAsync();
                    await identities.WriteAsync(LogTable<T>.IdentityKey(kind.Identity.Text!(record)!), NpgsqlDbType.Bytea);
                    await identities.WriteAsync(record.TimeMs, NpgsqlDbType.Bigint);
                    await identities.WriteAsync(++first, NpgsqlDbType.Bigint);
                }
                await identities.CompleteAsync();
            }
            await transaction.CommitAsync();
        }

        int Number(Field<T> field, string? text)
        {
            if (text is null) return 0;
            if (!numbers.TryGetValue((field.Name, text), out var number)) numbers[(field.Name, text)] = number = numbers.Count + 1;
            return number;
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
