using System.CommandLine;
using System.Text;
using Cairn.Hosting;

namespace Cairn.Commands;

/// <summary>A log's filter on the command line: one option for each parameter that the list takes over HTTP.</summary>
sealed class FilterOptions
{
    readonly List<(Option Option, Func<ParseResult, IEnumerable<string>> Values, string Parameter)> all = [];

    public FilterOptions(Command command, Parameter[] filter)
    {
        foreach (var parameter in filter)
        {
            if (parameter.IsRepeatable)
            {
                var option = new Option<string[]>(OptionName(parameter.Name)) { Description = $"Only with this {parameter.Name}; given again it is an alternative, and !VALUE leaves VALUE out", HelpName = "VALUE", Arity = ArgumentArity.OneOrMore };
                all.Add((option, parsed => parsed.GetValue(option) ?? [], parameter.Name));
            }
            else
            {
                var description = parameter.Description.TrimEnd('.') + (parameter.Default is { } absent ? $" (default {absent})" : "");
                var option = new Option<string>(OptionName(parameter.Name)) { Description = description, HelpName = "VALUE" };
                all.Add((option, parsed => parsed.GetValue(option) is { } value ? [value] : [], parameter.Name));
            }
            command.Options.Add(all[^1].Option);
        }
    }

    /// <summary>The option of a parameter: <c>start_time</c> is <c>--start-time</c>, <c>actorId</c> is <c>--actor-id</c>.</summary>
    public static string OptionName(string parameter)
    {
        var name = new StringBuilder("--");
        foreach (var letter in parameter)
        {
            if (char.IsAsciiLetterUpper(letter)) name.Append('-').Append(char.ToLowerInvariant(letter));
            else name.Append(letter == '_' ? '-' : letter);
        }
        return name.ToString();
    }

    /// <summary>The path with what was given, and with more, as its query.</summary>
    public string Query(ParseResult parsed, string path, params (string Name, string? Value)[] more) => With(path,
    [
        .. more,
        .. all.SelectMany(one => one.Values(parsed).Select(value => (one.Parameter, (string?)value))),
    ]);

    public static string With(string path, params IEnumerable<(string Name, string? Value)> parameters) =>
        path + "?" + string.Join('&', parameters.Where(one => one.Value is not null).Select(one => one.Name + "=" + Uri.EscapeDataString(one.Value!)));
}
