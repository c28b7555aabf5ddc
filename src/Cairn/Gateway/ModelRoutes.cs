namespace Cairn.Gateway;

/// <summary>Which backend a model is at: the first route whose pattern fits.</summary>
sealed class ModelRoutes(IEnumerable<RouteSettings> routes, IReadOnlyCollection<Backend> backends)
{
    readonly (string Pattern, Backend Backend)[] routes = [.. routes.Select(route => (route.Model, backends.First(backend => backend.Name == route.Backend)))];

    public Backend? Find(string model)
    {
        foreach (var (pattern, backend) in routes)
            if (Fits(pattern, model)) return backend;
        return null;
    }

    /// <summary>Every letter stands for itself, <c>*</c> for any letters or none.</summary>
    public static bool Fits(ReadOnlySpan<char> pattern, ReadOnlySpan<char> model)
    {
        int p = 0, m = 0, star = -1, resume = 0;
        while (m < model.Length)
        {
            if (p < pattern.Length && pattern[p] == '*') (star, resume) = (p++, m);
            else if (p < pattern.Length && pattern[p] == model[m]) (p, m) = (p + 1, m + 1);
            else if (star >= 0) (p, m) = (star + 1, ++resume);
            else return false;
        }
        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }
}
