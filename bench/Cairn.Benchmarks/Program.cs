using Cairn.Benchmarks;

if (Settings.TryParse(args, out var settings, out var problem) is false)
{
    Console.Error.WriteLine(problem);
    return 2;
}

Report.Begin(settings);
foreach (var (name, ask) in Questions())
    if (settings.Asks(name)) await ask();
return 0;

IEnumerable<(string Name, Func<Task> Ask)> Questions() =>
[
    ("append", new AppendQuestion(settings).Ask),
    ("bytes", new BytesQuestion(settings).Ask),
    ("read", new ReadQuestion(settings).Ask),
    ("page", new PageQuestion(settings).Ask),
    ("search", new SearchQuestion(settings).Ask),
    ("export", new ExportQuestion(settings).Ask),
    ("http", new HttpQuestion(settings).Ask),
    ("clickhouse", new ClickHouseQuestion(settings).Ask),
    ("gateway", new GatewayQuestion(settings).Ask),
];
