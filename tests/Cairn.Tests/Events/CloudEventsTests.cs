using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Cairn.Access;
using Cairn.Support;

namespace Cairn.Events;

public sealed class CloudEventsTests
{
    const string Path = "/api/v1/events";

    static string Event(string more = "", string id = "1", string type = "order.paid") => $$"""{"specversion":"1.0","id":"{{id}}","source":"/shop","type":"{{type}}"{{more}}}""";

    static async Task<JsonElement> Only(CairnApp app) => Assert.Single((await app.Reader.Get("/api/v1/admin/audit-logs")).Items);

    static Task<Answer> SendBinary(Client who, byte[] body, string? type, params (string Name, string Value)[] attributes)
    {
        var content = new ByteArrayContent(body);
        if (type is not null) content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return who.Send(HttpMethod.Post, Path, content, [.. attributes.Select(one => ("ce-" + one.Name, one.Value))]);
    }

    [Fact]
    public async Task An_attribute_becomes_its_field_and_all_else_metadata()
    {
        await using var app = await CairnApp.Start();
        var sent = Event(""","subject":"Order/o/3","time":"2026-03-10T11:00:00.5Z","dataschema":"https://example.com/s","datacontenttype":"application/json; charset=utf-8","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","authid":"ignored","tenant":"blue","tries":3,"live":true,"unset":null,"data":{"actorId":"u-1","actorName":"Ada","outcome":"denied","ip":"192.0.2.7","requestId":"r1","amount":1.50,"resourceName":7,"metadata":{"reason":"late"}}""");
        (await app.Sender.Post(Path, sent, CloudEvents.Structured + "; charset=utf-8")).Expect(200);
        var read = await Only(app);
        Assert.Equal(
            ("order.paid", "Order", "o/3", null, "2026-03-10T11:00:00.500Z", "u-1", "Ada", "denied", "192.0.2.7", "r1", "0af7651916cd43dd8448eb211c80319c"),
            (Text("action"), Text("resource"), Text("resourceId"), Text("resourceName"), Text("createdAt"), Text("actorId"), Text("actorName"), Text("outcome"), Text("ip"), Text("requestId"), Text("traceId")));
        Assert.Equal(
            """{"reason":"late","cloudevent":{"id":"1","source":"/shop","subject":"Order/o/3","dataschema":"https://example.com/s","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","authid":"ignored","tenant":"blue","tries":"3","live":"true"},"data":{"amount":1.50,"resourceName":7}}""",
            read.GetProperty("metadata").GetRawText());
        Assert.Equal(DerivedId.Of("CloudEvents", "/shop", "1"), Text("id"));
        Assert.Equal('8', Text("id")![14]);

        string? Text(string name) => read.GetProperty(name).GetString();
    }

    [Fact]
    public async Task Every_row_of_the_table_of_members_holds()
    {
        await using var app = await CairnApp.Start();
        foreach (var field in CloudEvents.DataFields)
        {
            var (id, value) = (Some.EventId, field == "outcome" ? "denied" : "v-1");
            (await app.Sender.Post(Path, Event($$""","data":{"{{field}}":"{{value}}"}""", id), CloudEvents.Structured)).Expect(200);
            Assert.Equal(value, (await app.Reader.Get($"/api/v1/admin/audit-logs/{DerivedId.Of("CloudEvents", "/shop", id)}")).Expect(200).Json.GetProperty(field).GetString());
        }
    }

    [Fact]
    public void A_derived_id_is_made_as_the_docs_say()
    {
        byte[] Part(string text) => [0, 0, 0, (byte)Encoding.UTF8.GetByteCount(text), .. Encoding.UTF8.GetBytes(text)];
        var hash = System.Security.Cryptography.SHA256.HashData([.. Part("CloudEvents"), .. Part("/shöp"), .. Part("1")]);
        hash[6] = (byte)(0x80 | hash[6] & 0x0f);
        hash[8] = (byte)(0x80 | hash[8] & 0x3f);
        Assert.Equal(new Guid(hash.AsSpan(0, 16), bigEndian: true).ToString(), DerivedId.Of("CloudEvents", "/shöp", "1"));
        Assert.NotEqual(DerivedId.Of("a", null), DerivedId.Of("a", ""));
    }

