using Xunit.Sdk;
using Xunit.v3;

namespace Cairn.Support;

/// <summary>What takes longest begins at once, and the others run beside it, so that nothing long is left to run alone at the end.</summary>
public abstract class LongestFirst(params string[] longest) : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections) where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Array.FindIndex(longest, name => collection.TestCollectionDisplayName.Contains(name, StringComparison.Ordinal)) is >= 0 and var place ? place : longest.Length)];
}
