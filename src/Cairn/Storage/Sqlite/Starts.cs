using System.Buffers;
using System.Text.Json;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Storage.Sqlite;

/// <summary>Requests under way. Every call but <see cref="Read"/> runs inside the transaction of who calls.</summary>
sealed class Starts
{
    readonly Statement insert, delete;
    readonly (Field<RequestRecord> Field, JsonEncodedText Name)[] fields;
    readonly RecordParser<RequestRecord> parser;
    readonly Connection writer;
    readonly ArrayBufferWriter<byte> buffer = new(512);
    readonly Utf8JsonWriter text;

    /// <summary>How many there are; -1 when that has to be counted anew. Zero spares each record the look whether it had a start.</summary>
    long count = -1;

    public Starts(Connection writer, Kind<RequestRecord> kind)
    {
        this.writer = writer;
        (parser, text) = (new(kind, lenient: true), new(buffer, RecordJson.Writing));
        fields = [.. kind.Stored.Select(field => (field, JsonEncodedText.Encode(field.Name)))];
        insert = writer.Prepare("INSERT INTO starts (request_id, record) VALUES (?, ?)");
        delete = writer.Prepare("DELETE FROM starts WHERE request_id = ?");
    }

    public void Append(List<RequestRecord> starts)
    {
        foreach (var start in starts)
        {
            buffer.ResetWrittenCount();
            text.Reset();
            Write(start);
            text.Flush();
            insert.Bind(1, start.RequestId).BindUtf8(2, buffer.WrittenSpan).Run();
        }
        if (count >= 0) count += starts.Count;
    }

    /// <summary>What is known, and no more: the row is written and removed with every request.</summary>
    void Write(RequestRecord start)
    {
        text.WriteStartObject();
        foreach (var (field, name) in fields)
        {
            if (field.IsText)
            {
                if (field.Text!(start) is { Length: > 0 } value) text.WriteString(name, value);
            }
            else if (field.Number!(start) is { } number)
            {
                if (field.Type == FieldType.Boolean) text.WriteBoolean(name, number != 0);
                else if (field.Type == FieldType.Time) text.WriteString(name, Iso.Text(number));
                else text.WriteNumber(name, number);
            }
        }
        text.WriteEndObject();
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
        while (read.Step())
        {
            var reader = new Utf8JsonReader(read.Bytes(0));
            var record = new RequestRecord();
            reader.Read();
            if (parser.Read(ref reader, record) is { } fault) throw new InvalidDataException($"The start of a request {fault}; the database is damaged.");
            found.Add(record);
        }
        return found;
    }
}
