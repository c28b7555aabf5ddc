using Cairn.Access;
using Cairn.Records;
using Cairn.Support;

namespace Cairn.Requests;

public sealed class RequestListTests
{
    const string Gateway = "/admin/audit-logs", Console = "/api/system/audit-logs";

    static string[] Ids(Answer answer) => [.. answer.Expect(200).Items.Select(item => item.GetProperty("request_id").GetString()!)];

    /// <summary>Sixty requests, some in the same millisecond, the last one now.</summary>
    static List<RequestRecord> Varied(CairnApp app) =>
    [
        .. Enumerable.Range(0, 60).Select(i => new RequestRecord
        {
            RequestId = Some.RequestId,
            TimeMs = app.Clock.NowMs - (59 - i) / 2 * 600_000,
            Model = new[] { "llama-3", "gpt-4o", "", "!odd", "gpt-4o-mini" }[i % 5],
            BackendType = new[] { "local", "openai" }[i % 2],
            Endpoint = new[] { "/v1/chat/completions", "/v1/embeddings", "/v1/messages" }[i % 3],
            Status = new[] { "success", "success", "error", "timeout" }[i % 4],
            DurationMs = 10 * i,
            PromptTokens = i % 6 == 0 ? null : i,
            CompletionTokens = i % 6 == 0 ? null : 2 * i,
            TotalTokens = i % 6 == 0 ? null : 3 * i,
            ErrorType = i % 4 == 2 ? "upstream_error" : null,
            ErrorMessage = i % 4 == 2 ? "Backend said 100% NO" : null,
            ApiKeyId = new[] { null, "k1", "k2" }[i % 3],
            ApiKeyName = new[] { null, "One", "Two" }[i % 3],
            User = new[] { "ann", null }[i % 2],
            SessionId = i % 5 == 0 ? "s5" : null,
            ConversationId = i % 7 == 0 ? "c7" : null,
            TraceId = i % 8 == 0 ? "t8" : null,
        }),
    ];

    [Fact]
    public async Task Nobody_and_a_key_without_the_scope_may_not_read()
    {
        await using var app = await CairnApp.Start();
        var wrong = await app.Key(Scopes.Inference, Scopes.EventsWrite, Scopes.ConversationsWrite);
        foreach (var path in new[] { "", "/stats", "/timeline", "/export" })
        {
            (await app.Gateway().Get(Gateway + path)).Expect(401);
            (await app.Console().Get(Console + path)).Expect(401);
            (await app.Gateway(wrong).Get(Gateway + path)).Expect(403);
            (await app.Console(wrong).Get(Console + path)).Expect(403);
            (await app.GatewayReader.Get(Gateway + path)).Expect(200);
            (await app.Reader.Get(Console + path)).Expect(200);
        }
    }

