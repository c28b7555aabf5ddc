using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(Cairn.Support.LongestFirst))]

namespace Cairn.Support;

/// <summary>
/// What takes longest begins at once, and the others run beside it: the pages, which share one Chromium and run one after another, the stores that answer
/// over a connection, and the README's build of a clean clone.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    static readonly string[] Longest = [Browser.Name, nameof(Storage.ClickHouse.ClickHouseLogStoreTests), nameof(Docs.ReadmeTests), nameof(Storage.Postgres.PostgresLogStoreTests)];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections) where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Array.FindIndex(Longest, name => collection.TestCollectionDisplayName.Contains(name, StringComparison.Ordinal)) is >= 0 and var place ? place : Longest.Length)];
}
