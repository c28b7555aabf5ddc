using System.Diagnostics;
using Cairn.Conversations;
using Cairn.Conversations.Sources;

namespace Cairn.Benchmarks;

/// <summary>Does a filter make the list of conversations slow, a long transcript its first page, or an export its memory large?</summary>
sealed class ConversationsQuestion(Settings settings)
{
    const int InPage = 20, RowsInPiece = 500, MessagesInAppend = 10_000;

    static readonly ConversationFilter Everything = new(null, null, null, null, null, false, false);

    static readonly string[] Subjects = ["travel costs", "slow query", "release notes", "Übersetzung", "phishing mail", "unit tests", "GPU quota", "ticket summary"];

    int Conversations => settings.Short ? 10_000 : 100_000;

    /// <summary>Of most conversations; one has 10 and one 10,000.</summary>
    const int Messages = 50;

    public async Task Ask()
    {
        var file = Directory.CreateTempSubdirectory("cairn-bench-conversations-").FullName;
        try
        {
            var clock = Stopwatch.StartNew();
            await using var own = BuiltIn.Open(file);
            var begin = await Fill(own);
            var bytes = new DirectoryInfo(file).EnumerateFiles().Sum(one => one.Length);
            Report.Title($"Conversations: {Report.Rows(Conversations)}, {Report.Rows((long)Conversations * Messages)} messages, in Cairn's own tables");
            Report.Note($"Filled in {clock.Elapsed.TotalSeconds:0} s, durably, {bytes >> 20} MiB.");
            await Lists(own.Source, begin);
            await Transcripts(own.Source);
            await Export(own.Source);
        }
        finally
        {
            Directory.Delete(file, recursive: true);
        }
    }

    /// <summary>Answers when the first was made.</summary>
    async Task<long> Fill(BuiltIn own)
    {
        var begin = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        var random = new Random(5);
        for (var i = 0; i < Conversations; i++)
        {
            var created = begin + i * 60_000L;
            await own.Put(new($"c-{i:000000}", $"{Subjects[random.Next(Subjects.Length)]} {i:x}", $"user{random.Next(2_000)}@example.com", created, null, i % 10 == 3, i % 20 == 7 ? created : null, false, "", ""), created, CancellationToken.None);
            for (var left = i switch { 10 => 10, 11 => 10_000, _ => Messages }; left > 0; left -= MessagesInAppend)
                await own.Append($"c-{i:000000}", [.. Enumerable.Range(0, Math.Min(left, MessagesInAppend)).Select(n => new NewMessage
                {
                    Id = $"m-{n}", Role = n % 2 == 0 ? "user" : "assistant", CreatedAtMs = created + n * 1_000, TimeIsGiven = true,
                    Content = "What is said here is as long as a short paragraph, so that the tables are about as large as those of a real platform. " + n,
                })], CancellationToken.None);
            if (i % 10_000 == 0) Report.Progress($"{i} conversations");
        }
        return begin;
    }

    async Task Lists(ConversationSource source, long begin)
    {
        Report.Head("list, first page and exact total", "finds", "time", "ratio to no filter", "≤ 5");
        var middle = begin + Conversations / 2 * 60_000L;
        (string Name, ConversationFilter Filter)[] filters =
        [
            ("no filter", Everything),
            ("with deleted ones", Everything with { IncludeDeleted = true }),
            ("by update", Everything with { ByUpdate = true }),
            ("status = archived", Everything with { State = ConversationState.Archived }),
            ("status = deleted", Everything with { State = ConversationState.Deleted }),
            ("owner contains `user17`", Everything with { Owner = "USER17" }),
            ("owner contains `@example`", Everything with { Owner = "@Example" }),
            ("owner contains nothing there is", Everything with { Owner = "nobody" }),
            ("title contains `übersetzung`", Everything with { Search = "übersetzung" }),
            ("title contains `query 1f`", Everything with { Search = "query 1f" }),
            ("title contains nothing there is", Everything with { Search = "nowhere" }),
            ("one day", Everything with { FromMs = middle, UntilMs = middle + 86_400_000 }),
            ("half of all, archived, owner and title", Everything with { FromMs = middle, State = ConversationState.Archived, Owner = "user1", Search = "notes" }),
        ];
        var founds = new List<long>();
        foreach (var (_, filter) in filters) founds.Add((await source.List(filter, 20, null, 0, counted: true, CancellationToken.None)).Total);
        var times = await Timing.Interleave(settings.Patience * 3, [.. filters.Select(one => (Func<Task>)(() => source.List(one.Filter, 20, null, 0, counted: true, CancellationToken.None)))]);
        for (var i = 0; i < filters.Length; i++)
        {
            var ratio = times[i] / times[0];
            Report.Row(filters[i].Name, $"{founds[i]:N0}", Report.Time(times[i]), Report.Ratio(ratio), i == 0 ? "" : Report.AtMost(ratio, 5));
        }
    }

    async Task Transcripts(ConversationSource source)
    {
        Report.Note($"First page of a transcript, {InPage} messages.");
        Report.Head("transcript of", "time", "ratio", "≤ 2");
        var times = await Timing.Interleave(settings.Patience, () => source.Read("c-000010", InPage, 0, null, CancellationToken.None), () => source.Read("c-000011", InPage, 0, null, CancellationToken.None));
        Report.Row("10 messages", Report.Time(times[0]), "", "");
        Report.Row("10,000 messages", Report.Time(times[1]), Report.Ratio(times[1] / times[0]), Report.AtMost(times[1] / times[0], 2));
    }

    async Task Export(ConversationSource source)
    {
        Report.Note("Export in one pass of pages, as the file is written.");
        Report.Head("conversations", "time", "memory when a tenth is written", "at the end", "grown by", "≤ 1 MiB");
        var (clock, rows, tenth, most) = (Stopwatch.StartNew(), 0, 0L, Math.Min(10_000, Conversations));
        Place? after = null;
        do
        {
            var page = await source.List(Everything with { IncludeDeleted = true }, RowsInPiece, after, 0, counted: false, CancellationToken.None);
            foreach (var conversation in page.Items) _ = conversation.CsvCells();
            (rows, after) = (rows + page.Items.Count, page.Next);
            if (rows == most / 10) tenth = GC.GetTotalMemory(forceFullCollection: true);
        }
        while (after is not null && rows < most);
        var (took, mebibyte) = (clock.Elapsed, 1024.0 * 1024);
        var end = GC.GetTotalMemory(forceFullCollection: true);
        Report.Row($"{rows:N0}", Report.Time(took), $"{tenth / mebibyte:0.0} MiB", $"{end / mebibyte:0.0} MiB", $"{(end - tenth) / mebibyte:0.0} MiB", Report.AtMost((end - tenth) / mebibyte, 1));
    }
}
