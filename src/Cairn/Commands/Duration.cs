namespace Cairn.Commands;

/// <summary>A length of time as people type it: <c>90d</c>, <c>12h</c>, <c>1y</c>.</summary>
static class Duration
{
    public static TimeSpan Read(string option, string text)
    {
        var wrong = new CommandException($"{option} is '{text}'; it takes a number and m, h, d or y, at most 100 years, such as 90d.", Run.NotUnderstood);
        if (text.Length < 2 || !int.TryParse(text[..^1], out var number) || number is < 1 or > 100_000) throw wrong;
        var length = text[^1] switch
        {
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            'd' => TimeSpan.FromDays(number),
            'y' => TimeSpan.FromDays(365.0 * number),
            _ => throw wrong,
        };
        return length.TotalDays <= 36_500 ? length : throw wrong;
    }
}
