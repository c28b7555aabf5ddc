using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;

namespace Cairn.Gateway;

/// <summary>
/// A request's body on its way to a backend, byte for byte. Of it Cairn looks for the model and a few switches; a body up to
/// <see cref="Window"/> is looked through before it is sent, a larger one is sent on as it comes once its model is known.
/// </summary>
sealed class RequestBody(PipeReader reader, InferenceEndpoint endpoint, long? announced, CancellationToken left) : IDisposable
{
    public const int Most = 32 * 1024 * 1024;

    /// <summary>What is held before it is sent on, unless the model stands further back.</summary>
    const int Window = 256 * 1024;

    /// <summary>What all bodies together hold beyond their windows; beyond, calls are refused.</summary>
    const long MostHeld = 256L * 1024 * 1024;

    /// <summary>What leaves together with the head.</summary>
    const int MostInOnePiece = 16 * 1024;

    const int LongestModel = 256, LongestUser = 128;

    static readonly JsonPaths Paths = new("", "model", "stream", "stream_options", "stream_options.include_usage", "user", "metadata.user_id");

    static long held;

    /// <summary>What the backend is sent instead of a few bytes of the body.</summary>
    readonly record struct Edit(long At, int Length, byte[] Bytes);

    JsonScanner? scanner;
    byte[] head = ArrayPool<byte>.Shared.Rent(4 * 1024);
    int length, heldBeyond, models;
    bool isWhole, isWrongModel, isObject, isStreamKnown, hasOptions;
    bool? includesUsage;
    long rootEnd = -1, read;
    Edit? options, edit;

    public string Model { get; private set; } = "";

    public bool IsStream { get; private set; }

    public string? User { get; private set; }

    /// <summary>True when the backend was asked for usage that the client did not ask for, and must not see.</summary>
    public bool AskedForUsage { get; private set; }

    /// <summary>What is wrong with the rest of the body; found while it was sent on.</summary>
    public GatewayError? Fault { get; private set; }

    /// <summary>How many bytes are sent to the backend; null when that is not known before the last one.</summary>
    public long? Length { get; private set; }

    /// <summary>Reads as far as it must before the request can be sent on. Answers what is wrong with it.</summary>
    public async Task<GatewayError?> Read()
    {
        if (announced > Most) return GatewayError.TooLarge;
        scanner = new(Paths, Look);
        while (!isWhole && (length < Window || models == 0))
        {
            var result = await reader.ReadAsync(left);
            var fault = Take(result.Buffer);
            // What is left of a refused body the server reads away, so that the connection stays good.
            reader.AdvanceTo(result.Buffer.End);
            if (fault is not null) return fault;
            isWhole = result.IsCompleted || length == announced;
        }
        if (isWhole && (!scanner.IsDone || !IsJson())) return GatewayError.NotJson;
        if (WhatIsWrong() is { } wrong) return wrong;
        if (models == 0) return GatewayError.NoModel;
        Decide();
        return null;
    }

    GatewayError? Take(ReadOnlySequence<byte> bytes)
    {
        if (length + bytes.Length > Most) return GatewayError.TooLarge;
        var needed = length + (int)bytes.Length;
        if (needed > head.Length && !Grow(needed)) return GatewayError.TooMuch;
        foreach (var segment in bytes)
        {
            segment.Span.CopyTo(head.AsSpan(length));
            length += segment.Length;
            scanner!.Feed(segment.Span);
        }
        read = length;
        return scanner!.IsBroken ? GatewayError.NotJson : null;
    }

    bool Grow(int needed)
    {
        var size = Math.Max(needed, Math.Min(2 * head.Length, Most));
        var beyond = Math.Max(0, size - Window) - heldBeyond;
        if (beyond > 0)
        {
            if (Interlocked.Add(ref held, beyond) > MostHeld)
            {
                Interlocked.Add(ref held, -beyond);
                return false;
            }
            heldBeyond += beyond;
        }
        var larger = ArrayPool<byte>.Shared.Rent(size);
        head.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(head);
        head = larger;
        return true;
    }

