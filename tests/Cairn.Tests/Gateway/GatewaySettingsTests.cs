using Cairn.Hosting;
using Cairn.Support;

namespace Cairn.Gateway;

public sealed class GatewaySettingsTests
{
    static GatewaySettings Read(string json)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(Path.Combine(directory.Path, "cairn.json"), json);
        return Settings.Read(new Dictionary<string, string?> { ["Data"] = directory.Path }).Inference;
    }

    [Fact]
    public void Backends_routes_and_how_to_record_are_read()
    {
        var settings = Read("""
            {"Gateway":{"Record":"end","OnAuditFailure":"allow",
              "Backends":[{"Name":"gpu","Type":"vllm","Url":"http://gpu:8000/v1/","Timeout":"90s","EmbeddingsTimeout":"00:00:05","ChatTimeout":7},{"Type":"openai","Url":"https://api.openai.com/v1","Key":"sk-secret"}],
              "Routes":[{"Model":"gpt-*","Backend":"openai"},{"Model":"*","Backend":"gpu"}]}}
            """);
        Assert.Equal((RecordAt.End, OnAuditFailure.Allow), (settings.Record, settings.OnAuditFailure));
        Assert.Equal([new("gpt-*", "openai"), new("*", "gpu")], settings.Routes);
        Assert.Equal(("gpu", "vllm", "openai", "sk-secret"), (settings.Backends[0].Name, settings.Backends[0].Type, settings.Backends[1].Name, settings.Backends[1].Key));
        Assert.DoesNotContain("secret", settings.Backends[1].ToString(), StringComparison.Ordinal);

        using var backend = new Backend(settings.Backends[0]);
        Assert.Equal([7, 90, 5, 90], new[] { InferenceEndpoint.Chat, InferenceEndpoint.Completions, InferenceEndpoint.Embeddings, InferenceEndpoint.Completions }.Select(endpoint => (int)backend.Timeout(endpoint).TotalSeconds));
        Assert.Equal("/v1/chat/completions?x=1", backend.At("/v1/chat/completions", "?x=1"));
    }

    [Theory]
    [InlineData("""{"Gateway":{"Backends":[{"Nmae":"x"}]}}""", "Gateway:Backends:0:Nmae is not known")]
    [InlineData("""{"Gateway":{"Backends":[{"Name":"x"}]}}""", "Gateway:Backends:0:Url is ''")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"ftp://x/v1"}]}}""", "Gateway:Backends:0:Url is 'ftp://x/v1'")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"http://me:secret@x/v1"}]}}""", "Gateway:Backends:0:Url is '(hidden")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"http://x/v1","Type":"Open AI"}]}}""", "Gateway:Backends:0:Type is 'Open AI'")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"http://x/v1","Key":"a\nb"}]}}""", "Gateway:Backends:0:Key is '(hidden)'")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"http://x/v1","Timeout":"soon"}]}}""", "Gateway:Backends:0:Timeout is 'soon'")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"http://x/v1","Timeout":"0"}]}}""", "Gateway:Backends:0:Timeout is '0'")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"http://x/v1"},{"Url":"http://y/v1"}]}}""", "Gateway:Backends is 'local'")]
    [InlineData("""{"Gateway":{"Backends":[{"Url":"http://x/v1"}],"Routes":[{"Model":"*","Backend":"y"}]}}""", "Gateway:Routes:0:Backend is 'y'")]
    [InlineData("""{"Gateway":{"Record":"never"}}""", "Gateway:Record is 'never'; allowed is start or end")]
    [InlineData("""{"Gateway":{"Record":"1"}}""", "Gateway:Record is '1'")]
    [InlineData("""{"Gateway":{"OnAuditFailure":"ignore"}}""", "Gateway:OnAuditFailure is 'ignore'; allowed is refuse or allow")]
    public void What_is_not_understood_stops_the_start(string json, string why) =>
        Assert.StartsWith("Setting " + why, Assert.Throws<SettingException>(() => Read(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_backends_the_providers_whose_keys_are_there_and_an_Ollama_are_enough()
    {
        string Routes(string? openAi, string? anthropic)
        {
            var backends = GatewaySettings.Found(openAi, anthropic);
            var routes = new ModelRoutes(GatewaySettings.DefaultRoutes(backends), [.. backends.Select(backend => new Backend(backend))]);
            return string.Join(' ', new[] { "gpt-5", "o3-mini", "claude-x", "llama-3" }.Select(model => routes.Find(model)?.Name));
        }
        Assert.Equal("local local local local", Routes(null, " "));
        Assert.Equal("openai openai local local", Routes("sk", null));
        Assert.Equal("openai openai anthropic local", Routes("sk", "sk"));
    }

    [Theory]
    [InlineData("*", "", true), InlineData("gpt-*", "gpt-5", true), InlineData("gpt-*", "GPT-5", false), InlineData("gpt-*", "gpt", false), InlineData("*-mini", "gpt-5-mini", true), InlineData("a*b*c", "aXbYbc", true), InlineData("a*b*c", "aXbYbcd", false), InlineData("a.c", "abc", false), InlineData("", "a", false), InlineData("**", "x", true)]
    public void A_pattern_fits_letter_by_letter(string pattern, string model, bool fits) => Assert.Equal(fits, ModelRoutes.Fits(pattern, model));
}
