using System.Text.Json;
using Cairn.Support;

namespace Cairn.Gateway;

/// <summary>The official clients of npm, unchanged.</summary>
public sealed class NodeClientTests
{
    [Fact]
    public async Task The_official_clients_work_unchanged()
    {
        await using var app = await GatewayApp.Start(settings => settings with { Routes = [new("llama-*", "scripted"), new("gpt-*", "scripted"), new("embed-*", "scripted"), new("claude-*", "scripted")] });

        var output = await NodeScript.Run("call.mjs", "", app.Cairn.Host.GatewayUrl!.OriginalString.TrimEnd('/'), app.Key);
        var seen = JsonDocument.Parse(output).RootElement;
        foreach (var (name, expected) in new[]
        {
            ("chat", """["Good day",18]"""), ("chatStream", "\"Good däy é\""), ("chatStreamUsage", "false"), ("chatStreamAskedUsage", "18"),
            ("chatTool", """{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}"""), ("chatToolStream", "\"{\\\"city\\\":\\\"Oslo\\\"}\""),
            ("completion", "\"Good day\""), ("embedding", "[0.25,-0.5]"), ("response", "\"Good day\""), ("responseStream", "19"),
            ("models", """["llama-3","embed-small"]"""), ("message", """["Good day",8]"""), ("messageStream", """["Good day",8,"end_turn"]"""),
            ("messageTool", """{"city":"Oslo"}"""), ("messageToolStream", """{"city":"Oslo"}"""), ("anthropicModels", """["llama-3","embed-small"]"""),
            ("noRoute", """{"status":404,"kind":"NotFoundError","code":"model_not_found","type":"invalid_request_error","requestID":true}"""),
            ("noRouteAnthropic", """{"status":404,"kind":"NotFoundError","code":null,"type":"not_found_error","requestID":true}"""),
            ("noKey", """{"status":401,"kind":"AuthenticationError","code":"invalid_api_key","type":"authentication_error","requestID":true}"""),
            ("noKeyAnthropic", """{"status":401,"kind":"AuthenticationError","code":null,"type":"authentication_error","requestID":true}"""),
        })
            Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(expected).RootElement, seen.GetProperty(name)), $"{name}: {seen.GetProperty(name)}");

        var records = await app.Records(17);
        Assert.Equal(15, records.Count(record => record.Text("status") == "success"));
        Assert.Equal([null, null], records.Where(record => record.Text("status") == "success" && record.Number("total_tokens") is null).Select(record => record.Number("total_tokens")));
    }
}
