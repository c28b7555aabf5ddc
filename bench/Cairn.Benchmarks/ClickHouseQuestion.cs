using System.Diagnostics;
using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;
using Cairn.Storage.ClickHouse;

namespace Cairn.Benchmarks;

/// <summary>
/// How fast does the outbox deliver to ClickHouse, against inserting the same bytes by themselves? What do records take
/// there, and how soon are questions answered?
/// </summary>
sealed class ClickHouseQuestion(Settings settings)
{
    const int BatchRows = 10_000;

    public async Task Ask()
    {
        Report.Title("ClickHouse behind the outbox");
        await using var server = await ClickHouse.TryStart();
        if (server is null)
        {
            Report.NotMeasured("ClickHouse is not installed.");
            return;
        }
        var shape = settings.Shapes[0];
        var total = settings.Most;
        using var scratch = new TempFolder();
        StoreAddress.TryRead($"clickhouse://127.0.0.1:{server.Port}/default", out var store);
        if (!ClickHouseAddress.TryRead(store, out var address, out var fault)) throw new InvalidOperationException(fault);
        // The courier goes when it is asked to, so that filling and delivering are timed apart.
        var pace = new CourierPace { DeliverAfter = TimeSpan.FromHours(1), Plenty = long.MaxValue, ReadsWait = TimeSpan.FromHours(1), LeastPause = TimeSpan.Zero };
        await using var log = await ClickHouseLogStore.Open(scratch.Path, address, RequestFields.Kind, EventFields.KindOf(EventCatalog.Known), TimeProvider.System, pace);
        using var client = new ClickHouseClient(address);
        await client.LearnSettings(CancellationToken.None);

        // 1. In rounds: records are acknowledged, delivered, and their bytes inserted plainly into a table of the same make.
        var table = new ClickHouseTable<RequestRecord>(RequestFields.Kind);
        await client.Query($"CREATE TABLE plain AS {table.Name}", CancellationToken.None);
        var generator = new Generator(shape, total);
        var rounds = settings.Short ? 4 : 8;
        var (taken, delivered, plain) = (new List<double>(), new List<double>(), new List<double>());
        var perRound = (int)(total / rounds / BatchRows * BatchRows);
        var bytes = 0L;
        for (var round = 0; round < rounds; round++)
        {
            var rows = new List<ReadOnlyMemory<byte>>();
            var clock = new Stopwatch();
            for (var first = (long)round * perRound; first < (round + 1L) * perRound; first += BatchRows)
            {
                var batch = new Batch();
                batch.Requests.AddRange(generator.Take<RequestRecord>(first, BatchRows));
                clock.Start();
                await log.Append(batch, CancellationToken.None);
                clock.Stop();
                var writer = new RowWriter(BatchRows * 256);
                foreach (var record in batch.Requests) table.Write(writer, record, record.Position);
                rows.Add(writer.Written);
            }
            taken.Add(perRound / clock.Elapsed.TotalSeconds);
            bytes += rows.Sum(part => (long)part.Length);

            clock.Restart();
            await log.Requests.Follow(Filter<RequestRecord>.Everything, await log.Requests.LastPosition(CancellationToken.None), 1, CancellationToken.None);
            delivered.Add(perRound / clock.Elapsed.TotalSeconds);

            clock.Restart();
            await client.Insert("plain", table.ColumnList, rows, Guid.NewGuid().ToString("N"), CancellationToken.None);
            plain.Add(perRound / clock.Elapsed.TotalSeconds);
            Report.Progress($"{(round + 1L) * perRound:#,0} requests delivered");
        }
        var count = rounds * (long)perRound;
        var ratio = Timing.Median(delivered) / Timing.Median(plain);
        Report.Head("what", "Cairn", "plain insert of the same bytes", "ratio", "asked", "ok?");
        Report.Row($"delivered, blocks of {Report.Rows(perRound)}, {bytes / count} bytes each", $"{Timing.Median(delivered):#,0}/s", $"{Timing.Median(plain):#,0}/s", Report.Ratio(ratio), "≥ 0.7", Report.AtLeast(ratio, 0.7));
        Report.Row($"acknowledged from the outbox, batches of {Report.Rows(BatchRows)}, identities looked up", $"{Timing.Median(taken):#,0}/s", "", "", "", "");

        // 2. Bytes, when the parts are merged as they are after a while.
        foreach (var name in new[] { table.Name, table.Ids })
            foreach (var partition in (await client.Text($"SELECT DISTINCT partition FROM system.parts WHERE table = '{name}' AND active", CancellationToken.None)).Split('\n'))
                await client.Query($"OPTIMIZE TABLE {name} PARTITION {partition} FINAL", CancellationToken.None);

        // 3. Questions. Days are counted when they are quiet, as these are.
        Field<RequestRecord>[][] groupings = [[RequestFields.Status], [RequestFields.BackendType], [RequestFields.Model], [RequestFields.ApiKeyId, RequestFields.ApiKeyName], [RequestFields.User]];
        var reading = (await Timing.Interleave(settings.Patience, Statistics))[0];
        var counting = Stopwatch.StartNew();
        var days = await log.KeepCounts(TimeSpan.Zero, leastRows: 1_000, CancellationToken.None);
        Report.Note($"{days} days were counted in {counting.Elapsed.TotalSeconds:0.0} s. Before, statistics as the tiles show them took {Report.Time(reading)}, from the rows of all.");
        var (inLog, inIds, inCounts) = (await Bytes(table.Name), await Bytes(table.Ids), await Bytes(((ClickHouseLog<RequestRecord>)log.Requests).Counts.Cells));
        var bytesEach = inLog + inIds + inCounts;
        Report.Note($"Bytes in ClickHouse for each request, {shape}, {Report.Rows(count)}: {inLog:0.0} in the log, {inIds:0.0} in the look-up of identities and {inCounts:0.0} in the counts of days.");
        Report.Head($"asked of {Report.Rows(count)} requests", "time");
        await Time("statistics of everything, as the tiles show them", Statistics);
        await Time("statistics of one model", () => log.Requests.Summarise(new() { Conditions = [new(RequestFields.Model, [Generator.Model(1)], [])] }, groupings, percentiles: true, CancellationToken.None));
        await Time("count of everything", () => log.Requests.Count(Filter<RequestRecord>.Everything, CancellationToken.None));
        await Time("the newest 50", () => log.Requests.Read(new(Filter<RequestRecord>.Everything, 50), CancellationToken.None));
        await Time("the newest 50 of one user", () => log.Requests.Read(new(new() { Conditions = [new(RequestFields.User, [Generator.User(7)], [])] }, 50), CancellationToken.None));
        await Time("page 1,000", () => log.Requests.Read(new(Filter<RequestRecord>.Everything, 50, Skip: 50_000), CancellationToken.None));
        await Time("50 that contain a text", () => log.Requests.Read(new(new() { Search = "rate_limit" }, 50), CancellationToken.None));
        var identity = generator.Request(count / 2).RequestId;
        await Time("one by its id", () => log.Requests.Find(identity, CancellationToken.None));

        // 4. The same requests in PostgreSQL.
        await using var postgres = await Postgres.TryStart(1);
        if (postgres is null)
        {
            Report.NotMeasured("PostgreSQL is not installed.");
            return;
        }
        const string database = "beside";
        await using (var filled = await PostgresQuestion.Open(postgres, database))
            for (long first = 0; first < count; first += BatchRows) await filled.Append(Tables.Batch(generator.Take<RequestRecord>(first, BatchRows)), default);
        await postgres.Execute("VACUUM ANALYZE", database);
        var bytesThere = await postgres.Number("SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'cairn' AND relkind = 'r'", database) / (double)count;
        var sums = await Timing.Interleave(settings.Patience,
            () => log.Requests.Summarise(Filter<RequestRecord>.Everything, [[RequestFields.Status]], percentiles: false, CancellationToken.None),
            () => postgres.Execute("SELECT status, count(*), sum(prompt_tokens), sum(completion_tokens), sum(total_tokens) FROM cairn.request GROUP BY status", database));
        Report.Title($"The same {Report.Rows(count)} requests in ClickHouse and in PostgreSQL");
        Report.Head("what", "ClickHouse", postgres.Version, "ratio", "asked", "ok?");
        Report.Row("bytes of a request in the store, without the day that the outbox keeps", $"{bytesEach:0}", $"{bytesThere:0}", Report.Ratio(bytesEach / bytesThere), "≤ 0.25", Report.AtMost(bytesEach / bytesThere, 0.25));
        Report.Row("sums by status of everything; in PostgreSQL by scan", Report.Time(sums[0]), Report.Time(sums[1]), Report.Ratio(sums[0] / sums[1]), "≤ 0.1", Report.AtMost(sums[0] / sums[1], 0.1));

        Task Statistics() => log.Requests.Summarise(Filter<RequestRecord>.Everything, groupings, percentiles: true, CancellationToken.None);

        async Task<double> Bytes(string name) => (double)await client.Number($"SELECT toInt64(sum(bytes_on_disk)) FROM system.parts WHERE table = '{name}' AND active", CancellationToken.None) / count;

        async Task Time(string what, Func<Task> question)
        {
            var time = (await Timing.Interleave(settings.Patience, question))[0];
            Report.Row(what, Report.Time(time));
        }
    }

    sealed class TempFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("cairn-bench-outbox-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
