using Cairn.Support;

namespace Cairn.Faults;

/// <summary>An acknowledged record survives the end of the process at any moment.</summary>
public sealed class KillTests
{
    [Fact]
    public async Task What_was_acknowledged_is_there_once_after_every_kill()
    {
        var (kills, taken) = (0, 0);
        foreach (var seed in Rounds.Of("kill -9", brief: 11, share: 0.44))
        {
            var random = new Random(seed);
            using var directory = new TempDirectory();
            await using var trial = new Trial(directory.Path);
            await trial.Start();
            for (var i = 0; i < 4; i++)
            {
                // Small calls make many commits, large ones make checkpoints.
                var writers = new Writers(trial, random.Next(), most: random.Next(2) == 0 ? 3 : 60);
                await writers.Answered(random.Next(1, Rounds.IsLong ? 300 : 100));
                await Task.Delay(random.Next(20), Client.Cancel);
                await trial.Kill();
                writers.HasGone = true;
                await writers.Stop();
                if (random.Next(3) == 0) trial.CheckFiles();
                if (random.Next(3) == 0)
                {
                    await trial.StartAndKill(TimeSpan.FromMilliseconds(random.Next(100, 900)));
                    kills++;
                }
                kills++;
                await trial.Start();
                await trial.Check();
                await trial.SendAgain();
            }
            await trial.Check();
            await trial.Stop();
            trial.CheckFiles();
            taken += trial.Receipts.Taken;
        }
        Rounds.Say($"kill -9: {kills} kills, {taken} records acknowledged, none missing, none twice");
    }
}
