using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cairn.Support;

/// <summary>A backend that reads one request and then does to its connection whatever the test says.</summary>
sealed class RawBackend : IAsyncDisposable
{
    readonly TcpListener listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource stopping = new();
    readonly Task work;

    public RawBackend(Func<Socket, CancellationToken, Task> answer)
    {
        listener.Start();
        work = Task.Run(async () =>
        {
            try
            {
                while (true) _ = Serve(await listener.AcceptSocketAsync(stopping.Token), answer);
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        });
    }

    public Uri Url => new($"http://{listener.LocalEndpoint}/v1");

    /// <summary>An answer's head and whatever follows it.</summary>
    public static RawBackend Saying(string text) => new((socket, cancel) => socket.SendAsync(Encoding.UTF8.GetBytes(text), cancel).AsTask());

    async Task Serve(Socket socket, Func<Socket, CancellationToken, Task> answer)
    {
        using (socket)
        {
            try
            {
                var buffer = new byte[64 * 1024];
                for (var read = 0; !IsRequest(Encoding.Latin1.GetString(buffer, 0, read));) read += await socket.ReceiveAsync(buffer.AsMemory(read), stopping.Token);
                await answer(socket, stopping.Token);
            }
            catch (Exception gone) when (gone is SocketException or OperationCanceledException)
            {
                // Cairn closed it, or the test is over.
            }
        }
    }

    /// <summary>A body has begun, or there is none.</summary>
    static bool IsRequest(string text) => text.Contains('{', StringComparison.Ordinal) || (text.StartsWith("GET", StringComparison.Ordinal) && text.EndsWith("\r\n\r\n", StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        listener.Stop();
        await work;
        stopping.Dispose();
    }
}