    bool IsJson()
    {
        try
        {
            var json = new Utf8JsonReader(head.AsSpan(0, length), new JsonReaderOptions { MaxDepth = 1_000 });
            while (json.Read()) { }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    GatewayError? WhatIsWrong() =>
        scanner!.IsBroken ? GatewayError.NotJson
        : !isObject ? GatewayError.NotAnObject
        : isWrongModel ? GatewayError.WrongModel
        : models > 1 ? GatewayError.ModelTwice
        : null;

    void Look(int path, JsonFound found, ReadOnlySpan<byte> raw)
    {
        switch (path)
        {
            case 0:
                if (found == JsonFound.ObjectStart) isObject = true;
                if (found == JsonFound.ObjectEnd) rootEnd = scanner!.Position;
                break;
            case 1 when found is JsonFound.String or JsonFound.Literal or JsonFound.TooLong or JsonFound.ObjectStart or JsonFound.ArrayStart:
                models++;
                if (found == JsonFound.String && JsonScanner.Text(raw) is { Length: > 0 and <= LongestModel } model) Model = models > 1 ? Model : model;
                else isWrongModel = true;
                break;
            case 2:
                (IsStream, isStreamKnown) = (raw.SequenceEqual("true"u8), true);
                break;
            case 3 when found == JsonFound.ObjectStart:
                (options, includesUsage) = (null, null);
                break;
            case 3 when found == JsonFound.ObjectEnd:
                hasOptions = true;
                options ??= new(scanner!.Position, 0, []);
                break;
            case 3 when found == JsonFound.Literal:
                (hasOptions, options) = (true, new(scanner!.ValueStart, raw.Length, "{\"include_usage\":true}"u8.ToArray()));
                break;
            case 4 when found == JsonFound.Literal:
                includesUsage = raw.SequenceEqual("true"u8);
                options = new(scanner!.ValueStart, raw.Length, "true"u8.ToArray());
                break;
            case 5 or 6 when found == JsonFound.String && JsonScanner.Text(raw) is { Length: > 0 } user:
                User = user.Length <= LongestUser ? user : user[..(char.IsHighSurrogate(user[LongestUser - 1]) ? LongestUser - 1 : LongestUser)];
                break;
            default:
                break;
        }
    }
    /// <summary>What has to be changed so that the backend tells the usage, and how long the body then is.</summary>
    void Decide()
    {
        var isKnown = isWhole || rootEnd >= 0 || !endpoint.CountsWhenAsked || (isStreamKnown && (!IsStream || hasOptions));
        if (isKnown && endpoint.CountsWhenAsked && IsStream && includesUsage is not true)
        {
            edit = options is null ? AtRootEnd() : options.Value is { Length: 0, At: var end } ? new(end, 0, HoldsMembers((int)end) ? ",\"include_usage\":true"u8.ToArray() : "\"include_usage\":true"u8.ToArray()) : options;
            AskedForUsage = true;
        }
        if (isKnown) Length = (isWhole ? length : announced) + (edit is { } change ? change.Bytes.Length - change.Length : 0);
    }

    Edit AtRootEnd() => new(rootEnd, 0, ",\"stream_options\":{\"include_usage\":true}"u8.ToArray());

    /// <summary>True when the object that ends at a place of the head is not empty.</summary>
    bool HoldsMembers(int end) => head.AsSpan(0, end).TrimEnd(" \t\r\n"u8) is not [.., (byte)'{'];

    /// <summary>Done when no one sends it on any longer. A backend can answer before it has read everything.</summary>
    public Task Copying { get; private set; } = Task.CompletedTask;

    /// <summary>True when all of it was read and looked through.</summary>
    public bool IsWhole => isWhole;

    /// <summary>Adds all of a small body behind a request's head; false, and nothing is added, when it is not small.</summary>
    public bool TryAppend(IBufferWriter<byte> to)
    {
        if (!isWhole || length > MostInOnePiece) return false;
        if (edit is { } change)
        {
            to.Write(head.AsSpan(0, (int)change.At));
            to.Write(change.Bytes);
            to.Write(head.AsSpan((int)change.At + change.Length, length - (int)change.At - change.Length));
        }
        else to.Write(head.AsSpan(0, length));
        return true;
    }

    /// <summary>Sends all of it on. When it throws and <see cref="Fault"/> is set, the client's body is to blame.</summary>
    public Task CopyTo(Stream to) => Copying = Copy(to);

    async Task Copy(Stream to)
    {
        var cancel = left;
        if (edit is { } change)
        {
            await to.WriteAsync(head.AsMemory(0, (int)change.At), cancel);
            await to.WriteAsync(change.Bytes, cancel);
            await to.WriteAsync(head.AsMemory((int)change.At + change.Length, length - (int)change.At - change.Length), cancel);
        }
        else await to.WriteAsync(head.AsMemory(0, length), cancel);

        while (!isWhole)
        {
            await to.FlushAsync(cancel);
            var result = await ReadOn(cancel);
            try
            {
                await CopyPiece(result, to, cancel);
            }
            finally
            {
                reader.AdvanceTo(result.Buffer.End);
            }
        }
    }

    /// <summary>Looks through a piece before any of it leaves: the last one must not make a body whole that is none.</summary>
    async Task CopyPiece(ReadResult piece, Stream to, CancellationToken cancel)
    {
        foreach (var segment in piece.Buffer) scanner!.Feed(segment.Span);
        var start = read;
        read += piece.Buffer.Length;
        isWhole = piece.IsCompleted || read == announced;
        if (read > Most) throw Refuse(GatewayError.TooLarge);
        if (WhatIsWrong() is { } wrong) throw Refuse(wrong);
        if (isWhole && !scanner!.IsDone) throw Refuse(GatewayError.NotJson);

        AskedForUsage |= Length is null && rootEnd >= start && IsStream && !hasOptions && endpoint.CountsWhenAsked;
        var cut = AskedForUsage && Length is null && rootEnd >= start ? rootEnd - start : piece.Buffer.Length;
        foreach (var segment in piece.Buffer.Slice(0, cut)) await to.WriteAsync(segment, cancel);
        if (cut == piece.Buffer.Length) return;
        await to.WriteAsync(AtRootEnd().Bytes, cancel);
        foreach (var segment in piece.Buffer.Slice(cut)) await to.WriteAsync(segment, cancel);
    }

    async ValueTask<ReadResult> ReadOn(CancellationToken cancel)
    {
        try
        {
            return await reader.ReadAsync(cancel);
        }
        catch (BadHttpRequestException bad)
        {
            throw Refuse(Of(bad));
        }
    }

    /// <summary>What the server found wrong with a body that it was reading.</summary>
    public static GatewayError Of(BadHttpRequestException bad) => bad.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => GatewayError.TooLarge,
        StatusCodes.Status408RequestTimeout => GatewayError.TooSlow,
        // The server tells an end before its time from a wrong chunk by its words alone.
        _ => bad.Message.StartsWith("Unexpected end", StringComparison.Ordinal) ? GatewayError.CutShort : GatewayError.Malformed,
    };

    InvalidDataException Refuse(GatewayError fault)
    {
        Fault = fault;
        return new(fault.Message);
    }

    public void Dispose()
    {
        if (heldBeyond > 0) Interlocked.Add(ref held, -heldBeyond);
        ArrayPool<byte>.Shared.Return(head);
        (head, heldBeyond) = ([], 0);
    }
}
