namespace Cairn.Commands;

/// <summary>A length of time as people type it: <c>90d</c>, <c>12h</c>, <c>1y</c>.</summary>
static class Duration
{
    const int MostDays = 36_500;

    public static TimeSpan Read(string option, string text)
    {
        var wrong = new CommandException($"{option} is '{text}'; it takes a number and m, h, d or y, at most 100 years, such as 90d.", Run.NotUnderstood);
        if (text.Length < 2 || !int.TryParse(text[..^1], out var number) || number is < 1 or > 100_000) throw wrong;
        var days = text[^1] switch
        {
            'm' => number / (24 * 60.0),
            'h' => number / 24.0,
            'd' => number,
            'y' => 365.0 * number,
            _ => throw wrong,
        };
        return days <= MostDays ? TimeSpan.FromDays(days) : throw wrong;
    }
}
