using System.Buffers;
using System.Text.Json;
using Cairn.Records;

namespace Cairn.Export;

/// <summary>The formats in which records leave.</summary>
static class Formats
{
    public const string Csv = "csv", Jsonl = "jsonl";

    /// <summary>Those of one JSON object a record.</summary>
    public static readonly string[] Objects = [Jsonl, Ocsf.Name, Ecs.Name];

    public static readonly string[] All = [Csv, .. Objects];

    /// <summary>What the name of a file in it ends with.</summary>
    public static string Ending(string format) => format is Csv or Jsonl ? format : format + "." + Jsonl;

    /// <summary>What writes a record as one JSON object.</summary>
    public static Action<Utf8JsonWriter, T> ObjectWriter<T>(this Kind<T> kind, string format) where T : class, IRecord, new()
    {
        if (kind.Formats.TryGetValue(format, out var other)) return (writer, record) => other.Of(record).Write(writer, record);
        var json = new RecordJson<T>(kind);
        return (writer, record) => json.Write(writer, record);
    }
}

/// <summary>Writes records as lines in one of the formats. Whatever sends records on, file or network, writes them with it.</summary>
sealed class LineWriter<T> : IDisposable where T : class, IRecord, new()
{
    readonly IBufferWriter<byte> output;
    readonly CsvWriter<T>? csv;
    readonly Utf8JsonWriter json;
    readonly Action<Utf8JsonWriter, T> write;

    public LineWriter(Kind<T> kind, string format, IBufferWriter<byte> output)
    {
        this.output = output;
        csv = format == Formats.Csv ? new(kind, output) : null;
        json = new(output, RecordJson.Writing);
        write = kind.ObjectWriter(format);
    }

    /// <summary>The line of names that a file of CSV begins with; nothing for the others.</summary>
    public void WriteHeader() => csv?.WriteHeader();

    /// <summary>One record, and the end of its line.</summary>
    public void Write(T record)
    {
        if (csv is not null)
        {
            csv.Write(record);
            return;
        }
        write(json, record);
        json.Flush();
        json.Reset();
        output.Write("\n"u8);
    }

    public void Dispose() => json.Dispose();
}
