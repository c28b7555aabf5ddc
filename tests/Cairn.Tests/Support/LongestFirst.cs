using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(Cairn.Support.LongestFirst))]

namespace Cairn.Support;

/// <summary>What takes longest begins at once, and the others run beside it, so that nothing long is left to run alone at the end.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    static readonly string[] Longest =
    [
        nameof(Storage.ClickHouse.ClickHouseLogStoreTests), nameof(Pages.RequestsPageTests), nameof(Docs.ReadmeTests), nameof(Storage.Postgres.PostgresLogStoreTests),
        nameof(Pages.AccessibilityTests), nameof(Pages.ConversationsPageTests), nameof(Pages.FiguresTests), nameof(Pages.DemoPagesTests), nameof(Pages.EventsPageTests),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections) where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Array.FindIndex(Longest, name => collection.TestCollectionDisplayName.Contains(name, StringComparison.Ordinal)) is >= 0 and var place ? place : Longest.Length)];
}
