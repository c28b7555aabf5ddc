using System.Text.Json;

namespace Cairn.Conversations.Sources;

/// <summary>What foreign databases keep as JSON in a text, read without trusting it.</summary>
static class JsonTexts
{
    /// <summary>A JSON array's texts; else what stands between commas.</summary>
    public static IReadOnlyList<string> List(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return [];
        if (text.AsSpan().TrimStart()[0] == '[' && TryParse(text) is { } document)
            using (document)
                return [.. document.RootElement.EnumerateArray().Select(Text).OfType<string>()];
        return text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The object as it may stand in an answer; null when it is none.</summary>
    public static string? ObjectOrNull(string? text)
    {
        if (text is null || TryParse(text) is not { } document) return null;
        using (document) return document.RootElement.ValueKind == JsonValueKind.Object ? Compact(document.RootElement) : null;
    }

    /// <summary>Without white space; null when a text in it is not valid Unicode.</summary>
    public static string? Compact(JsonElement element)
    {
        try
        {
            return Records.RecordJson.Text(element.WriteTo);
        }
        catch (InvalidOperationException)
        {
            // The parser passes over half surrogate pairs, and says so only when the text is asked for.
            return null;
        }
    }

    public static JsonDocument? TryParse(string text)
    {
        try
        {
            return JsonDocument.Parse(text, new() { MaxDepth = 1_000 });
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>An element's text, a number's digits; null for what is neither, and for what is not valid Unicode.</summary>
    public static string? Text(JsonElement element)
    {
        try
        {
            return element.ValueKind switch { JsonValueKind.String => element.GetString(), JsonValueKind.Number => element.GetRawText(), _ => null };
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
