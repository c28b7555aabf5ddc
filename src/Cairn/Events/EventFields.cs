using Cairn.Records;
using static Cairn.Records.Keep;

namespace Cairn.Events;

/// <summary>The fields of an event. To add one: a property in <see cref="EventRecord"/> and a line here.</summary>
static class EventFields
{
    public static readonly Field<EventRecord> Id = Text("id", e => e.Id, (e, v) => e.Id = v ?? "", Plain, max: 36);
    public static readonly Field<EventRecord> CreatedAt = new() { Name = "createdAt", Type = FieldType.Time, Number = e => e.TimeMs, SetNumber = (e, v) => e.TimeMs = v ?? 0 };
    public static readonly Field<EventRecord> RecordedAt = new() { Name = "recordedAt", Type = FieldType.Time, Sent = false, Number = e => e.RecordedAtMs, SetNumber = (e, v) => e.RecordedAtMs = v ?? 0 };
    public static readonly Field<EventRecord> ActorId = Text("actorId", e => e.ActorId, (e, v) => e.ActorId = v, Term, "actorId", absent: "System");
    public static readonly Field<EventRecord> ActorName = Text("actorName", e => e.ActorName, (e, v) => e.ActorName = v, Term);
    public static readonly Field<EventRecord> ActorEmail = Text("actorEmail", e => e.ActorEmail, (e, v) => e.ActorEmail = v, Term, max: 320);
    static readonly Field<EventRecord> ActorRole = Text("actorRole", e => e.ActorRole, (e, v) => e.ActorRole = v, Term, max: 64);
    public static readonly Field<EventRecord> Resource = Text("resource", e => e.Resource, (e, v) => e.Resource = v, Term, "resource", max: 128);
    public static readonly Field<EventRecord> ResourceId = Text("resourceId", e => e.ResourceId, (e, v) => e.ResourceId = v, Plain, "resourceId");
    public static readonly Field<EventRecord> ResourceName = Text("resourceName", e => e.ResourceName, (e, v) => e.ResourceName = v, Term, search: Search.Index, max: 512);
    public static readonly Field<EventRecord> Outcome = Text("outcome", e => e.Outcome, (e, v) => e.Outcome = v ?? "success", Term, "outcome", max: 7, allowed: ["success", "failure", "denied"]);
    static readonly Field<EventRecord> Ip = Text("ip", e => e.Ip, (e, v) => e.Ip = v, Term, "ip", max: 64);
    static readonly Field<EventRecord> UserAgent = Text("userAgent", e => e.UserAgent, (e, v) => e.UserAgent = v, Term, "userAgent", max: 512);
    public static readonly Field<EventRecord> Metadata = new() { Name = "metadata", Type = FieldType.Json, Text = e => e.Metadata, SetText = (e, v) => e.Metadata = v, MaxLength = 16 * 1024 };

    /// <summary>The kind, with the labels and links of one catalog.</summary>
    public static Kind<EventRecord> KindOf(EventCatalog catalog)
    {
        var action = new Field<EventRecord>
        {
            Name = "action",
            Type = FieldType.Text,
            Text = e => e.Action,
            SetText = (e, v) => e.Action = v ?? "",
            Keep = Term,
            Parameter = "action",
            Search = Search.Listing,
            SearchText = key => key + "\n" + catalog.Label(key),
            MaxLength = 128,
            Required = true,
        };
        var actionLabel = Derived("actionLabel", e => catalog.Label(e.Action));

        return new()
        {
            Name = "event",
            Identity = Id,
            Time = CreatedAt,
            Fields =
            [
                Id, CreatedAt, RecordedAt, ActorId, ActorName, ActorEmail, ActorRole, action, actionLabel, Resource, ResourceId, ResourceName,
                Derived("resourceUrl", e => catalog.Link(e.Resource, e.ResourceId)),
                new() { Name = "resourceExists", Type = FieldType.Boolean, Stored = false, Sent = false, Number = e => e.SubjectExists ? 1 : 0 },
                Outcome, Ip, UserAgent,
                Text("requestId", e => e.RequestId, (e, v) => e.RequestId = v, Plain, "requestId"),
                Text("traceId", e => e.TraceId, (e, v) => e.TraceId = v, Plain, "traceId"),
                Text("conversationId", e => e.ConversationId, (e, v) => e.ConversationId = v, Plain, "conversationId"),
                Metadata,
            ],
            Csv = [CreatedAt, Id, ActorId, ActorName, ActorEmail, ActorRole, action, actionLabel, Resource, ResourceId, ResourceName, Outcome, Ip, UserAgent, Metadata],
            Rollups =
            [
                new("shape", [action, Resource, Outcome], Spans.All, MostTerms: 1_000),
                new("actor", [ActorId, ActorName, ActorEmail], Spans.Ever),
                new("subject", [ResourceName, action], Spans.Ever),
            ],
            IsIdentity = _ => false,
            MayBeInIdentity = _ => false,
            MakeFormats = EventFormats.Of,
            Fate = e => e.Resource is null || e.ResourceId is null
                ? null
                : new(e.Resource + "/" + e.ResourceId, EventCatalog.Ends(e.Action) && e.Outcome == "success", EventCatalog.Begins(e.Action) && e.Outcome == "success"),
        };
    }

    static Field<EventRecord> Text(
        string name, Func<EventRecord, string?> get, Action<EventRecord, string?> set, Keep keep, string? parameter = null, Search search = Search.None, int max = 256, string? absent = null,
        string[]? allowed = null) =>
        new() { Name = name, Type = FieldType.Text, Text = get, SetText = set, Keep = keep, Parameter = parameter, Search = search, MaxLength = max, AbsentName = absent, Allowed = allowed };

    static Field<EventRecord> Derived(string name, Func<EventRecord, string?> get) =>
        new() { Name = name, Type = FieldType.Text, Stored = false, Sent = false, Text = get };
}
