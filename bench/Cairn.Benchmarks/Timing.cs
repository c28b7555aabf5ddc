using System.Diagnostics;

namespace Cairn.Benchmarks;

static class Timing
{
    /// <summary>
    /// Runs A B C A B C ... until patience ends, at least thrice, and answers each one's median. What is quick runs
    /// several times in its turn, each one counted. The first round warms up and is not counted.
    /// </summary>
    public static async Task<TimeSpan[]> Interleave(TimeSpan patience, params Func<Task>[] subjects)
    {
        const int least = 3, most = 50, mostInTurn = 10;
        var turn = TimeSpan.FromMilliseconds(5);
        var times = subjects.Select(_ => new List<double>()).ToArray();
        foreach (var subject in subjects) await subject();

        var clock = Stopwatch.StartNew();
        for (var round = 0; round < most && (round < least || clock.Elapsed < patience); round++)
        {
            for (var i = 0; i < subjects.Length; i++)
            {
                var began = Stopwatch.GetTimestamp();
                for (var j = 0; j < mostInTurn && (j == 0 || Stopwatch.GetElapsedTime(began) < turn); j++)
                {
                    var start = Stopwatch.GetTimestamp();
                    await subjects[i]();
                    times[i].Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                }
            }
        }
        return [.. times.Select(own => TimeSpan.FromMicroseconds(Median(own)))];
    }

    public static double Median(List<double> values)
    {
        values.Sort();
        var middle = values.Count / 2;
        return values.Count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
