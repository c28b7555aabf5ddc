namespace Cairn.Benchmarks;

/// <summary>
/// What does a call cost more through Cairn than through a plain proxy, and than through another gateway? All have the same
/// backend, and take turns in one run. Clients, gateways and backend share the machine.
/// </summary>
sealed class GatewayQuestion(Settings settings)
{
    const string Body = """{"model":"llama-3","messages":[{"role":"user","content":"hello there, how are you today?"}],"temperature":0.7}""";

    static readonly int[] Connections = [1, 16, 64];

    int Seconds => settings.Short ? 2 : 5;

    int Rounds => settings.Short ? 3 : 5;

    public async Task Ask()
    {
        Report.Title("Calls to models, beside a plain proxy and other gateways");
        if (!Doors.AreInstalled()) return;
        await using var all = new Doors(settings);
        int plain = Doors.FreePort(), proxy = Doors.FreePort();
        await all.StartNginx(plain, proxy);
        var direct = new Door("the backend itself", plain, "");
        var nginx = new Door("nginx", proxy, "");
        var (atStart, startProcess) = await all.StartCairn("start", plain);
        var (atEnd, _) = await all.StartCairn("end", plain);
        var portkey = await all.StartPeer("Portkey", ["node_modules/@portkey-ai/gateway/build/start-server.js", "--headless"], port => $"--port={port}", plain);
        Door[] doors = [.. new[] { direct, nginx, atStart, atEnd, portkey }.OfType<Door>()];

        foreach (var door in doors) await all.Load(door, 64, Seconds * 2, Body);
        for (var round = 0; round < Rounds; round++)
            for (var i = 0; i < Connections.Length; i++)
                foreach (var door in doors)
                {
                    var (median, rate) = await all.Load(door, Connections[i], Seconds, Body);
                    door.Latency[i].Add(median);
                    door.Rate[i].Add(rate);
                }

        Report.Head("connections", "through", "median", "more than the backend", "calls", "of nginx");
        for (var i = 0; i < Connections.Length; i++)
            foreach (var door in doors)
                Report.Row($"{Connections[i]}", door.Name, Doors.Time(Doors.Median(door.Latency[i])), door == direct ? "" : Doors.Time(Doors.Median(door.Latency[i]) - Doors.Median(direct.Latency[i])), $"{Doors.Median(door.Rate[i]):#,0}/s", Report.Ratio(Doors.Median(door.Rate[i]) / Doors.Median(nginx.Rate[i])));

        double Added(Door door) => Doors.Median(door.Latency[0]) - Doors.Median(nginx.Latency[0]);
        double Share(Door door, Door of) => Doors.Median(door.Rate[2]) / Doors.Median(of.Rate[2]);
        Report.Note("What was asked:");
        Report.Head("", "measured", "asked", "ok?");
        Report.Row("recorded at the start: added to nginx's median, 1 connection", Doors.Time(Added(atStart)), "≤ 0.5 ms", Report.AtMost(Added(atStart), 500));
        if (portkey is not null)
        {
            Report.Row("the same, of what Portkey adds", Report.Ratio(Added(atStart) / Added(portkey)), "≤ 0.33", Report.AtMost(Added(atStart) / Added(portkey), 0.333));
            Report.Row("recorded at the start: calls at 64 connections, of Portkey's", Report.Ratio(Share(atStart, portkey)), "≥ 20", Report.AtLeast(Share(atStart, portkey), 20));
        }
        else Report.NotMeasured("Portkey is not installed (npm ci in bench/peers).");
        Report.Row("recorded at the start: calls at 64 connections, of nginx's", Report.Ratio(Share(atStart, nginx)), "≥ 0.25", Report.AtLeast(Share(atStart, nginx), 0.25));
        Report.Row("recorded at the end: calls at 64 connections, of nginx's", Report.Ratio(Share(atEnd, nginx)), "≥ 0.4", Report.AtLeast(Share(atEnd, nginx), 0.4));
    }
}
