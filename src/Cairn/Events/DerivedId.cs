using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cairn.Records;

namespace Cairn.Events;

/// <summary>
/// Ids of events whose senders name them in another way, or not at all: the same parts give the same id, so that sending
/// again stores nothing twice. RFC 9562 calls such a UUID version 8; here it is made of the first bytes of a SHA-256.
/// </summary>
static class DerivedId
{
    /// <param name="parts">Each is preceded by its length, so that no two lists of parts run together; an absent one is not an empty one.</param>
    public static string Of(params IEnumerable<string?> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (var part in parts)
        {
            var bytes = part is null ? [] : Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32BigEndian(length, part is null ? -1 : bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
        Span<byte> id = stackalloc byte[32];
        hash.GetHashAndReset(id);
        id[6] = (byte)(id[6] & 0x0f | 0x80);
        id[8] = (byte)(id[8] & 0x3f | 0x80);
        return new Guid(id[..16], bigEndian: true).ToString("D");
    }

    /// <summary>Of all that a sender says in an event, and what it says beyond that.</summary>
    public static string Of(Kind<EventRecord> kind, EventRecord record, params IEnumerable<string?> more) =>
        Of([.. more, .. kind.Stored.Where(field => field.Sent && field != kind.Identity && field != kind.Time).Select(field => field.Text!(record))]);
}
