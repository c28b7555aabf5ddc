using System.Text.Json;
using Cairn.Support;

namespace Cairn.Push;

public sealed class SyslogTests
{
    /// <summary>What would end a value, an element, a line or a frame, and what would rearrange them.</summary>
    const string Hostile = """x"] [forged@1 a="b\" c='\\'] <0>1 - 17 \n""" + "\n\r\t\u0085\u2028\u202e 5 <34>1 ü😀";

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task Every_message_is_to_the_letter_whatever_stands_in_a_record(bool overTls)
    {
        using var authority = new TestAuthority();
        using var serving = authority.Serving();
        await using var receiver = SyslogReceiver.Start(overTls ? serving : null);
        await using var app = await CairnApp.Start(settings => settings with
        {
            Push = Targets.Read(overTls ? new { Name = "siem", receiver.Url, Records = "both", Facility = 16, CertificateAuthority = authority.CertificateFile } : new { Name = "siem", receiver.Url, Records = "both", Facility = 16 }),
        });
        await app.Send(JsonSerializer.Serialize(new { action = Hostile, resource = "W" + Hostile, actorId = Hostile, resourceName = Hostile, outcome = "denied", metadata = new { text = Hostile } }), """{"action":"a.b"}""");
        await app.Import(Some.Request(status: "error"));
        await Until.True(() => receiver.Messages.Count == 3 || receiver.Fault is not null);
        Assert.Null(receiver.Fault);

        var hostile = receiver.Messages[0];
        Assert.Equal((16 * 8 + 4, "cairn", "event"), (hostile.Priority, hostile.App, hostile.Kind));
        Assert.Equal(["id", "action", "outcome", "actor", "resource"], hostile.Named.Keys);
        Assert.Equal("denied", hostile.Named["outcome"]);
        Assert.StartsWith("""x"] [forged@1 a="b\" c='\\'] <0>1 - 17 \n""", hostile.Named["actor"], StringComparison.Ordinal);
        Assert.DoesNotContain(hostile.Named.Values, value => value.Any(letter => char.IsControl(letter) || letter is '\u2028' or '\u202e'));
        Assert.Equal(Hostile, hostile.Json.GetProperty("actorId").GetString());
        Assert.Equal(Hostile, hostile.Json.GetProperty("metadata").GetProperty("text").GetString());
        Assert.Equal(hostile.Json.GetProperty("id").GetString(), hostile.Named["id"]);
        Assert.Equal(hostile.Json.GetProperty("createdAt").GetString(), hostile.Timestamp);
        Assert.Equal((16 * 8 + 6, 16 * 8 + 4, "request"), (receiver.Messages[1].Priority, receiver.Messages[2].Priority, receiver.Messages[2].Kind));
        Assert.Equal("error", receiver.Messages[2].Named["status"]);
    }

