using System.Buffers;
using System.Buffers.Text;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Cairn.Gateway;

/// <summary>A backend failed in one of the ways that the gateway tells apart.</summary>
sealed class BackendException(GatewayError error) : IOException(error.Message)
{
    public GatewayError Error => error;
}

/// <summary>
/// One HTTP/1.1 connection to a backend, which carries one call after another. It holds nothing of a body but what one read
/// brought. Whoever aborts it, from any thread, makes what waits on it fail.
/// </summary>
sealed class BackendConnection : IDisposable
{
    const int MostHeadBytes = 64 * 1024, BufferBytes = 8 * 1024, MostChunkLine = 1024;

    static readonly SearchValues<byte> NameLetters = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    readonly Socket socket;
    readonly Stream stream;
    readonly ArrayBufferWriter<byte> sending = new(2 * 1024);
    readonly List<(string Name, string Value)> headers = [];
    byte[] buffer = new byte[BufferBytes];
    int start, end;
    long left;
    bool isChunked, endsWithConnection, isAfterChunk, keeps, sentAll = true;

    BackendConnection(Socket socket, Stream stream, long openedAt) => (this.socket, this.stream, OpenedAt, IdleSince) = (socket, stream, openedAt, openedAt);

    /// <summary>By the machine's own clock of milliseconds, which no one sets.</summary>
    public long OpenedAt { get; }

    public long IdleSince { get; private set; }

    public int Status { get; private set; }

    public IReadOnlyList<(string Name, string Value)> Headers => headers;

    /// <summary>How long the answer's body is; null when only its end tells.</summary>
    public long? Length { get; private set; }

    /// <summary>True once the answer was read to its end on a connection that takes another call.</summary>
    public bool IsReusable { get; private set; }

    /// <summary>Null for a header that the answer lacks.</summary>
    public string? Header(string name)
    {
        foreach (var header in headers)
            if (header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) return header.Value;
        return null;
    }

