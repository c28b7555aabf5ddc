using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cairn.Faults;

/// <summary>What is wrong with a log, held against what its senders were told. Nothing, when all is well.</summary>
sealed record Verdict(IReadOnlyList<Sent> Missing, IReadOnlyList<string> Twice, IReadOnlyList<string> Altered, IReadOnlyList<string> Refused, IReadOnlyList<string> NeverSent, IReadOnlyList<string> Torn)
{
    public bool IsSound => Missing.Count + Twice.Count + Altered.Count + Refused.Count + NeverSent.Count + Torn.Count == 0;

    /// <param name="rows">Every event of the log, as an export has it.</param>
    /// <param name="asOf">When the rows began to be read, where senders go on: what they were told later may be missing.</param>
    public static Verdict Of(IEnumerable<string> rows, Receipts receipts, long asOf = long.MaxValue)
    {
        var missing = new List<Sent>();
        List<string> twice = [], altered = [], refused = [], neverSent = [], torn = [];
        var sent = receipts.All.ToDictionary(one => one.Number);
        var found = new HashSet<long>();
        foreach (var row in rows)
        {
            using var parsed = JsonDocument.Parse(row);
            var record = parsed.RootElement;
            if (record.GetProperty("resource").GetString() != Receipts.Resource) continue;
            var number = record.GetProperty("metadata").GetProperty("n").GetInt64();
            if (!sent.TryGetValue(number, out var one))
            {
                neverSent.Add(row);
                continue;
            }
            if (!found.Add(number)) twice.Add(row);
            else if (one.IsBad) refused.Add(row);
            else if (Difference(one, row) is { } difference) altered.Add(difference);
        }
        foreach (var one in sent.Values)
            if (one.Told == Told.Taken && one.ToldAt < asOf && !found.Contains(one.Number)) missing.Add(one);
        foreach (var call in receipts.Calls)
        {
            var good = call.Events.Where(one => !one.IsBad).ToArray();
            var there = good.Count(one => found.Contains(one.Number));
            if (!call.WasAnswered && there > 0 && there < good.Length) torn.Add($"{there} of {good.Length} events of one unanswered call");
        }
        return new(missing, twice, altered, refused, neverSent, torn);
    }

    /// <summary>The first field that is not as it was sent.</summary>
    static string? Difference(Sent one, string row)
    {
        var record = JsonNode.Parse(row)!.AsObject();
        foreach (var (name, value) in one.Json)
            if (!JsonNode.DeepEquals(value, record[name])) return $"{name} was sent as {value?.ToJsonString()} and is {record[name]?.ToJsonString()}";
        return null;
    }

    public void Expect() => Assert.True(IsSound, ToString());

    public override string ToString() => string.Join('\n', new[] { (Missing.Select(one => one.Json.ToJsonString()).ToList(), "missing"), (Twice, "twice"), (Altered, "altered"), (Refused, "rejected and there"), (NeverSent, "never sent"), (Torn, "torn") }
        .Where(one => one.Item1.Count > 0).Select(one => $"{one.Item1.Count} {one.Item2}, such as {string.Join("; ", one.Item1.Take(3))}"));
}
