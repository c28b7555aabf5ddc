using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Cairn.Support;

/// <summary>An answer, read whole.</summary>
sealed record Answer(int Status, byte[] Bytes, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders)
{
    public string Text => Encoding.UTF8.GetString(Bytes);

    public JsonElement Json => JsonDocument.Parse(Bytes).RootElement;

    /// <summary>A header's value; null when the answer lacks it.</summary>
    public string? Header(string name) =>
        Headers.TryGetValues(name, out var values) || ContentHeaders.TryGetValues(name, out values) ? string.Join(", ", values) : null;

    /// <summary>What a problem says is wrong.</summary>
    public string Detail => Json.GetProperty("detail").GetString()!;

    public long Total => long.Parse(Header("X-Total-Count")!);

    public IReadOnlyList<JsonElement> Items => [.. (Json.ValueKind == JsonValueKind.Array ? Json : Json.GetProperty("items")).EnumerateArray()];

    public Answer Expect(int status)
    {
        Assert.True(Status == status, $"{Status} instead of {status}: {Text}");
        return this;
    }
}

/// <summary>Someone who calls one listener, with or without a key. Like a browser, they keep the cookies that they are given.</summary>
sealed class Client(HttpClient http, string? key = null)
{
    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public HttpClient Http => http;

    public string? Key => key;

    /// <summary>By name.</summary>
    public Dictionary<string, string> Cookies { get; } = new(StringComparer.Ordinal);

    /// <summary>What a call of this client has in its Cookie header; null for none.</summary>
    public string? CookieHeader => Cookies.Count == 0 ? null : string.Join("; ", Cookies.Select(cookie => cookie.Key + "=" + cookie.Value));

    public Task<Answer> Get(string path) => Send(HttpMethod.Get, path);

    public Task<Answer> Patch(string path, string body) => Send(HttpMethod.Patch, path, new StringContent(body, Encoding.UTF8, "application/json"));

    public Task<Answer> Put(string path, string body) => Send(HttpMethod.Put, path, new StringContent(body, Encoding.UTF8, "application/json"));

    public Task<Answer> Delete(string path) => Send(HttpMethod.Delete, path);

    public Task<Answer> Post(string path, string body = "", string? type = "application/json") => Post(path, Encoding.UTF8.GetBytes(body), type);

    public Task<Answer> Post(string path, byte[] body, string? type = "application/json", string? encoding = null)
    {
        var content = new ByteArrayContent(body);
        if (type is not null) content.Headers.TryAddWithoutValidation("Content-Type", type);
        if (encoding is not null) content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        return Send(HttpMethod.Post, path, content);
    }

    public async Task<Answer> Send(HttpMethod method, string path, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        using var request = Request(method, path);
        request.Content = content;
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var answer = await http.SendAsync(request, Cancel);
        if (answer.Headers.TryGetValues("Set-Cookie", out var given)) foreach (var cookie in given) Keep(cookie);
        return new((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(Cancel), answer.Headers, answer.Content.Headers);
    }

    void Keep(string cookie)
    {
        var parts = cookie.Split(';', StringSplitOptions.TrimEntries);
        var (name, value) = (parts[0][..parts[0].IndexOf('=')], parts[0][(parts[0].IndexOf('=') + 1)..]);
        if (value.Length == 0) Cookies.Remove(name);
        else Cookies[name] = value;
    }

    public HttpRequestMessage Request(HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, path);
        if (key is not null) request.Headers.Authorization = new("Bearer", key);
        if (CookieHeader is { } cookies) request.Headers.TryAddWithoutValidation("Cookie", cookies);
        return request;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(bytes);
        return packed.ToArray();
    }
}
