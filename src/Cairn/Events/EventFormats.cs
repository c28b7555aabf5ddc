using Cairn.Export;
using Cairn.Records;
using static Cairn.Records.Texts;
using static Cairn.Records.Places<Cairn.Events.EventRecord>;

namespace Cairn.Events;

/// <summary>Events in the formats of other systems: field by field, where it stands there. docs/formats.md shows these tables, and a test holds the two together.</summary>
static class EventFormats
{
    public static IEnumerable<KeyValuePair<string, Format<EventRecord>>> Of(Kind<EventRecord> kind) =>
    [
        new(Export.Ocsf.Name, Ocsf(kind)),
        new(Export.Ecs.Name, new(Ecs(kind))),
    ];

    static Format<EventRecord> Ocsf(Kind<EventRecord> kind)
    {
        var to = new Places<EventRecord>(kind, timesInMs: true);
        Shape<EventRecord> authentication = Identity(Export.Ocsf.Class.Authentication), account = Identity(Export.Ocsf.Class.AccountChange);
        var api = new Shape<EventRecord>("API Activity (6003)",
        [
            .. Head(Export.Ocsf.Class.ApiActivity, "trace"),
            to.Field("action", "api.operation"),
            to.Field("requestId", "api.request.uid"),
            to.Field("resource", "resources[].type"),
            to.Field("resourceId", "resources[].uid"),
            to.Turned("resourceName", "resources[].name", "`resourceName`; the resource's type where it has neither name nor id", e => Value.Of(Filled(e.ResourceName) ?? (Filled(e.ResourceId) is null ? e.Resource : null))),
            .. Export.Ocsf.Source(to, "ip", e => e.Ip, isDemanded: true),
            to.Field("traceId", "trace.uid"),
            .. Rest(),
        ]);
        return new([authentication, account, api], e => Activities.AreaOf(e.Action) switch { Area.Authentication => authentication, Area.Account => account, _ => api });

        Place<EventRecord>[] Head(Ocsf.Class type, params string[] profiles) =>
        [
            .. Export.Ocsf.Head<EventRecord>(type, "events", profiles, "action", e => ActivityOf(type, e, kind)),
            to.Field("id", "metadata.uid"),
            to.Field("action", "metadata.event_code"),
            to.Field("recordedAt", "metadata.logged_time"),
            to.Field("conversationId", "metadata.correlation_uid"),
            to.Field("createdAt", "time"),
            to.Field("actionLabel", "message"),
            to.Field("outcome", "status_code"),
            .. Export.Ocsf.Status<EventRecord>("outcome", e => e.Outcome == "success"),
            to.Field("actorId", "actor.user.uid"),
            to.Turned("actorName", "actor.user.name", "`actorName`; `\"System\"` where there is neither an id nor a name", e => Value.Of(IsSystem(e) ? "System" : Filled(e.ActorName))),
            to.Field("actorEmail", "actor.user.email_addr"),
            Concluded("actor.user.type_id", "`3` (System) where there is neither an id nor a name", e => Value.Of(IsSystem(e) ? 3 : (long?)null)),
            Concluded("actor.user.type", "the same in words", e => Value.Of(IsSystem(e) ? "System" : null)),
            to.Field("userAgent", "http_request.user_agent"),
        ];

        // What the two classes about people share: they know neither an API nor resources, but the user that it is about.
        Shape<EventRecord> Identity(Ocsf.Class type) => new($"{type.Name} ({type.Uid})",
        [
            .. Head(type),
            Concluded("user.uid", "the user it is about: `resourceId` of the resource `User`, else `actorId`", e => Value.Of(e.Resource == "User" ? e.ResourceId : e.ActorId)),
            Concluded("user.name", "`resourceName` of the resource `User`, else `actorName`; `\"unknown\"` where neither id nor name is known", e => Value.Of(
                e.Resource == "User" ? Filled(e.ResourceName) ?? (Filled(e.ResourceId) is null ? Export.Ocsf.Unknown : null) : Filled(e.ActorName) ?? (Filled(e.ActorId) is null ? Export.Ocsf.Unknown : null))),
            .. type == Export.Ocsf.Class.Authentication ? new[] { Fixed("service.name", Export.Ocsf.Unknown) } : [],
            .. Export.Ocsf.Source(to, "ip", e => e.Ip, isDemanded: false),
            to.Field("resource", "unmapped.resource"),
            to.Field("resourceId", "unmapped.resourceId"),
            to.Field("resourceName", "unmapped.resourceName"),
            to.Field("requestId", "unmapped.requestId"),
            to.Field("traceId", "unmapped.traceId"),
            .. Rest(),
        ]);

        Place<EventRecord>[] Rest() =>
        [
            to.Field("actorRole", "unmapped.actorRole"),
            to.Field("resourceUrl", "unmapped.resourceUrl"),
            to.Field("resourceExists", "unmapped.resourceExists"),
            to.Field("metadata", "unmapped.metadata"),
        ];
    }

