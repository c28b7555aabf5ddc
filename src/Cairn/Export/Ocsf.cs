using Cairn.Records;

namespace Cairn.Export;

/// <summary>What every record has as an event of the Open Cybersecurity Schema Framework. Which fields stand where is told beside the fields of each kind.</summary>
static class Ocsf
{
    public const string Name = "ocsf", Version = "1.8.0";

    /// <summary>Stands where the schema demands a text and the record has none.</summary>
    public const string Unknown = "unknown";

    /// <summary>A class of events.</summary>
    public sealed record Class(int Uid, string Name, int Category, string CategoryName)
    {
        public static readonly Class
            AccountChange = new(3001, "Account Change", 3, "Identity & Access Management"),
            Authentication = new(3002, "Authentication", 3, "Identity & Access Management"),
            ApiActivity = new(6003, "API Activity", 6, "Application Activity");
    }

    /// <summary>What was done, by the numbers of a class. Number 99 is what the schema has no number for.</summary>
    public readonly record struct Activity(int Id, string Name);

    /// <param name="from">The field that the activity is concluded from.</param>
    public static Place<T>[] Head<T>(Class type, string log, string[] profiles, string from, Func<T, Activity> activity) where T : class, IRecord, new() =>
    [
        Places<T>.Fixed("metadata.version", Version),
        Places<T>.Fixed("metadata.product.name", "Cairn"),
        Places<T>.Fixed("metadata.product.vendor_name", "Cairn"),
        Places<T>.Concluded("metadata.product.version", "the version of Cairn", _ => Value.Of(Product.Version)),
        Places<T>.Fixed("metadata.log_name", log),
        .. profiles.Length == 0 ? [] : new[] { Places<T>.List("metadata.profiles", profiles) },
        Places<T>.Fixed("class_uid", type.Uid),
        Places<T>.Fixed("class_name", type.Name),
        Places<T>.Fixed("category_uid", type.Category),
        Places<T>.Fixed("category_name", type.CategoryName),
        Places<T>.Concluded("activity_id", $"from `{from}`, see below", record => Value.Of(activity(record).Id)),
        Places<T>.Concluded("activity_name", "the same in words", record => Value.Of(activity(record).Name)),
        Places<T>.Concluded("type_uid", "`class_uid` × 100 + `activity_id`", record => Value.Of(type.Uid * 100L + activity(record).Id)),
        Places<T>.Fixed("severity_id", 1),
        Places<T>.Fixed("severity", "Informational"),
    ];

    /// <param name="name">Of the field that tells, in the words of its table.</param>
    public static Place<T>[] Status<T>(string name, Func<T, bool> isSuccess) where T : class, IRecord, new() =>
    [
        Places<T>.Concluded("status_id", $"`1` for the {name} `success`, else `2`", record => Value.Of(isSuccess(record) ? 1 : 2)),
        Places<T>.Concluded("status", "the same in words: `Success`, `Failure`", record => Value.Of(isSuccess(record) ? "Success" : "Failure")),
    ];

    /// <summary>Where a call came from. An address that is none, such as a name, stands as a name.</summary>
    /// <param name="isDemanded">The class must say where from; what is not known is called so.</param>
    public static Place<T>[] Source<T>(Places<T> places, string field, Func<T, string?> ip, bool isDemanded) where T : class, IRecord, new() =>
    [
        places.Turned(field, "src_endpoint.ip", $"`{field}`, where it is an IP address", record => Value.Of(IpAddress.IsPlain(ip(record)) ? ip(record) : null)),
        places.Turned(field, "src_endpoint.name", isDemanded ? $"`{field}`, where it is none; `\"unknown\"` without one" : $"`{field}`, where it is none",
            record => Value.Of(IpAddress.IsPlain(ip(record)) ? null : string.IsNullOrEmpty(ip(record)) && isDemanded ? Unknown : ip(record))),
    ];
}
