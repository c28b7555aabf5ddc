using Cairn.Storage.Sqlite;

namespace Cairn.Conversations.Sources;

/// <summary>A SQLite file: Cairn's own conversations, or somebody else's.</summary>
sealed class SqliteDatabase(Readers readers) : IConversationDatabase
{
    /// <summary>Somebody else's file, opened anew for every read and never to write.</summary>
    public static SqliteDatabase Foreign(string file) => new(new(file, Connection.OpenForeign, areKept: false));

    /// <summary>Cairn's own.</summary>
    public static SqliteDatabase Own(string file) => new(new(file, Connection.OpenReader));

    public string Engine => "sqlite " + Sqlite3.Version;

    public string Parameter(int number) => $"?{number}";

    public string Contains(string text, string part) => $"has_text({text}, {part})";

    public string InByteOrder(string text) => text;

    public Task<IReadOnlyList<object?[]>[]> Read(IReadOnlyList<Question> questions, CancellationToken cancel) => Do(reader =>
    {
        var answers = new IReadOnlyList<object?[]>[questions.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            var statement = reader.Statement(questions[i].Text);
            for (var j = 0; j < questions[i].Values.Count; j++)
            {
                if (questions[i].Values[j] is long number) statement.Bind(j + 1, number);
                else statement.Bind(j + 1, (string?)questions[i].Values[j]);
            }
            var rows = new List<object?[]>();
            while (statement.Step())
            {
                var row = new object?[statement.Columns];
                for (var column = 0; column < row.Length; column++) row[column] = statement.Value(column);
                rows.Add(row);
            }
            answers[i] = rows;
        }
        return answers;
    }, cancel);

    public Task<IReadOnlyDictionary<string, string>?> Columns(string relation, CancellationToken cancel) => Do<IReadOnlyDictionary<string, string>?>(reader =>
    {
        // A view that does not fit its tables any longer is an error here, and tells what does not fit.
        var columns = reader.Statement("SELECT name, type FROM pragma_table_info(?1)").Bind(1, relation);
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        while (columns.Step()) found[columns.Text(0).ToLowerInvariant()] = columns.Text(1).ToLowerInvariant();
        return found.Count > 0 ? found : null;
    }, cancel);

    async Task<T> Do<T>(Func<Reader, T> read, CancellationToken cancel)
    {
        try
        {
            return await readers.Read(read, cancel);
        }
        catch (SqliteException away)
        {
            throw new SourceAwayException(away.Message, away);
        }
    }

    public ValueTask DisposeAsync()
    {
        readers.Dispose();
        return ValueTask.CompletedTask;
    }
}
