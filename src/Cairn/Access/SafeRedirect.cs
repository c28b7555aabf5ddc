namespace Cairn.Access;

/// <summary>Where someone is sent after signing in: a path of this console, or its start page.</summary>
static class SafeRedirect
{
    const int Longest = 2_000;

    public const string StartPage = "/";

    static readonly Uri Here = new("http://console.invalid");

    public static string Of(string? target)
    {
        if (target is null || target.Length is 0 or > Longest || target[0] != '/') return StartPage;
        if (target.Length > 1 && target[1] is '/' or '\\') return StartPage;
        if (target.Any(letter => char.IsControl(letter) || char.IsSurrogate(letter) || letter is '\\' or '\u2028' or '\u2029')) return StartPage;
        // Where a browser would really go: dots in a path may leave nothing of it but two slashes.
        if (!Uri.TryCreate(Here, target, out var resolved) || resolved.Host != Here.Host || resolved.AbsolutePath.StartsWith("//", StringComparison.Ordinal)) return StartPage;
        return target;
    }
}
