using System.Buffers;
using System.IO.Compression;

namespace Cairn.Hosting;

/// <summary>A call's body, read whole up to a limit that also holds for what it inflates to.</summary>
sealed class Body
{
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>True for <c>application/x-ndjson</c>: one value on each line.</summary>
    public required bool IsLines { get; init; }

    public static async Task<(Body? Body, IResult? Problem)> Read(HttpContext context, int most)
    {
        var request = context.Request;
        var type = request.ContentType?.Split(';')[0].Trim().ToLowerInvariant();
        if (type is not ("application/json" or "application/x-ndjson")) return (null, Problems.WrongType("application/json or application/x-ndjson"));

        var encoding = request.Headers.ContentEncoding.ToString().Trim().ToLowerInvariant();
        if (encoding is not ("" or "identity" or "gzip")) return (null, Problems.WrongType("a plain body or one with Content-Encoding: gzip"));
        if (request.ContentLength > most) return (null, Problems.TooLarge($"A body takes {most / 1024 / 1024} MiB at most."));

        var source = encoding == "gzip" ? new GZipStream(request.Body, CompressionMode.Decompress) : request.Body;
        var bytes = new ArrayBufferWriter<byte>((int)Math.Clamp(request.ContentLength ?? 4096, 256, most));
        try
        {
            while (true)
            {
                var read = await source.ReadAsync(bytes.GetMemory(4096), context.RequestAborted);
                if (read == 0) break;
                bytes.Advance(read);
                if (bytes.WrittenCount > most) return (null, Problems.TooLarge($"A body takes {most / 1024 / 1024} MiB at most{(encoding == "gzip" ? ", unpacked" : "")}."));
            }
        }
        catch (InvalidDataException)
        {
            return (null, Problems.Bad("The body is not valid gzip."));
        }
        finally
        {
            if (encoding == "gzip") await source.DisposeAsync();
        }
        return (new() { Bytes = bytes.WrittenMemory, IsLines = type == "application/x-ndjson" }, null);
    }
}
