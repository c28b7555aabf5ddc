using Cairn.Support;

namespace Cairn.Faults;

/// <summary>A jumping clock removes nothing, and is on record.</summary>
public sealed class ClockTests
{
    const long TenYears = 10L * 365 * 86_400;

    [Theory]
    [InlineData(TenYears), InlineData(-TenYears)]
    public async Task A_clock_that_jumps_removes_nothing_keeps_the_order_and_is_on_record(long jump)
    {
        foreach (var seed in Rounds.Of($"clock jumps {jump / 86_400} days", brief: 1, share: 0.02))
        {
            using var directory = new TempDirectory();
            using var tools = new TempDirectory();
            await using var trial = new Trial(directory.Path, ("Cairn__Retention__EventDays", "30"));
            var random = new RandomRecords(seed);
            var offset = Path.Combine(tools.Path, "offset");
            await File.WriteAllTextAsync(offset, "0", Client.Cancel);
            await trial.Start(Shim.Load("clock", tools.Path), ("CLOCK_OFFSET", offset));
            for (var i = 0; i < 20; i++) Assert.True(await trial.Send(trial.Receipts.New(random, 0, 20)));

            await Set(jump);
            await Until.True(async () => await Jumps() == 1);
            // What comes now has the new time; the log goes on in its order.
            for (var i = 0; i < 10; i++) Assert.True(await trial.Send(trial.Receipts.New(random, 0, 20, DateTimeOffset.UtcNow.AddSeconds(jump))));
            // Ahead, what there is looks old; back again, what was recorded in between does. Neither goes without being confirmed.
            await Until.True(async () => await IsHeld() == jump > 0);
            await trial.Check();

            await Set(0);
            await Until.True(async () => await Jumps() == 2);
            for (var i = 0; i < 10; i++) Assert.True(await trial.Send(trial.Receipts.New(random, 0, 20)));
            await Until.True(async () => await IsHeld() == jump < 0);
            await trial.Check();
            await trial.Kill();
            await trial.Start();
            await Until.True(async () => await IsHeld() == jump < 0);
            await trial.Check();

            Task Set(long seconds) => File.WriteAllTextAsync(offset, seconds.ToString(), Client.Cancel);
            async Task<bool> IsHeld() => (await trial.Console.Get("/api/v1/admin/health")).Json.GetProperty("retention").GetProperty("held").GetString()?.Contains("clock went", StringComparison.Ordinal) == true;
            async Task<long> Jumps() => (await trial.Console.Get("/api/v1/admin/audit-logs?action=audit.clock_jumped")).Expect(200).Total;
        }
    }
}
