using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cairn.Access.Oidc;

namespace Cairn.Access;

/// <summary>Tokens that a provider would not send, and an attacker might.</summary>
public sealed class IdTokenTests : IDisposable
{
    const string Issuer = "https://id.example.com", Client = "cairn", Nonce = "this very sign-in";

    static readonly DateTimeOffset Now = new(2026, 3, 10, 12, 0, 0, TimeSpan.Zero);

    readonly RSA rsa = RSA.Create(2048), weak = RSA.Create(1024);
    readonly ECDsa p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256), p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);

    public void Dispose()
    {
        foreach (var key in new AsymmetricAlgorithm[] { rsa, weak, p256, p384 }) key.Dispose();
    }

    static string Base64(byte[] bytes) => Base64Url.EncodeToString(bytes);

    JsonElement Keys()
    {
        JsonObject Rsa(string id, RSA key, string? alg = null, string? use = "sig")
        {
            var parameters = key.ExportParameters(false);
            return new() { ["kty"] = "RSA", ["kid"] = id, ["use"] = use, ["alg"] = alg, ["n"] = Base64(parameters.Modulus!), ["e"] = Base64(parameters.Exponent!) };
        }
        JsonObject Ec(string id, ECDsa key, string curve)
        {
            var parameters = key.ExportParameters(false);
            return new() { ["kty"] = "EC", ["kid"] = id, ["crv"] = curve, ["x"] = Base64(parameters.Q.X!), ["y"] = Base64(parameters.Q.Y!) };
        }
        var keys = new JsonObject { ["keys"] = new JsonArray(Rsa("r", rsa), Rsa("r-only-384", rsa, "RS384"), Rsa("r-enc", rsa, use: "enc"), Rsa("weak", weak), Ec("e", p256, "P-256"), Ec("e384", p384, "P-384"), new JsonObject { ["kty"] = "RSA", ["kid"] = "broken", ["n"] = "!", ["e"] = "AQAB" }) };
        return JsonDocument.Parse(keys.ToJsonString()).RootElement;
    }

    static JsonObject Claims() => new()
    {
        ["iss"] = Issuer, ["aud"] = Client, ["sub"] = "ada", ["nonce"] = Nonce, ["iat"] = Now.ToUnixTimeSeconds(), ["exp"] = Now.AddMinutes(5).ToUnixTimeSeconds(),
    };

    static string Token(JsonObject header, JsonObject claims, Func<byte[], byte[]> sign)
    {
        var signed = Base64(Encoding.UTF8.GetBytes(header.ToJsonString())) + "." + Base64(Encoding.UTF8.GetBytes(claims.ToJsonString()));
        return signed + "." + Base64(sign(Encoding.ASCII.GetBytes(signed)));
    }

    string Good(Action<JsonObject>? change = null, string kid = "r", string alg = "RS256", RSA? key = null)
    {
        var claims = Claims();
        change?.Invoke(claims);
        return Token(new() { ["alg"] = alg, ["kid"] = kid }, claims, bytes => (key ?? rsa).SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    JsonElement Read(string token) => IdToken.Read(token, Keys(), Issuer, Client, Nonce, Now);

    [Fact]
    public void A_token_of_the_provider_for_this_sign_in_is_taken_with_any_asymmetric_algorithm()
    {
        Assert.Equal("ada", Read(Good()).GetProperty("sub").GetString());
        foreach (var token in new[]
        {
            Good(claims => claims["aud"] = new JsonArray(Client)),
            Good(claims => (claims["aud"], claims["azp"]) = (new JsonArray("other", Client), Client)),
            Token(new() { ["alg"] = "PS256", ["kid"] = "r" }, Claims(), bytes => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)),
            Token(new() { ["alg"] = "RS384", ["kid"] = "r-only-384" }, Claims(), bytes => rsa.SignData(bytes, HashAlgorithmName.SHA384, RSASignaturePadding.Pkcs1)),
            Token(new() { ["alg"] = "RS512" }, Claims(), bytes => rsa.SignData(bytes, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1)),
            Token(new() { ["alg"] = "ES256", ["kid"] = "e" }, Claims(), bytes => p256.SignData(bytes, HashAlgorithmName.SHA256)),
            Token(new() { ["alg"] = "ES384" }, Claims(), bytes => p384.SignData(bytes, HashAlgorithmName.SHA384)),
        }) Read(token);
    }

    [Fact]
    public void Whatever_is_wrong_with_a_token_refuses_it()
    {
        using var strange = RSA.Create(2048);
        byte[] ByKey(byte[] bytes) => rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var good = Good();
        var parts = good.Split('.');
        foreach (var (why, token) in new (string, string)[]
        {
            ("empty", ""), ("one part", "x"), ("two parts", "x.y"), ("four parts", good + ".x"), ("no base64", "!.!.!"), ("no JSON", "eA.eA.eA"), ("huge", new string('a', 70_000) + ".b.c"),
            ("no signature", $"{parts[0]}.{parts[1]}."),
            ("other claims", $"{parts[0]}.{Base64(Encoding.UTF8.GetBytes(Claims().ToJsonString().Replace("ada", "eve", StringComparison.Ordinal)))}.{parts[2]}"),
            ("alg none", Token(new() { ["alg"] = "none" }, Claims(), _ => [])),
            ("alg None", Token(new() { ["alg"] = "None" }, Claims(), _ => [])),
            ("no alg", Token([], Claims(), ByKey)),
            ("HMAC with the public key", Token(new() { ["alg"] = "HS256", ["kid"] = "r" }, Claims(), bytes => HMACSHA256.HashData(Encoding.ASCII.GetBytes(rsa.ExportSubjectPublicKeyInfoPem()), bytes))),
            ("HMAC with the modulus", Token(new() { ["alg"] = "HS256", ["kid"] = "r" }, Claims(), bytes => HMACSHA256.HashData(rsa.ExportParameters(false).Modulus!, bytes))),
            ("a strange key", Good(key: strange)),
            ("its own key", Token(new() { ["alg"] = "RS256", ["jwk"] = new JsonObject { ["kty"] = "RSA", ["n"] = Base64(strange.ExportParameters(false).Modulus!), ["e"] = "AQAB" } }, Claims(), bytes => strange.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))),
            ("unknown key id", Good(kid: "zzz")),
            ("a key for encryption", Good(kid: "r-enc")),
            ("a key for another algorithm", Good(kid: "r-only-384")),
            ("a weak key", Good(kid: "weak", key: weak)),
            ("a broken key", Good(kid: "broken")),
            ("an EC key for RSA", Good(kid: "e")),
            ("the wrong curve", Token(new() { ["alg"] = "ES256", ["kid"] = "e384" }, Claims(), bytes => p384.SignData(bytes, HashAlgorithmName.SHA256))),
            ("a signature of zeros", Token(new() { ["alg"] = "ES256", ["kid"] = "e" }, Claims(), _ => new byte[64])),
            ("critical extensions", Token(new() { ["alg"] = "RS256", ["kid"] = "r", ["crit"] = new JsonArray("b64") }, Claims(), ByKey)),
            ("another issuer", Good(claims => claims["iss"] = Issuer + "/")),
            ("no issuer", Good(claims => claims.Remove("iss"))),
            ("another audience", Good(claims => claims["aud"] = "cairn2")),
            ("no audience", Good(claims => claims.Remove("aud"))),
            ("several audiences without a party", Good(claims => claims["aud"] = new JsonArray(Client, "other"))),
            ("another party", Good(claims => claims["azp"] = "other")),
            ("another nonce", Good(claims => claims["nonce"] = "another sign-in")),
            ("no nonce", Good(claims => claims.Remove("nonce"))),
            ("a nonce that is no text", Good(claims => claims["nonce"] = new JsonArray(Nonce))),
            ("nobody", Good(claims => claims["sub"] = "")),
            ("no times", Good(claims => claims.Remove("exp"))),
            ("times as texts", Good(claims => claims["exp"] = "2026")),
        })
        {
            var refused = Assert.Throws<OidcException>(() => Read(token));
            Assert.True(refused.Fault == OidcFault.RefusedToken, why);
        }
    }

    [Theory]
    [InlineData("exp", -121), InlineData("iat", 121), InlineData("nbf", 121), InlineData("exp", -100_000_000)]
    public void A_token_out_of_its_time_tells_of_the_clocks(string claim, int seconds) =>
        Assert.Equal(OidcFault.ClocksDiffer, Assert.Throws<OidcException>(() => Read(Good(claims => claims[claim] = Now.AddSeconds(seconds).ToUnixTimeSeconds()))).Fault);

    [Theory]
    [InlineData("exp", -119), InlineData("iat", 119), InlineData("nbf", 119)]
    public void Two_minutes_are_allowed_for(string claim, int seconds) => Read(Good(claims => claims[claim] = Now.AddSeconds(seconds).ToUnixTimeSeconds()));
}
