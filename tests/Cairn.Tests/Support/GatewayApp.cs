using System.Text.Json;
using Cairn.Access;
using Cairn.Gateway;

namespace Cairn.Support;

/// <summary>A whole Cairn before a backend that does as it is told, and an application that calls models through it.</summary>
sealed class GatewayApp : IAsyncDisposable
{
    GatewayApp(CairnApp cairn, ScriptedBackend backend, string key) => (Cairn, Backend, Key, Caller) = (cairn, backend, key, cairn.Gateway(key));

    public CairnApp Cairn { get; }

    public ScriptedBackend Backend { get; }

    public string Key { get; }

    public Client Caller { get; }

    public FaultyStore? Store { get; private set; }

    public static async Task<GatewayApp> Start(Func<GatewaySettings, GatewaySettings>? change = null, string? place = null)
    {
        var backend = await ScriptedBackend.Start();
        FaultyStore? store = null;
        var cairn = await CairnApp.Start(settings => settings with { Inference = change?.Invoke(backend.Settings) ?? backend.Settings }, around: inner => store = new(inner), place: place);
        return new(cairn, backend, await cairn.Key(Scopes.Inference)) { Store = store };
    }

    public const string Body = """{"model":"llama-3","messages":[{"role":"user","content":"hello"}]}""";

    public Task<Answer> Chat(string body = Body) => Caller.Post("/v1/chat/completions", body);

    /// <summary>The records of the log, oldest first, once there are as many as expected and none waits.</summary>
    public async Task<IReadOnlyList<JsonElement>> Records(int count)
    {
        IReadOnlyList<JsonElement> found = [];
        await Until.True(async () =>
        {
            found = (await Cairn.GatewayReader.Get("/admin/audit-logs?limit=1000")).Expect(200).Items;
            return found.Count >= count && Cairn.Host.Inference is { UnderWay: 0, Ledger.Waiting: 0 };
        });
        Assert.Equal(count, found.Count);
        return [.. found.Reverse()];
    }

    public async Task<JsonElement> Record() => Assert.Single(await Records(1));

    public async ValueTask DisposeAsync()
    {
        await Backend.DisposeAsync();
        await Cairn.DisposeAsync();
    }
}

static class RecordValues
{
    public static string? Text(this JsonElement record, string field) => record.GetProperty(field).GetString();

    public static long? Number(this JsonElement record, string field) => record.GetProperty(field) is { ValueKind: JsonValueKind.Number } number ? number.GetInt64() : null;

    /// <summary>Status, error type and what the client was told.</summary>
    public static (string?, string?, long?) Outcome(this JsonElement record) => (record.Text("status"), record.Text("error_type"), record.Number("http_status"));

    public static (long?, long?, long?, long?) Tokens(this JsonElement record) => (record.Number("prompt_tokens"), record.Number("completion_tokens"), record.Number("total_tokens"), record.Number("cached_tokens"));
}
