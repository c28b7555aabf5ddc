namespace Cairn.Events;

/// <summary>What an action does, in the few words that other systems share.</summary>
enum Activity { Other, Create, Read, Update, Delete, SignIn, SignOut, Enable, Disable, ChangePassword, ResetPassword }

/// <summary>What an action is about.</summary>
enum Area { Api, Authentication, Account }

/// <summary>Finds out what an action is from its key, as far as the key tells it.</summary>
static class Activities
{
    public static Area AreaOf(string action) => action switch
    {
        "auth.registered" or "auth.password_changed" or "auth.password_reset_requested" or "auth.password_reset_completed" => Area.Account,
        _ when action.StartsWith("auth.", StringComparison.Ordinal) => Area.Authentication,
        _ when action.StartsWith("user.", StringComparison.Ordinal) => Area.Account,
        _ => Area.Api,
    };

    public static Activity Of(string action) => action switch
    {
        "auth.login" or "auth.login_failed" => Activity.SignIn,
        "auth.logout" or "auth.session_ended" => Activity.SignOut,
        "auth.password_changed" => Activity.ChangePassword,
        "auth.password_reset_requested" or "auth.password_reset_completed" => Activity.ResetPassword,
        "user.deactivated" => Activity.Disable,
        "user.reactivated" => Activity.Enable,
        _ when EventCatalog.Ends(action) => Activity.Delete,
        _ when EventCatalog.Begins(action) => Activity.Create,
        _ => LastWord(action) switch
        {
            "viewed" or "read" or "listed" or "searched" or "exported" or "downloaded" => Activity.Read,
            "changed" or "updated" or "edited" or "renamed" or "moved" or "enabled" or "disabled" => Activity.Update,
            _ => Activity.Other,
        },
    };

    static ReadOnlySpan<char> LastWord(string action) => action.AsSpan(action.AsSpan().LastIndexOfAny('.', '_') + 1);
}
