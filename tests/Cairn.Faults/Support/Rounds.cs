using System.Diagnostics;

namespace Cairn.Faults;

/// <summary>
/// How often a scenario is gone through. Short, as part of <c>./test</c>, it is a few rounds; with CAIRN_FAULTS_MINUTES it
/// is its share of that time, with CAIRN_FAULTS_ROUNDS so many. Each round has a seed, which is printed; CAIRN_FAULTS_SEED goes
/// through that one again.
/// </summary>
static class Rounds
{
    static readonly double? Minutes = double.TryParse(Environment.GetEnvironmentVariable("CAIRN_FAULTS_MINUTES"), out var minutes) ? minutes : null;
    static readonly int? Count = int.TryParse(Environment.GetEnvironmentVariable("CAIRN_FAULTS_ROUNDS"), out var count) ? count : null;
    static readonly int? Seed = int.TryParse(Environment.GetEnvironmentVariable("CAIRN_FAULTS_SEED"), out var seed) ? seed : null;

    /// <summary>True while there is time for what takes long.</summary>
    public static bool IsLong => Minutes is not null || Count is not null;

    /// <summary>The seeds of a scenario's rounds.</summary>
    /// <param name="brief">How many rounds the short form has.</param>
    /// <param name="share">Its part of a long run, in which two scenarios go on at a time.</param>
    public static IEnumerable<int> Of(string scenario, int brief, double share)
    {
        if (Seed is { } only)
        {
            yield return Printed(only);
            yield break;
        }
        var watch = Stopwatch.StartNew();
        for (var round = 0; Count is { } most ? round < most : Minutes is { } time ? round == 0 || watch.Elapsed < TimeSpan.FromMinutes(time * share) : round < brief; round++)
            yield return Printed(Random.Shared.Next());

        int Printed(int number)
        {
            Say($"{scenario}: seed {number}");
            return number;
        }
    }

    /// <summary>One line to whoever looks at the run.</summary>
    public static void Say(string line) => Console.WriteLine($"    {DateTimeOffset.UtcNow:HH:mm:ss} {line}");
}
