using System.Text;

namespace Cairn.Records;

/// <summary>What every text must be before it is taken.</summary>
static class Texts
{
    const int MostShown = 60;

    /// <summary>Valid Unicode (no half of a surrogate pair) without NUL, which PostgreSQL cannot hold.</summary>
    public static bool IsSound(ReadOnlySpan<char> text)
    {
        if (text.Contains('\0')) return false;
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (!char.IsHighSurrogate(text[i]) || i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1])) return false;
            i++;
        }
        return true;
    }

    /// <summary>The text; null for an empty one, which says no more than an absent one.</summary>
    public static string? Filled(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <summary>No characters that are not seen and could rearrange what stands around them.</summary>
    public static bool IsPlain(string text) => !text.EnumerateRunes().Any(rune => Rune.GetUnicodeCategory(rune) is
        System.Globalization.UnicodeCategory.Control or System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator);

    /// <summary>A sender's text as it may stand in a message: short, and without characters that could rearrange the line.</summary>
    public static string Shown(string text)
    {
        var shown = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (shown.Length >= MostShown) return shown.Append('…').ToString();
            var category = Rune.GetUnicodeCategory(rune);
            if (category is System.Globalization.UnicodeCategory.Control or System.Globalization.UnicodeCategory.Format) shown.Append('�');
            else shown.Append(rune);
        }
        return shown.ToString();
    }
}
