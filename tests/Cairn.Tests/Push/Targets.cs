using System.Text.Json;
using Cairn.Hosting;
using Cairn.Support;

namespace Cairn.Push;

/// <summary>Targets as an administrator writes them, and what Cairn says of them.</summary>
static class Targets
{
    /// <summary>Reads settings as they stand in a file, so that a test has nothing that could not be configured.</summary>
    public static Func<Settings, Settings> Of(params object[] targets) => settings => settings with { Push = Read(targets) };

    public static IReadOnlyList<PushTarget> Read(params object[] targets)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(Path.Combine(directory.Path, "cairn.json"), JsonSerializer.Serialize(new { Push = targets }));
        return Settings.Read(new Dictionary<string, string?> { ["Data"] = directory.Path }).Push;
    }

    public static async Task<JsonElement> Push(this CairnApp app, string name = "siem") =>
        (await app.Reader.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("push").EnumerateArray().Single(target => target.GetProperty("name").GetString() == name);

    /// <summary>Waits until everything that was recorded is known to have arrived.</summary>
    public static Task PushedAll(this CairnApp app, string name = "siem") => Until.True(async () => (await app.Push(name)) is var target && target.GetProperty("lagRecords").ValueKind == JsonValueKind.Number && target.GetProperty("lagRecords").GetInt64() == 0);

    /// <summary>Waits until so many attempts failed; then the next one waits for the clock.</summary>
    public static Task Failed(this CairnApp app, int attempts) => Until.True(async () => (await app.Host.Push.Health(Client.Cancel))[0].Failures == attempts);

    public static string[] Ids(this IEnumerable<JsonElement> records) => [.. records.Select(record => (record.TryGetProperty("request_id", out var id) ? id : record.GetProperty("id")).GetString()!)];

    /// <summary>Each once, where it came first.</summary>
    public static string[] First(this IEnumerable<string> ids) => [.. ids.Distinct()];

    public static string Event(int number) => $$"""{"id":"{{Some.EventId}}","action":"a.b","resourceName":"{{number}}"}""";

    public static async Task<string[]> SendEvents(this CairnApp app, int count)
    {
        // A target that is new begins with what is recorded once it has its place.
        await Until.True(async () => (await app.Host.Push.Health(Client.Cancel)).All(target => target.State is not null));
        var events = Enumerable.Range(0, count).Select(Event).ToArray();
        foreach (var piece in events.Chunk(5_000)) await app.Send(piece);
        return [.. events.Select(one => JsonDocument.Parse(one).RootElement.GetProperty("id").GetString()!)];
    }
}
