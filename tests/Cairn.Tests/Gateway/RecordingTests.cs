using System.Text.Json;
using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Gateway;

/// <summary>No request passes unrecorded.</summary>
public sealed class RecordingTests
{
    [Fact]
    public async Task A_backend_sees_a_request_only_once_its_start_is_durable()
    {
        await using var app = await GatewayApp.Start();
        app.Store!.Hold();
        var calls = Enumerable.Range(0, 20).Select(_ => app.Chat()).ToArray();
        await app.Store.Held;
        await Until.True(() => app.Cairn.Host.Inference.UnderWay == 20);
        Assert.Empty(app.Backend.Calls);

        app.Backend.Instead = async (context, _) =>
        {
            var started = await app.Cairn.Host.Log.Unfinished(Client.Cancel);
            await ScriptedBackend.Json(context, started.Any(start => start.RequestId == context.Request.Headers["x-request-id"]) ? "{}" : "{\"unstarted\"");
        };
        app.Store.LetGo();
        foreach (var call in calls) Assert.Equal("{}", (await call).Expect(200).Text);
        Assert.All(await app.Records(20), record => Assert.Equal("success", record.Text("status")));
        Assert.Empty(await app.Cairn.Host.Log.Unfinished(Client.Cancel));
    }

    [Fact]
    public async Task With_the_store_down_the_backend_sees_none_and_the_client_is_told()
    {
        await using var app = await GatewayApp.Start();
        app.Store!.FailBefore = _ => new LogUnavailableException("The disk is full.");
        foreach (var path in new[] { "/v1/chat/completions", "/v1/messages" })
        {
            var answer = (await app.Caller.Post(path, GatewayApp.Body)).Expect(503);
            Assert.True(int.Parse(answer.Header("Retry-After")!) > 0);
            Assert.Equal(answer.Json.Text("detail"), answer.Json.GetProperty("error").Text("message"));
        }
        (await app.Caller.Get("/v1/models")).Expect(503);
        Assert.Empty(app.Backend.Calls);
        Assert.Equal(3, app.Cairn.Host.Inference.Ledger.Refused);

        app.Store.FailBefore = _ => null;
        (await app.Chat()).Expect(200);
        await app.Records(1);
    }

