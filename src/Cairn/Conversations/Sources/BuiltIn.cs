using Cairn.Access;
using Cairn.Storage;
using Cairn.Storage.Sqlite;

namespace Cairn.Conversations.Sources;

/// <summary>What an application says of a conversation.</summary>
/// <param name="CreatedAtMs">Null when it does not say.</param>
sealed record NewConversation(string Id, string Title, string OwnerId, long? CreatedAtMs, long? UpdatedAtMs, bool IsArchived, long? DeletedAtMs, bool IsPublic, string Tags, string SharedWith);

/// <summary>A message as it is sent.</summary>
sealed class NewMessage
{
    public string Id { get; set; } = "";
    public string Role { get; set; } = "";
    public string Content { get; set; } = "";
    public long CreatedAtMs { get; set; }

    /// <summary>False when the sender left the time to Cairn, so that sending again does not conflict.</summary>
    public bool TimeIsGiven { get; set; }

    public string? SenderEmail { get; set; }
    public string? Metadata { get; set; }
}

/// <summary>
/// Cairn's own conversations, in a database of their own: what people said stays apart from the log, where no content is, and erasing
/// it or writing much of it holds up no record. Every change is one transaction, durable when the call returns; when it throws, nothing of it is stored.
/// </summary>
sealed class BuiltIn : IAsyncDisposable
{
    static readonly Shape Own = new()
    {
        From = "conversations c",
        Id = "c.id", Title = "c.title", Owner = "c.owner_id", TitleFolded = "c.title_folded", OwnerFolded = "c.owner_folded", CreatedMs = "c.created_at", UpdatedMs = "c.updated", State = "c.state",
        Tags = "c.tags", SharedWith = "c.shared_with", IsPublic = "c.is_public",
        Inner = "c.message_count AS message_count, c.last_message_at AS last_message_at",
        Messages = new MessageRows
        {
            From = "messages m",
            Of = "m.conversation = (SELECT c.place FROM conversations c WHERE c.id = {0})",
            Id = "m.id", Role = "m.role", Content = "m.content", CreatedMs = "m.created_at", SenderEmail = "m.sender_email", Metadata = "m.metadata",
            Tie = "m.position", TieIsNumber = true,
            // Counted in the transaction that stores each message.
            Counted = ["p.message_count", "p.last_message_at"],
        },
    };

    readonly RecordFile file;
    bool hasNotices = true;

    BuiltIn(string path)
    {
        file = new(path, "conversations", "What conversations are kept in");
        // What is erased is overwritten, not only forgotten.
        file.Writer.Run("PRAGMA secure_delete = ON");
        Source = new("builtin", SqliteDatabase.Own(path), (_, _) => Task.FromResult(Own));
    }

    /// <summary>What reads them.</summary>
    public ConversationSource Source { get; }

    public static BuiltIn Open(string directory) => new(Path.Combine(directory, "conversations.db"));

    /// <summary>Why nothing can be taken, and what mends it; null while it can.</summary>
    public string? Problem => file.Problem;

    /// <summary>Makes a conversation, or makes it what is said now. Its messages stay.</summary>
    /// <returns>True when there was none of this id.</returns>
    public Task<bool> Put(NewConversation said, long nowMs, CancellationToken cancel) => Write(() =>
    {
        var update = Statement("""
            UPDATE conversations SET title = ?2, owner_id = ?3, created_at = coalesce(?4, created_at), updated_at = ?5, is_archived = ?6, deleted_at = ?7, is_public = ?8, tags = ?9, shared_with = ?10, title_folded = ?11, owner_folded = ?12
            WHERE id = ?1
            """);
        Bind(update, said, said.CreatedAtMs).Run();
        if (file.Writer.Changes > 0) return false;
        Bind(Statement("""
            INSERT INTO conversations (id, title, owner_id, created_at, updated_at, is_archived, deleted_at, is_public, tags, shared_with, title_folded, owner_folded)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            """), said, said.CreatedAtMs ?? nowMs).Run();
        return true;

        static Statement Bind(Statement change, NewConversation said, long? created) => change
            .Bind(1, said.Id).Bind(2, said.Title).Bind(3, said.OwnerId).Bind(4, created).Bind(5, said.UpdatedAtMs).Bind(6, said.IsArchived ? 1 : 0)
            .Bind(7, said.DeletedAtMs).Bind(8, said.IsPublic ? 1 : 0).Bind(9, said.Tags).Bind(10, said.SharedWith)
            .Bind(11, said.Title.ToUpperInvariant()).Bind(12, said.OwnerId.ToUpperInvariant());
    }, cancel);

