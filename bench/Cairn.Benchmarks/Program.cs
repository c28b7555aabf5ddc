using Cairn.Benchmarks;

(string Name, Func<Settings, Task> Ask)[] questions =
[
    ("append", settings => new AppendQuestion(settings).Ask()),
    ("bytes", settings => new BytesQuestion(settings).Ask()),
    ("read", settings => new ReadQuestion(settings).Ask()),
    ("page", settings => new PageQuestion(settings).Ask()),
    ("search", settings => new SearchQuestion(settings).Ask()),
    ("export", settings => new ExportQuestion(settings).Ask()),
    ("http", settings => new HttpQuestion(settings).Ask()),
    ("postgres", settings => new PostgresQuestion(settings).Ask()),
    ("clickhouse", settings => new ClickHouseQuestion(settings).Ask()),
    ("gateway", settings => new GatewayQuestion(settings).Ask()),
    ("streams", settings => new StreamQuestion(settings).Ask()),
    ("live", settings => new LiveQuestion(settings).Ask()),
    ("push", settings => new PushQuestion(settings).Ask()),
    ("conversations", settings => new ConversationsQuestion(settings).Ask()),
];

if (Settings.TryParse(args, [.. questions.Select(question => question.Name)], out var settings, out var problem) is false)
{
    Console.Error.WriteLine(problem);
    return 2;
}

Report.Begin(settings);
foreach (var (name, ask) in questions)
    if (settings.Asks(name)) await ask(settings);
Report.End();
return 0;