    static Ocsf.Activity ActivityOf(Ocsf.Class type, EventRecord e, Kind<EventRecord> kind) => (type.Uid, Activities.Of(e.Action)) switch
    {
        (3002, Activity.SignIn) => new(1, "Logon"),
        (3002, Activity.SignOut) => new(2, "Logoff"),
        (3001, Activity.Enable) => new(2, "Enable"),
        (3001, Activity.ChangePassword) => new(3, "Password Change"),
        (3001, Activity.ResetPassword) => new(4, "Password Reset"),
        (3001, Activity.Disable) => new(5, "Disable"),
        (3001, Activity.Delete) => new(6, "Delete"),
        (3001 or 6003, Activity.Create) => new(1, "Create"),
        (6003, Activity.Read) => new(2, "Read"),
        (6003, Activity.Update) => new(3, "Update"),
        (6003, Activity.Delete) => new(4, "Delete"),
        _ => new(99, kind["actionLabel"].Text!(e)!),
    };

    static Shape<EventRecord> Ecs(Kind<EventRecord> kind)
    {
        var to = new Places<EventRecord>(kind, timesInMs: false);
        return new("Event",
        [
            to.Field("createdAt", "@timestamp"),
            to.Field("actionLabel", "message"),
            .. Export.Ecs.Head<EventRecord>("cairn.events"),
            to.Field("id", "event.id"),
            to.Field("action", "event.action"),
            Concluded("event.category", "from `action`, see below", e => Value.Of(Categories(e))),
            Concluded("event.type", "from `action`, see below; for those under `api` with `denied` for that outcome, which the others do not know", e => Value.Of(Types(e))),
            Concluded("event.outcome", "`success` for the outcome `success`, else `failure`", e => Value.Of(e.Outcome == "success" ? "success" : "failure")),
            to.Field("recordedAt", "event.created"),
            to.Field("actorId", "user.id"),
            to.Turned("actorName", "user.name", "`actorName`; `\"System\"` where there is no actor", e => Value.Of(Filled(e.ActorName) ?? (Filled(e.ActorId) is null ? "System" : null))),
            to.Field("actorEmail", "user.email"),
            to.Turned("actorRole", "user.roles", "`[actorRole]`", e => Value.Of(Filled(e.ActorRole) is { } role ? [role] : (string[]?)null)),
            Concluded("user.target.id", "`resourceId` of the resource `User`", e => Value.Of(e.Resource == "User" ? e.ResourceId : null)),
            Concluded("user.target.name", "`resourceName` of the resource `User`", e => Value.Of(e.Resource == "User" ? e.ResourceName : null)),
            .. Export.Ecs.Source(to, "ip", e => e.Ip),
            to.Field("userAgent", "user_agent.original"),
            to.Field("requestId", "http.request.id"),
            to.Field("traceId", "trace.id"),
            to.Field("outcome", "cairn.outcome"),
            to.Field("resource", "cairn.resource"),
            to.Field("resourceId", "cairn.resourceId"),
            to.Field("resourceName", "cairn.resourceName"),
            to.Field("resourceUrl", "cairn.resourceUrl"),
            to.Field("resourceExists", "cairn.resourceExists"),
            to.Field("conversationId", "cairn.conversationId"),
            to.Field("metadata", "cairn.metadata"),
        ]);
    }

    static string[] Categories(EventRecord e) => [Category(e)];

    static string Category(EventRecord e) => Activities.AreaOf(e.Action) switch
    {
        Area.Authentication => "authentication",
        Area.Account => "iam",
        _ when e.Action.StartsWith("group.", StringComparison.Ordinal) => "iam",
        _ => "api",
    };

    /// <summary>Cairn itself, or something that gave neither an id nor a name.</summary>
    static bool IsSystem(EventRecord e) => Filled(e.ActorId) is null && Filled(e.ActorName) is null;

    /// <summary>The schema says which types go with which category.</summary>
    static string[] Types(EventRecord e)
    {
        var category = Category(e);
        var type = (category, Activities.Of(e.Action)) switch
        {
            ("authentication", Activity.SignIn) => "start",
            ("authentication", Activity.SignOut) => "end",
            ("iam" or "api", Activity.Create) => "creation",
            ("iam" or "api", Activity.Delete) => "deletion",
            ("iam", Activity.Enable or Activity.Disable or Activity.ChangePassword or Activity.ResetPassword or Activity.Update) => "change",
            ("api", Activity.Update) => "change",
            ("api", Activity.Read) => "access",
            _ => "info",
        };
        return category switch
        {
            "iam" => [e.Action.StartsWith("group.", StringComparison.Ordinal) ? "group" : "user", type],
            "api" when e.Outcome == "denied" => [type, "denied"],
            _ => [type],
        };
    }
}
