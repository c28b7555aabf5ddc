using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Access;

/// <summary>Settings come from files and the environment, where nobody is seen changing them; what differs from the last start is an event.</summary>
static class SettingsAudit
{
    const string Last = "settings.last";

    public static async Task Compare(CairnHost host, CancellationToken cancel)
    {
        var now = host.Settings.Audited.ToList();
        var text = RecordJson.Text(writer =>
        {
            writer.WriteStartObject();
            foreach (var (name, value) in now) writer.WriteString(name, value);
            writer.WriteEndObject();
        });
        var last = await host.Control.FindSetting(Last, cancel);
        if (last == text) return;
        if (last is not null)
        {
            using var before = JsonDocument.Parse(last);
            var changes = now.Select(one => (one.Name, From: before.RootElement.TryGetProperty(one.Name, out var value) ? value.GetString() : null, To: one.Value)).Where(change => change.From != change.To).ToList();
            if (changes.Count > 0) await host.SelfAudit.Record(By.Cairn, new("audit.settings_changed", "PlatformConfig", null, "settings") { Metadata = Deed.Changes(changes) }, cancel);
        }
        await host.Control.SaveSetting(Last, text, cancel);
    }
}