    [Fact]
    public async Task Every_filter_gives_what_it_says_and_its_exact_total()
    {
        await using var app = await CairnApp.Start();
        var all = Varied(app);
        await app.Import(all);
        var known = all[7];
        (string Query, Func<RequestRecord, bool> Is)[] filters =
        [
            ("", _ => true),
            ("model=gpt-4o", r => r.Model == "gpt-4o"),
            ("model=gpt-4o&model=llama-3", r => r.Model is "gpt-4o" or "llama-3"),
            ("model=gpt", _ => false),
            ("model=GPT-4o", _ => false),
            ("model=!gpt-4o", r => r.Model != "gpt-4o"),
            ("model=\\!odd", r => r.Model == "!odd"),
            ("model=!!odd", r => r.Model != "!odd"),
            ("model=!", r => r.Model != ""),
            ("backend_type=openai", r => r.BackendType == "openai"),
            ("backend_type=azure", _ => false),
            ("status=error", r => r.Status == "error"),
            ("status=!success", r => r.Status != "success"),
            ("endpoint=/v1/messages", r => r.Endpoint == "/v1/messages"),
            ("api_key_id=k1", r => r.ApiKeyId == "k1"),
            ("api_key_id=!k1", r => r.ApiKeyId != "k1"),
            ("user=ann", r => r.User == "ann"),
            ("session_id=s5", r => r.SessionId == "s5"),
            ("conversation_id=c7", r => r.ConversationId == "c7"),
            ("conversation_id=!c7", r => r.ConversationId != "c7"),
            ("trace_id=t8", r => r.TraceId == "t8"),
            ("search=GPT-4", r => r.Model.StartsWith("gpt-4", StringComparison.Ordinal)),
            ("search=upstream", r => r.ErrorType is not null),
            ("search=100%25+no", r => r.ErrorMessage is not null),
            ("search=_", r => r.ErrorType is not null),
            ($"search={known.RequestId[^6..]}", r => r.RequestId.Contains(known.RequestId[^6..], StringComparison.Ordinal)),
            ($"search={known.RequestId}&start_time=2020-01-01&end_time=2020-01-02", r => r == known),
            ($"search={known.RequestId}&status=timeout&end_time=2020-01-02", r => r == known && r.Status == "timeout"),
            ($"search={known.RequestId}&status=!timeout", r => r == known && r.Status != "timeout"),
            ($"search={Some.RequestId}", _ => false),
            ($"start_time={Iso.Text(known.TimeMs)}", r => r.TimeMs >= known.TimeMs),
            ($"end_time={Iso.Text(known.TimeMs)}", r => r.TimeMs <= known.TimeMs),
            ($"start_time={Iso.Text(known.TimeMs)}&end_time={Iso.Text(all[50].TimeMs)}&status=success&model=!gpt-4o", r => r.TimeMs >= known.TimeMs && r.TimeMs <= all[50].TimeMs && r.Status == "success" && r.Model != "gpt-4o"),
            ("end_time=2026-03-10&start_time=2026-03-10", r => r.TimeMs >= new DateTimeOffset(2026, 3, 10, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds()),
            ("model=&status=&search=&limit=&offset=&start_time=&end_time=&tz=", _ => true),
        ];
        foreach (var (query, matches) in filters)
        {
            var expected = all.Select((record, i) => (record, i)).Where(pair => matches(pair.record)).OrderByDescending(pair => pair.record.TimeMs).ThenByDescending(pair => pair.i).Select(pair => pair.record).ToList();
            foreach (var answer in new[] { await app.GatewayReader.Get($"{Gateway}?{query}"), await app.Reader.Get($"{Console}?{query}") })
            {
                Assert.True(answer.Status == 200, $"{query}: {answer.Text}");
                Assert.True(expected.Select(record => record.RequestId).SequenceEqual(Ids(answer)), $"{query}: {expected.Count} expected, {answer.Items.Count} found");
                Assert.True(answer.Total == expected.Count, $"{query}: total {answer.Total}");
                Assert.Null(answer.Header("X-Next-Cursor"));
            }

            // The statistics are of the same records.
            var stats = (await app.GatewayReader.Get($"{Gateway}/stats?{query}".Replace("&limit=&offset=", "", StringComparison.Ordinal))).Expect(200).Json;
            Assert.True(stats.GetProperty("total_requests").GetInt64() == expected.Count, query);
            Assert.True(stats.GetProperty("tokens").GetProperty("total").GetInt64() == expected.Sum(record => record.TotalTokens ?? 0), query);
            Assert.True(stats.GetProperty("unique_models").GetInt64() == expected.Select(record => record.Model).Where(model => model != "").Distinct().Count(), query);
            foreach (var (field, of) in new (string, Func<RequestRecord, string?>)[] { ("by_status", r => r.Status), ("by_backend", r => r.BackendType) })
                Assert.True(
                    stats.GetProperty(field).EnumerateObject().ToDictionary(one => one.Name, one => one.Value.GetInt32()).OrderBy(one => one.Key, StringComparer.Ordinal)
                        .SequenceEqual(expected.GroupBy(of).ToDictionary(same => same.Key!, same => same.Count()).OrderBy(one => one.Key, StringComparer.Ordinal)), $"{field} of {query}");
            foreach (var (field, of) in new (string, Func<RequestRecord, string?>)[] { ("by_model", r => r.Model), ("by_api_key", r => r.ApiKeyId), ("by_user", r => r.User) })
                Assert.True(
                    stats.GetProperty(field).EnumerateObject().Select(one => (one.Name, one.Value.GetProperty("requests").GetInt32(), one.Value.GetProperty("total").GetInt64())).OrderBy(one => one.Name, StringComparer.Ordinal)
                        .SequenceEqual(expected.Where(r => of(r) is not null).GroupBy(of).Select(same => (same.Key!, same.Count(), same.Sum(r => r.TotalTokens ?? 0))).OrderBy(one => one.Item1, StringComparer.Ordinal)), $"{field} of {query}");
        }
    }

    [Fact]
    public async Task What_is_not_understood_is_refused_by_name()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Varied(app));
        var wrong = new List<string>();
        foreach (var (query, name) in new[]
        {
            ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=abc", "limit"), ("limit=-1", "limit"), ("limit=99999999999999999999", "limit"), ("offset=-1", "offset"), ("offset=x", "offset"), ("offset=99999999999999999999", "offset"),
            ("page=1", "page"), ("from=2026-01-01", "from"), ("resource=x", "resource"), ("status=failed", "status"), ("status=!failed", "status"), ("start_time=2026-02-30", "start_time"), ("end_time=2026-13-01", "end_time"),
            ("start_time=2026-01-02&end_time=2026-01-01", "end_time"), ("search=a&search=b", "search"), ("cursor=x", "cursor"), ("tz=Mars/Base", "tz"), ("model=%00", "model"), ("model=%ff", "model"), ("model=!%ff", "model"), ("user=%c3%28", "user"), ("%ff=1", "%ff"),
        })
        {
            var answer = await app.GatewayReader.Get($"{Gateway}?{query}");
            if (answer.Status != 400 || answer.Json.GetProperty("parameter").GetString() != name) wrong.Add($"{query}: {answer.Status} {answer.Text}");
        }
        foreach (var path in new[] { "/stats?limit=5", "/stats?x=1", "/timeline?bucket=2h", "/timeline?limit=1", "/timeline?bucket=1m", "/timeline?bucket=1m&start_time=2020-01-01", "/timeline?start_time=1900-01-01", "/export?format=xml", "/export?offset=1" })
        {
            var answer = await app.GatewayReader.Get(Gateway + path + (path == "/timeline?bucket=1m" ? "&start_time=2026-03-01" : ""));
            if (answer.Status != 400) wrong.Add($"{path}: {answer.Status} {answer.Text}");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task Offsets_and_cursors_walk_the_same_list()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Varied(app));
        var whole = Ids(await app.GatewayReader.Get(Gateway));
        var (byOffset, byCursor) = (new List<string>(), new List<string>());
        for (var offset = 0; offset < 60; offset += 11) byOffset.AddRange(Ids(await app.GatewayReader.Get($"{Gateway}?limit=11&offset={offset}")));
        for (string? cursor = ""; cursor is not null;)
        {
            var answer = await app.GatewayReader.Get($"{Gateway}?limit=11&cursor={cursor}");
            byCursor.AddRange(Ids(answer));
            cursor = answer.Header("X-Next-Cursor");
            await app.Import(Some.Request(app.Clock.NowMs + 1), Some.Request(app.Clock.NowMs - 3_000));
        }
        Assert.Equal(whole, byOffset);
        Assert.Equal(whole, byCursor.Where(whole.Contains));
        Assert.Equal(byCursor.Count, byCursor.Distinct().Count());
        Assert.Empty((await app.GatewayReader.Get($"{Gateway}?offset=4611686018427387903")).Items);
        Assert.Equal(100, (await app.GatewayReader.Get(Gateway)).Items.Count + 28);
    }

    [Fact]
    public async Task A_list_says_where_to_follow_from()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Some.Request(app.Clock.NowMs));
        var cursor = (await app.Reader.Get(Console)).Expect(200).Header("X-Live-Cursor");
        var next = Some.Request(app.Clock.NowMs);
        await app.Import(next);
        await using var live = await app.Follow($"/api/system/ws/audit-logs?after={cursor}");
        Assert.Equal(next.RequestId, (await live.Records(1))[0].GetProperty("data").GetProperty("request_id").GetString());
    }

    [Fact]
    public async Task A_request_has_every_field_in_order_and_its_position_as_id()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Some.Request(app.Clock.NowMs), new RequestRecord
        {
            RequestId = Some.RequestId, TimeMs = app.Clock.NowMs, Model = "m", BackendType = "local", Endpoint = "/v1/x", DurationMs = 850, Status = "error", PromptTokens = 1, CompletionTokens = 2, TotalTokens = 3, ErrorType = "e",
            ErrorMessage = "said \"no\"", Stream = true, HttpStatus = 502, TtftMs = 4, FinishReason = "stop", ResponseModel = "m2", UpstreamRequestId = "up", CachedTokens = 5, ApiKeyId = "k", ApiKeyName = "kn", User = "u", ClientIp = "192.0.2.1",
            TraceId = "t", SessionId = "s", ConversationId = "c",
        });
        var item = (await app.GatewayReader.Get(Gateway)).Items[0];
        Assert.Equal(
            "id,request_id,timestamp,model,backend_type,endpoint,duration_ms,status,prompt_tokens,completion_tokens,total_tokens,error_type,error_message,stream,http_status,ttft_ms,finish_reason,response_model,upstream_request_id,cached_tokens,api_key_id,api_key_name,user,client_ip,trace_id,session_id,conversation_id",
            string.Join(',', item.EnumerateObject().Select(one => one.Name)));
        Assert.Equal(2, item.GetProperty("id").GetInt64());
        Assert.Equal("2026-03-10T12:00:00.000Z", item.GetProperty("timestamp").GetString());
        Assert.True(item.GetProperty("stream").GetBoolean());
        Assert.Equal("said \"no\"", item.GetProperty("error_message").GetString());
    }

    [Fact]
    public async Task Importing_again_stores_nothing_twice_and_bad_lines_are_named()
    {
        await using var app = await CairnApp.Start();
        await app.Import(Varied(app));
        var lines = (await app.Owner.Get(Console + "/export")).Text;
        var again = (await app.Owner.Post("/local/import/requests", lines, "application/x-ndjson")).Expect(200).Json;
        Assert.Equal((0, 60), (again.GetProperty("accepted").GetInt32(), again.GetProperty("duplicates").GetInt32()));
        var bad = (await app.Owner.Post("/local/import/requests", """
            {"request_id":"chatcmpl-1","timestamp":"2026-03-10T12:00:00Z","status":"success"}
            {"request_id":"chatcmpl-2","timestamp":"2026-03-10T12:00:00Z"}
            {"request_id":"chatcmpl-3","status":"success"}
            {"timestamp":"2026-03-10T12:00:00Z","status":"success"}
            {"request_id":"chatcmpl-4","timestamp":"2026-03-10T12:00:00Z","status":"fine"}
            {"request_id":"chatcmpl-5","timestamp":"2026-03-12T12:00:00Z","status":"success"}
            {"request_id":"chatcmpl-6","timestamp":"2026-03-10T12:00:00Z","status":"success","duration_ms":-1}
            {"request_id":"chatcmpl-7","timestamp":"2026-03-10T12:00:00Z","status":"success","prompt_tokens":1.5}
            {"request_id":"chatcmpl-8","timestamp":"2026-03-10T12:00:00Z","status":"success","prompt":"x"}
            {"request_id":"chatcmpl-9","timestamp":"2026-03-10T12:00:00Z","status":"success","stream":"yes"}
            """, "application/x-ndjson")).Expect(200).Json;
        Assert.Equal(1, bad.GetProperty("accepted").GetInt32());
        string[] named = ["status", "timestamp", "request_id", "status", "timestamp", "duration_ms", "prompt_tokens", "'prompt'", "stream"];
        foreach (var (name, (i, rejection)) in named.Zip(bad.GetProperty("rejected").EnumerateArray().Index()))
        {
            Assert.Equal(i + 1, rejection.GetProperty("index").GetInt32());
            Assert.Contains(name, rejection.GetProperty("error").GetString(), StringComparison.Ordinal);
        }
    }
}
