using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Cairn.Access.Oidc;

/// <summary>Where a provider's doors are, as its discovery document says.</summary>
sealed record OidcDoors(Uri Authorization, Uri Token, Uri? UserInfo, Uri Keys, bool TakesSecretInBody);

/// <summary>What is asked of the provider over the wire. It is asked when someone signs in, never at start: a provider that is away keeps no one else out.</summary>
sealed class OidcProvider(OidcSettings settings, TimeProvider clock) : IDisposable
{
    const int MostBytes = 1024 * 1024;

    static readonly TimeSpan AnswersWithin = TimeSpan.FromSeconds(10), KeptFor = TimeSpan.FromHours(1), KeysAskedEvery = TimeSpan.FromSeconds(30);

    readonly HttpClient http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) }) { Timeout = AnswersWithin, MaxResponseContentBufferSize = MostBytes };
    readonly SemaphoreSlim asking = new(1);
    (OidcDoors Doors, JsonElement Keys, DateTimeOffset At)? known;

    string Issuer => settings.Issuer.OriginalString;

    public async Task<OidcDoors> Doors(CancellationToken cancel) => (await Known(null, cancel)).Doors;

    /// <summary>The provider's keys, asked for anew when the one with this id is not among them.</summary>
    public async Task<JsonElement> Keys(string? keyId, CancellationToken cancel) => (await Known(keyId, cancel)).Keys;

    async Task<(OidcDoors Doors, JsonElement Keys)> Known(string? keyId, CancellationToken cancel)
    {
        await asking.WaitAsync(cancel);
        try
        {
            var now = clock.GetUtcNow();
            if (known is { } kept && (now - kept.At).Duration() < KeptFor)
            {
                var lacksKey = keyId is not null && !HasKey(kept.Keys, keyId);
                // A token with an invented key id must not make Cairn ask again and again.
                if (!lacksKey || (now - kept.At).Duration() < KeysAskedEvery) return (kept.Doors, kept.Keys);
            }
            var doors = await Discover(cancel);
            var keys = await Get(doors.Keys, null, cancel);
            known = (doors, keys, now);
            return (doors, keys);
        }
        finally
        {
            asking.Release();
        }
    }

    static bool HasKey(JsonElement keys, string id) =>
        keys.TryGetProperty("keys", out var list) && list.ValueKind == JsonValueKind.Array && list.EnumerateArray().Any(key => Json.Text(key, "kid") == id);

    async Task<OidcDoors> Discover(CancellationToken cancel)
    {
        var document = await Get(new(Issuer.TrimEnd('/') + "/.well-known/openid-configuration"), null, cancel);
        if (Json.Text(document, "issuer") is not { } issuer || issuer != Issuer)
            throw new OidcException(OidcFault.ProviderAway, $"The provider calls itself {Records.Texts.Shown(Json.Text(document, "issuer") ?? "nothing")}, and Oidc:Issuer is {Issuer}; they must be the same to the letter.");
        var methods = Json.Texts(document, "token_endpoint_auth_methods_supported");
        return new(
            Door("authorization_endpoint") ?? throw Lacks("authorization_endpoint"), Door("token_endpoint") ?? throw Lacks("token_endpoint"),
            Door("userinfo_endpoint"), Door("jwks_uri") ?? throw Lacks("jwks_uri"), methods.Count > 0 && !methods.Contains("client_secret_basic"));

        // A provider with TLS does not send anyone to a door without.
        Uri? Door(string name) =>
            Uri.TryCreate(Json.Text(document, name), UriKind.Absolute, out var door) && (door.Scheme == "https" || (door.Scheme == "http" && settings.Issuer.Scheme == "http")) ? door : null;

        OidcException Lacks(string name) => new(OidcFault.ProviderAway, $"The provider's discovery document has no valid {name}.");
    }

    /// <summary>Trades the code that the browser brought for the provider's statement.</summary>
    public async Task<(string IdToken, string? AccessToken)> Exchange(string code, string verifier, string redirectUri, CancellationToken cancel)
    {
        var doors = await Doors(cancel);
        var form = new Dictionary<string, string> { ["grant_type"] = "authorization_code", ["code"] = code, ["redirect_uri"] = redirectUri, ["client_id"] = settings.ClientId, ["code_verifier"] = verifier };
        using var request = new HttpRequestMessage(HttpMethod.Post, doors.Token);
        if (settings.ClientSecret is { } secret)
        {
            if (doors.TakesSecretInBody) form["client_secret"] = secret;
            else request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(FormEncoded(settings.ClientId) + ":" + FormEncoded(secret))));
        }
        request.Content = new FormUrlEncodedContent(form);

        var (status, body) = await Send(request, cancel);
        if (status is >= 400 and < 500)
        {
            // The provider is there and says no: a code that was used or is too old, or a client that it does not know.
            var error = Records.Texts.Shown(body is { } refused ? Json.Text(refused, "error") ?? "" : "");
            throw new OidcException(error == "invalid_grant" ? OidcFault.Expired : OidcFault.ProviderAway, $"The provider's token endpoint answered {status} {error}.");
        }
        if (status != 200 || body is not { } answer) throw new OidcException(OidcFault.ProviderAway, $"The provider's token endpoint answered {status}.");
        return (Json.Text(answer, "id_token") ?? throw new OidcException(OidcFault.RefusedToken, "The provider sent no id_token; the scope must have openid."), Json.Text(answer, "access_token"));

        static string FormEncoded(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);
    }

    /// <summary>What the provider says of a person beside the token; null when it has no door for that.</summary>
    public async Task<JsonElement?> UserInfo(string accessToken, CancellationToken cancel) =>
        (await Doors(cancel)).UserInfo is { } door ? await Get(door, accessToken, cancel) : null;

    async Task<JsonElement> Get(Uri url, string? accessToken, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (accessToken is not null) request.Headers.Authorization = new("Bearer", accessToken);
        var (status, body) = await Send(request, cancel);
        return status == 200 && body is { } answer ? answer : throw new OidcException(OidcFault.ProviderAway, $"{url.GetLeftPart(UriPartial.Path)} answered {status}{(body is null && status == 200 ? " without a JSON object" : "")}.");
    }

    async Task<(int Status, JsonElement? Body)> Send(HttpRequestMessage request, CancellationToken cancel)
    {
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        try
        {
            using var answer = await http.SendAsync(request, cancel);
            return ((int)answer.StatusCode, Json.Object(await answer.Content.ReadAsByteArrayAsync(cancel)));
        }
        catch (Exception away) when (away is HttpRequestException or SocketException || (away is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new OidcException(OidcFault.ProviderAway, $"{request.RequestUri!.GetLeftPart(UriPartial.Path)} does not answer: {away.Message}", away);
        }
    }

    public void Dispose()
    {
        http.Dispose();
        asking.Dispose();
    }
}
