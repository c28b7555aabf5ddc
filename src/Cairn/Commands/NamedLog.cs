using Cairn.Conversations;
using Cairn.Events;
using Cairn.Hosting;
using Cairn.Records;
using Cairn.Requests;

namespace Cairn.Commands;

/// <summary>A field as commands need it.</summary>
/// <param name="IsTaken">False for what Cairn adds on the way out and no one sends.</param>
sealed record NamedField(string Name, FieldType Type, bool IsTaken);

/// <summary>One of the logs as a command names it: what it holds, its filter, and its paths on the owner's socket.</summary>
sealed record NamedLog(string Name, string List, string Export, string Live, string Import, string ExportFormat, Parameter[] Filter, NamedField[] Fields)
{
    static readonly NamedLog Requests = Of("requests", RequestFields.Kind, "start_time", "end_time", "jsonl", "/api/system/audit-logs", "/api/system/ws/audit-logs");

    static readonly NamedLog Events = Of("events", EventFields.KindOf(EventCatalog.Known), "from", "to", "csv", "/api/v1/admin/audit-logs", "/api/v1/admin/ws/audit-logs");

    public static readonly NamedLog[] All = [Requests, Events];

    /// <summary>What was said in chats: exported like a log, and neither imported nor followed.</summary>
    public static readonly NamedLog Conversations = new("conversations", "/api/admin/audit-logs", "/api/admin/audit-logs/export", "", "", "csv", ConversationEndpoints.Filter, []);

    public bool IsRequests => this == Requests;

    static NamedLog Of<T>(string name, Kind<T> kind, string from, string until, string exportFormat, string list, string live) where T : class, IRecord, new() => new(
        name, list, list + "/export", live, "/local/import/" + name, exportFormat, Operation.Filter(kind, from, until),
        [.. kind.Fields.Select(field => new NamedField(field.Name, field.Type, field.Sent && field.Stored))]);
}
