using Cairn.Support;

[assembly: TestCollectionOrderer(typeof(Cairn.Faults.Order))]

namespace Cairn.Faults;

/// <summary>Two at a time, each with a disk and a process of its own. What looks at time or memory is <see cref="Alone"/>.</summary>
public sealed class Order() : LongestFirst(nameof(KillTests), nameof(DiskTests), nameof(PowerCutTests), nameof(GatewayTests), nameof(DuplicateTests));
