using System.Diagnostics;
using System.IO.Compression;
using Cairn.Support;

namespace Cairn.Hosting;

[Collection(Alone.Name)]
public sealed class MemoryTests
{
    const long MiB = 1024 * 1024;

    [Fact]
    public async Task A_gzip_bomb_costs_neither_memory_nor_time()
    {
        await using var app = await CairnApp.Start();
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var zeros = new byte[MiB];
            for (var i = 0; i < 1024; i++) gzip.Write(zeros);
        }
        var bomb = packed.ToArray();

        var (before, watch) = (GC.GetTotalAllocatedBytes(), Stopwatch.StartNew());
        (await app.Sender.Post("/api/v1/events", bomb, "application/x-ndjson", "gzip")).Expect(413);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 64 * MiB);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task An_export_holds_no_more_rows_in_memory_for_being_longer()
    {
        await using var app = await CairnApp.Start(settings => settings with { ExportRows = 0 });
        await app.Import(Enumerable.Range(0, 40_000).Select(i => Some.Request(app.Clock.NowMs - i)));
        await Peak("/api/system/audit-logs/export?format=csv");
        var few = await Peak("/api/system/audit-logs/export?format=csv&start_time=2026-03-10T11:59:56Z");
        var many = await Peak("/api/system/audit-logs/export?format=csv");
        Assert.InRange(many, 0, few + 24 * MiB);

        // The most that is held while the file is read, beyond what was held before.
        async Task<long> Peak(string path)
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var most = before;
            using var request = app.Reader.Request(HttpMethod.Get, path);
            using var answer = await app.Reader.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Client.Cancel);
            await using var file = await answer.Content.ReadAsStreamAsync(Client.Cancel);
            var buffer = new byte[64 * 1024];
            for (var reads = 0; await file.ReadAsync(buffer, Client.Cancel) > 0; reads++)
                if (reads % 8 == 0) most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
            return most - before;
        }
    }
}
