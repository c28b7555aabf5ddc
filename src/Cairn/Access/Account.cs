using Cairn.Records;

namespace Cairn.Access;

/// <summary>A person who may sign in.</summary>
sealed record Account(string Id, string Email, AccountRole Role, DateTimeOffset CreatedAt)
{
    public string? Name { get; init; }

    /// <summary>As <see cref="Password"/> made it; null for someone who signs in by a link or a provider alone.</summary>
    public string? PasswordHash { get; init; }

    /// <summary>Who they are to an OpenID Connect provider: its issuer and its name for them, with a space between.</summary>
    public string? Subject { get; init; }

    public DateTimeOffset? LastSignInAt { get; init; }

    public DateTimeOffset? DisabledAt { get; init; }

    /// <summary>How events and pages call them.</summary>
    public string ShownName => Name ?? Email;

    public bool IsAdministrator => Role == AccountRole.Admin && DisabledAt is null;

    public const int LongestEmail = 254, LongestName = 100;

    /// <summary>Two e-mail addresses that differ in case alone are one person's.</summary>
    public static string Key(string email) => email.Trim().ToLowerInvariant();

    public static bool IsEmail(string text) =>
        text.Length is > 2 and <= LongestEmail && text.IndexOf('@') is > 0 and var at && at == text.LastIndexOf('@') && at < text.Length - 1
        && Texts.IsSound(text) && Texts.IsPlain(text) && !text.Any(letter => char.IsWhiteSpace(letter) || letter is '<' or '>' or '"' or ',' or ';');
}

/// <summary>What became of a change to an account.</summary>
enum AccountChange
{
    Done,
    NotFound,

    /// <summary>Another account has this e-mail address, or this name with the provider.</summary>
    Taken,

    /// <summary>Nobody would be left who may do everything.</summary>
    LastAdministrator,

    /// <summary>The account, or the right to change it, is not what it was a moment ago.</summary>
    Outdated,
}

/// <summary>What came of a change to an account, and the account as it is now; null when it was not changed.</summary>
readonly record struct AccountResult(AccountChange Change, Account? Account);

/// <summary>Someone's being signed in, at one browser.</summary>
sealed record Session(string Id, string AccountId, DateTimeOffset CreatedAt, DateTimeOffset LastUsedAt, string? Ip, string? UserAgent)
{
    /// <summary>From its last use.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    public DateTimeOffset ExpiresAt => LastUsedAt + Lifetime;
}

/// <summary>A link that signs in once.</summary>
/// <param name="AccountId">Whom; null for the one who makes the first administrator.</param>
sealed record SignInLink(string? AccountId, DateTimeOffset ExpiresAt, DateTimeOffset? UsedAt)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);
}

/// <summary>An event that is durable in the control store together with the change it tells of, until the log has it.</summary>
/// <param name="Id">The event's own.</param>
sealed record Notice(string Id, string Json);
