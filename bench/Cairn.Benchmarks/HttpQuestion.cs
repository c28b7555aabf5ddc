using System.Buffers;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using Cairn.Access;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cairn.Benchmarks;

/// <summary>How fast are events taken over HTTP, many in a body and one by one, acknowledged after the commit? Clients and servers share the machine.</summary>
sealed class HttpQuestion(Settings settings)
{
    const int BodyRows = 1_000, Connections = 64, PostgresClients = 16;

    int Bodies => settings.Short ? 10 : 50;

    int Singles => settings.Short ? 2_000 : 20_000;

    int Rounds => settings.Short ? 3 : 7;

    readonly Generator generator = new(Shape.Low, 100_000_000);
    long next;

    public async Task Ask()
    {
        var folder = Directory.CreateTempSubdirectory("cairn-bench-http-").FullName;
        Report.Title("Events over HTTP, acknowledged after the commit");
        Report.Head("events", "Cairn", "peer", "", "ratio", "asked", "ok?");
        await using var postgres = await Postgres.TryStart(PostgresClients);
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "store"));
            await using var store = Tables.Open(Path.Combine(folder, "store"));
            await using var host = await CairnHost.Start(
                new() { DataDirectory = Path.Combine(folder, "host"), Gateway = new("http://127.0.0.1:0"), Console = new("http://127.0.0.1:0"), EventDays = 0, RequestDays = 0 },
                TimeProvider.System, NullLoggerFactory.Instance);
            using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Connections }) { BaseAddress = host.GatewayUrl };
            client.DefaultRequestHeaders.Authorization = new("Bearer", (await host.Keys.Create(By.Cairn, "bench", [Scopes.EventsWrite], null, default)).Text);

            var (bodies, batches, singles, inserts, perCommit) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round <= Rounds; round++)
            {
                await Time(bodies, round, Bodies * BodyRows, Prepare(Bodies, BodyRows), (content, _) => Post(client, content, "application/x-ndjson"), connections: 4);
                await Time(batches, round, Bodies * BodyRows, Enumerable.Range(0, Bodies).Select(_ => Take(BodyRows)).ToArray(), (records, _) => store.Append(Tables.Batch(records), default), connections: 1);

                var commits = host.Recorder.Counts.Commits;
                await Time(singles, round, Singles, Prepare(Singles, 1), (content, _) => Post(client, content, "application/json"), Connections);
                if (round > 0) perCommit.Add((double)Singles / (host.Recorder.Counts.Commits - commits));
                if (postgres is not null) await Time(inserts, round, Singles, Take(Singles).ToArray(), postgres.Append, PostgresClients);
            }

            var (body, batch, single, commit) = (Timing.Median(bodies), Timing.Median(batches), Timing.Median(singles), Timing.Median(perCommit));
            Report.Row($"NDJSON, {BodyRows} a body, 4 connections", Rate(body), "the store, batches of the same size", Rate(batch), Report.Ratio(body / batch), "≥ 0.6", Report.AtLeast(body / batch, 0.6));
            Report.Row($"one by one, {Connections} connections: events in a commit", Report.Ratio(commit), "", "", "", "≥ 16", Report.AtLeast(commit, 16));
            if (postgres is null) Report.Row($"one by one, {Connections} connections", Rate(single), "PostgreSQL is not installed here", "", "", "≥ 1", Report.Absent);
            else Report.Row($"one by one, {Connections} connections", Rate(single), $"{postgres.Version}, single inserts, {PostgresClients} clients", Rate(Timing.Median(inserts)), Report.Ratio(single / Timing.Median(inserts)), "≥ 1", Report.AtLeast(single / Timing.Median(inserts), 1));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    static string Rate(double rate) => $"{rate:#,0}/s";

    /// <summary>Does every item once, so many at a time.</summary>
    static async Task Time<TItem>(List<double> rates, int round, int rows, TItem[] items, Func<TItem, int, Task> act, int connections)
    {
        GC.Collect();
        var taken = -1;
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, connections).Select(connection => Task.Run(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref taken)) < items.Length;) await act(items[i], connection);
        })));
        if (round > 0) rates.Add(rows / clock.Elapsed.TotalSeconds);
    }

    List<EventRecord> Take(int count)
    {
        var records = generator.Take<EventRecord>(next, count);
        next += count;
        return records;
    }

    byte[][] Prepare(int bodies, int rows) => [.. Enumerable.Range(0, bodies).Select(_ => Body(Take(rows)))];

    /// <summary>What a sender says, one object a line; the time is left to Cairn, since the generator's is not this year's.</summary>
    static byte[] Body(List<EventRecord> records)
    {
        var kind = Tables.Kind<EventRecord>();
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, RecordJson.Writing);
        foreach (var record in records)
        {
            writer.WriteStartObject();
            foreach (var field in kind.Stored)
            {
                if (!field.Sent || field == kind.Time || field.Text?.Invoke(record) is not { } text) continue;
                writer.WritePropertyName(field.Name);
                if (field.Type == FieldType.Json) writer.WriteRawValue(text);
                else writer.WriteStringValue(text);
            }
            writer.WriteEndObject();
            writer.Flush();
            writer.Reset();
            buffer.Write("\n"u8);
        }
        return buffer.WrittenSpan.ToArray();
    }

    static async Task Post(HttpClient client, byte[] body, string type)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue(type);
        using var response = await client.PostAsync("/api/v1/events", content);
        var answer = await response.Content.ReadAsStringAsync();
        if (!response.IsSuccessStatusCode || answer.Contains("\"rejected\":[{", StringComparison.Ordinal)) throw new InvalidOperationException($"{(int)response.StatusCode}: {answer}");
    }
}
