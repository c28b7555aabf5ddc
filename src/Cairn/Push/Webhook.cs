using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;
using Cairn.Records;

namespace Cairn.Push;

/// <summary>
/// Pushes over HTTP: each parcel is one call with a JSON array, signed as Standard Webhooks say. A parcel has arrived when
/// the answer is 2xx.
/// </summary>
sealed class Webhook(PushTarget target, TimeProvider clock) : IPushConnection
{
    /// <summary>Of an answer that is no success, this much is looked at.</summary>
    const int MostOfAnswer = 4_096;

    static readonly TimeSpan MostRetryAfter = TimeSpan.FromHours(1);

    HttpClient? http;
    int arrived;

    public async Task Send(Parcel parcel, CancellationToken cancel)
    {
        http ??= Open();
        using var call = Call(parcel);
        using var late = new CancellationTokenSource(target.Timeout, clock);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel, late.Token);
        try
        {
            using var answer = await http.SendAsync(call, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            if (!answer.IsSuccessStatusCode) throw await Refusal(answer, parcel, patience.Token);
            arrived++;
        }
        catch (OperationCanceledException given) when (!cancel.IsCancellationRequested)
        {
            throw new PushFailedException($"{target.Address} did not answer within {target.Timeout.TotalSeconds:0} seconds", given);
        }
        catch (SocketException reset)
        {
            throw new PushFailedException($"{target.Address} does not answer: {reset.Message}", reset);
        }
        catch (HttpRequestException away)
        {
            throw away.InnerException is AuthenticationException untrusted ? Dial.NotTrusted(target, untrusted)
                : new PushFailedException($"{target.Address} does not answer: {Why(away)}", away) { Said = away.HttpRequestError == HttpRequestError.InvalidResponse ? Shown(away.GetBaseException().Message) : null };
        }
    }

    public int Arrived() => Interlocked.Exchange(ref arrived, 0);

    public Task<int> Close(bool inOrder)
    {
        http?.Dispose();
        http = null;
        return Task.FromResult(Arrived());
    }

    public async Task<string> Ask(CancellationToken cancel)
    {
        using var socket = await Dial.Connect(target, cancel);
        if (!target.UsesTls) return "answers; whether it takes records shows when one is sent";
        await using var tls = await Dial.Secure(target, new NetworkStream(socket), cancel);
        return "answers and is trusted; whether it takes records shows when one is sent";
    }

    HttpClient Open() => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = Dial.ConnectsWithin,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        SslOptions = Dial.Trust(target),
    })
    { Timeout = Timeout.InfiniteTimeSpan };

    HttpRequestMessage Call(Parcel parcel)
    {
        var body = Body(parcel);
        var (id, at) = (Name(parcel), clock.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        var call = new HttpRequestMessage(HttpMethod.Post, target.Url) { Content = new ByteArrayContent(body) };
        call.Content.Headers.ContentType = new("application/json");
        call.Headers.UserAgent.Add(new ProductInfoHeaderValue("Cairn", null));
        call.Headers.Add("cairn-records", parcel.Kind + "s");
        call.Headers.Add("webhook-id", id);
        call.Headers.Add("webhook-timestamp", at);
        if (target.Secrets.Count > 0) call.Headers.Add("webhook-signature", string.Join(' ', target.Secrets.Select(secret => "v1," + Signature(secret, id, at, body))));
        if (target.Authorization is { } authorization) call.Headers.TryAddWithoutValidation("Authorization", authorization);
        return call;
    }

    static byte[] Body(Parcel parcel)
    {
        var body = new byte[parcel.Bytes + parcel.Items.Count + 1];
        var end = 0;
        foreach (var item in parcel.Items)
        {
            body[end++] = (byte)(end == 1 ? '[' : ',');
            var json = parcel.Json(item);
            json.CopyTo(body.AsSpan(end));
            end += json.Length;
        }
        body[end] = (byte)']';
        return body;
    }

    /// <summary>The same for the same records, so that a receiver knows a call that it had before.</summary>
    string Name(Parcel parcel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{target.Name}\n{parcel.Kind}\n{string.Join('\n', parcel.Items.Select(item => item.Id))}"));
        return "msg_" + Convert.ToHexStringLower(hash.GetHashAndReset())[..32];
    }

    static string Signature(byte[] secret, string id, string at, byte[] body)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, secret);
        hash.AppendData(Encoding.ASCII.GetBytes($"{id}.{at}."));
        hash.AppendData(body);
        return Convert.ToBase64String(hash.GetHashAndReset());
    }

    async Task<PushFailedException> Refusal(HttpResponseMessage answer, Parcel parcel, CancellationToken cancel)
    {
        var status = (int)answer.StatusCode;
        var isTooLarge = answer.StatusCode == HttpStatusCode.RequestEntityTooLarge && parcel.Items.Count > 1;
        var isPassing = status >= 500 || answer.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests;
        var why = status is >= 300 and < 400 ? $"{target.Address} answers {status}; a redirect is not followed, give the address that it leads to" : $"{target.Address} answers {status}";
        return new(why) { Said = await Said(answer, cancel), IsTooLarge = isTooLarge, IsRefused = !isPassing && !isTooLarge, RetryAfter = RetryAfter(answer.Headers.RetryAfter) };
    }

    TimeSpan RetryAfter(RetryConditionHeaderValue? asked)
    {
        var wait = asked?.Delta ?? (asked?.Date is { } date ? date - clock.GetUtcNow() : TimeSpan.Zero);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > MostRetryAfter ? MostRetryAfter : wait;
    }

    /// <summary>What a message of the platform says may hold what the receiver sent.</summary>
    static string Why(HttpRequestException away) => away.GetBaseException() is SocketException broken ? broken.Message : away.HttpRequestError switch
    {
        HttpRequestError.InvalidResponse => "what it sends is not HTTP",
        HttpRequestError.ResponseEnded => "it ended the connection",
        HttpRequestError.ConfigurationLimitExceeded => "the head of its answer is too long",
        HttpRequestError.SecureConnectionError => "it does not agree on TLS",
        _ => "the connection broke off",
    };

    /// <summary>What the receiver says of it, without what it may have been told in confidence.</summary>
    async Task<string?> Said(HttpResponseMessage answer, CancellationToken cancel)
    {
        var bytes = new byte[MostOfAnswer];
        int length;
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(cancel);
            length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancel);
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            // The status was said; what should have followed is not needed.
            return null;
        }
        var text = Encoding.UTF8.GetString(bytes.AsSpan(0, length)).Trim();
        return text.Length == 0 ? null : Shown(text);
    }

    string Shown(string text) => Confidential().Any(secret => text.Contains(secret, StringComparison.OrdinalIgnoreCase)) ? "(hidden: it repeats a secret)" : Texts.Shown(text);

    IEnumerable<string> Confidential()
    {
        const int shortest = 8;
        var address = target.Url.PathAndQuery.Split('/', '?', '&', '=');
        var parts = (target.Authorization ?? "").Split(' ').Concat(target.Secrets.Select(Convert.ToBase64String)).Concat(address).Concat(address.Select(Uri.UnescapeDataString));
        return parts.Where(part => part.Length >= shortest);
    }

    public async ValueTask DisposeAsync() => await Close(inOrder: true);
}
