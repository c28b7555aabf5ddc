using System.Text;
using System.Text.RegularExpressions;
using Cairn.Support;

namespace Cairn.Docs;

public sealed partial class LinkTests
{
    [Fact]
    public void Every_link_between_the_pages_leads_somewhere()
    {
        var pages = new[] { "", "docs", "docs/decisions", "src/Cairn.Client" }.SelectMany(folder => Directory.GetFiles(Path.Combine(Repository.Root, folder), "*.md")).ToArray();
        Assert.True(pages.Length > 20);
        var broken = new List<string>();
        foreach (var page in pages)
        {
            foreach (Match link in Links().Matches(Code().Replace(File.ReadAllText(page), "")))
            {
                var (path, anchor) = link.Groups[1].Value.Split('#') is [var before, var after] ? (before, after) : (link.Groups[1].Value, null);
                if (path.Contains("://", StringComparison.Ordinal)) continue;
                var target = path == "" ? page : Path.GetFullPath(path, Path.GetDirectoryName(page)!);
                if (!File.Exists(target) && !Directory.Exists(target)) broken.Add($"{page}: {path} is not there");
                else if (anchor is not null && !File.ReadLines(target).Any(line => line.StartsWith('#') && Anchor(line) == anchor)) broken.Add($"{page}: {path} has no heading #{anchor}");
            }
        }
        Assert.Empty(broken);
    }

    /// <summary>How a heading is linked to.</summary>
    static string Anchor(string heading)
    {
        var anchor = new StringBuilder();
        foreach (var letter in heading.TrimStart('#').Trim().ToLowerInvariant())
            if (char.IsLetterOrDigit(letter) || letter is '-' or '_') anchor.Append(letter);
            else if (letter == ' ') anchor.Append('-');
        return anchor.ToString();
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Links();

    [GeneratedRegex("^ *```.*?^ *```$|`[^`\n]*`", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Code();
}
