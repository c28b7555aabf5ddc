using System.Buffers;
using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Cairn.Push;

/// <summary>
/// Pushes to syslog over TCP or TLS. Syslog acknowledges nothing, so a parcel counts as arrived when the receiver's machine
/// acknowledged its bytes and the connection lived on for a while, or when the receiver ended it in good order after having
/// read to its end. Whatever ends otherwise is sent again.
/// </summary>
sealed class Syslog(PushTarget target) : IPushConnection
{
    /// <summary>A receiver that dies with unread bytes in its machine's hands breaks the connection off within this time.</summary>
    public static readonly TimeSpan Settles = TimeSpan.FromSeconds(2);

    static readonly TimeSpan GoodbyeAfter = TimeSpan.FromSeconds(5);

    readonly Queue<(long Bytes, long At)> underWay = new();
    readonly ArrayBufferWriter<byte> frames = new(64 * 1024);
    Wire? wire;

    public async Task Send(Parcel parcel, CancellationToken cancel)
    {
        // One that was ended while nothing was under way took nothing with it.
        if (wire is { HasEnded: true } && underWay.Count == 0) await Close(inOrder: false);
        wire ??= await Wire.Open(target, cancel);

        frames.ResetWrittenCount();
        foreach (var item in parcel.Items) SyslogFrame.Write(frames, parcel.Kind, item, parcel.Json(item), target.Facility);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(target.Timeout);
        try
        {
            await wire.Write(frames.WrittenMemory, patience.Token);
            underWay.Enqueue((wire.Written, Stopwatch.GetTimestamp()));
        }
        catch (OperationCanceledException late) when (!cancel.IsCancellationRequested)
        {
            throw new PushFailedException($"{target.Address} did not take what it was sent within {target.Timeout.TotalSeconds:0} seconds", late);
        }
        catch (IOException broken)
        {
            throw new PushFailedException($"{target.Address} broke the connection off", broken);
        }
    }

    public int Arrived()
    {
        if (underWay.Count == 0 || wire is null) return 0;
        if (wire.HasEnded) throw new PushFailedException($"{target.Address} ended the connection before it was known to have everything");
        var acknowledged = wire.Acknowledged();
        var arrived = 0;
        while (underWay.TryPeek(out var oldest) && acknowledged >= oldest.Bytes && Stopwatch.GetElapsedTime(oldest.At) >= Settles)
        {
            underWay.Dequeue();
            arrived++;
        }
        if (arrived == 0 && acknowledged < underWay.Peek().Bytes && Stopwatch.GetElapsedTime(underWay.Peek().At) > target.Timeout)
            throw new PushFailedException($"{target.Address} did not acknowledge what it was sent within {target.Timeout.TotalSeconds:0} seconds");
        return arrived;
    }

    public async Task<int> Close(bool inOrder)
    {
        if (wire is null) return 0;
        var arrived = inOrder && await wire.Goodbye(GoodbyeAfter) ? underWay.Count : 0;
        underWay.Clear();
        await wire.DisposeAsync();
        wire = null;
        return arrived;
    }

    public async Task<string> Ask(CancellationToken cancel)
    {
        await using var asked = await Wire.Open(target, cancel);
        return target.UsesTls ? "answers and is trusted; syslog says nothing of what it takes" : "answers; syslog says nothing of what it takes, and without TLS anyone on the way can read it";
    }

    public async ValueTask DisposeAsync() => await Close(inOrder: true);

    /// <summary>One connection, and what the other side does with it.</summary>
    sealed class Wire : IAsyncDisposable
    {
        /// <summary>What Linux tells of a connection, and where in it the number of acknowledged bytes stands.</summary>
        const int Tcp = 6, TcpInfo = 11, AcknowledgedAt = 120;

        readonly Socket socket;
        readonly CountingStream counting;
        readonly Stream stream;
        readonly bool tellsAcknowledged;

        /// <summary>Ends when the other side ends the connection: true when it had read everything.</summary>
        readonly Task<bool> listening;

        Wire(Socket socket, CountingStream counting, Stream stream)
        {
            (this.socket, this.counting, this.stream) = (socket, counting, stream);
            tellsAcknowledged = Told() > 0;
            listening = Listen();
        }

        public static async Task<Wire> Open(PushTarget target, CancellationToken cancel)
        {
            var socket = await Dial.Connect(target, cancel);
            var counting = new CountingStream(new NetworkStream(socket, ownsSocket: true));
            return new(socket, counting, target.UsesTls ? await Dial.Secure(target, counting, cancel) : counting);
        }

        public bool HasEnded => listening.IsCompleted;

        /// <summary>Bytes given to the connection.</summary>
        public long Written => counting.Written;

        public async Task Write(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            await stream.WriteAsync(bytes, cancel);
            await stream.FlushAsync(cancel);
        }

        /// <summary>Of the bytes given to the connection, those that the other side's machine has. Where the system does not tell, they are taken for acknowledged.</summary>
        public long Acknowledged() => tellsAcknowledged ? Told() - 1 : long.MaxValue;

        /// <summary>The opening of the connection counts as one.</summary>
        long Told()
        {
            if (!OperatingSystem.IsLinux()) return 0;
            Span<byte> info = stackalloc byte[AcknowledgedAt + sizeof(long)];
            return socket.GetRawSocketOption(Tcp, TcpInfo, info) == info.Length ? MemoryMarshal.Read<long>(info[AcknowledgedAt..]) : 0;
        }

        async Task<bool> Listen()
        {
            var buffer = new byte[256];
            try
            {
                while (await stream.ReadAsync(buffer) > 0) { }
                return true;
            }
            catch (Exception error) when (error is IOException or ObjectDisposedException)
            {
                return false;
            }
        }

        /// <summary>Says that nothing more comes, and waits for the other side to end the connection. True when it did so having read everything.</summary>
        public async Task<bool> Goodbye(TimeSpan most)
        {
            if (HasEnded) return false;
            try
            {
                // To who reads no more not even a goodbye can be sent.
                if (stream is SslStream tls) await tls.ShutdownAsync().WaitAsync(most);
                socket.Shutdown(SocketShutdown.Send);
                // Who ends a connection with bytes unread breaks it off; what was never acknowledged came too late to be read.
                return await listening.WaitAsync(most) && Acknowledged() >= Written;
            }
            catch (Exception error) when (error is IOException or SocketException or TimeoutException)
            {
                return false;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await stream.DisposeAsync();
            await listening;
        }
    }

    /// <summary>Counts what passes, so that it can be compared with what was acknowledged; below TLS, which adds to it.</summary>
    sealed class CountingStream(NetworkStream inner) : Stream
    {
        long written;

        public long Written => Volatile.Read(ref written);

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await inner.WriteAsync(buffer, cancellationToken);
            Interlocked.Add(ref written, buffer.Length);
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override async ValueTask DisposeAsync()
        {
            await inner.DisposeAsync();
            await base.DisposeAsync();
        }

        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override void Write(byte[] buffer, int offset, int count)
        {
            inner.Write(buffer, offset, count);
            Interlocked.Add(ref written, count);
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
