namespace Cairn.Conversations.Sources;

/// <summary>Conversations of one database, read. Every question is written here once, for every engine and every shape.</summary>
/// <param name="shape">Looks at the database and answers its shape.</param>
sealed class ConversationSource(string name, IConversationDatabase database, Func<IConversationDatabase, CancellationToken, Task<Shape>> shape) : IAsyncDisposable
{
    public const int MostOwners = 20;

    static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(3);

    Shape? known;

    /// <summary>As the setting calls it.</summary>
    public string Name => name;

    public string Engine => database.Engine;

    /// <summary>Looks whether it is there and has what is needed.</summary>
    /// <exception cref="SourceAwayException">It cannot be read now; the message says why.</exception>
    /// <exception cref="WrongShapeException">It was read, and what is needed is not there.</exception>
    public async Task Check(CancellationToken cancel)
    {
        if (known is null) known = await shape(database, cancel);
        else await database.Read([new(database) { Text = "SELECT 1" }], cancel);
    }

    /// <summary>Why it cannot be read now; null when it can. For who runs Cairn.</summary>
    public async Task<string?> Problem(CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(AnswersWithin);
        try
        {
            await Check(patience.Token);
            return null;
        }
        catch (Exception why) when (why is SourceAwayException or WrongShapeException)
        {
            return why.Message;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return $"it does not answer within {AnswersWithin.TotalSeconds:0} seconds";
        }
    }

    async Task<Shape> Shape(CancellationToken cancel)
    {
        try
        {
            return known ??= await shape(database, cancel);
        }
        catch (WrongShapeException wrong)
        {
            throw new SourceAwayException(wrong.Message, wrong);
        }
    }

    public async Task<ConversationPage> List(ConversationFilter filter, int limit, Place? after, long skip, bool counted, CancellationToken cancel)
    {
        var shape = await Shape(cancel);
        var (sorted, id) = (filter.ByUpdate ? shape.UpdatedMs : shape.CreatedMs, database.InByteOrder(shape.Id));

        var page = new Question(database);
        var where = Where(page, shape, filter);
        if (after is { } place) where = And(where, $"({sorted}, {id}) < ({page.Put(place.Ms)}, {page.Put(place.Tie)})");
        // Counting a conversation's messages is for the rows of the page alone, therefore outside.
        page.Text = $"""
            SELECT {Columns(shape)}
            FROM (SELECT {Inner(shape)}, {sorted} AS sorted, {id} AS tie FROM {shape.From} {where} ORDER BY {sorted} DESC, {id} DESC LIMIT {page.Put((long)limit + 1)} OFFSET {page.Put(skip)}) p
            ORDER BY p.sorted DESC, p.tie DESC
            """;

        Question[] asked = counted ? [page, Count(shape, filter)] : [page];
        var answers = await database.Read(asked, cancel);
        var items = answers[0].Take(limit).Select(row => Conversation(shape, row)).ToList();
        Place? next = answers[0].Count > limit ? new(filter.ByUpdate ? items[^1].UpdatedAtMs : items[^1].CreatedAtMs, items[^1].Id) : null;
        return new(items, next, counted ? (long)answers[1][0][0]! : 0);
    }

    public async Task<long> Count(ConversationFilter filter, CancellationToken cancel) =>
        (long)(await database.Read([Count(await Shape(cancel), filter)], cancel))[0][0][0]!;

    Question Count(Shape shape, ConversationFilter filter)
    {
        var count = new Question(database);
        count.Text = $"SELECT count(*) FROM {shape.From} {Where(count, shape, filter)}";
        return count;
    }

    string Where(Question statement, Shape shape, ConversationFilter filter)
    {
        var where = shape.Where.Length > 0 ? $"WHERE {shape.Where}" : "";
        if (filter.State is { } state) where = And(where, $"{shape.State} = {statement.Put((long)state)}");
        else if (!filter.IncludeDeleted) where = And(where, $"{shape.State} < {statement.Put((long)ConversationState.Deleted)}");
        if (filter.FromMs is { } from) where = And(where, $"{shape.CreatedMs} >= {statement.Put(from)}");
        if (filter.UntilMs is { } until) where = And(where, $"{shape.CreatedMs} < {statement.Put(until)}");
        if (filter.Owner is { } owner) where = And(where, Contains(statement, shape.Owner, shape.OwnerFolded, owner));
        if (filter.Search is { } search) where = And(where, Contains(statement, shape.Title, shape.TitleFolded, search));
        return where;
    }

