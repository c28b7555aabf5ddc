namespace Cairn.Access;

/// <summary>Who makes a call.</summary>
/// <param name="Id">What their deeds are recorded under; null for nobody.</param>
sealed record Caller(string? Id, string Name)
{
    public static readonly Caller Nobody = new(null, "");

    /// <summary>Someone who is not signed in and does something that is recorded, such as failing to sign in.</summary>
    public static readonly Caller Stranger = new("anonymous", "Not signed in");

    /// <summary>The owner of the data directory, who came through its socket and may do everything.</summary>
    public static readonly Caller Owner = new("local", "Owner of the data directory") { IsOwner = true };

    public string? Email { get; init; }

    /// <summary>A person's; null for a key.</summary>
    public AccountRole? Role { get; init; }

    /// <summary>A key's.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    public bool IsOwner { get; init; }

    /// <summary>What a person is signed in by; null for everyone else.</summary>
    public string? SessionId { get; init; }

    /// <summary>Rings when the right to call ends.</summary>
    public CancellationToken Ended { get; init; }

    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? Nobody;

    public static Caller Of(Account account) => new(account.Id, account.ShownName) { Email = account.Email, Role = account.Role };
}
