using System.Buffers;
using System.Text.Json;
using Cairn.Export;
using Cairn.Records;

namespace Cairn.Live;

/// <summary>A record as followers of one format get it. Those of the newest records are made once for all who follow.</summary>
sealed class Frames<T>(Kind<T> kind, string format, int size) where T : class, IRecord, new()
{
    sealed record Frame(T Record, byte[] Bytes);

    readonly Action<Utf8JsonWriter, T> write = kind.ObjectWriter(format);
    readonly Frame?[] ring = new Frame?[size];

    public ReadOnlyMemory<byte> Of(T record)
    {
        ref var place = ref ring[record.Position % size];
        if (Volatile.Read(ref place) is { } known && known.Record == record) return known.Bytes;
        var bytes = Write(record);
        Volatile.Write(ref place, new(record, bytes));
        return bytes;
    }

    byte[] Write(T record)
    {
        var frame = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(frame, RecordJson.Writing))
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, "log"u8);
            writer.WritePropertyName("data"u8);
            write(writer, record);
            writer.WriteString("cursor"u8, Cursor.ForTail(kind.Name, record.Position));
            writer.WriteEndObject();
        }
        return frame.WrittenSpan.ToArray();
    }
}
