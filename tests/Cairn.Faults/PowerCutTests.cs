using Cairn.Support;

namespace Cairn.Faults;

/// <summary>An acknowledged record survives a power cut. A disk that does not flush is caught by the same test, or it would prove nothing.</summary>
public sealed class PowerCutTests
{
    /// <summary>With the log elsewhere, what waits for it is in the data directory; half of the time all of it waits, because the server is away.</summary>
    [Theory, InlineData("sqlite", 5, 0.3), InlineData("postgres", 1, 0.06), InlineData("clickhouse", 1, 0.06)]
    public async Task What_was_acknowledged_is_there_once_after_every_power_cut(string engine, int brief, double share)
    {
        var (cuts, taken) = (0, 0);
        foreach (var seed in Rounds.Of($"power cut, {engine}", brief, share))
        {
            var random = new Random(seed);
            await using var log = await LogPlace.Start(engine);
            using var disk = new LoopDisk();
            await using var trial = new Trial(disk.Path, ("Cairn__Store", log.Url));
            await trial.Start();
            for (var i = 0; i < 4; i++)
            {
                if (i % 2 == 1) await log.Leave();
                await UnderLoad(trial, disk, random, calls: random.Next(1, Rounds.IsLong ? 200 : 80));
                cuts++;
                await log.ComeBack();
                await trial.Start();
                await trial.Check();
                await trial.SendAgain();
            }
            await trial.Check();
            await trial.Stop();
            trial.CheckFiles();
            taken += trial.Receipts.Taken;
        }
        Rounds.Say($"power cut, {engine}: {cuts} cuts, {taken} records acknowledged, none missing, none twice");
    }

    /// <summary>The control. A log that is not flushed at each commit, as SQLite's synchronous=NORMAL has it, must lose records here.</summary>
    [Fact]
    public async Task Without_a_flush_at_each_commit_the_same_power_cut_loses_records()
    {
        var lost = 0;
        foreach (var seed in Rounds.Of("power cut without flushes", brief: 1, share: 0.04))
        {
            using var tools = new TempDirectory();
            using var disk = new LoopDisk();
            await using var trial = new Trial(disk.Path);
            // Made whole first, so that the write-ahead log alone is not flushed.
            await trial.Start();
            await trial.Stop();
            var fault = Path.Combine(tools.Path, "fault");
            await File.WriteAllTextAsync(fault, "lie log.db-wal", Client.Cancel);
            await trial.Start(Shim.Load("flush", tools.Path), ("FLUSH_FAULT", fault));
            await UnderLoad(trial, disk, new(seed), calls: 100);
            await trial.Start();
            var verdict = await trial.Judge();
            Assert.True(verdict.Missing.Count > 0, "A log that was not flushed lost nothing: this test cannot tell.");
            lost += verdict.Missing.Count;
        }
        Rounds.Say($"power cut without flushes: {lost} acknowledged records lost, as must be");
    }

    static async Task UnderLoad(Trial trial, LoopDisk disk, Random random, int calls)
    {
        var writers = new Writers(trial, random.Next(), most: random.Next(2) == 0 ? 3 : 60);
        await writers.Answered(calls);
        var cut = disk.CutPower();
        writers.HasGone = true;
        await writers.Stop();
        trial.Receipts.Unhear(cut);
        await trial.Kill();
        disk.Restore();
    }
}
