using Cairn.Storage.Sqlite;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>Sending again never stores twice, whatever the network does in between.</summary>
public sealed class DuplicateTests
{
    [Fact]
    public async Task Events_that_are_sent_again_through_a_breaking_network_are_stored_once()
    {
        var (cuts, taken) = (0, 0);
        foreach (var seed in Rounds.Of("cut connections", brief: 1, share: 0.16))
        {
            using var directory = new TempDirectory();
            await using var proxy = new CuttingProxy(seed, share: 1, most: 60_000);
            await using var trial = new Trial(directory.Path);
            await trial.Start();
            using var http = Through(trial, proxy);
            var writers = new Writers(trial, seed, through: http);
            await writers.Answered(200);
            await writers.Stop();
            await trial.SendAgain();
            // Everything once more, and a third time, in any order.
            var random = new Random(seed);
            for (var again = 0; again < 2; again++)
                foreach (var call in trial.Receipts.Calls.OrderBy(_ => random.Next()).Take(150)) await trial.Send(call, http);
            await trial.SendAgain();
            await trial.Check();
            (cuts, taken) = (cuts + proxy.Cuts, taken + trial.Receipts.Taken);
            Assert.True(proxy.Cuts > 5, $"Only {proxy.Cuts} connections were cut.");
        }
        Rounds.Say($"cut connections: {cuts} cuts, {taken} records acknowledged, none missing, none twice");
    }

    /// <summary>The control. Idempotency stands on the id; a sender that makes a new one to send again stores twice, and is caught.</summary>
    [Fact]
    public async Task A_sender_that_changes_ids_is_caught_by_the_checker()
    {
        using var directory = new TempDirectory();
        await using var proxy = new CuttingProxy(seed: 5, share: 0.6, most: 20_000);
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        using var http = Through(trial, proxy);
        var writers = new Writers(trial, seed: 5, through: http) { ChangesIds = true };
        await writers.Answered(150);
        await writers.Stop();
        var verdict = await trial.Judge();
        Assert.True(verdict.Twice.Count > 0, "The checker took what was stored twice for once.");
        Rounds.Say($"cut connections, ids changed: {verdict.Twice.Count} records twice, as must be");
    }

    /// <summary>The other control: a Cairn that does not know what it has stored takes it again, and is caught.</summary>
    [Fact]
    public async Task A_log_that_forgot_its_ids_is_caught_by_the_checker()
    {
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        for (var i = 0; i < 10; i++) Assert.True(await trial.Send(trial.Receipts.New(new(i), 0, 20)));
        await trial.Stop();
        using (var log = Connection.OpenWriter(Path.Combine(trial.Data, "log.db"))) log.Run("UPDATE event SET id = hex(randomblob(16))");
        await trial.Start();
        foreach (var call in trial.Receipts.Calls.ToList()) Assert.True(await trial.Send(call));
        var verdict = await trial.Judge();
        Assert.True(verdict.Twice.Count > 0, "The checker took what was stored twice for once.");
    }

    [Fact]
    public async Task The_same_id_with_other_content_is_rejected_and_says_so()
    {
        using var directory = new TempDirectory();
        await using var trial = new Trial(directory.Path);
        await trial.Start();
        const string id = "0193a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b";
        await Expect("""{"id":"ID","action":"a.b","resourceName":"one"}""", accepted: 1, duplicates: 0, error: null);
        await Expect("""{"id":"ID","action":"a.b","resourceName":"one"}""", accepted: 0, duplicates: 1, error: null);
        await Expect("""{"id":"ID","action":"a.b","resourceName":"two"}""", accepted: 0, duplicates: 0, error: "id was recorded before with other content");
        await trial.Kill();
        await trial.Start();
        await Expect("""{"id":"ID","resourceName":"one","action":"a.b"}""", accepted: 0, duplicates: 1, error: null);
        await Expect("""{"id":"ID","action":"a.c","resourceName":"one"}""", accepted: 0, duplicates: 0, error: "id was recorded before with other content");

        async Task Expect(string json, int accepted, int duplicates, string? error)
        {
            var told = (await trial.Gateway.Post("/api/v1/events", json.Replace("ID", id, StringComparison.Ordinal))).Expect(200).Json;
            Assert.Equal((accepted, duplicates), (told.GetProperty("accepted").GetInt32(), told.GetProperty("duplicates").GetInt32()));
            Assert.Equal(error, told.GetProperty("rejected") is { } rejected && rejected.GetArrayLength() > 0 ? rejected[0].GetProperty("error").GetString() : null);
        }
    }

    static HttpClient Through(Trial trial, CuttingProxy proxy)
    {
        proxy.Target = trial.Gateway.Http.BaseAddress!;
        return new(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = proxy.Url };
    }
}
