using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(Cairn.Support.BrowserFirst))]

namespace Cairn.Support;

/// <summary>The tests of pages share one Chromium and run one after another, so that they take longest: they begin at once, and the others run beside them.</summary>
public sealed class BrowserFirst : ITestCollectionOrderer
{
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections) where TTestCollection : ITestCollection =>
        [.. testCollections.OrderByDescending(collection => collection.TestCollectionDisplayName == Browser.Name)];
}
