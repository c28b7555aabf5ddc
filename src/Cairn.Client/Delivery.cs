using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Cairn.Client;

/// <summary>What became of events that were sent together.</summary>
/// <param name="Refused">Those that Cairn does not take, by their place, and why.</param>
/// <param name="TryAgainIn">Null when Cairn has all others on disk; else none was taken, and when to come again.</param>
/// <param name="Problem">Why not, for people.</param>
sealed record Delivered(IReadOnlyList<(int Index, string Why)> Refused, TimeSpan? TryAgainIn = null, string? Problem = null);

/// <summary>Takes events to Cairn over HTTP. Sending again is harmless, as every event has its id.</summary>
sealed class Delivery(CairnOptions options) : IDisposable
{
    public const int MostEvents = 1_000, MostBytes = 4 * 1024 * 1024;

    static readonly TimeSpan Soon = TimeSpan.FromSeconds(1), NotSoon = TimeSpan.FromSeconds(30);

    readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { BaseAddress = options.Url, Timeout = options.Timeout };

    public async Task<Delivered> Send(IReadOnlyList<byte[]> lines, CancellationToken cancel)
    {
        using var body = new MemoryStream();
        foreach (var line in lines)
        {
            body.Write(line);
            body.WriteByte((byte)'\n');
        }
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/events") { Content = new ByteArrayContent(body.GetBuffer(), 0, (int)body.Length) };
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + options.Key);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        try
        {
            using var answer = await http.SendAsync(request, cancel).ConfigureAwait(false);
            var text = await answer.Content.ReadAsStringAsync(cancel).ConfigureAwait(false);
            return answer.StatusCode switch
            {
                HttpStatusCode.OK => Read(text),
                HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnsupportedMediaType when lines.Count > 1 => await Halves(lines, cancel).ConfigureAwait(false),
                HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnsupportedMediaType => new([(0, Detail(text))]),
                HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new([], NotSoon, $"Cairn at {options.Url} refuses the key ({(int)answer.StatusCode}): {Detail(text)}"),
                HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable => new([], answer.Headers.RetryAfter?.Delta ?? Soon, $"Cairn at {options.Url} takes nothing now ({(int)answer.StatusCode}): {Detail(text)}"),
                var status => new([], Soon, $"{options.Url} answered {(int)status}; is that a Cairn's gateway?"),
            };
        }
        // Whatever went wrong on the way, such as a connection reset before its first use, which comes as a SocketException: what is recorded goes on waiting, and why is told.
        catch (Exception away) when (away is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            return new([], Soon, $"Cairn at {options.Url} cannot be reached: {away.Message}");
        }
    }

    /// <summary>Something among them spoils the whole; the others must not wait for it for ever.</summary>
    async Task<Delivered> Halves(IReadOnlyList<byte[]> lines, CancellationToken cancel)
    {
        var half = lines.Count / 2;
        var first = await Send([.. lines.Take(half)], cancel).ConfigureAwait(false);
        if (first.TryAgainIn is not null) return first;
        var second = await Send([.. lines.Skip(half)], cancel).ConfigureAwait(false);
        // What the first half had taken is known to Cairn by its ids.
        if (second.TryAgainIn is not null) return second;
        return new([.. first.Refused, .. second.Refused.Select(one => (one.Index + half, one.Why))]);
    }

    static Delivered Read(string text)
    {
        using var answer = JsonDocument.Parse(text);
        return new([.. answer.RootElement.GetProperty("rejected").EnumerateArray().Select(one => (one.GetProperty("index").GetInt32(), one.GetProperty("error").GetString() ?? ""))]);
    }

    static string Detail(string text)
    {
        try
        {
            using var problem = JsonDocument.Parse(text);
            return problem.RootElement.TryGetProperty("detail", out var detail) ? detail.GetString() ?? "" : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    public void Dispose() => http.Dispose();
}
