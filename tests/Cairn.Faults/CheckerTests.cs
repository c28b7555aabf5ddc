using System.Text.Json.Nodes;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>The checker itself: a log that is not as it was promised does not pass.</summary>
public sealed class CheckerTests
{
    static (Receipts Receipts, List<string> Rows) Sound()
    {
        var receipts = new Receipts();
        var random = new RandomRecords(7);
        for (var i = 0; i < 40; i++)
        {
            var call = receipts.New(random, writer: i % 4, most: 10);
            if (i % 5 == 0) continue;
            var bad = call.Events.Index().Where(one => one.Item.IsBad).Select(one => one.Index).ToHashSet();
            receipts.Answered(call, call.Events.Count - bad.Count, 0, bad);
        }
        return (receipts, [.. receipts.All.Where(one => one.Told == Told.Taken).Select(one => one.Json.ToJsonString())]);
    }

    [Fact]
    public void A_log_with_everything_once_is_sound()
    {
        var (receipts, rows) = Sound();
        Verdict.Of(rows, receipts).Expect();
        // What was sent without an answer may be there, if all of its call is.
        var unanswered = receipts.Calls.First(call => !call.WasAnswered && call.Events.Count(one => !one.IsBad) > 1).Events.Where(one => !one.IsBad).Select(one => one.Json.ToJsonString()).ToList();
        Verdict.Of([.. rows, .. unanswered], receipts).Expect();
        Assert.Single(Verdict.Of([.. rows, unanswered[0]], receipts).Torn);
    }

    [Fact]
    public void Whatever_is_wrong_with_a_log_is_found()
    {
        var (receipts, rows) = Sound();
        Assert.Single(Verdict.Of(rows.Skip(1), receipts).Missing);
        Assert.Single(Verdict.Of(rows.Append(rows[3]), receipts).Twice);

        var again = JsonNode.Parse(rows[3])!;
        again["id"] = Guid.NewGuid().ToString();
        Assert.Single(Verdict.Of(rows.Append(again.ToJsonString()), receipts).Twice);

        var other = JsonNode.Parse(rows[3])!;
        other["resourceName"] = "another";
        var altered = Verdict.Of([.. rows.Where(row => row != rows[3]), other.ToJsonString()], receipts);
        Assert.Single(altered.Altered);
        Assert.Empty(altered.Missing);

        var bad = receipts.All.First(one => one.IsBad);
        Assert.Single(Verdict.Of(rows.Append(bad.Json.ToJsonString()), receipts).Refused);

        var unknown = JsonNode.Parse(rows[3])!;
        unknown["metadata"]!["n"] = 1_000_000;
        Assert.Single(Verdict.Of(rows.Append(unknown.ToJsonString()), receipts).NeverSent);
    }
}
