using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Cairn.Access.Oidc;

/// <summary>
/// A provider's statement of who someone is, checked as OpenID Connect Core 3.1.3.7 asks: signed with a key of the provider
/// by an asymmetric algorithm, made by it, for this client, for this very sign-in, and now.
/// </summary>
static class IdToken
{
    /// <summary>How far the clocks of two machines may be apart.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromMinutes(2);

    const int LongestToken = 64 * 1024;

    /// <summary>The key id of a token, whose signature nobody looked at yet; null when it names none.</summary>
    public static string? KeyId(string token) => Part(token, 0) is { } header ? Json.Text(header, "kid") : null;

    /// <param name="keys">The provider's, as its JWKS has them.</param>
    /// <returns>The claims.</returns>
    /// <exception cref="OidcException">The token is not what it must be.</exception>
    public static JsonElement Read(string token, JsonElement keys, string issuer, string clientId, string nonce, DateTimeOffset now)
    {
        // 1. The signature, by a key that fits the algorithm. "none" and shared secrets are no signatures here.
        var parts = token.Split('.');
        if (token.Length > LongestToken || parts.Length != 3 || Part(token, 0) is not { } header || Part(token, 1) is not { } claims || Decoded(parts[2]) is not { } signature) throw Refused("it is not a signed token");
        var algorithm = Json.Text(header, "alg") ?? "";
        var signed = Encoding.ASCII.GetBytes(parts[0] + "." + parts[1]);
        if (header.TryGetProperty("crit", out _)) throw Refused("it asks for extensions that are not known");
        if (!Candidates(keys, Json.Text(header, "kid"), algorithm).Any(key => IsSignedWith(key, algorithm, signed, signature))) throw Refused($"no key of the provider signed it ({algorithm})");

        // 2. By whom, for whom, for what.
        if (Json.Text(claims, "iss") != issuer) throw Refused("another issuer made it");
        var audiences = Json.Texts(claims, "aud");
        if (!audiences.Contains(clientId)) throw Refused("it is for another client");
        if ((audiences.Count > 1 || claims.TryGetProperty("azp", out _)) && Json.Text(claims, "azp") != clientId) throw Refused("it was asked for by another client");
        if (Json.Text(claims, "nonce") is not { } given || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(nonce))) throw Refused("it belongs to another sign-in");
        if (string.IsNullOrEmpty(Json.Text(claims, "sub"))) throw Refused("it names nobody");

        // 3. When.
        if (Json.Time(claims, "exp") is not { } expires || Json.Time(claims, "iat") is not { } issued) throw Refused("it has no times");
        if (expires + Skew <= now || issued - Skew > now || (Json.Time(claims, "nbf") is { } from && from - Skew > now))
            throw new OidcException(OidcFault.ClocksDiffer, $"The token is valid from {issued:u} to {expires:u}, and here it is {now:u}.");
        return claims;
    }

    static OidcException Refused(string why) => new(OidcFault.RefusedToken, $"The provider's token was refused: {why}.");

    static JsonElement? Part(string token, int place) => token.Split('.') is { Length: 3 } parts && Decoded(parts[place]) is { } bytes ? Json.Object(bytes) : null;

    static byte[]? Decoded(string part)
    {
        try
        {
            return Base64Url.DecodeFromChars(part);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>The keys that may have signed: those of the id, or all of the right type when the token names none.</summary>
    static IEnumerable<JsonElement> Candidates(JsonElement keys, string? id, string algorithm)
    {
        var type = algorithm is ['E', 'S', ..] ? "EC" : algorithm is ['R', 'S', ..] or ['P', 'S', ..] ? "RSA" : null;
        if (!keys.TryGetProperty("keys", out var list) || list.ValueKind != JsonValueKind.Array) return [];
        return list.EnumerateArray().Where(key => Json.Text(key, "kty") == type && (id is null || Json.Text(key, "kid") == id) && Json.Text(key, "use") is null or "sig" && (Json.Text(key, "alg") ?? algorithm) == algorithm);
    }

    static bool IsSignedWith(JsonElement key, string algorithm, byte[] signed, byte[] signature)
    {
        HashAlgorithmName? hash = algorithm.Length == 5 ? algorithm[2..] switch { "256" => HashAlgorithmName.SHA256, "384" => HashAlgorithmName.SHA384, "512" => HashAlgorithmName.SHA512, _ => null } : null;
        if (hash is not { } name) return false;
        try
        {
            switch (algorithm[..2])
            {
                case "RS" or "PS":
                    using (var rsa = RSA.Create(new RSAParameters { Modulus = Number(key, "n"), Exponent = Number(key, "e") }))
                        return rsa.KeySize >= 2048 && rsa.VerifyData(signed, signature, name, algorithm[0] == 'R' ? RSASignaturePadding.Pkcs1 : RSASignaturePadding.Pss);
                case "ES":
                    ECCurve? curve = (Json.Text(key, "crv"), algorithm) switch { ("P-256", "ES256") => ECCurve.NamedCurves.nistP256, ("P-384", "ES384") => ECCurve.NamedCurves.nistP384, ("P-521", "ES512") => ECCurve.NamedCurves.nistP521, _ => null };
                    if (curve is null) return false;
                    using (var ecdsa = ECDsa.Create(new ECParameters { Curve = curve.Value, Q = new() { X = Number(key, "x"), Y = Number(key, "y") } }))
                        return ecdsa.VerifyData(signed, signature, name, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
                default:
                    return false;
            }
        }
        catch (CryptographicException)
        {
            // A key that is none signs nothing.
            return false;
        }
    }

    static byte[]? Number(JsonElement key, string name) => Json.Text(key, name) is { } text ? Decoded(text) : null;
}

/// <summary>What others sent as JSON, read without trust.</summary>
static class Json
{
    public static JsonElement? Object(byte[] bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new() { MaxDepth = 16, AllowDuplicateProperties = false });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static string? Text(JsonElement from, string name) => from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) ? Text(value) : null;

    static string? Text(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String) return null;
        try
        {
            return value.GetString() is { } text && Records.Texts.IsSound(text) ? text : null;
        }
        catch (InvalidOperationException)
        {
            // Not valid Unicode.
            return null;
        }
    }

    /// <summary>A text, or a list of texts.</summary>
    public static IReadOnlyList<string> Texts(JsonElement from, string name)
    {
        if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(name, out var value)) return [];
        if (value.ValueKind == JsonValueKind.Array) return [.. value.EnumerateArray().Select(Text).OfType<string>()];
        return Text(value) is { } text ? [text] : [];
    }

    /// <summary>Seconds since 1970, as tokens have them.</summary>
    public static DateTimeOffset? Time(JsonElement from, string name) =>
        from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var seconds) && seconds is >= 0 and < 253_402_300_000
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000))
            : null;
}
