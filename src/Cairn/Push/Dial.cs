using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cairn.Push;

/// <summary>Connections to targets, and whom they trust.</summary>
static class Dial
{
    public static readonly TimeSpan ConnectsWithin = TimeSpan.FromSeconds(10);

    /// <exception cref="PushFailedException">Nobody answers there.</exception>
    public static async Task<Socket> Connect(PushTarget target, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(ConnectsWithin);
        try
        {
            // A receiver that is gone without a word is noticed also while nothing is sent.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(target.Url.IdnHost.Trim('[', ']'), target.Port, patience.Token);
            return socket;
        }
        catch (Exception away) when (away is SocketException || (away is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            socket.Dispose();
            throw new PushFailedException($"{target.Address} does not answer: {(away as SocketException)?.Message ?? $"no connection within {ConnectsWithin.TotalSeconds:0} seconds"}", away);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>TLS over a connection, once the other side's certificate is trusted.</summary>
    /// <exception cref="PushFailedException">It is not, or the other side does not speak TLS.</exception>
    public static async Task<SslStream> Secure(PushTarget target, Stream inner, CancellationToken cancel)
    {
        var tls = new SslStream(inner);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(ConnectsWithin);
        try
        {
            var trust = Trust(target);
            trust.TargetHost = target.Url.IdnHost.Trim('[', ']');
            await tls.AuthenticateAsClientAsync(trust, patience.Token);
            return tls;
        }
        catch (Exception refused)
        {
            await tls.DisposeAsync();
            if (refused is OperationCanceledException && cancel.IsCancellationRequested) throw;
            if (refused is AuthenticationException or IOException or OperationCanceledException or CryptographicException) throw NotTrusted(target, refused);
            throw;
        }
    }

    /// <summary>Read at every connection, because certificates are renewed.</summary>
    public static SslClientAuthenticationOptions Trust(PushTarget target)
    {
        var options = new SslClientAuthenticationOptions();
        if (target.CertificateAuthority is { } authority)
        {
            options.CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            options.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(authority);
        }
        if (target.Certificate is { } certificate) options.ClientCertificates = [X509Certificate2.CreateFromPemFile(certificate, certificate)];
        return options;
    }

    public static PushFailedException NotTrusted(PushTarget target, Exception refused) => refused is AuthenticationException or CryptographicException
        ? new($"{target.Address} is not trusted: {refused.Message}{(target.CertificateAuthority is null ? " If its certificate is signed by an authority of your own, name that in CertificateAuthority." : "")}", refused) { IsRefused = true }
        : new($"{target.Address} does not answer with TLS: {(refused is OperationCanceledException ? $"nothing within {ConnectsWithin.TotalSeconds:0} seconds" : refused.Message)}", refused);
}
