using Cairn.Records;

namespace Cairn.Export;

/// <summary>What every record has as a document of the Elastic Common Schema. Fields of our own stand below <c>cairn</c>.</summary>
static class Ecs
{
    public const string Name = "ecs", Version = "9.4.0";

    public static Place<T>[] Head<T>(string dataset) where T : class, IRecord, new() =>
    [
        Places<T>.Fixed("ecs.version", Version),
        Places<T>.Fixed("event.kind", "event"),
        Places<T>.Fixed("event.module", "cairn"),
        Places<T>.Fixed("event.dataset", dataset),
        Places<T>.Fixed("observer.product", "Cairn"),
        Places<T>.Concluded("observer.version", "the version of Cairn", _ => Value.Of(Product.Version)),
    ];

    public static Place<T>[] Source<T>(Places<T> places, string field, Func<T, string?> ip) where T : class, IRecord, new() =>
    [
        places.Field(field, "source.address"),
        Places<T>.Concluded("source.ip", $"`{field}`, where it is an IP address", record => Value.Of(IpAddress.IsPlain(ip(record)) ? ip(record) : null)),
    ];
}
