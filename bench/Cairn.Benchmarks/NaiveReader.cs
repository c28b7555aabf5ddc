using Cairn.Records;
using Cairn.Storage.Sqlite;

namespace Cairn.Benchmarks;

/// <summary>Reads the naive table as one would: the page by its time index, the total by counting.</summary>
sealed class NaiveReader<T>(string folder, Kind<T> kind) : IDisposable where T : class, IRecord, new()
{
    readonly Connection connection = Connection.OpenReader(Path.Combine(folder, "naive.db"));
    readonly Dictionary<string, Statement> statements = [];

    /// <param name="where">What filters, with a plus before each column, so that no index of a text serves it.</param>
    public long PageAndTotal(string where, string[] values, int limit)
    {
        Page(where, values, limit, 0);
        return Count(where, values);
    }

    public void Page(string where, string[] values, int limit, long offset)
    {
        var page = Ask($"SELECT * FROM naive WHERE {where} ORDER BY \"{kind.Time.Name}\" DESC LIMIT {limit} OFFSET {offset}", values);
        var columns = 1 + kind.Stored.Length;
        while (page.Step())
            for (var i = 0; i < columns; i++) _ = page.TextOrNull(i);
    }

    public long Count(string where, string[] values)
    {
        var count = Ask($"SELECT count(*) FROM naive WHERE {where}", values);
        count.Step();
        var total = count.Integer(0);
        count.Reset();
        return total;
    }

    public void Walk(string sql)
    {
        var walk = Ask(sql, []);
        while (walk.Step()) _ = walk.TextOrNull(0);
    }

    Statement Ask(string sql, string[] values)
    {
        if (!statements.TryGetValue(sql, out var statement)) statements[sql] = statement = connection.Prepare(sql);
        for (var i = 0; i < values.Length; i++) statement.Bind(1 + i, values[i]);
        return statement;
    }

    public void Dispose() => connection.Dispose();
}
