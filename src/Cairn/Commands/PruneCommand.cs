using System.CommandLine;
using System.Text.Json;

namespace Cairn.Commands;

/// <summary>Runs retention now, or says what it would remove.</summary>
static class PruneCommand
{
    public static Command Create()
    {
        var dry = new Option<bool>("--dry-run") { Description = "Say what would go, and remove nothing" };
        var confirm = new Option<bool>("--confirm") { Description = "Remove even when it is more than half of a log, which otherwise waits: a wrong clock would be the likelier reason" };
        var command = new Command("prune", """
            Remove now what is older than the settings keep (Retention:RequestDays, Retention:EventDays, Retention:ConversationDays) or beyond their size (Retention:MaxBytes). A running server does it by itself every hour.

            Example: cairn prune --dry-run
            """) { dry, confirm };
        command.SetAction(async (parsed, cancel) =>
        {
            var isDry = parsed.GetValue(dry);
            await using var owner = await Owner.Connect(SettingOptions.Read(parsed), cancel);
            var path = FilterOptions.With("/api/v1/admin/retention/run", ("dry_run", isDry ? "true" : null), ("confirm", parsed.GetValue(confirm) ? "true" : null));
            using var run = await owner.Send(HttpMethod.Post, path, null, cancel);

            var held = run.RootElement.TryGetProperty("held", out var why) ? why.GetString() : null;
            if (held is null || isDry) Console.WriteLine($"{(isDry ? "Would remove" : "Removed")} {(run.RootElement.GetProperty("conversations").GetInt64() > 0 ? $"{Count(run, "requests")}, {Count(run, "events")} and {Count(run, "conversations")}" : $"{Count(run, "requests")} and {Count(run, "events")}")}.");
            if (held is null) return Run.Done;
            Run.Say(isDry ? $"It would wait to be confirmed: {held}" : $"Nothing was removed: {held}");
            return isDry ? Run.Done : Run.NotDone;
        });
        return command;

        static string Count(JsonDocument run, string name) => run.RootElement.GetProperty(name).GetInt64() is var number && number == 1 ? $"1 {name[..^1]}" : $"{number} {name}";
    }
}
