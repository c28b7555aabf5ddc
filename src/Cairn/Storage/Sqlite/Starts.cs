using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Storage.Sqlite;

/// <summary>Requests under way. Every call but <see cref="Read"/> runs inside the transaction of who calls.</summary>
sealed class Starts
{
    readonly Statement insert, delete;
    readonly RecordText<RequestRecord> text;
    readonly Connection writer;

    /// <summary>How many there are; -1 when that has to be counted anew. Zero spares each record the look whether it had a start.</summary>
    long count = -1;

    public Starts(Connection writer, Kind<RequestRecord> kind)
    {
        (this.writer, text) = (writer, new(kind));
        // What was stored although its writer was told that it was not is written again.
        insert = writer.Prepare("INSERT INTO starts (request_id, record) VALUES (?, ?) ON CONFLICT DO NOTHING");
        delete = writer.Prepare("DELETE FROM starts WHERE request_id = ?");
    }

    /// <summary>What begins with a batch, and what ends with it.</summary>
    public void Note(Batch batch)
    {
        foreach (var start in batch.Starts)
        {
            insert.Bind(1, start.RequestId).BindUtf8(2, text.Write(start)).Run();
            if (count >= 0) count += writer.Changes;
        }
        foreach (var record in batch.Requests) Remove(record.RequestId);
        foreach (var requestId in batch.Withdrawn) Remove(requestId);
    }

    public void Remove(string requestId)
    {
        if (count < 0) count = writer.Number("SELECT count(*) FROM starts");
        if (count == 0) return;
        delete.Bind(1, requestId).Run();
        count -= writer.Changes;
    }

    /// <summary>After a rollback nothing of what was counted holds.</summary>
    public void Forget() => count = -1;

    public IReadOnlyList<RequestRecord> Read(Connection connection)
    {
        var found = new List<RequestRecord>();
        using var read = connection.Prepare("SELECT record FROM starts ORDER BY request_id");
        while (read.Step()) found.Add(text.Read(read.Bytes(0)));
        return found;
    }
}
