using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Cairn.Storage.Postgres;

/// <summary>A statement and its values, which never become part of its text.</summary>
sealed class Sql
{
    readonly StringBuilder text = new();
    readonly List<NpgsqlParameter> values = [];

    public Sql()
    {
    }

    public Sql(string text, params ReadOnlySpan<object?> values)
    {
        Append(text);
        foreach (var value in values) _ = Value(value);
    }

    // One array alone would be taken for the values themselves.

    public Sql(string text, byte[][] value)
    {
        Append(text);
        _ = Value(value);
    }

    public Sql(string text, string[] value)
    {
        Append(text);
        _ = Value(value);
    }

    public Sql Append(string more)
    {
        text.Append(more);
        return this;
    }

    /// <summary>Takes a value and answers what stands for it in the text.</summary>
    public string Value(object? value)
    {
        values.Add(value switch
        {
            long number => new NpgsqlParameter<long> { TypedValue = number },
            int number => new NpgsqlParameter<int> { TypedValue = number },
            short number => new NpgsqlParameter<short> { TypedValue = number },
            string words => new NpgsqlParameter<string> { TypedValue = words, NpgsqlDbType = NpgsqlDbType.Text },
            byte[] bytes => new NpgsqlParameter<byte[]> { TypedValue = bytes, NpgsqlDbType = NpgsqlDbType.Bytea },
            long[] numbers => new NpgsqlParameter<long[]> { TypedValue = numbers, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
            int[] numbers => new NpgsqlParameter<int[]> { TypedValue = numbers, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Integer },
            string[] words => new NpgsqlParameter<string[]> { TypedValue = words, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
            byte[][] many => new NpgsqlParameter<byte[][]> { TypedValue = many, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
            _ => throw new ArgumentException($"No column takes a {value?.GetType().Name ?? "null"}."),
        });
        return "$" + values.Count.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>A text that may be absent.</summary>
    public string TextOrNull(string? value)
    {
        values.Add(new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value });
        return "$" + values.Count.ToString(CultureInfo.InvariantCulture);
    }

    public string NumberOrNull(long? value)
    {
        values.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (object?)value ?? DBNull.Value });
        return "$" + values.Count.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>It as part of one trip to the server. Made anew for each: what is asked again when a connection broke has values of its own.</summary>
    public NpgsqlBatchCommand Part()
    {
        var command = new NpgsqlBatchCommand(text.ToString());
        foreach (var value in values) command.Parameters.Add(value.Clone());
        return command;
    }
}

/// <summary>
/// One transaction, and its ways to ask. One that only reads sees one state of the database; it begins with its first
/// question and may end with its last, so that neither is a trip to the server of its own.
/// </summary>
/// <param name="transaction">Null for one that only reads.</param>
/// <param name="keep">What a reader locks before it takes its state: a table that is dropped is gone for every state, also for one that is older.</param>
sealed class Transaction(NpgsqlConnection connection, NpgsqlTransaction? transaction, CancellationToken cancel, Sql? keep = null)
{
    static readonly Sql Begin = new("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"), Commit = new("COMMIT"), KeepPlans = new("SET LOCAL plan_cache_mode = force_generic_plan");

    /// <summary>What the log as a whole is read for, by nobody who waits: an hour.</summary>
    const int LongSeconds = 3_600;

    /// <summary>A reader has begun, and holds its state of the database.</summary>
    bool holds;

    int? timeout;

    /// <summary>Its statements may take long from now on.</summary>
    public Transaction WithoutHurry()
    {
        timeout = LongSeconds;
        return this;
    }

    public NpgsqlConnection Connection => connection;

    public CancellationToken Cancel => cancel;

    /// <summary>Runs statements as one trip to the server. Answers how many rows each changed.</summary>
    public async Task<int[]> Run(params IEnumerable<Sql> statements)
    {
        await using var batch = Batch(statements);
        if (batch.BatchCommands.Count == 0) return [];
        await batch.ExecuteNonQueryAsync(cancel);
        return [.. Enumerable.Range(0, batch.BatchCommands.Count).Select(i => (int)batch.BatchCommands[i].RecordsAffected)];
    }

    public Task Run(string text) => Run(new Sql(text));

    /// <summary>Asks one question, and is told each row of the answer.</summary>
    public Task Each(Sql question, Action<NpgsqlDataReader> row) => Ask((question, row));

    /// <summary>Asks several questions in one trip to the server.</summary>
    public Task Ask(params IReadOnlyList<(Sql Question, Action<NpgsqlDataReader> Row)> questions) => Ask(questions, ends: false, keepsPlans: false);

    /// <summary>Asks as a reader's last trip: what is asked after it sees a later state.</summary>
    public Task AskLast(params IReadOnlyList<(Sql Question, Action<NpgsqlDataReader> Row)> questions) => Ask(questions, ends: true, keepsPlans: false);

    /// <summary>The same, of questions that the server answers in one way whatever their values are, so that it need not think each time.</summary>
    public Task AskPlainly(IReadOnlyList<(Sql Question, Action<NpgsqlDataReader> Row)> questions) => Ask(questions, ends: true, keepsPlans: true);

    async Task Ask(IReadOnlyList<(Sql Question, Action<NpgsqlDataReader> Row)> questions, bool ends, bool keepsPlans)
    {
        IEnumerable<Sql> statements = questions.Select(one => one.Question);
        // A question that is asked alone sees one state by itself.
        if (transaction is null && !holds && !(ends && questions.Count < 2)) (statements, holds) = ([Begin, .. keep is null ? Array.Empty<Sql>() : [keep], .. keepsPlans ? [KeepPlans] : Array.Empty<Sql>(), .. statements], true);
        if (transaction is null && holds && ends) (statements, holds) = (statements.Append(Commit), false);
        await using var batch = Batch(statements);
        if (batch.BatchCommands.Count == 0) return;
        // Statements without rows are passed over by the reader itself.
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        foreach (var (_, row) in questions)
        {
            while (await reader.ReadAsync(cancel)) row(reader);
            await reader.NextResultAsync(cancel);
        }
    }

    /// <summary>Lets go of the state that a reader holds.</summary>
    public Task End() => holds ? Ask([], ends: true, keepsPlans: false) : Task.CompletedTask;

    public async Task<long> Number(Sql question) => await NumberOrNull(question) ?? 0;

    public async Task<long?> NumberOrNull(Sql question)
    {
        long? number = null;
        await Each(question, row => number = row.IsDBNull(0) ? null : row.GetInt64(0));
        return number;
    }

    NpgsqlBatch Batch(IEnumerable<Sql> statements)
    {
        var batch = new NpgsqlBatch(connection, transaction);
        if (timeout is { } seconds) batch.Timeout = seconds;
        foreach (var statement in statements) batch.BatchCommands.Add(statement.Part());
        return batch;
    }
}
