using Cairn.Hosting;
using Cairn.Support;

namespace Cairn.Pages;

/// <summary>A Cairn that a browser looks at: its clock begins at the browser's own time.</summary>
static class Site
{
    public static Task<CairnApp> Start(Func<Settings, Settings>? change = null) => CairnApp.Start(change, new TestClock(DateTimeOffset.UtcNow));
}
