using System.Collections.Frozen;

namespace Cairn.Events;

/// <summary>A resource type: how people call it and where an administrator finds one of it (<c>/admin/users/{id}</c>).</summary>
sealed record ResourceType(string Name, string Label, string? Link);

/// <summary>The words for what happened: labels of actions and of resource types, and links to resources. Configuration adds to it.</summary>
sealed class EventCatalog
{
    readonly FrozenDictionary<string, string> labels;
    readonly FrozenDictionary<string, ResourceType> resources;

    /// <param name="actions">Labels by action key; they win over the known ones.</param>
    /// <param name="types">Resource types; they win over the known ones.</param>
    public EventCatalog(IEnumerable<KeyValuePair<string, string>> actions, IEnumerable<ResourceType> types)
    {
        var labels = new Dictionary<string, string>(KnownActions, StringComparer.Ordinal);
        foreach (var (key, label) in actions) labels[key] = label;
        this.labels = labels.ToFrozenDictionary(StringComparer.Ordinal);

        var resources = KnownResources.ToDictionary(type => type.Name, StringComparer.Ordinal);
        foreach (var type in types) resources[type.Name] = type;
        this.resources = resources.ToFrozenDictionary(StringComparer.Ordinal);
    }

    public IEnumerable<KeyValuePair<string, string>> Actions => labels.OrderBy(pair => pair.Key, StringComparer.Ordinal);

    public IEnumerable<ResourceType> Resources => resources.Values.OrderBy(type => type.Name, StringComparer.Ordinal);

    /// <summary>The label of an action; of an unknown one it is made from the last part of its key: <c>billing.invoice_paid</c> is "Invoice paid".</summary>
    public string Label(string action)
    {
        if (labels.TryGetValue(action, out var label)) return label;
        var words = action[(action.LastIndexOf('.') + 1)..].Replace('_', ' ').Trim();
        return words.Length == 0 ? action : char.ToUpperInvariant(words[0]) + words[1..];
    }

    /// <summary>Where the console links a resource to; null when its type has no link template or the event names no id.</summary>
    public string? Link(string? resource, string? id) =>
        resource is not null && !string.IsNullOrEmpty(id) && resources.TryGetValue(resource, out var type) && type.Link is { } link
            ? link.Replace("{id}", Uri.EscapeDataString(id), StringComparison.Ordinal)
            : null;

    /// <summary>True for an action after which its resource is no longer there.</summary>
    public static bool Ends(string action) => Verb(action) is "deleted" or "destroyed" or "removed" or "revoked" or "erased";

    /// <summary>True for an action after which its resource is there.</summary>
    public static bool Begins(string action) => Verb(action) is "created" or "added" or "registered" or "restored" or "sent";

    static ReadOnlySpan<char> Verb(string action) => action.AsSpan(action.LastIndexOf('.') + 1);

    static readonly ResourceType[] KnownResources =
    [
        new("User", "User", null), new("Project", "Project", null), new("Workspace", "Workspace", null), new("Template", "Template", null),
        new("Feature", "Feature", null), new("DockerServer", "Docker server", null), new("Invitation", "Invitation", null),
        new("PlatformConfig", "Platform config", null), new("Group", "Group", null), new("ApiKey", "API key", null),
        new("Conversation", "Conversation", null), new("AuditLog", "Audit log", null),
    ];

    static readonly Dictionary<string, string> KnownActions = new(StringComparer.Ordinal)
    {
        ["auth.registered"] = "Registered",
        ["auth.login"] = "Signed in",
        ["auth.login_failed"] = "Failed to sign in",
        ["auth.logout"] = "Signed out",
        ["auth.password_reset_requested"] = "Requested password reset",
        ["auth.password_reset_completed"] = "Completed password reset",
        ["auth.password_changed"] = "Changed password",
        ["auth.session_ended"] = "Ended session",
        ["auth.link_created"] = "Created sign-in link",
        ["auth.key_refused"] = "Presented a refused key",
        ["user.created"] = "Created user",
        ["user.updated"] = "Updated user",
        ["user.deactivated"] = "Deactivated user",
        ["user.reactivated"] = "Reactivated user",
        ["user.role_changed"] = "Changed user role",
        ["user.deleted"] = "Deleted user",
        ["user.impersonation_started"] = "Started impersonation",
        ["user.impersonation_ended"] = "Ended impersonation",
        ["invitation.sent"] = "Sent invitation",
        ["invitation.accepted"] = "Accepted invitation",
        ["invitation.revoked"] = "Revoked invitation",
        ["project.created"] = "Created project",
        ["project.updated"] = "Updated project",
        ["project.deleted"] = "Deleted project",
        ["project.visibility_changed"] = "Changed project visibility",
        ["project.member_added"] = "Added project member",
        ["project.member_removed"] = "Removed project member",
        ["project.member_role_changed"] = "Changed project member role",
        ["workspace.created"] = "Created workspace",
        ["workspace.started"] = "Started workspace",
        ["workspace.stopped"] = "Stopped workspace",
        ["workspace.destroyed"] = "Destroyed workspace",
        ["workspace.pinned"] = "Pinned workspace",
        ["workspace.unpinned"] = "Unpinned workspace",
        ["workspace.kept"] = "Kept workspace",
        ["workspace.visibility_changed"] = "Changed workspace visibility",
        ["platform.configuration.changed"] = "Changed platform config",
        ["docker_server.added"] = "Added Docker server",
        ["docker_server.edited"] = "Edited Docker server",
        ["docker_server.removed"] = "Removed Docker server",
        ["template.created"] = "Created template",
        ["template.updated"] = "Updated template",
        ["template.deleted"] = "Deleted template",
        ["feature.created"] = "Created feature",
        ["feature.updated"] = "Updated feature",
        ["feature.deleted"] = "Deleted feature",
        ["smtp.credentials_updated"] = "Updated SMTP credentials",
        ["oauth_provider.enabled"] = "Enabled OAuth provider",
        ["oauth_provider.disabled"] = "Disabled OAuth provider",
        ["group.created"] = "Created group",
        ["group.updated"] = "Updated group",
        ["group.deleted"] = "Deleted group",
        ["group.member_added"] = "Added group member",
        ["group.member_removed"] = "Removed group member",
        ["audit.exported"] = "Exported audit log",
        ["audit.conversation_viewed"] = "Viewed conversation",
        ["audit.searched_owners"] = "Searched conversation owners",
        ["conversation.erased"] = "Erased conversation",
        ["audit.retention_ran"] = "Ran retention",
        ["audit.clock_jumped"] = "Noticed that the clock jumped",
        ["audit.gap_marked"] = "Marked a gap in the requests",
        ["audit.push_stalled"] = "Could not push the log for long",
        ["audit.push_skipped"] = "Removed records before they were pushed",
        ["audit.push_set_back"] = "Set a push back to the end of the log",
        ["audit.settings_changed"] = "Changed audit log settings",
        ["api_key.created"] = "Created API key",
        ["api_key.revoked"] = "Revoked API key",
    };

    /// <summary>Without anything configured. It stands below what it is made of.</summary>
    public static EventCatalog Known { get; } = new([], []);
}
