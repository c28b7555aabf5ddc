using Cairn.Support;

namespace Cairn.Client;

/// <summary>The sample application as a process of its own, through an outage of Cairn.</summary>
public sealed class SampleTests
{
    [Fact]
    public async Task The_sample_loses_nothing_while_Cairn_is_away_and_names_who_did_what_from_where()
    {
        await using var server = await Server.Start();
        await using var sample = await Sample.Start(server);
        for (var i = 0; i < 300; i++)
        {
            if (i == 100) await server.Kill();
            if (i == 200) await server.Return();
            await sample.Change(i);
        }
        // It is asked to end and delivers what waits before it does.
        Assert.Equal(0, await sample.End());

        await using (var next = new Audit(server.Options)) await Until.True(() => next.Counts.Waiting == 0);
        var events = await server.Events();
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"w{i}"), events.Select(one => one.GetProperty("resourceId").GetString()!).OrderBy(id => int.Parse(id.AsSpan(1))));
        Assert.All(events, one =>
        {
            Assert.Equal(("ada@example.com", "ada", "ada@example.com", "member"), (one.GetProperty("actorId").GetString(), one.GetProperty("actorName").GetString(), one.GetProperty("actorEmail").GetString(), one.GetProperty("actorRole").GetString()));
            Assert.Equal(("127.0.0.1", "walker/1"), (one.GetProperty("ip").GetString(), one.GetProperty("userAgent").GetString()));
        });
    }
}
