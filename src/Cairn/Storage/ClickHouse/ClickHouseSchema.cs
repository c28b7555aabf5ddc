using System.Globalization;
using Cairn.Records;

namespace Cairn.Storage.ClickHouse;

/// <summary>Looks at the server, and makes the tables that are not there yet.</summary>
static class ClickHouseSchema
{
    static readonly Version Oldest = new(18, 16);

    /// <summary>What the server is. When this returns, it is one that Cairn can work with.</summary>
    /// <exception cref="IOException">It is not, with what mends it.</exception>
    public static async Task<string> Check(ClickHouseClient client, ClickHouseAddress address, CancellationToken cancel)
    {
        string version;
        try
        {
            version = await client.Text("SELECT version()", cancel, inDatabase: false);
        }
        catch (ClickHouseException refused) when (refused.IsAboutRights)
        {
            throw new IOException($"ClickHouse does not let '{address.User}' in with this password. Correct user and password in Store. ({refused.Message})", refused);
        }
        if (!Version.TryParse(string.Join('.', version.Split('.').Take(2)), out var number) || number < Oldest)
            throw new IOException($"ClickHouse at {address.Hosts[0].Authority} is {Records.Texts.Shown(version)}; Cairn needs {Oldest} or later. Upgrade the server.");
        if (await client.Text($"SELECT count() FROM system.databases WHERE name = '{address.Database}'", cancel, inDatabase: false) != "1")
            throw new IOException($"ClickHouse has no database '{address.Database}' that '{address.User}' may see. Make it (CREATE DATABASE {address.Database}), or correct Store.");
        if (address.Cluster is { } cluster && await client.Text($"SELECT count() > 0 FROM system.clusters WHERE cluster = '{cluster}'", cancel) != "1")
            throw new IOException($"ClickHouse has no cluster '{cluster}' in its configuration. Correct Store, or the servers' remote_servers.");
        await client.LearnSettings(cancel);
        return version;
    }

    public static async Task Make<T>(ClickHouseClient client, ClickHouseAddress address, ClickHouseTable<T> table, CancellationToken cancel) where T : class, IRecord, new()
    {
        await Make(client, address, table.Name, table.Columns, "PARTITION BY intDiv(ms, 86400000) ORDER BY (ms, position)", "position", 8192, cancel);
        await Make(client, address, table.Ids, [("hash", "UInt64"), ("ms", "Int64"), ("position", "Int64")], "PARTITION BY intDiv(ms, 2592000000) ORDER BY (hash, position)", "position", 1024, cancel);
        if (table.HasFates)
            await Make(client, address, table.Fates, [("subject", "UInt64"), ("turn", "Int64"), ("ms", "Int64"), ("position", "Int64"), ("ends", "UInt8")], "ORDER BY (subject, turn, position)", "position", 1024, cancel);
    }

    /// <summary>
    /// The numbers of writers and which outbox each belongs to. A number that another outbox has is refused: two writers
    /// of one number would give the same positions to different records.
    /// </summary>
    public static async Task TakeWriter(ClickHouseClient client, ClickHouseAddress address, string outbox, CancellationToken cancel)
    {
        await Make(client, address, "cairn_writers", [("writer", "Int64"), ("at", "Int64"), ("outbox", "String")], "ORDER BY (writer, at, outbox)", "writer", 8192, cancel);
        if (await First() is null)
        {
            var row = new RowWriter();
            row.Number((long)address.Writer);
            row.Number(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
            row.Text(outbox);
            await client.Insert("cairn_writers", "writer, at, outbox", [row.Written], Guid.NewGuid().ToString("N"), cancel);
        }
        if (await First() is { } owner && owner != outbox)
            throw new IOException($"Writer {address.Writer} of the log in {address} is another data directory. Give this process a number of its own with writer=N in Store, or restore the data directory that it had.");

        async Task<string?> First() => await client.Text($"SELECT outbox FROM cairn_writers WHERE writer = {address.Writer} ORDER BY at, outbox LIMIT 1", cancel) is { Length: > 0 } found ? found : null;
    }

    /// <param name="shardBy">The column that says on which server of a cluster a row is.</param>
    public static async Task Make(ClickHouseClient client, ClickHouseAddress address, string name, (string Name, string Type)[] columns, string order, string shardBy, int granularity, CancellationToken cancel)
    {
        var definitions = string.Join(", ", columns.Select(column => $"`{column.Name}` {column.Type}"));
        foreach (var host in client.Hosts)
        {
            var local = address.Cluster is null ? name : name + "_local";
            // 1. What is there must be what Cairn made, or lack no more than fields that came later.
            foreach (var one in new[] { local, name }.Distinct())
            {
                var lines = await client.Text($"SELECT name, type FROM system.columns WHERE database = '{address.Database}' AND table = '{one}'", cancel, host);
                var there = lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).ToDictionary(line => line[0], line => line[1]);
                if (there.Count == 0) continue;
                foreach (var (column, type) in columns)
                {
                    if (there.TryGetValue(column, out var found) && found == type) continue;
                    if (found is not null || column is "ms" or "position" or "hash" or "subject" or "writer")
                        throw new IOException($"The table {address.Database}.{one} on {host.Authority} is not one that Cairn made (column {column} is {found ?? "not there"} and should be {type}). Name another database in Store.");
                    await client.Query($"ALTER TABLE {one} ADD COLUMN `{column}` {type}", cancel, host);
                }
            }

            // 2. What is not there.
            var replicated = address.Cluster is not null && await client.Text("SELECT count() FROM system.tables WHERE database = 'system' AND name = 'zookeeper'", cancel, host) == "1";
            var engine = replicated ? $"ReplicatedReplacingMergeTree('/clickhouse/tables/{{shard}}/{address.Database}/{name}', '{{replica}}')" : "ReplacingMergeTree";
            await client.Query($"CREATE TABLE IF NOT EXISTS {local} ({definitions}) ENGINE = {engine} {order} SETTINGS index_granularity = {granularity.ToString(CultureInfo.InvariantCulture)}", cancel, host);
            if (address.Cluster is { } cluster)
                await client.Query($"CREATE TABLE IF NOT EXISTS {name} ({definitions}) ENGINE = Distributed({cluster}, {address.Database}, {local}, {shardBy})", cancel, host);
        }
    }
}
