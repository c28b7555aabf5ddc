using System.CommandLine;
using Cairn.Hosting;

namespace Cairn.Commands;

/// <summary>The settings that the command line gives; every command takes them, because every command needs the data directory.</summary>
static class SettingOptions
{
    static readonly (Option<string> Option, string Key)[] All =
    [
        (new("--data") { Description = "Directory that holds all state (default ./data)", HelpName = "DIR", Recursive = true }, "Data"),
        (new("--store") { Description = "Where the log is kept: sqlite, postgres://... or clickhouse://... (default sqlite)", HelpName = "STORE", Recursive = true }, "Store"),
        (new("--gateway") { Description = "Address of the gateway (default http://localhost:10243)", HelpName = "URL", Recursive = true }, "Gateway:Url"),
        (new("--console") { Description = "Address of the console (default http://localhost:10242)", HelpName = "URL", Recursive = true }, "Console:Url"),
        (new("--role") { Description = "Which listeners to open: both, gateway or console (default both)", HelpName = "ROLE", Recursive = true }, "Role"),
    ];

    static readonly Option<bool> Demo = new("--demo") { Description = "Fill a fresh data directory with a month of invented records, and add a backend that needs no model", Recursive = true };

    public static void AddTo(RootCommand root)
    {
        foreach (var (option, _) in All) root.Options.Add(option);
        root.Options.Add(Demo);
    }

    public static Settings Read(ParseResult parsed)
    {
        var given = All.Where(one => parsed.GetResult(one.Option) is { Implicit: false }).ToDictionary(one => one.Key, one => parsed.GetValue(one.Option));
        if (parsed.GetValue(Demo)) given["Demo"] = "true";
        return Settings.Read(given);
    }
}