    /// <exception cref="BackendException">No connection came about.</exception>
    public static async Task<BackendConnection> Open(Uri url, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(url.IdnHost, url.Port, cancel);
            Stream stream = new NetworkStream(socket, ownsSocket: true);
            if (url.Scheme == Uri.UriSchemeHttps)
            {
                var secure = new SslStream(stream);
                await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = url.IdnHost, ApplicationProtocols = [SslApplicationProtocol.Http11] }, cancel);
                stream = secure;
            }
            return new(socket, stream, Environment.TickCount64);
        }
        catch (Exception failure) when (failure is SocketException or IOException or System.Security.Authentication.AuthenticationException or OperationCanceledException)
        {
            socket.Dispose();
            throw new BackendException(GatewayError.Unreachable);
        }
    }

    /// <summary>True while the other side neither closed it nor said anything out of turn.</summary>
    public bool IsQuiet()
    {
        try
        {
            return !socket.Poll(0, SelectMode.SelectRead);
        }
        catch (Exception failure) when (failure is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Begins a request's head; whoever calls adds headers and then sends.</summary>
    public void Begin(string method, string target, string host)
    {
        sending.ResetWrittenCount();
        Append(method);
        Append(" ");
        Append(target);
        Append(" HTTP/1.1\r\nHost: ");
        Append(host);
        Append("\r\n");
    }

    /// <summary>Adds a header. One that would not stay on its line is left out.</summary>
    public void Add(string name, string value)
    {
        if (value.AsSpan().ContainsAny('\r', '\n', '\0')) return;
        Append(name);
        Append(": ");
        Append(value);
        Append("\r\n");
    }

    void Append(string text) => sending.Advance(Encoding.UTF8.GetBytes(text, sending.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length))));

    /// <summary>Sends the request and reads the head of its answer. A backend may answer before it has read all of a body.</summary>
    /// <exception cref="BackendException">The backend closed, or does not speak HTTP.</exception>
    public async ValueTask Send(RequestBody? body)
    {
        if (body is not null)
        {
            if (body.Length is { } length) Add("Content-Length", length.ToString());
            else Add("Transfer-Encoding", "chunked");
        }
        Append("\r\n");

        if (body is null or { IsWhole: true })
        {
            // What is small leaves in one piece.
            if (body?.TryAppend(sending) != false) await Write(sending.WrittenMemory);
            else
            {
                await Write(sending.WrittenMemory);
                await body.CopyTo(stream);
            }
            await ReadHead();
            return;
        }

        await Write(sending.WrittenMemory);
        var copying = body.Length is null ? CopyInChunks(body) : body.CopyTo(stream);
        var head = ReadHead().AsTask();
        if (await Task.WhenAny(copying, head) == copying && body.Fault is not null)
        {
            Dispose();
            await head.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await copying;
        }
        // A backend that closed while it was sent the body may have said why.
        await head;
        sentAll = copying.IsCompletedSuccessfully;
    }

    async Task CopyInChunks(RequestBody body)
    {
        await body.CopyTo(new ChunkedStream(stream));
        await stream.WriteAsync("0\r\n\r\n"u8.ToArray());
    }

    async ValueTask Write(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await stream.WriteAsync(bytes);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            throw new BackendException(GatewayError.Reset);
        }
    }

    async ValueTask ReadHead()
    {
        do
        {
            var lines = 0;
            headers.Clear();
            (Length, isChunked, endsWithConnection, isAfterChunk, IsReusable) = (null, false, false, false, false);
            for (var read = 0; ; lines++)
            {
                var line = await ReadLine(MostHeadBytes);
                read += line.Length;
                if (read > MostHeadBytes) throw new BackendException(GatewayError.Garbage);
                if (lines == 0) keeps = ReadStatus(line.Span);
                else if (line.Length == 0) break;
                else ReadHeader(line.Span);
            }
            Frame();
        }
        while (Status is >= 100 and < 200);
    }

    /// <summary>The next line without its end, which stays valid until the next read.</summary>
    async ValueTask<ReadOnlyMemory<byte>> ReadLine(int most)
    {
        for (var looked = 0; ;)
        {
            var place = buffer.AsSpan(start + looked, end - start - looked).IndexOf((byte)'\n');
            if (place >= 0)
            {
                place += looked;
                var line = buffer.AsMemory(start, place > 0 && buffer[start + place - 1] == '\r' ? place - 1 : place);
                start += place + 1;
                return line;
            }
            looked = end - start;
            if (looked > most) throw new BackendException(GatewayError.Garbage);
            await Fill();
        }
    }

    /// <summary>Reads more behind what is there.</summary>
    async ValueTask Fill()
    {
        if (start == end) start = end = 0;
        else if (end == buffer.Length)
        {
            var held = buffer.AsSpan(start, end - start);
            if (held.Length == buffer.Length) buffer = new byte[2 * buffer.Length];
            held.CopyTo(buffer);
            (start, end) = (0, held.Length);
        }
        var read = await ReadStream(buffer.AsMemory(end));
        if (read == 0) throw new BackendException(GatewayError.Reset);
        end += read;
    }

    async ValueTask<int> ReadStream(Memory<byte> to)
    {
        try
        {
            return await stream.ReadAsync(to);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            throw new BackendException(GatewayError.Reset);
        }
    }

    /// <summary><c>HTTP/1.1 200 OK</c>; answers whether the connection stays when nothing else is said.</summary>
    bool ReadStatus(ReadOnlySpan<byte> line)
    {
        if (line.Length < 12 || !line.StartsWith("HTTP/1."u8) || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' ' || (line.Length > 12 && line[12] != ' ')
            || !Utf8Parser.TryParse(line.Slice(9, 3), out int status, out var digits) || digits != 3 || status < 100) throw new BackendException(GatewayError.Garbage);
        Status = status;
        return line[7] == '1';
    }

    void ReadHeader(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(NameLetters)) throw new BackendException(GatewayError.Garbage);
        headers.Add((Encoding.Latin1.GetString(line[..colon]), Encoding.Latin1.GetString(line[(colon + 1)..].Trim(" \t"u8))));
    }

    /// <summary>How the body's end is known.</summary>
    void Frame()
    {
        string? length = null, coding = null;
        foreach (var (name, value) in headers)
        {
            if (name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
            {
                if (length is not null && length != value) throw new BackendException(GatewayError.Garbage);
                length = value;
            }
            else if (name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)) coding = coding is null ? value : throw new BackendException(GatewayError.Garbage);
            else if (name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
            {
                if (value.Contains("close", StringComparison.OrdinalIgnoreCase)) keeps = false;
                else if (value.Contains("keep-alive", StringComparison.OrdinalIgnoreCase)) keeps = true;
            }
        }
        if (Status is < 200 or 204 or 304) Length = left = 0;
        else if (coding is not null)
        {
            if (!coding.Equals("chunked", StringComparison.OrdinalIgnoreCase)) throw new BackendException(GatewayError.Garbage);
            (isChunked, left) = (true, 0);
        }
        else if (length is not null)
        {
            if (length.Length is 0 or > 18 || length.AsSpan().ContainsAnyExceptInRange('0', '9')) throw new BackendException(GatewayError.Garbage);
            Length = left = long.Parse(length);
        }
        else (endsWithConnection, left) = (true, long.MaxValue);
        if (Length == 0) Complete();
    }

    void Complete() => IsReusable = keeps && sentAll && !endsWithConnection && start == end;

    /// <summary>Reads on in the answer's body; zero at its end.</summary>
    /// <exception cref="BackendException">The body ended before its end, or is not framed as it says.</exception>
    public async ValueTask<int> Read(Memory<byte> to)
    {
        if (isChunked && left == 0 && !await NextChunk()) return 0;
        if (left == 0) return 0;

        var most = (int)Math.Min(left, to.Length);
        int read;
        if (end > start)
        {
            read = Math.Min(most, end - start);
            buffer.AsSpan(start, read).CopyTo(to.Span);
            start += read;
        }
        else if (isChunked)
        {
            // Small chunks come many at once.
            await Fill();
            return await Read(to);
        }
        else
        {
            read = await ReadStream(to[..most]);
            if (read == 0) return endsWithConnection ? 0 : throw new BackendException(GatewayError.Reset);
        }
        left -= read;
        if (left == 0 && !isChunked) Complete();
        return read;
    }

    /// <summary>True when the next read needs nothing from the other side, so that what it brings may as well go on together with what is there.</summary>
    public bool HasMore
    {
        get
        {
            if (left > 0) return end > start;
            var rest = buffer.AsSpan(start, end - start);
            if (!isAfterChunk || !rest.StartsWith("\r\n"u8) || rest[2..].IndexOf((byte)'\n') is not (>= 0 and var line)) return false;
            // The line that says how long the next chunk is, and its first byte; of the last chunk also what follows it.
            return rest.Length > line + 3 + (rest[2] == '0' ? 1 : 0);
        }
    }

    async ValueTask<bool> NextChunk()
    {
        if (isAfterChunk && (await ReadLine(MostChunkLine)).Length > 0) throw new BackendException(GatewayError.Garbage);
        var line = await ReadLine(MostChunkLine);
        var digits = line.Span.IndexOfAny((byte)';', (byte)' ') is >= 0 and var stop ? line.Span[..stop] : line.Span;
        if (digits.Length is 0 or > 15 || !Utf8Parser.TryParse(digits, out long size, out var used, 'x') || used != digits.Length) throw new BackendException(GatewayError.Garbage);
        (left, isAfterChunk) = (size, true);
        if (size > 0) return true;

        // What may follow the last chunk is passed over.
        for (var trailer = 0; (await ReadLine(MostHeadBytes)) is { Length: > 0 } rest;)
            if ((trailer += rest.Length) > MostHeadBytes) throw new BackendException(GatewayError.Garbage);
        (isChunked, isAfterChunk, left) = (false, false, 0);
        Complete();
        return false;
    }

    public void Rest() => IdleSince = Environment.TickCount64;

    public void Dispose() => stream.Dispose();

    /// <summary>Frames what is written, for a body whose length is not known beforehand.</summary>
    sealed class ChunkedStream(Stream inner) : Stream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel = default)
        {
            if (bytes.Length == 0) return;
            await inner.WriteAsync(Encoding.ASCII.GetBytes($"{bytes.Length:x}\r\n"), cancel);
            await inner.WriteAsync(bytes, cancel);
            await inner.WriteAsync("\r\n"u8.ToArray(), cancel);
        }

        public override Task FlushAsync(CancellationToken cancel) => inner.FlushAsync(cancel);
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() => throw new NotSupportedException();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
