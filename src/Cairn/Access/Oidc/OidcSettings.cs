namespace Cairn.Access.Oidc;

/// <summary>The OpenID Connect provider that people may sign in with.</summary>
sealed record OidcSettings(Uri Issuer, string ClientId)
{
    /// <summary>As the sign-in page calls it.</summary>
    public string Name { get; init; } = "single sign-on";

    /// <summary>Null for a client that has none, which PKCE alone protects.</summary>
    public string? ClientSecret { get; init; }

    public string Scope { get; init; } = "openid profile email";

    /// <summary>The claim that says what someone may do; dots lead into objects (<c>realm_access.roles</c>). A text or a list of texts.</summary>
    public string RoleClaim { get; init; } = "roles";

    /// <summary>The claim's values that make an administrator, a viewer, and a user; <c>*</c> stands for everyone.</summary>
    public IReadOnlyList<string> AdminValues { get; init; } = [];

    public IReadOnlyList<string> ViewerValues { get; init; } = [];

    public IReadOnlyList<string> UserValues { get; init; } = ["*"];

    /// <summary>The most that the values allow; null when they allow nothing.</summary>
    public AccountRole? RoleOf(IReadOnlyCollection<string> values)
    {
        return Has(AdminValues) ? AccountRole.Admin : Has(ViewerValues) ? AccountRole.Viewer : Has(UserValues) ? AccountRole.User : null;

        bool Has(IReadOnlyList<string> wanted) => wanted.Contains("*") || wanted.Any(values.Contains);
    }
}
