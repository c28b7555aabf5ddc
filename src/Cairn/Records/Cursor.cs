using System.Buffers.Binary;
using System.Buffers.Text;

namespace Cairn.Records;

/// <summary>
/// A place to read on from, opaque to who holds it. A list's cursor (a place in the order of time) and a tail's
/// (a place in the order of recording) are told apart, and so are those of different kinds.
/// </summary>
readonly record struct Cursor(long Place)
{
    public static string ForList(string kind, long place) => Write('L', kind, place);

    public static string ForTail(string kind, long place) => Write('T', kind, place);

    public static bool TryReadList(string kind, string text, out Cursor cursor) => TryRead('L', kind, text, out cursor);

    public static bool TryReadTail(string kind, string text, out Cursor cursor) => TryRead('T', kind, text, out cursor);

    static string Write(char use, string kind, long place)
    {
        Span<byte> bytes = stackalloc byte[10];
        (bytes[0], bytes[1]) = ((byte)use, (byte)kind[0]);
        BinaryPrimitives.WriteInt64BigEndian(bytes[2..], place);
        return Base64Url.EncodeToString(bytes);
    }

    static bool TryRead(char use, string kind, string text, out Cursor cursor)
    {
        cursor = default;
        Span<byte> bytes = stackalloc byte[10];
        if (text.Length != 14 || !Base64Url.IsValid(text) || !Base64Url.TryDecodeFromChars(text, bytes, out var length) || length != 10) return false;
        if (bytes[0] != use || bytes[1] != kind[0]) return false;
        cursor = new(BinaryPrimitives.ReadInt64BigEndian(bytes[2..]));
        return cursor.Place >= 0;
    }
}