    [Fact]
    public async Task Whatever_the_data_is_it_is_kept()
    {
        await using var app = await CairnApp.Start();
        foreach (var (data, kept) in new[]
        {
            ("", "{}"), (""","data":null""", "{}"), (""","data":"text" """, """{"data":"text"}"""), (""","data":[1,{"a":"b"}]""", """{"data":[1,{"a":"b"}]}"""), (""","data":12.50""", """{"data":12.50}"""),
            (""","data":{} """, "{}"), (""","data":{"actorId":"u1"}""", "{}"), (""","data":{"outcome":"unknown","actorId":["u1"]}""", """{"data":{"outcome":"unknown","actorId":["u1"]}}"""),
            (""","data_base64":"AAEC" """, """{"data_base64":"AAEC"}"""), (""","datacontenttype":"text/xml","data":"<a/>" """, """{"data":"<a/>"}"""), (""","datacontenttype":"text/plain","data":{"actorId":"u1"}""", """{"data":{"actorId":"u1"}}"""),
            // A name that Cairn writes itself: then nothing of it is moved.
            (""","data":{"metadata":{"a":1,"cloudevent":{"id":7}}}""", """{"data":{"metadata":{"a":1,"cloudevent":{"id":7}}}}"""), (""","data":{"actorId":"u1","b":2,"metadata":{"data":[1]}}""", """{"data":{"b":2,"metadata":{"data":[1]}}}"""),
            (""","data":{"metadata":{"data":1}}""", """{"data":{"metadata":{"data":1}}}"""), (""","data":{"metadata":{"\u0064ata":1}}""", """{"data":{"metadata":{"data":1}}}"""), (""","datacontenttype":"application/json; charset=utf-8","data":{"a":1,"metadata":{"data_base64":"x"}}""", """{"data_base64":"x","data":{"a":1}}"""),
        })
        {
            var id = Some.EventId;
            (await app.Sender.Post(Path, Event(data, id), CloudEvents.Structured)).Expect(200);
            var metadata = (await app.Reader.Get($"/api/v1/admin/audit-logs/{DerivedId.Of("CloudEvents", "/shop", id)}")).Expect(200).Json.GetProperty("metadata");
            var rest = "{" + string.Join(',', metadata.EnumerateObject().Where(one => one.Name != "cloudevent").Select(one => $"\"{one.Name}\":{one.Value.GetRawText()}")) + "}";
            Assert.Equal(kept, rest);
        }
    }

