using Cairn.Storage;
using Cairn.Support;

namespace Cairn.Records;

public sealed class RecorderTests
{
    const string Path = "/api/v1/events";

    static string Event(string id, string action = "a.b") => $$"""{"id":"{{id}}","createdAt":"2026-03-10T12:00:00Z","action":"{{action}}"}""";

    static async Task<(CairnApp App, FaultyStore Store)> Start()
    {
        FaultyStore? store = null;
        var app = await CairnApp.Start(around: inner => store = new(inner));
        return (app, store!);
    }

    [Fact]
    public async Task What_waits_while_one_commit_runs_shares_the_next()
    {
        var (app, store) = await Start();
        await using var _ = app;
        store.Hold();
        var first = app.Host.Recorder.Append([Some.Event()]);
        await store.Held;
        var rest = Enumerable.Range(0, 99).Select(_ => app.Host.Recorder.Append([Some.Event()])).ToArray();
        Assert.DoesNotContain(rest, append => append.IsCompleted);
        Assert.Equal(100, app.Host.Recorder.Waiting);
        store.LetGo();
        foreach (var append in rest.Append(first)) Assert.Equal([Outcome.Stored], await append);
        Assert.Equal(2, app.Host.Recorder.Counts.Commits);
        Assert.Equal(100, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task When_the_log_cannot_be_written_nothing_is_acknowledged_and_sending_again_stores_once()
    {
        var (app, store) = await Start();
        await using var _ = app;
        var (id, other) = (Some.EventId, Some.EventId);

        // Failed.
        store.FailBefore = _ => new LogUnavailableException("The disk is full.");
        var failed = (await app.Sender.Post(Path, Event(id))).Expect(503);
        Assert.True(int.Parse(failed.Header("Retry-After")!) > 0);
        Assert.Equal("application/problem+json", failed.Header("Content-Type"));
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);

        // Taking an export to safety goes on; its event is written once the log can be.
        (await app.Reader.Get("/api/v1/admin/audit-logs/export")).Expect(200);

        // Failed, but stored.
        (store.FailBefore, store.FailAfter) = (_ => null, _ => new LogUnavailableException("The answer was lost."));
        (await app.Sender.Post(Path, Event(other))).Expect(503);

        store.FailAfter = _ => null;
        var again = (await app.Sender.Post(Path, $"[{Event(id)},{Event(other)}]")).Expect(200).Json;
        Assert.Equal((1, 1), (again.GetProperty("accepted").GetInt32(), again.GetProperty("duplicates").GetInt32()));
        Assert.Equal(2, (await app.Reader.Get("/api/v1/admin/audit-logs?action=!audit.exported")).Total);

        await app.Host.SelfAudit.WriteKept(Client.Cancel);
        Assert.Equal(1, (await app.Reader.Get("/api/v1/admin/audit-logs?action=audit.exported")).Total);
    }

    [Fact]
    public async Task A_follower_gets_also_what_failed_and_was_stored()
    {
        var (app, store) = await Start();
        await using var _ = app;
        await using var live = await app.Follow("/api/v1/admin/ws/audit-logs");
        string[] ids = [Some.EventId, Some.EventId, Some.EventId];
        await app.Send(Event(ids[0]));
        store.FailAfter = _ => new LogUnavailableException("The answer was lost.");
        (await app.Sender.Post(Path, Event(ids[1]))).Expect(503);
        store.FailAfter = _ => null;
        await app.Send(Event(ids[2]));
        Assert.Equal(ids, (await live.Records(3)).Select(frame => frame.GetProperty("data").GetProperty("id").GetString()));
    }

    [Fact]
    public async Task A_record_that_the_store_cannot_take_fails_its_own_sender_alone()
    {
        var (app, store) = await Start();
        await using var _ = app;
        store.FailBefore = batch => batch.Events.Any(one => one.Action == "a.bad") ? new InvalidOperationException("no") : null;
        store.Hold();
        var good = Enumerable.Range(0, 10).Select(i => app.Sender.Post(Path, Event(Some.EventId))).ToArray();
        var bad = app.Sender.Post(Path, Event(Some.EventId, "a.bad"));
        await Until.True(() => app.Host.Recorder.Waiting >= 11);
        store.LetGo();
        foreach (var post in good) (await post).Expect(200);
        var answer = (await bad).Expect(500);
        Assert.DoesNotContain("InvalidOperation", answer.Text, StringComparison.Ordinal);
        Assert.Equal(10, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task Many_senders_at_once_are_each_answered_for_their_own_events()
    {
        await using var app = await CairnApp.Start();
        var shared = Some.EventId;
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => app.Sender.Post(Path, i % 4 == 0 ? Event(shared) : i % 4 == 1 ? "[]" : $"[{Event(Some.EventId)},{{}}]")));
        Assert.All(answers, answer => answer.Expect(200));
        Assert.Equal(1, answers.Where((_, i) => i % 4 == 0).Sum(answer => answer.Json.GetProperty("accepted").GetInt32()));
        Assert.Equal(9, answers.Sum(answer => answer.Json.GetProperty("duplicates").GetInt32()));
        Assert.All(answers.Where((_, i) => i % 4 > 1), answer => Assert.Equal((1, 1), (answer.Json.GetProperty("accepted").GetInt32(), answer.Json.GetProperty("rejected").GetArrayLength())));
    }
}
