using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Cairn.Storage.ClickHouse;

/// <summary>Bytes of ClickHouse's format RowBinary: numbers as they are in memory, texts after their length.</summary>
sealed class RowWriter(int capacity = 4_096)
{
    byte[] bytes = new byte[capacity];

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Written => bytes.AsMemory(0, Length);

    public void Clear() => Length = 0;

    Span<byte> Room(int most)
    {
        if (bytes.Length - Length < most) Array.Resize(ref bytes, (int)Math.Max(BitOperations.RoundUpToPowerOf2((uint)(Length + most)), 2u * (uint)bytes.Length));
        return bytes.AsSpan(Length);
    }

    public void Number(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Room(8), value);
        Length += 8;
    }

    public void Number(ulong value) => Number((long)value);

    public void Number(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Room(2), value);
        Length += 2;
    }

    public void Byte(byte value)
    {
        Room(1)[0] = value;
        Length++;
    }

    public void NumberOrNull(long? value)
    {
        Byte(value is null ? (byte)1 : (byte)0);
        if (value is { } number) Number(number);
    }

    /// <param name="prefix">Stands before the text, when it is not negative.</param>
    public void Text(ReadOnlySpan<char> text, int prefix = -1)
    {
        var length = Encoding.UTF8.GetByteCount(text) + (prefix < 0 ? 0 : 1);
        var room = Room(length + 5);
        var at = 0;
        for (var left = (uint)length; ; left >>= 7)
        {
            room[at++] = (byte)(left < 0x80 ? left : left | 0x80);
            if (left < 0x80) break;
        }
        if (prefix >= 0) room[at++] = (byte)prefix;
        at += Encoding.UTF8.GetBytes(text, room[at..]);
        Length += at;
    }

    public void Raw(ReadOnlySpan<byte> raw)
    {
        raw.CopyTo(Room(raw.Length));
        Length += raw.Length;
    }
}

/// <summary>Reads what <see cref="RowWriter"/> or ClickHouse wrote.</summary>
ref struct RowReader(ReadOnlySpan<byte> bytes)
{
    ReadOnlySpan<byte> rest = bytes;

    public readonly bool AtEnd => rest.IsEmpty;

    public readonly int Left => rest.Length;

    public long Number()
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(rest);
        rest = rest[8..];
        return value;
    }

    public ushort Short()
    {
        var value = BinaryPrimitives.ReadUInt16LittleEndian(rest);
        rest = rest[2..];
        return value;
    }

    public byte Byte()
    {
        var value = rest[0];
        rest = rest[1..];
        return value;
    }

    public long? NumberOrNull() => Byte() != 0 ? null : Number();

    public ReadOnlySpan<byte> Bytes()
    {
        var length = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = Byte();
            length |= (part & 0x7f) << shift;
            if (part < 0x80) break;
        }
        var bytes = rest[..length];
        rest = rest[length..];
        return bytes;
    }

    public string Text() => Encoding.UTF8.GetString(Bytes());
}
