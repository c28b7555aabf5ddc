using System.Text.Json;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Storage;

namespace Cairn.Records;

/// <summary>A body whose records stand for themselves: the good ones are taken, the others are named by their place.</summary>
sealed class Items<T> where T : class, new()
{
    /// <summary>Reads one record at whose first token the reader stands. Answers what is wrong with it, or null.</summary>
    public delegate string? ReadOne(ref Utf8JsonReader reader, T record);

    /// <summary>
    /// As deep as a body can be: too deep a record is rejected by name, like any other bad one, and does not take the rest
    /// of its body with it. Reading is not recursive, so that depth costs a bit a level.
    /// </summary>
    static readonly JsonReaderOptions Reading = new() { MaxDepth = EventIngest.MostBytes };

    readonly List<int> places = [];
    readonly List<(int Index, string Error)> rejected = [];

    public List<T> Records { get; } = [];

    /// <summary>Set when nothing of the body can be taken.</summary>
    public Problem? Problem { get; private set; }

    public static Items<T> Read(Body body, int most, ReadOne readOne)
    {
        var items = new Items<T>();
        if (body.IsLines) items.ReadLines(body.Bytes.Span, most, readOne);
        else items.ReadJson(body.Bytes.Span, most, readOne);
        return items;
    }

    void ReadLines(ReadOnlySpan<byte> rest, int most, ReadOne readOne)
    {
        for (var index = 0; !rest.IsEmpty;)
        {
            var end = rest.IndexOf((byte)'\n');
            var line = (end < 0 ? rest : rest[..end]).Trim(" \t\r"u8);
            rest = end < 0 ? default : rest[(end + 1)..];
            if (line.IsEmpty) continue;
            if (index == most)
            {
                Problem = Problems.TooLarge($"A call takes {most} records at most.");
                return;
            }
            try
            {
                var reader = new Utf8JsonReader(line, Reading);
                reader.Read();
                Take(ref reader, index, readOne);
                if (reader.Read()) throw new JsonException("More than one value stands on the line.");
            }
            catch (JsonException)
            {
                if (places.Count > 0 && places[^1] == index) Untake();
                if (rejected.Count == 0 || rejected[^1].Index != index) rejected.Add((index, "is not one JSON object on one line"));
            }
            index++;
        }
    }

    void ReadJson(ReadOnlySpan<byte> bytes, int most, ReadOne readOne)
    {
        try
        {
            var reader = new Utf8JsonReader(bytes, Reading);
            if (!reader.Read() || reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject)) throw new JsonException("Neither an object nor an array.");
            if (reader.TokenType == JsonTokenType.StartObject) Take(ref reader, 0, readOne);
            else
            {
                for (var index = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
                {
                    if (index == most)
                    {
                        Problem = Problems.TooLarge($"A call takes {most} records at most.");
                        return;
                    }
                    Take(ref reader, index, readOne);
                }
            }
            if (reader.Read()) throw new JsonException("Something follows the value.");
        }
        catch (JsonException broken)
        {
            Problem = Problems.Bad(broken.LineNumber is { } line
                ? $"The body is not valid JSON: line {line + 1}, byte {broken.BytePositionInLine + 1}."
                : "The body is not a JSON object, an array of them, or (as application/x-ndjson) one on each line.");
        }
    }

    void Take(ref Utf8JsonReader reader, int index, ReadOne readOne)
    {
        var record = new T();
        Add(index, record, readOne(ref reader, record));
    }

    /// <param name="index">Its place in the body, which grows.</param>
    /// <param name="error">What is wrong with it; null for a record to be taken.</param>
    public void Add(int index, T record, string? error)
    {
        if (error is not null)
        {
            rejected.Add((index, error));
            return;
        }
        Records.Add(record);
        places.Add(index);
    }

    void Untake()
    {
        Records.RemoveAt(Records.Count - 1);
        places.RemoveAt(places.Count - 1);
    }

    /// <summary>What was not taken and why, in the body's order, once it is known what became of the rest.</summary>
    public IReadOnlyList<(int Index, string Error)> Rejected(Outcome[] outcomes)
    {
        var all = new List<(int Index, string Error)>(rejected);
        var identity = typeof(T) == typeof(Requests.RequestRecord) ? "request_id" : "id";
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] == Outcome.Conflict) all.Add((places[i], $"{identity} was recorded before with other content"));
            if (outcomes[i] == Outcome.Crowded) all.Add((places[i], "too many records carry this very millisecond"));
        }
        all.Sort();
        return all;
    }

    public IResult Answer(Outcome[] outcomes)
    {
        var rejected = Rejected(outcomes);
        return new JsonAnswer(writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("accepted", outcomes.Count(outcome => outcome == Outcome.Stored));
            writer.WriteNumber("duplicates", outcomes.Count(outcome => outcome == Outcome.Duplicate));
            writer.WriteStartArray("rejected");
            foreach (var (index, error) in rejected)
            {
                writer.WriteStartObject();
                writer.WriteNumber("index", index);
                writer.WriteString("error", error);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }
}