    [Fact]
    public async Task A_record_as_large_as_one_may_be_arrives_whole()
    {
        await using var receiver = SyslogReceiver.Start();
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url }));
        var text = new string('ü', 7_000);
        await app.Send(JsonSerializer.Serialize(new { action = "a.b", metadata = new { text } }));
        await Until.True(() => receiver.Messages.Count == 1);
        Assert.Equal(text, receiver.Messages[0].Json.GetProperty("metadata").GetProperty("text").GetString());
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task A_receiver_that_breaks_off_gets_again_what_it_may_not_have_read(bool overTls)
    {
        using var authority = new TestAuthority();
        using var serving = authority.Serving();
        await using var receiver = SyslogReceiver.Start(overTls ? serving : null);
        receiver.BreaksAfter = [1, 37, 600];
        await using var app = await CairnApp.Start(settings => settings with
        {
            Push = Targets.Read(overTls ? new { Name = "siem", receiver.Url, CertificateAuthority = authority.CertificateFile } : new { Name = "siem", receiver.Url }),
        });
        var ids = await app.SendEvents(2_000);
        await Until.True(() =>
        {
            app.Clock.Move(TimeSpan.FromMilliseconds(100));
            return receiver.Messages.Select(message => message.Named["id"]).Distinct().Count() == ids.Length;
        });
        Assert.Null(receiver.Fault);
        Assert.Equal(4, receiver.Connections);
        // Each connection takes up before what the last one had read, and goes on in order.
        Assert.Equal(ids, receiver.Messages.Select(message => message.Named["id"]).First());
        await app.PushedAll();
    }

    [Fact]
    public async Task What_the_receiver_read_is_not_sent_again_after_an_orderly_stop()
    {
        await using var receiver = SyslogReceiver.Start();
        using var place = new TempDirectory();
        var target = Targets.Of(new { Name = "siem", receiver.Url });
        string[] ids;
        await using (var app = await CairnApp.Start(target, place: place.Path))
        {
            ids = await app.SendEvents(50);
            await Until.True(() => receiver.Messages.Count == 50);
        }
        await using var again = await CairnApp.Start(target, place: place.Path);
        ids = [.. ids, .. await again.SendEvents(5)];
        await again.PushedAll();
        Assert.Equal(ids, receiver.Messages.Select(message => message.Named["id"]));
    }

    [Fact]
    public async Task A_receiver_whose_certificate_is_not_trusted_gets_nothing()
    {
        using var authority = new TestAuthority();
        using var serving = authority.Serving();
        await using var receiver = SyslogReceiver.Start(serving);
        await using var app = await CairnApp.Start(Targets.Of(new { Name = "siem", receiver.Url }));
        await app.SendEvents(1);
        await app.Failed(1);
        Assert.Contains("is not trusted", (await app.Push()).GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Empty(receiver.Messages);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task A_receiver_that_stopped_reading_does_not_keep_a_connection_from_being_closed(bool overTls)
    {
        using var authority = new TestAuthority();
        using var serving = authority.Serving();
        await using var receiver = SyslogReceiver.Start(overTls ? serving : null);
        receiver.ReadsAfter = new TaskCompletionSource().Task;
        var target = Targets.Read(overTls ? new { Name = "siem", receiver.Url, Timeout = "1s", CertificateAuthority = authority.CertificateFile } : new { Name = "siem", receiver.Url, Timeout = "1s" })[0];
        await using var connection = Pushers.Connection(target, TimeProvider.System);

        // More than both machines hold for it: what it was sent never goes away.
        var parcel = new Parcel("event", 0);
        var text = new string('x', 1 << 20);
        for (var i = 0; i < 32; i++) parcel.Add($"{i}", 0, isFault: false, [], writer => writer.WriteStringValue(text));
        await Assert.ThrowsAsync<PushFailedException>(() => connection.Send(parcel, Client.Cancel));
        Assert.Equal(0, await connection.Close(inOrder: true).WaitAsync(TimeSpan.FromSeconds(20), Client.Cancel));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task A_real_rsyslog_has_everything_also_after_it_was_away(bool overTls)
    {
        using var authority = overTls ? new TestAuthority() : null;
        await using var rsyslog = await RsyslogServer.Start(authority);
        using var place = new TempDirectory();
        var target = overTls
            ? Targets.Of(new { Name = "siem", rsyslog.Url, CertificateAuthority = authority!.CertificateFile, Certificate = authority.Issue("cairn") })
            : Targets.Of(new { Name = "siem", rsyslog.Url });
        var ids = new List<string>();
        await using (var app = await CairnApp.Start(target, place: place.Path))
        {
            ids.AddRange(await app.SendEvents(3_000));
            await app.PushedAll();
            await Wrote();
            Assert.Equal(ids, Ids());
            Assert.StartsWith("110|cairn|event|[cairn@32473 id=\"" + ids[0] + "\" action=\"a.b\" outcome=\"success\"", rsyslog.Lines[0], StringComparison.Ordinal);

            await rsyslog.Stop();
            ids.AddRange(await app.SendEvents(500));
            await app.Failed(1);
            Assert.Equal("retrying", (await app.Push()).GetProperty("state").GetString());
            await rsyslog.Run();
            app.Clock.Move(TimeSpan.FromMinutes(10));
            await app.PushedAll();
            await Wrote();
            Assert.Equal(ids, Ids().First());

            ids.AddRange(await app.SendEvents(100));
        }
        // Stopped in good order: nothing is sent again.
        await using var again = await CairnApp.Start(target, place: place.Path);
        ids.AddRange(await again.SendEvents(100));
        await again.PushedAll();
        await Wrote();
        Assert.Equal(ids, Ids().First());

        // What rsyslog took it writes a little later.
        Task Wrote() => Until.True(() => Ids().First().Length >= ids.Count);

        string[] Ids() => rsyslog.Messages.Select(text => JsonDocument.Parse(text).RootElement).Ids();
    }
}