    /// <summary>Appends messages to a conversation. One that was sent before with the same content is a duplicate.</summary>
    /// <returns>What became of each; null when there is no such conversation.</returns>
    public Task<Outcome[]?> Append(string conversation, IReadOnlyList<NewMessage> messages, CancellationToken cancel) => Write(() =>
    {
        var find = Statement("SELECT place, message_count, last_message_at FROM conversations WHERE id = ?").Bind(1, conversation);
        if (!find.Step()) return null;
        var (place, position, last) = (find.Integer(0), find.Integer(1), find.IntegerOrNull(2));
        find.Reset();

        var outcomes = new Outcome[messages.Count];
        var known = Statement("SELECT role, content, created_at, sender_email, metadata FROM messages INDEXED BY messages_by_id WHERE conversation = ? AND id = ?");
        var insert = Statement("INSERT INTO messages (conversation, created_at, position, id, role, content, sender_email, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        for (var i = 0; i < outcomes.Length; i++)
        {
            var message = messages[i];
            if (known.Bind(1, place).Bind(2, message.Id).Step())
            {
                var isSame = known.Text(0) == message.Role && known.Text(1) == message.Content && (!message.TimeIsGiven || known.Integer(2) == message.CreatedAtMs)
                    && known.TextOrNull(3) == message.SenderEmail && known.TextOrNull(4) == message.Metadata;
                known.Reset();
                outcomes[i] = isSame ? Outcome.Duplicate : Outcome.Conflict;
                continue;
            }
            insert.Bind(1, place).Bind(2, message.CreatedAtMs).Bind(3, position++).Bind(4, message.Id).Bind(5, message.Role).Bind(6, message.Content).Bind(7, message.SenderEmail).Bind(8, message.Metadata).Run();
            last = Math.Max(last ?? 0, message.CreatedAtMs);
        }
        Statement("UPDATE conversations SET message_count = ?, last_message_at = ? WHERE place = ?").Bind(1, position).Bind(2, last).Bind(3, place).Run();
        return outcomes;
    }, cancel);

    /// <summary>Erases a conversation and all of its messages, and keeps the notice of it until the log has it.</summary>
    /// <returns>False when there is none of this id; then nothing happened.</returns>
    public async Task<bool> Erase(string id, Notice notice, CancellationToken cancel)
    {
        var isErased = await Write(() =>
        {
            if (FindPlace(id) is not { } place) return false;
            Remove(place);
            Statement("INSERT INTO notices (id, json) VALUES (?, ?)").Bind(1, notice.Id).Bind(2, notice.Json).Run();
            return true;
        }, cancel);
        hasNotices |= isErased;
        if (isErased) await Forget(cancel);
        return isErased;
    }

    long? FindPlace(string id)
    {
        var find = Statement("SELECT place FROM conversations WHERE id = ?").Bind(1, id);
        if (!find.Step()) return null;
        var place = find.Integer(0);
        find.Reset();
        return place;
    }

    /// <summary>Brings what the log has not been told yet to it; what it cannot take now stays.</summary>
    public async Task Tell(SelfAudit audit, CancellationToken cancel)
    {
        if (!hasNotices) return;
        var waiting = await Write(() =>
        {
            hasNotices = false;
            var list = Statement("SELECT id, json FROM notices ORDER BY position");
            var found = new List<Notice>();
            while (list.Step()) found.Add(new(list.Text(0), list.Text(1)));
            return found;
        }, cancel);
        foreach (var notice in waiting)
        {
            try
            {
                await audit.Record(notice);
            }
            catch (LogUnavailableException)
            {
                hasNotices = true;
                return;
            }
            await Write(() =>
            {
                Statement("DELETE FROM notices WHERE id = ?").Bind(1, notice.Id).Run();
                return true;
            }, cancel);
        }
    }

    /// <summary>How many conversations were last touched before a time, and how many there are.</summary>
    public Task<(long Old, long All)> CountBefore(long beforeMs, CancellationToken cancel) => file.Look(
        () => (Statement("SELECT count(*) FROM conversations WHERE active < ?").Bind(1, beforeMs).Number(), Statement("SELECT count(*) FROM conversations").Number()), cancel);

    /// <summary>Removes the conversation that was touched the longest ago, with its messages, if that was before a time. Writers wait for one conversation at most.</summary>
    /// <returns>False when there is none.</returns>
    public Task<bool> DropOne(long beforeMs, CancellationToken cancel) => Write(() =>
    {
        var find = Statement("SELECT place FROM conversations WHERE active < ? ORDER BY active LIMIT 1").Bind(1, beforeMs);
        if (!find.Step()) return false;
        var place = find.Integer(0);
        find.Reset();
        Remove(place);
        return true;
    }, cancel);

    void Remove(long place)
    {
        Statement("DELETE FROM messages WHERE conversation = ?").Bind(1, place).Run();
        Statement("DELETE FROM conversations WHERE place = ?").Bind(1, place).Run();
    }

    /// <inheritdoc cref="RecordFile.Forget"/>
    public Task Forget(CancellationToken cancel) => file.Forget(cancel);

    Statement Statement(string sql) => file.Statement(sql);

    Task<TResult> Write<TResult>(Func<TResult> change, CancellationToken cancel) => file.Write(change, cancel);

    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        file.Dispose();
    }
}
