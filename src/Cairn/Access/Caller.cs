namespace Cairn.Access;

/// <summary>Who makes a call.</summary>
/// <param name="Id">What their deeds are recorded under; null for nobody.</param>
/// <param name="IsOwner">True for the owner of the data directory, who came through its socket and may do everything.</param>
/// <param name="Ended">Rings when the right to call ends.</param>
sealed record Caller(string? Id, string Name, IReadOnlyList<string> Scopes, bool IsOwner, CancellationToken Ended)
{
    public static readonly Caller Nobody = new(null, "", [], false, CancellationToken.None);

    public static readonly Caller Owner = new("local", "Owner of the data directory", [], true, CancellationToken.None);

    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? Nobody;

    public bool May(string scope) => IsOwner || Scopes.Contains(scope);
}
