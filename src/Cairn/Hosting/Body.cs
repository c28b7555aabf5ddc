using System.Buffers;
using System.IO.Compression;

namespace Cairn.Hosting;

/// <summary>A call's body, read whole up to a limit that also holds for what it inflates to.</summary>
sealed class Body
{
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>True for <c>application/x-ndjson</c>: one value on each line.</summary>
    public required bool IsLines { get; init; }

    /// <summary>The content type that a call says its body has, without what follows it; empty when it says none.</summary>
    public static string TypeOf(HttpRequest request) => request.ContentType?.Split(';')[0].Trim().ToLowerInvariant() ?? "";

    public static Task<(Body? Body, Problem? Problem)> Read(HttpContext context, int most) =>
        TypeOf(context.Request) is "application/json" or "application/x-ndjson" ? ReadAny(context, most)
        : Task.FromResult<(Body?, Problem?)>((null, Problems.WrongType("application/json or application/x-ndjson")));

    /// <summary>Reads a body of any content type, which the caller looked at.</summary>
    public static async Task<(Body? Body, Problem? Problem)> ReadAny(HttpContext context, int most)
    {
        var request = context.Request;
        var encoding = request.Headers.ContentEncoding.ToString().Trim().ToLowerInvariant();
        if (encoding is not ("" or "identity" or "gzip")) return (null, Problems.WrongType("a plain body or one with Content-Encoding: gzip"));
        if (request.ContentLength > most) return (null, Problems.TooLarge($"A body takes {Size(most)} at most."));

        try
        {
            var sent = await ReadAll(request.Body, most, context.RequestAborted);
            if (sent is null) return (null, Problems.TooLarge($"A body takes {Size(most)} at most."));
            if (encoding == "gzip")
            {
                // The runtime takes the end of what was sent for the end of the gzip. One more member behind it, which a gzip may have, is only reached when nothing is missing.
                using var unpacking = new GZipStream(new MemoryStream([.. sent.Value.Span, .. PackedEnd], writable: false), CompressionMode.Decompress);
                sent = await ReadAll(unpacking, most + End.Length, context.RequestAborted);
                if (sent is null) return (null, Problems.TooLarge($"A body takes {Size(most)} at most, unpacked."));
                if (!sent.Value.Span.EndsWith(End)) throw new InvalidDataException("Cut short.");
                sent = sent.Value[..^End.Length];
            }
            return (new() { Bytes = sent.Value, IsLines = TypeOf(request) == "application/x-ndjson" }, null);
        }
        catch (InvalidDataException)
        {
            return (null, Problems.Bad("The body is not valid gzip, or was cut short."));
        }
    }

    /// <summary>What no sender knows, so that none can end a body with it.</summary>
    static readonly byte[] End = System.Security.Cryptography.RandomNumberGenerator.GetBytes(16), PackedEnd = Pack(End);

    static byte[] Pack(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var packing = new GZipStream(packed, CompressionLevel.NoCompression)) packing.Write(bytes);
        return packed.ToArray();
    }

    static string Size(int bytes) => bytes < 1024 * 1024 ? $"{bytes / 1024} KiB" : $"{bytes / 1024 / 1024} MiB";

    /// <summary>All bytes of a stream; null when there are more than <paramref name="most"/>.</summary>
    static async Task<ReadOnlyMemory<byte>?> ReadAll(Stream stream, int most, CancellationToken cancel)
    {
        var bytes = new ArrayBufferWriter<byte>(4096);
        while (await stream.ReadAsync(bytes.GetMemory(4096), cancel) is > 0 and var read)
        {
            bytes.Advance(read);
            if (bytes.WrittenCount > most) return null;
        }
        return bytes.WrittenMemory;
    }
}