    [Fact]
    public async Task Id_and_source_name_an_event_and_sending_it_again_stores_nothing()
    {
        await using var app = await CairnApp.Start();
        var sent = Event(""","data":{"actorId":"u1"}""");
        Assert.Equal(1, (await app.Sender.Post(Path, sent, CloudEvents.Structured)).Expect(200).Json.GetProperty("accepted").GetInt32());
        app.Clock.Move(TimeSpan.FromMinutes(1));
        Assert.Equal(1, (await app.Sender.Post(Path, sent, CloudEvents.Structured)).Expect(200).Json.GetProperty("duplicates").GetInt32());
        Assert.Equal(1, (await app.Sender.Post(Path, $"[{sent}]", CloudEvents.Batch)).Expect(200).Json.GetProperty("duplicates").GetInt32());
        Assert.Contains("id and source", (await app.Sender.Post(Path, sent.Replace("u1", "u2", StringComparison.Ordinal), CloudEvents.Structured)).Expect(409).Detail, StringComparison.Ordinal);
        // Neither runs into the other.
        foreach (var (source, id) in new[] { ("/shop2", "1"), ("/sh", "op1"), ("/sho", "p1") })
            (await app.Sender.Post(Path, Event(id: id).Replace("/shop", source, StringComparison.Ordinal), CloudEvents.Structured)).Expect(200);
        Assert.Equal(4, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }

    [Fact]
    public async Task A_batch_keeps_the_good_ones_and_names_the_others()
    {
        await using var app = await CairnApp.Start();
        Assert.Equal(0, (await app.Sender.Post(Path, "[]", CloudEvents.Batch)).Expect(200).Json.GetProperty("accepted").GetInt32());
        var body = $"[{Event(id: "1")},7,{Event(id: "")},{Event(id: "2", type: "")},{Event(""","data":{"actorId":"u"}""", "3")},{Event(""","data":{"actorId":"u"}""", "4").Replace("1.0", "0.3", StringComparison.Ordinal)}]";
        var answer = (await app.Sender.Post(Path, Client.Gzip(Encoding.UTF8.GetBytes(body)), CloudEvents.Batch, "gzip")).Expect(200).Json;
        Assert.Equal(2, answer.GetProperty("accepted").GetInt32());
        Assert.Equal(
            ["1: is not a JSON object", "2: id is missing", "3: type is missing", "5: specversion is '0.3'; it takes 1.0"],
            answer.GetProperty("rejected").EnumerateArray().Select(one => $"{one.GetProperty("index")}: {one.GetProperty("error")}"));
        (await app.Sender.Post(Path, "[" + string.Join(',', Enumerable.Range(0, EventIngest.MostEvents + 1).Select(i => Event(id: "n" + i))) + "]", CloudEvents.Batch)).Expect(413);
        (await app.Sender.Post(Path, new byte[EventIngest.MostBytes + 1], CloudEvents.Batch)).Expect(413);
        (await app.Sender.Post(Path, Client.Gzip(new byte[EventIngest.MostBytes + 1]), CloudEvents.Batch, "gzip")).Expect(413);
    }

    /// <summary>Single events, and what the refusal must name.</summary>
    static readonly (string More, string Names)[] Bad =
    [
        (""","subject":7""", "subject is not a text"), (""","data":1,"data_base64":"AA==" """, "both data and data_base64"), (""","Tenant":"x" """, "'Tenant'"), (""","a-b":"x" """, "'a-b'"), (""","tenant":{"a":1}""", "tenant"),
        (""","tenant":"\ud800" """, "tenant is not valid Unicode"), (""","tenant":"\u0000" """, "tenant is not valid Unicode, or holds NUL"), (""","type":"again" """, "type is given twice"), (""","time":"yesterday" """, "createdAt"),
        (""","time":"1990-01-01T00:00:00Z" """, "createdAt is older"), (""","time":"2026-04-10T11:00:00Z" """, "24 hours ahead"), (""","data":{"a":"\ud800"}""", "metadata"), (""","data":{"a":1,"a":2}""", "data has 'a' twice"), (""","data":{"actorId":"a","actorId":"b"}""", "data has 'actorId' twice"),
        (""","data":{"\ud800":1}""", "name that is not valid Unicode"), (""","data":{"actorId":"\ud800"}""", "actorId is not valid Unicode"), (""","data":{"actorId":"a\u0000"}""", "actorId holds NUL"), (""","data":{"metadata":{"a":1,"a":2}}""", "'a' twice"),
        (""","data":{"a":"LONG"}""", "metadata is longer than 16384"), (""","data":{"resourceName":"LONG"}""", "resourceName is longer than 512"), (""","data":"HUGE" """, "larger than 64 KiB"), (""","data":DEEP""", "nested deeper"),
    ];

    [Fact]
    public async Task What_cannot_be_taken_is_refused_by_name()
    {
        await using var app = await CairnApp.Start();
        foreach (var (more, names) in Bad)
        {
            var filled = more.Replace("LONG", new('x', 17_000), StringComparison.Ordinal).Replace("HUGE", new('x', 70_000), StringComparison.Ordinal)
                .Replace("DEEP", new string('[', 40) + new string(']', 40), StringComparison.Ordinal);
            var answer = (await app.Sender.Post(Path, Event(filled), CloudEvents.Structured)).Expect(400);
            Assert.True(answer.Detail.Contains(names, StringComparison.Ordinal), $"{more}: {answer.Detail}");
        }
        foreach (var (body, type, status) in new[]
        {
            ($"[{Event()}]", CloudEvents.Structured, 400), (Event(), CloudEvents.Batch, 400), ("{", CloudEvents.Structured, 400), (Event() + Event(), CloudEvents.Structured, 400), ("", CloudEvents.Batch, 400),
            (Event(), "application/cloudevents+avro", 415), (Event(), "application/cloudevents", 415), (Event(), "text/plain", 415),
        })
            (await app.Sender.Post(Path, body, type)).Expect(status);
        Assert.Equal(0, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
        (await app.Gateway(await app.Key(Scopes.AuditRead)).Post(Path, Event(), CloudEvents.Structured)).Expect(403);
    }

    [Fact]
    public async Task An_event_whose_attributes_are_headers_is_the_same_event()
    {
        await using var app = await CairnApp.Start();
        (string, string)[] attributes = [("specversion", "1.0"), ("id", "1"), ("Source", "/shop"), ("type", "order.paid"), ("subject", "Order/%C3%BC%20%f0%9f%98%80"), ("note", "\"a \\\"b\\\" c\""), ("tries", "3"), ("share", "7% %4 %zz %")];
        (await SendBinary(app.Sender, """{"actorId":"u-1","amount":2}"""u8.ToArray(), "application/json", attributes)).Expect(200);
        var read = await Only(app);
        Assert.Equal(("order.paid", "Order", "ü 😀", "u-1"), (read.GetProperty("action").GetString(), read.GetProperty("resource").GetString(), read.GetProperty("resourceId").GetString(), read.GetProperty("actorId").GetString()));
        Assert.Equal(DerivedId.Of("CloudEvents", "/shop", "1"), read.GetProperty("id").GetString());
        Assert.Equal("a \"b\" c", read.GetProperty("metadata").GetProperty("cloudevent").GetProperty("note").GetString());
        Assert.Equal("7% %4 %zz %", read.GetProperty("metadata").GetProperty("cloudevent").GetProperty("share").GetString());
        Assert.Equal("""{"amount":2}""", read.GetProperty("metadata").GetProperty("data").GetRawText());
        Assert.Equal(1, (await SendBinary(app.Sender, """{"actorId":"u-1","amount":2}"""u8.ToArray(), "application/json", attributes)).Expect(200).Json.GetProperty("duplicates").GetInt32());

        var structured = """{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid","subject":"Order/ü 😀","note":"a \"b\" c","tries":3,"share":"7% %4 %zz %","data":{"actorId":"u-1", "amount":2}}""";
        Assert.Equal(1, (await app.Sender.Post(Path, structured, CloudEvents.Structured)).Expect(200).Json.GetProperty("duplicates").GetInt32());

        // Data of any type, and none.
        (string, string)[] Named(string id) => [("specversion", "1.0"), ("id", id), ("source", "/shop"), ("type", "order.paid")];
        (await SendBinary(app.Sender, [], null, Named("none"))).Expect(200);
        (await SendBinary(app.Sender, "<a/>"u8.ToArray(), "application/xml", Named("xml"))).Expect(200);
        (await SendBinary(app.Sender, [0xff, 0], "text/plain", Named("odd"))).Expect(200);
        (await SendBinary(app.Sender, [1, 2], "image/png", Named("image"))).Expect(200);
        var all = (await app.Reader.Get("/api/v1/admin/audit-logs")).Items.Select(item => item.GetProperty("metadata")).ToDictionary(one => one.GetProperty("cloudevent").GetProperty("id").GetString()!);
        Assert.Equal("""{"id":"none","source":"/shop"}""", all["none"].GetProperty("cloudevent").GetRawText());
        Assert.Equal("<a/>", all["xml"].GetProperty("data").GetString());
        Assert.Equal("/wA=", all["odd"].GetProperty("data_base64").GetString());
        Assert.Equal("AQI=", all["image"].GetProperty("data_base64").GetString());

        foreach (var (body, name, value) in new[] { ("{", "tries", "1"), ("{}{}", "tries", "1"), ("{}", "note", "%C0%A0"), ("{}", "datacontenttype", "text/plain"), ("{}", "data", "x"), ("{}", "a_b", "x"), ("{}", "note", "%00") })
            (await SendBinary(app.Sender, Encoding.UTF8.GetBytes(body), "application/json", [.. Named("bad"), (name, value)])).Expect(400);
        // One attribute says what is meant, and which are missing is told.
        foreach (var missing in new[] { "specversion", "id", "source", "type" })
            Assert.Contains(missing + " is missing", (await SendBinary(app.Sender, "{}"u8.ToArray(), "application/json", [.. Named("bad").Where(one => one.Item1 != missing)])).Expect(400).Detail, StringComparison.Ordinal);
        Assert.Equal(5, (await app.Reader.Get("/api/v1/admin/audit-logs")).Total);
    }
}
