using System.Text.Json;
using Cairn.Support;

namespace Cairn.Conversations;

public sealed class ConversationCommandTests : IDisposable
{
    readonly TempDirectory directory = new();

    string Data => Path.Combine(directory.Path, "data");

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task The_demonstration_has_a_month_of_conversations_and_export_writes_them_once_it_is_enabled()
    {
        string first;
        await using (var server = await CairnProcess.Serve(Data, "--demo"))
        {
            var refused = await CairnProcess.Run("export", "conversations", "--data", Data);
            Assert.Equal((1, ""), (refused.Code, refused.Output));
            Assert.Contains("Audit logs are not enabled", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
            await server.StopAndEnd();
        }
        var exported = await CairnProcess.RunWithSetting("AUDIT_LOGS_ENABLED", "true", "export", "conversations", "--include-deleted", "true", "--format", "jsonl", "--data", Data);
        Assert.Equal(0, exported.Code);
        var rows = exported.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.InRange(rows.Length, 100, 2_000);
        Assert.Equal(["active", "archived", "deleted"], rows.Select(row => row.GetProperty("status").GetString()!).Distinct().Order());
        Assert.All(rows, row => Assert.InRange(DateTimeOffset.UtcNow - row.GetProperty("created_at").GetDateTimeOffset(), TimeSpan.Zero, TimeSpan.FromDays(31)));
        Assert.All(rows, row => Assert.EndsWith("@example.com", row.GetProperty("owner_id").GetString(), StringComparison.Ordinal));
        Assert.All(rows, row => Assert.True(row.GetProperty("message_count").GetInt64() >= 2));
        first = rows[0].GetProperty("owner_id").GetString()!;

        var file = Path.Combine(directory.Path, "some.csv");
        Assert.Equal(0, (await CairnProcess.RunWithSetting("AUDIT_LOGS_ENABLED", "true", "export", "conversations", "--owner-email", first.ToUpperInvariant(), "--include-deleted", "true", "--output", file, "--data", Data)).Code);
        var lines = await File.ReadAllLinesAsync(file, Client.Cancel);
        Assert.Equal(rows.Count(row => row.GetProperty("owner_id").GetString() == first), lines.Length - 1);
        Assert.Equal(2, (await CairnProcess.RunWithSetting("AUDIT_LOGS_ENABLED", "true", "export", "conversations", "--status", "gone", "--data", Data)).Code);
    }

    [Fact]
    public async Task The_doctor_says_that_a_database_is_away_and_a_start_that_one_does_not_fit()
    {
        string[] free = ["--gateway", "http://127.0.0.1:0", "--console", "http://127.0.0.1:0"];
        if (!OperatingSystem.IsWindows()) Directory.CreateDirectory(Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var other = Path.Combine(directory.Path, "platform.db");
        await File.WriteAllTextAsync(Path.Combine(Data, "cairn.json"), JsonSerializer.Serialize(new Dictionary<string, string> { ["Conversations:Source"] = "sql", ["Conversations:Connection"] = "sqlite:" + other }), Client.Cancel);

        var away = await CairnProcess.Run(["doctor", "--data", Data, .. free]);
        Assert.Equal(1, away.Code);
        Assert.Contains("unable to open", Assert.Single(away.Lines, line => line.StartsWith("fail", StringComparison.Ordinal)), StringComparison.Ordinal);

        Chats.FillSqlite(other, Chats.Make(2, seed: 1));
        var sound = await CairnProcess.Run(["doctor", "--data", Data, .. free]);
        Assert.True(sound.Code == 0, sound.Output);
        Assert.Contains(sound.Lines, line => line.StartsWith("ok    conversations", StringComparison.Ordinal) && line.Contains("AUDIT_LOGS_ENABLED is not true", StringComparison.Ordinal));

        using (var change = Storage.Sqlite.Connection.OpenWriter(other)) change.Run("DROP VIEW cairn_messages");
        var unfit = await CairnProcess.Run(["serve", "--data", Data, .. free]);
        Assert.Equal(2, unfit.Code);
        Assert.Contains("no view cairn_messages", Assert.Single(unfit.ErrorLines), StringComparison.Ordinal);
    }
}
