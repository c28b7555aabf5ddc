using System.Text.RegularExpressions;
using Cairn.Hosting;
using Cairn.Support;

namespace Cairn.Docs;

public sealed partial class ConfigurationPageTests
{
    static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs/configuration.md"));

    [Fact]
    public void Every_setting_that_Cairn_knows_is_on_the_page_and_every_one_on_the_page_is_known()
    {
        // A name in the first column of the table; what stands in the place of a number or a name of one's own is made the same.
        var described = Rows().Matches(Page).SelectMany(row => Names().Matches(row.Groups[1].Value)).Select(name => name.Groups[1].Value).Where(name => name != "AUDIT_LOGS_ENABLED").Select(Generic).Distinct().Order().ToArray();
        Assert.Equal(Known(Settings.Names).Select(Generic).Distinct().Order(), described);
    }

    [Fact]
    public void Every_example_on_the_page_is_taken_at_start()
    {
        var examples = Examples().Matches(Page);
        Assert.True(examples.Count > 1);
        foreach (Match example in examples)
        {
            using var directory = new TempDirectory();
            File.WriteAllText(Path.Combine(directory.Path, "cairn.json"), example.Groups[1].Value);
            Assert.Equal(directory.Path, Settings.Read(new Dictionary<string, string?> { ["Data"] = directory.Path }).DataDirectory);
        }
    }

    static string Generic(string name) => Owns().Replace(name, ":*");

    /// <summary>All names that a pattern of alternatives and groups stands for.</summary>
    static List<string> Known(string pattern)
    {
        var place = 0;
        var names = Alternatives();
        Assert.Equal(pattern.Length, place);
        return names;

        List<string> Alternatives()
        {
            var all = Sequence();
            while (place < pattern.Length && pattern[place] == '|')
            {
                place++;
                all.AddRange(Sequence());
            }
            return all;
        }

        List<string> Sequence()
        {
            List<string> all = [""];
            while (place < pattern.Length && pattern[place] is not ('|' or ')'))
            {
                List<string> next;
                if (pattern[place] == '(')
                {
                    place++;
                    next = Alternatives();
                    place++;
                }
                else if (pattern[place] == '[')
                {
                    place = pattern.IndexOf("]+", place, StringComparison.Ordinal) + 2;
                    next = ["*"];
                }
                else next = [pattern[place++].ToString()];
                all = [.. all.SelectMany(one => next.Select(part => one + part))];
            }
            return all;
        }
    }

    [GeneratedRegex(@"^\| (`[^|]+`[^|]*) \|", RegexOptions.Multiline)]
    private static partial Regex Rows();

    [GeneratedRegex("`([A-Z][A-Za-z:0-9_*]+)`")]
    private static partial Regex Names();

    [GeneratedRegex("^```json\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Examples();

    [GeneratedRegex(":([0-9*]+|KEY|TYPE)(?=:|$)")]
    private static partial Regex Owns();
}