    string Contains(Question question, string text, string? folded, string part) =>
        folded is null ? database.Contains(text, question.Put(part)) : $"instr({folded}, {question.Put(part.ToUpperInvariant())}) > 0";

    static string And(string where, string condition) => where.Length == 0 ? $"WHERE {condition}" : $"{where} AND {condition}";

    /// <summary>One conversation with a page of its messages, all of one state of the database; null when there is none of this id.</summary>
    public async Task<Transcript?> Read(string id, int limit, long skip, Place? after, CancellationToken cancel)
    {
        var shape = await Shape(cancel);
        var one = new Question(database);
        var where = And(shape.Where.Length > 0 ? $"WHERE {shape.Where}" : "", $"{shape.Id} = {one.Put(id)}");
        one.Text = $"SELECT {Columns(shape)} FROM (SELECT {Inner(shape)} FROM {shape.From} {where}) p";
        var messages = shape.Messages.Ask(database, id, limit, skip, after);

        var answers = await database.Read(messages is null ? [one] : [one, messages], cancel);
        if (answers[0].Count == 0) return null;
        var (page, next) = shape.Messages.Page(answers[0][0], messages is null ? [] : answers[1], limit, skip, after);
        return new(Conversation(shape, answers[0][0]), page, next);
    }

    /// <summary>Whether there is a conversation of this id.</summary>
    public async Task<bool> Has(string id, CancellationToken cancel)
    {
        var shape = await Shape(cancel);
        var one = new Question(database);
        var where = And(shape.Where.Length > 0 ? $"WHERE {shape.Where}" : "", $"{shape.Id} = {one.Put(id)}");
        one.Text = $"SELECT 1 FROM {shape.From} {where} LIMIT 1";
        return (await database.Read([one], cancel))[0].Count > 0;
    }

    /// <summary>The distinct owners that contain a text, in any case; sorted, at most <see cref="MostOwners"/>.</summary>
    public async Task<IReadOnlyList<string>> Owners(string? part, CancellationToken cancel)
    {
        var shape = await Shape(cancel);
        var owners = new Question(database);
        var where = And(shape.Where.Length > 0 ? $"WHERE {shape.Where}" : "", $"{shape.Owner} IS NOT NULL");
        if (part is not null) where = And(where, Contains(owners, shape.Owner, shape.OwnerFolded, part));
        owners.Text = $"SELECT DISTINCT {database.InByteOrder(shape.Owner)} AS owner FROM {shape.From} {where} ORDER BY 1 LIMIT {MostOwners}";
        return [.. (await database.Read([owners], cancel))[0].Select(row => (string)row[0]!)];
    }

    static string Inner(Shape shape) =>
        $"{shape.Id} AS id, {shape.Title} AS title, {shape.Owner} AS owner, {shape.CreatedMs} AS created, {shape.UpdatedMs} AS updated, {shape.State} AS state, {shape.Tags} AS tags, {shape.SharedWith} AS shared, {shape.IsPublic} AS public{Extra(shape)}";

    static string Extra(Shape shape) => shape.Inner.Length > 0 ? ", " + shape.Inner : "";

    const int OwnColumns = 9;

    static string Columns(Shape shape) => string.Join(", ", ["p.id, p.title, p.owner, p.created, p.updated, p.state, p.tags, p.shared, p.public", .. shape.Messages.Columns]);

    static Conversation Conversation(Shape shape, object?[] row)
    {
        var (count, last) = shape.Messages.Read(row.AsSpan(OwnColumns));
        var created = (long?)row[3] ?? 0;
        return new((string)row[0]!, (string?)row[1] ?? "", (string?)row[2], created, (long?)row[4] ?? created, (ConversationState)(long)row[5]!, JsonTexts.List((string?)row[6]), JsonTexts.List((string?)row[7]), (long?)row[8] == 1)
        {
            MessageCount = count,
            LastMessageAtMs = last,
        };
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();
}

/// <summary>A database lacks what conversations are read from. The message names what.</summary>
sealed class WrongShapeException(string message) : Exception(message);
