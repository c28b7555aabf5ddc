using System.Net.Sockets;
using System.Text;
using Cairn.Support;

namespace Cairn.Faults;

/// <summary>Memory stays bounded, whatever comes in.</summary>
[Collection(Alone.Name)]
public sealed class MemoryTests
{
    [Fact]
    public async Task Large_bodies_bombs_and_idle_connections_take_a_bounded_amount_of_memory_each_time()
    {
        using var directory = new TempDirectory();
        await using var backend = await ScriptedBackend.Start();
        await using var trial = new Trial(directory.Path, ("Cairn__Gateway__Backends__0__Url", backend.Url.ToString()));
        await trial.Start();
        // Eight MiB of events, just within the limit; bombs of 256 MiB in 256 KiB; a prompt of 30 MiB.
        var line = $$$"""{"action":"a.b","resourceName":"{{{new string('n', 500)}}}","metadata":{"text":"{{{new string('x', 15_000)}}}"}}""" + "\n";
        var large = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(line, 8 * 1024 * 1024 / line.Length)));
        var bomb = Client.Gzip(new byte[256 << 20]);
        var prompt = Encoding.UTF8.GetBytes($$$"""{"model":"llama-3","messages":[{"role":"user","content":"{{{new string('p', 30 << 20)}}}"}]}""");

        var peaks = new List<long>();
        var idle = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 1_000; i++)
            {
                var connection = new TcpClient();
                idle.Add(connection);
                var address = (i % 2 == 0 ? trial.Gateway : trial.Console).Http.BaseAddress!;
                await connection.ConnectAsync(address.Host, address.Port, Client.Cancel);
                // Some say nothing, some begin and do not go on.
                if (i % 3 != 0) await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes("POST /api/v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: "), Client.Cancel);
            }
            for (var round = 0; round < (Rounds.IsLong ? 12 : 3); round++)
            {
                ProcessMemory.ForgetPeak(trial.Server.Id);
                var calls = new List<(Task<Answer> Answer, int Status)>();
                for (var i = 0; i < 6; i++)
                {
                    calls.Add((trial.Gateway.Post("/api/v1/events", large, "application/x-ndjson"), 200));
                    calls.Add((trial.Gateway.Post("/api/v1/events", bomb, "application/x-ndjson", "gzip"), 413));
                    if (i < 3) calls.Add((trial.Gateway.Post("/v1/chat/completions", prompt), 200));
                }
                foreach (var (answer, status) in calls) (await answer).Expect(status);
                peaks.Add(ProcessMemory.Peak(trial.Server.Id));
                backend.Calls.Clear();
            }
            (await trial.Gateway.Post("/api/v1/events", """{"action":"a.b"}""")).Expect(200);
        }
        finally
        {
            foreach (var connection in idle) connection.Dispose();
        }
        Rounds.Say($"memory: at most {string.Join(", ", peaks.Select(peak => $"{peak >> 20} MiB"))} with 1,000 idle connections, 6 bodies of 8 MiB, 6 bombs and 3 prompts of 30 MiB at once");
        Assert.InRange(peaks.Max(), 0, 2L << 30);
    }
}
