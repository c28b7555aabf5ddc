namespace Cairn.Access.Oidc;

/// <summary>Why signing in with the provider did not come to its end. The sign-in page has a sentence for each.</summary>
enum OidcFault
{
    /// <summary>The provider does not answer, or not as it should.</summary>
    ProviderAway,

    /// <summary>The person, or the provider, said no.</summary>
    Cancelled,

    /// <summary>It was begun in another browser, or too long ago.</summary>
    Expired,

    /// <summary>What the provider sent is not what it must be.</summary>
    RefusedToken,

    /// <summary>The provider's clock and this one are too far apart.</summary>
    ClocksDiffer,

    /// <summary>The role claim allows this person nothing.</summary>
    NoRole,

    AccountDisabled,
    NoAdministrator,

    /// <summary>The provider gives no e-mail address that it has checked.</summary>
    EmailUnverified,

    /// <summary>Another account has the e-mail address, and the provider does not vouch for it.</summary>
    EmailTaken,

    /// <summary>The claim takes from the last administrator what nobody else has.</summary>
    LastAdministrator,
}

static class OidcFaults
{
    /// <summary>As it stands in the sign-in page's address.</summary>
    public static string Code(this OidcFault fault) => fault switch
    {
        OidcFault.ProviderAway => "provider_away",
        OidcFault.Cancelled => "cancelled",
        OidcFault.Expired => "expired",
        OidcFault.RefusedToken => "refused_token",
        OidcFault.ClocksDiffer => "clocks_differ",
        OidcFault.NoRole => "no_role",
        OidcFault.AccountDisabled => "account_disabled",
        OidcFault.NoAdministrator => "no_administrator",
        OidcFault.EmailUnverified => "email_unverified",
        OidcFault.EmailTaken => "email_taken",
        _ => "last_administrator",
    };
}

/// <summary>Ends a sign-in with the provider.</summary>
/// <param name="message">What happened, for Cairn's own log and the event; never a secret.</param>
sealed class OidcException(OidcFault fault, string message, Exception? inner = null) : Exception(message, inner)
{
    public OidcFault Fault => fault;
}