    [Fact]
    public async Task A_start_that_failed_and_was_stored_is_taken_back()
    {
        await using var app = await GatewayApp.Start();
        app.Store!.FailAfter = _ => new LogUnavailableException("The answer was lost.");
        (await app.Chat()).Expect(503);
        Assert.Single(await app.Cairn.Host.Log.Unfinished(Client.Cancel));
        app.Store.FailAfter = _ => null;
        (await app.Chat()).Expect(200);
        await app.Records(1);
        Assert.Empty(await app.Cairn.Host.Log.Unfinished(Client.Cancel));
        Assert.Single(app.Backend.Calls);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task A_record_that_cannot_be_written_is_written_once_the_log_can_be(bool isStored)
    {
        await using var app = await GatewayApp.Start();
        app.Backend.Instead = (context, _) =>
        {
            // From here on nothing can be written.
            if (isStored) app.Store!.FailAfter = _ => new LogUnavailableException("The answer was lost.");
            else app.Store!.FailBefore = _ => new LogUnavailableException("The disk is full.");
            return ScriptedBackend.Json(context, ScriptedBackend.Chat);
        };
        (await app.Chat()).Expect(200);
        await Until.True(() => app.Cairn.Host.Inference.Ledger.IsFailing);
        (await app.Chat()).Expect(503);
        Assert.Equal(1, app.Cairn.Host.Inference.Ledger.Waiting);
        Assert.Single(app.Backend.Calls);

        (app.Store!.FailBefore, app.Store.FailAfter) = (_ => null, _ => null);
        Assert.Equal(("success", null, 200L), (await app.Record()).Outcome());
        app.Backend.Instead = null;
        (await app.Chat()).Expect(200);
        await app.Records(2);
        Assert.Equal(0, app.Cairn.Host.Inference.Ledger.Lost);
    }

    [Fact]
    public async Task Where_it_is_allowed_requests_are_served_counted_and_the_gap_is_marked()
    {
        await using var app = await GatewayApp.Start(settings => settings with { OnAuditFailure = OnAuditFailure.Allow });
        app.Store!.FailBefore = _ => new LogUnavailableException("The disk is full.");
        for (var i = 0; i < 3; i++) (await app.Chat()).Expect(200);
        Assert.Equal((3, 0L), (app.Backend.Calls.Count, app.Cairn.Host.Inference.Ledger.Refused));
        Assert.Contains("cairn_gateway_unstarted_total 3\n", (await app.Caller.Get("/metrics")).Text, StringComparison.Ordinal);

        app.Cairn.Clock.Move(TimeSpan.FromSeconds(5));
        app.Store.FailBefore = _ => null;
        Assert.All(await app.Records(3), record => Assert.Equal("success", record.Text("status")));
        IReadOnlyList<JsonElement> marks = [];
        await Until.True(async () => (marks = (await app.Cairn.Reader.Get("/api/v1/admin/audit-logs?action=audit.gap_marked")).Items).Count > 0);
        var gap = Assert.Single(marks).GetProperty("metadata");
        Assert.Equal((3L, 0L), (gap.Number("servedWithoutStart"), gap.Number("lost")));
        Assert.Equal(("2026-03-10T12:00:00.000Z", "2026-03-10T12:00:05.000Z"), (gap.Text("from"), gap.Text("until")));
    }

    [Fact]
    public async Task A_record_that_the_log_will_not_take_is_counted_as_lost_and_does_not_keep_others_out()
    {
        await using var app = await GatewayApp.Start();
        app.Store!.FailBefore = batch => batch.Requests.Any(request => request.Model == "bad") ? new InvalidOperationException("no") : null;
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => app.Chat($$"""{"model":"{{(i == 4 ? "bad" : "good")}}"}""")));
        await app.Records(9);
        Assert.Equal(1, app.Cairn.Host.Inference.Ledger.Lost);
        Assert.Equal(1, (await app.Cairn.Reader.Get("/api/v1/admin/health")).Json.GetProperty("records").Number("lost"));
    }

    [Fact]
    public async Task Recorded_at_the_end_a_request_does_not_wait_for_the_disk()
    {
        await using var app = await GatewayApp.Start(settings => settings with { Record = RecordAt.End });
        app.Store!.Hold();
        (await app.Chat()).Expect(200);
        app.Store.LetGo();
        Assert.Equal("success", (await app.Record()).Text("status"));

        app.Store.FailBefore = _ => new LogUnavailableException("The disk is full.");
        (await app.Chat()).Expect(200);
        await Until.True(() => app.Cairn.Host.Inference.Ledger.IsFailing);
        (await app.Chat()).Expect(503);
        Assert.Equal(2, app.Backend.Calls.Count);
        app.Store.FailBefore = _ => null;
        await app.Records(2);
    }

    [Fact]
    public async Task What_is_under_way_when_Cairn_stops_is_interrupted()
    {
        using var place = new TempDirectory();
        await using (var app = await GatewayApp.Start(place: place.Path))
        {
            app.Backend.Instead = (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted);
            var call = app.Chat();
            await Until.True(() => app.Backend.Calls.Count == 1);
            await app.Cairn.Host.DisposeAsync();
            await Assert.ThrowsAnyAsync<HttpRequestException>(() => call);
        }
        await using var again = await CairnApp.Start(place: place.Path);
        var record = Assert.Single((await again.GatewayReader.Get("/admin/audit-logs")).Expect(200).Items);
        Assert.Equal(("error", "interrupted"), (record.Text("status"), record.Text("error_type")));
    }

    [Theory]
    [InlineData("start"), InlineData("end")]
    public async Task A_killed_gateway_leaves_each_request_that_reached_a_backend_with_one_record(string at)
    {
        using var directory = new TempDirectory();
        await using var backend = await ScriptedBackend.Start();
        var data = Path.Combine(directory.Path, "data");
        Directory.CreateDirectory(data);
        await File.WriteAllTextAsync(Path.Combine(data, "cairn.json"), $$$"""{"Gateway":{"Record":"{{{at}}}","Backends":[{"Name":"a","Type":"openai","Url":"{{{backend.Url}}}"}]}}""", Client.Cancel);
        var key = (await CairnProcess.Run("keys", "create", "--name", "k", "--scope", "inference,audit:read", "--data", data)).Lines[^1];

        await using (var server = await CairnProcess.Serve(data))
        {
            using var http = new HttpClient { BaseAddress = server.Address("Gateway") };
            var caller = new Client(http, key);
            for (var i = 0; i < 5; i++) (await caller.Post("/v1/chat/completions", """{"model":"done"}""")).Expect(200);
            await Until.True(async () => (await caller.Get("/admin/audit-logs?model=done")).Total == 5);

            backend.Instead = (context, _) => Task.Delay(Timeout.Infinite, context.RequestAborted);
            var calls = Enumerable.Range(0, 20).Select(_ => caller.Post("/v1/chat/completions", """{"model":"hanging","user":"ada"}""")).ToArray();
            await Until.True(() => backend.Calls.Count == 25);
            await server.Kill();
            foreach (var call in calls) await Assert.ThrowsAnyAsync<HttpRequestException>(() => call);
        }

        await using var again = await CairnProcess.Serve(data);
        using var reading = new HttpClient { BaseAddress = again.Address("Gateway") };
        var reader = new Client(reading, key);
        var expected = at == "start" ? 20 : 0;
        await Until.True(async () => (await reader.Get("/admin/audit-logs?model=hanging")).Total >= expected);
        var interrupted = (await reader.Get("/admin/audit-logs?model=hanging")).Items;
        Assert.Equal(expected, interrupted.Count);
        Assert.All(interrupted, record => Assert.Equal(("error", "interrupted", "ada", "openai"), (record.Text("status"), record.Text("error_type"), record.Text("user"), record.Text("backend_type"))));
        if (expected > 0) Assert.Equal(backend.Calls.Skip(5).Select(got => got.Headers["x-request-id"]).Order(), interrupted.Select(record => record.Text("request_id")!).Order());
        Assert.Equal(5 + expected, (await reader.Get("/admin/audit-logs")).Total);
    }
}
