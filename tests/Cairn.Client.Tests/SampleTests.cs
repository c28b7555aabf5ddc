using System.Diagnostics;
using Cairn.Support;

namespace Cairn.Client;

/// <summary>The sample application as a process of its own, through an outage of Cairn.</summary>
public sealed class SampleTests
{
    static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_sample_loses_nothing_while_Cairn_is_away_and_names_who_did_what_from_where()
    {
        await using var server = await Server.Start();
        var port = Server.FreePort();
        using var sample = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Workspaces.dll"), $"--urls=http://127.0.0.1:{port}", $"--Cairn:Url={server.Url}", $"--Cairn:Key={server.Key}", $"--Cairn:Spool={server.Spool}", "--Logging:LogLevel:Default=Warning"]))!;
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
        http.DefaultRequestHeaders.Add("X-User", "ada@example.com");
        http.DefaultRequestHeaders.Add("User-Agent", "walker/1");
        try
        {
            await Until.True(async () =>
            {
                try
                {
                    return (await http.GetAsync("/audit", Cancel)).IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            });
            for (var i = 0; i < 300; i++)
            {
                if (i == 100) await server.Kill();
                if (i == 200) await server.Return();
                (await http.PostAsync($"/workspaces/w{i}/{(i % 2 == 0 ? "start" : "stop")}", null, Cancel)).EnsureSuccessStatusCode();
            }
            // It is asked to end and delivers what waits before it does.
            Needs.Run("kill", "-TERM", $"{sample.Id}");
            await sample.WaitForExitAsync(Cancel);
            Assert.Equal(0, sample.ExitCode);
        }
        finally
        {
            if (!sample.HasExited) sample.Kill(entireProcessTree: true);
        }

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
