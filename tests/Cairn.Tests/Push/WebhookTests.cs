using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cairn.Storage;
using Cairn.Support;
using Microsoft.AspNetCore.Http;

namespace Cairn.Push;

public sealed class WebhookTests
{
    const string Key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5", OtherKey = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=";

    static readonly TimeSpan Soon = TimeSpan.FromSeconds(2), Later = TimeSpan.FromMinutes(7);

    static Func<HttpContext, Task> Status(int status, string body = "", string? retryAfter = null) => context =>
    {
        context.Response.StatusCode = status;
        if (retryAfter is not null) context.Response.Headers.RetryAfter = retryAfter;
        return body.Length == 0 ? Task.CompletedTask : context.Response.WriteAsync(body);
    };

    [Fact]
    public async Task What_is_recorded_arrives_once_in_order_signed_and_as_an_export_has_it()
    {
        await using var receiver = await WebhookReceiver.Start();
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, Records = "both", BatchRecords = 3, Secret = $"whsec_{Key} whsec_{OtherKey}", Authorization = "Bearer a-token-of-its-own" }));
        var ids = await app.SendEvents(10);
        var requests = Enumerable.Range(0, 4).Select(_ => Some.Request()).ToArray();
        await app.Import(requests);
        await app.PushedAll();

        Assert.All(receiver.Calls, call => Assert.InRange(call.Records.Count, 1, 3));
        Assert.Equal(ids, Of("events").Ids());
        Assert.Equal(requests.Select(request => request.RequestId), Of("requests").Ids());
        // The export is an event of its own, which is pushed as well.
        var pushed = Of("events").Select(record => record.GetRawText()).ToArray();
        var exported = (await app.Reader.Get("/api/v1/admin/audit-logs/export?format=jsonl&action=a.b")).Expect(200).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(exported.Reverse(), pushed);
        foreach (var call in receiver.Calls)
        {
            Assert.Equal(("application/json", "Bearer a-token-of-its-own", "Cairn"), (call.Headers["content-type"], call.Headers["authorization"], call.Headers["user-agent"]));
            Assert.Equal(app.Clock.Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), call.Headers["webhook-timestamp"]);
            Assert.Equal(new[] { Key, OtherKey }.Select(key => Signature(key, call)), call.Headers["webhook-signature"].Split(' '));
        }
        Assert.Equal(receiver.Calls.Count, receiver.Calls.Select(call => call.Id).Distinct().Count());

        IReadOnlyList<JsonElement> Of(string kind) => [.. receiver.Calls.Where(call => call.Headers["cairn-records"] == kind).SelectMany(call => call.Records)];
    }

    [Theory]
    [InlineData("ocsf")]
    [InlineData("ecs")]
    public async Task A_target_gets_the_format_that_it_is_set_to(string format)
    {
        await using var receiver = await WebhookReceiver.Start();
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, Format = format }));
        await app.SendEvents(3);
        await app.PushedAll();
        var pushed = receiver.Calls.SelectMany(call => call.Records).Select(record => record.GetRawText()).ToArray();
        var exported = (await app.Reader.Get($"/api/v1/admin/audit-logs/export?format={format}&action=a.b")).Expect(200).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, exported.Length);
        Assert.Equal(exported.Reverse(), pushed);
    }

    /// <summary>As Standard Webhooks describe it.</summary>
    static string Signature(string key, WebhookCall call)
    {
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{call.Id}.{call.Headers["webhook-timestamp"]}."), .. call.Body];
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(key), signed));
    }

    [Fact]
    public async Task A_receiver_that_fails_in_every_way_and_comes_back_lacks_nothing_and_has_it_in_order()
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = Status(500);
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, BatchRecords = 4, Timeout = "1s" }));
        var ids = await app.SendEvents(6);

        // 1. It fails.
        await app.Failed(1);
        ids = [.. ids, .. await app.SendEvents(6)];

        // 2. It is busy, and says for how long.
        receiver.Answer = Status(429, retryAfter: "600");
        app.Clock.Move(Soon);
        await app.Failed(2);
        app.Clock.Move(TimeSpan.FromSeconds(599));
        Assert.Equal(2, receiver.Calls.Count);

        // 3. It takes what it gets, and does not answer.
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        receiver.Answer = context =>
        {
            asked.TrySetResult();
            return Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        app.Clock.Move(TimeSpan.FromSeconds(1));
        await asked.Task.WaitAsync(Client.Cancel);
        Assert.Equal(2, (await app.Host.Push.Health(Client.Cancel))[0].Failures);
        app.Clock.Move(TimeSpan.FromSeconds(1));
        await app.Failed(3);
        Assert.Equal("retrying", (await app.Push()).GetProperty("state").GetString());
        Assert.Contains("did not answer within 1 seconds", (await app.Push()).GetProperty("problem").GetString(), StringComparison.Ordinal);

        // 4. It is back.
        receiver.Answer = Status(204);
        app.Clock.Move(TimeSpan.FromSeconds(10));
        await app.PushedAll();
        Assert.Equal(ids, receiver.Taken.Ids());
        Assert.Equal(3, receiver.Calls.Count(call => call.Status is not 204));
        Assert.Equal(receiver.Calls[0].Body, receiver.Calls[3].Body);
        // What is sent again is known by its name, and each record by its id.
        Assert.Single(receiver.Calls.Take(4).Select(call => call.Id).Distinct());
        var target = await app.Push();
        Assert.Equal(("ok", JsonValueKind.Null, JsonValueKind.Null), (target.GetProperty("state").GetString(), target.GetProperty("problem").ValueKind, target.GetProperty("failingSince").ValueKind));
    }

    [Theory]
    [InlineData(400), InlineData(401), InlineData(410), InlineData(301)]
    public async Task What_a_receiver_refuses_is_held_and_told_and_seldom_tried_again(int status)
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = context =>
        {
            context.Response.Headers.Location = "/elsewhere";
            return Status(status, "go\u202e away\u0007 " + new string('x', 5_000))(context);
        };
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, Secret = "whsec_" + Key, Authorization = "Bearer a-token-of-its-own" }));
        var ids = await app.SendEvents(3);
        await app.Failed(1);
        app.Clock.Move(TimeSpan.FromMinutes(3));
        Assert.Single(receiver.Calls);
        var target = await app.Push();
        var problem = target.GetProperty("problem").GetString()!;
        Assert.Equal(("refused", 3), (target.GetProperty("state").GetString(), target.GetProperty("lagRecords").GetInt32()));
        Assert.Equal(180, target.GetProperty("lagSeconds").GetInt32());
        Assert.Contains($"answers {status}", problem, StringComparison.Ordinal);
        Assert.InRange(problem.Length, 1, 250);
        Assert.DoesNotContain('\u202e', problem);
        Assert.DoesNotContain('\u0007', problem);
        Assert.Equal("ready\n", (await app.Gateway().Get("/readyz")).Expect(200).Text);

        // A receiver that repeats what it was told in confidence does not bring it among the messages.
        receiver.Answer = Status(status, "no such thing as Bearer a-token-of-its-own");
        app.Clock.Move(Later);
        await app.Failed(2);
        Assert.DoesNotContain("a-token-of-its-own", (await app.Reader.Get("/api/v1/admin/health")).Text, StringComparison.Ordinal);

        receiver.Answer = Status(200);
        app.Clock.Move(Later);
        await app.PushedAll();
        Assert.Equal(ids, receiver.Taken.Ids());
    }

    [Theory]
    [InlineData("nobody here is called part-of-a-path")]
    [InlineData("PART-OF-A-PATH is not known")]
    [InlineData("no such key: 12345678/ü 9"), InlineData("no such key: 12345678%2F%C3%BC%209")]
    [InlineData("Basic dXNlcjpodW50ZXIyMg== is wrong")]
    public async Task An_answer_that_repeats_a_part_of_a_secret_is_hidden(string said)
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = Status(403, said);
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", Url = new Uri(receiver.Url, "/in/part-of-a-path?v=2&key=12345678%2F%C3%BC%209"), Authorization = "Basic dXNlcjpodW50ZXIyMg==" }));
        await app.SendEvents(1);
        await app.Failed(1);
        Assert.EndsWith("answers 403: (hidden: it repeats a secret)", (await app.Push()).GetProperty("problem").GetString(), StringComparison.Ordinal);

        // A short part is no secret, or nothing could be said.
        receiver.Answer = Status(403, "v=2 of key is not in");
        app.Clock.Move(Later);
        await app.Failed(2);
        Assert.EndsWith("answers 403: v=2 of key is not in", (await app.Push()).GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Mallory's words\r\n\r\n"), InlineData("HTTP/1.1 Mallory's words\r\n\r\n"), InlineData("HTTP/1.1 200 OK\r\nMallory's words\r\n\r\n"), InlineData("")]
    public async Task What_is_no_answer_is_told_in_words_of_our_own(string answer)
    {
        await using var receiver = RawBackend.Saying(answer);
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url }));
        await app.SendEvents(1);
        await app.Failed(1);
        app.Clock.Move(Pusher.LongFailure + Later);
        await app.Failed(2);
        var told = Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.push_stalled")).Items);
        Assert.Contains("does not answer: ", told.GetProperty("metadata").GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Mallory", told.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_events_and_requests_what_was_taken_is_not_sent_again_while_the_other_is_refused()
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = context => Status(context.Request.Headers["cairn-records"] == "requests" ? 422 : 200)(context);
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, Records = "both" }));
        var ids = await app.SendEvents(2);
        await Until.True(() => receiver.Taken.Count == 2);
        var request = Some.Request();
        await app.Import(request);
        await app.Failed(1);
        ids = [.. ids, .. await app.SendEvents(3)];
        app.Clock.Move(Later);
        await app.Failed(2);
        Assert.Equal(ids, receiver.Taken.Ids());
        var target = await app.Push();
        Assert.Equal(("refused", 1, "2026-03-10T12:00:00.000Z"), (target.GetProperty("state").GetString(), target.GetProperty("lagRecords").GetInt32(), target.GetProperty("failingSince").GetString()));

        receiver.Answer = Status(200);
        app.Clock.Move(Later);
        await app.PushedAll();
        Assert.Equal([.. ids, request.RequestId], receiver.Taken.Ids());
        Assert.Equal("ok", (await app.Push()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_receiver_that_takes_less_at_once_gets_less_at_once()
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = context => Status(context.Request.ContentLength > 3_000 ? 413 : 200)(context);
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url }));
        var ids = await app.SendEvents(100);
        await app.PushedAll();
        Assert.Equal(ids, receiver.Taken.Ids());
        // Each time half of what was too many, so that nothing is sent again as it was.
        var refused = receiver.Calls.Where(call => call.Body.Length > 3_000).Select(call => call.Records.Count).ToArray();
        Assert.Equal(refused.Distinct(), refused);

        // Once it takes more again it gets more again.
        receiver.Answer = Status(200);
        var before = receiver.Calls.Count;
        await app.SendEvents(1_000);
        await app.PushedAll();
        Assert.True(receiver.Calls.Skip(before).Max(call => call.Records.Count) > 2 * receiver.Calls.Skip(before).First().Records.Count);
    }

    [Fact]
    public async Task A_target_gets_what_its_filter_lets_through_and_begins_where_it_is_told_to()
    {
        await using var receiver = await WebhookReceiver.Start();
        using var place = new TempDirectory();
        await using (var before = await CairnApp.Start(place: place.Path)) await before.Send("""{"action":"a.old","outcome":"denied"}""", """{"action":"a.old"}""");

        await using var app = await CairnApp.Start(Targets.Of(new { Name = "all", receiver.Url, From = "beginning", Filter = "outcome=denied&outcome=failure" }, new { Name = "new", Url = receiver.Url + "2" }), place: place.Path);
        await Until.True(async () => (await app.Push("new")).GetProperty("state").GetString() == "ok");
        await app.Send("""{"action":"a.new","outcome":"failure"}""", """{"action":"a.new"}""");
        await app.PushedAll("all");
        await app.PushedAll("new");
        // Both are pushed to at once; the filtered one has no more than its two.
        Assert.Equal(["a.new/failure", "a.new/failure", "a.new/success", "a.old/denied"], receiver.Taken.Select(record => $"{record.GetProperty("action")}/{record.GetProperty("outcome")}").Order());
    }

    [Fact]
    public async Task After_a_restart_it_goes_on_where_it_was()
    {
        await using var receiver = await WebhookReceiver.Start();
        using var place = new TempDirectory();
        var target = Targets.Of(new { Name = "siem", receiver.Url });
        string[] ids;
        await using (var app = await CairnApp.Start(target, place: place.Path))
        {
            ids = await app.SendEvents(5);
            await app.PushedAll();
            receiver.Answer = Status(503);
            ids = [.. ids, .. await app.SendEvents(5)];
            await app.Failed(1);
        }
        receiver.Answer = Status(200);
        await using var again = await CairnApp.Start(target, place: place.Path);
        await again.PushedAll();
        Assert.Equal(ids, receiver.Taken.Ids());
        Assert.Equal("ok", (await again.Push()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task What_retention_removes_before_it_is_pushed_is_counted_and_told()
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = Status(503);
        using var place = new TempDirectory();
        var (clock, target) = (new TestClock(), Targets.Of(new { Name = "siem", receiver.Url, Filter = "action=a.b&action=audit.push_skipped" }));
        await using (var before = await CairnApp.Start(target, clock, place: place.Path))
        {
            await before.SendEvents(5);
            await before.Failed(1);
        }
        clock.Move(TimeSpan.FromDays(11));
        await using (await CairnApp.Start(settings => settings with { EventDays = 10 }, clock, place: place.Path)) { }

        // It is known while the target is still away.
        await using var app = await CairnApp.Start(target, clock, place: place.Path);
        var ids = await app.SendEvents(2);
        await app.Failed(1);
        Assert.Equal(5, (await app.Push()).GetProperty("removed").GetInt32());
        var told = Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.push_skipped")).Items);
        Assert.Equal("""{"target":"TARGET","records":"5"}""".Replace("TARGET", receiver.Url.GetLeftPart(UriPartial.Authority) + "/…", StringComparison.Ordinal), JsonSerializer.Serialize(told.GetProperty("metadata"), RelaxedJson));

        receiver.Answer = Status(200);
        app.Clock.Move(TimeSpan.FromMinutes(10));
        await app.PushedAll();
        Assert.Equal(ids, receiver.Taken.Where(record => record.GetProperty("action").GetString() == "a.b").Ids());
        Assert.Contains("cairn_push_removed_total{target=\"siem\"} 5", (await app.Gateway().Get("/metrics")).Text, StringComparison.Ordinal);
    }

    static readonly JsonSerializerOptions RelaxedJson = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task A_log_in_ClickHouse_is_pushed_whole_and_none_of_it_counts_as_removed()
    {
        Needs.Command("clickhouse-server");
        await using var server = await ClickHouseServer.Start();
        await server.Run("CREATE DATABASE log");
        Assert.True(StoreAddress.TryRead(server.Url("log", "?writer=3"), out var address));
        await using var receiver = await WebhookReceiver.Start();
        using var place = new TempDirectory();
        string[] ids;
        await using (var before = await CairnApp.Start(settings => settings with { Store = address }, place: place.Path))
        {
            ids = await before.SendEvents(30);
            await Delivered(before);
        }

        await using var app = await CairnApp.Start(settings => Targets.Of(new { Name = "siem", receiver.Url, From = "beginning", Filter = "action=a.b", BatchRecords = 7 })(settings) with { Store = address }, place: place.Path);
        await app.PushedAll();
        Assert.Equal(ids, receiver.Taken.Ids());
        await server.Kill();
        ids = [.. ids, .. await app.SendEvents(5)];
        await server.Begin();
        await Until.True(() => receiver.Taken.Count == ids.Length);
        Assert.Equal(ids, receiver.Taken.Ids());
        await app.PushedAll();
        Assert.Equal(0, (await app.Push()).GetProperty("removed").GetInt32());
    }

    /// <summary>Waits until nothing waits for the store any longer.</summary>
    static Task Delivered(CairnApp app) => Until.True(async () => (await app.Reader.Get("/api/v1/admin/health")).Expect(200).Json.GetProperty("outbox").GetProperty("waiting").GetInt64() == 0);

    [Fact]
    public async Task What_came_twice_while_ClickHouse_was_away_does_not_count_as_removed()
    {
        Needs.Command("clickhouse-server");
        await using var server = await ClickHouseServer.Start();
        await server.Run("CREATE DATABASE log");
        Assert.True(StoreAddress.TryRead(server.Url("log"), out var address));
        await using var receiver = await WebhookReceiver.Start();
        using var place = new TempDirectory();
        var target = Targets.Of(new { Name = "siem", receiver.Url, BatchRecords = 4 });
        var events = Enumerable.Range(0, 13).Select(Targets.Event).ToArray();
        await using (var app = await CairnApp.Start(settings => target(settings) with { Store = address }, place: place.Path))
        {
            await app.SendEvents(0);
            await app.Send(events[..10]);
            await app.PushedAll();
            await Delivered(app);

            // What was sent before comes again, before, between and after what is new.
            receiver.Answer = Status(503);
            await server.Kill();
            await app.Send([.. events[..3], events[10], .. events[3..9], events[11], events[12], events[9]]);
            await app.Failed(1);
            await server.Begin();
            await Delivered(app);
        }

        receiver.Answer = Status(200);
        await using var again = await CairnApp.Start(settings => target(settings) with { Store = address }, place: place.Path);
        await again.PushedAll();
        Assert.Equal(events.Select(one => JsonDocument.Parse(one).RootElement.GetProperty("id").GetString()), receiver.Taken.Where(record => record.GetProperty("action").GetString() == "a.b").Ids());
        Assert.Equal(0, (await again.Push()).GetProperty("removed").GetInt32());
        Assert.Empty((await again.Reader.Get("/api/v1/admin/audit-logs?action=audit.push_skipped")).Items);
    }

    [Fact]
    public async Task A_target_that_is_away_for_long_is_told_once_and_counted()
    {
        await using var receiver = await WebhookReceiver.Start();
        receiver.Answer = Status(500, "out of order");
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url }));
        await app.SendEvents(2);
        await app.Failed(1);
        for (var attempt = 2; attempt < 6; attempt++)
        {
            app.Clock.Move(TimeSpan.FromMinutes(40));
            await app.Failed(attempt);
        }
        var told = Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.push_stalled")).Items);
        Assert.Equal(("siem", "failure"), (told.GetProperty("resourceName").GetString(), told.GetProperty("outcome").GetString()));
        // What the receiver says is for who looks after Cairn, and is not written into the log.
        Assert.EndsWith("answers 500", told.GetProperty("metadata").GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.EndsWith("answers 500: out of order", (await app.Push()).GetProperty("problem").GetString(), StringComparison.Ordinal);

        var metrics = (await app.Gateway().Get("/metrics")).Expect(200).Text.Split('\n');
        foreach (var line in new[] { "cairn_push_lag_records{target=\"siem\"} 3", "cairn_push_lag_seconds{target=\"siem\"} 9600", "cairn_push_failing{target=\"siem\"} 1", "cairn_push_sent_total{target=\"siem\"} 0", "cairn_push_failures_total{target=\"siem\"} 5" }) Assert.Contains(line, metrics);

        receiver.Answer = Status(200);
        app.Clock.Move(TimeSpan.FromMinutes(10));
        await app.PushedAll();
        Assert.Contains("cairn_push_failing{target=\"siem\"} 0", (await app.Gateway().Get("/metrics")).Text, StringComparison.Ordinal);
        Assert.Contains("cairn_push_sent_total{target=\"siem\"} 3", (await app.Gateway().Get("/metrics")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_is_trusted_by_its_certificate_alone()
    {
        using var authority = new TestAuthority();
        using var serving = authority.Serving();
        await using var receiver = await WebhookReceiver.Start(serving);
        using var place = new TempDirectory();
        string[] ids;
        await using (var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url }), place: place.Path))
        {
            ids = await app.SendEvents(1);
            await app.Failed(1);
            Assert.Contains("is not trusted", (await app.Push()).GetProperty("problem").GetString(), StringComparison.Ordinal);
            Assert.Equal("refused", (await app.Push()).GetProperty("state").GetString());
            Assert.Empty(receiver.Calls);
        }
        await using var trusting = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, CertificateAuthority = authority.CertificateFile }), place: place.Path);
        await trusting.PushedAll();
        Assert.Equal(ids, receiver.Taken.Ids());
    }

    [Fact]
    public async Task A_busy_log_and_a_receiver_that_stumbles_lose_nothing()
    {
        await using var receiver = await WebhookReceiver.Start();
        var calls = 0;
        receiver.Answer = context => Status((Interlocked.Increment(ref calls) % 5) switch { 2 => 500, 4 => 503, _ => 200 })(context);
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url, BatchRecords = 50, Timeout = "10m" }));
        var ids = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            ids.AddRange(await app.SendEvents(100));
            app.Clock.Move(Soon);
        }
        await Until.True(async () =>
        {
            app.Clock.Move(TimeSpan.FromMilliseconds(100));
            return (await app.Push()).GetProperty("lagRecords").GetInt64() == 0;
        });
        Assert.Equal(ids, receiver.Taken.Ids());
    }
}
