namespace Cairn.Access;

/// <summary>What a person may do; each may also do what those before it may.</summary>
enum AccountRole
{
    /// <summary>May sign in, and sees that there is nothing to see.</summary>
    User,

    /// <summary>A read-only administrator of requests and events.</summary>
    Viewer,

    /// <summary>Everything.</summary>
    Admin,
}

static class AccountRoles
{
    public static readonly string[] All = ["user", "viewer", "admin"];

    public static string Text(this AccountRole role) => All[(int)role];

    public static bool TryRead(string text, out AccountRole role)
    {
        var place = Array.IndexOf(All, text);
        role = (AccountRole)Math.Max(place, 0);
        return place >= 0;
    }
}
