using System.Reflection;
using System.Security.Claims;

namespace Cairn.Client;

/// <summary>Where events go and what becomes of those that cannot go there now.</summary>
public sealed class CairnOptions
{
    /// <summary>Cairn's gateway listener. Default <c>http://localhost:10243</c>.</summary>
    public Uri Url { get; set; } = new("http://localhost:10243");

    /// <summary>An API key with the scope <c>events:write</c>. Without one nothing is taken by Cairn, and everything waits in the spool.</summary>
    public string Key { get; set; } = "";

    /// <summary>
    /// A directory of this application's own, in which events wait while Cairn is away; made when it is needed. Two applications
    /// must not have the same one: each sends what it finds there, with its own key. Default <c>cairn-spool</c> in a directory with the
    /// application's name (that of its entry assembly) in the one for this user's local application data. A second process with
    /// the same directory takes one beside it (<c>-2</c>, <c>-3</c>, ...); what it leaves there when it ends, one of the others delivers.
    /// </summary>
    public string Spool { get; set; } = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), Application, "cairn-spool");

    static string Application => Assembly.GetEntryAssembly()?.GetName().Name ?? Path.GetFileNameWithoutExtension(Environment.ProcessPath) ?? "application";

    /// <summary>Bytes that the spool takes at most; beyond, events are lost, counted and told of. Default 256 MiB.</summary>
    public long MaxSpoolBytes { get; set; } = 256L * 1024 * 1024;

    /// <summary>Events that wait in memory at most, beside those of one call and of the next; beyond, events are lost, counted and told of. Default 10,000.</summary>
    public int MaxQueued { get; set; } = 10_000;

    /// <summary>
    /// False, the default: <see cref="Audit.Record(NewEvent)"/> returns at once and never throws. True: it waits until Cairn has the event on
    /// disk, and throws <see cref="CairnException"/> when it has not, so that what must not go unrecorded is not done.
    /// </summary>
    public bool Strict { get; set; }

    /// <summary>How long one call to Cairn may take. Default 10 seconds.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Who a signed-in person is to the audit log. The default takes the usual claims: the id from <c>sub</c> or the name identifier, then name, e-mail address and role.</summary>
    public Func<ClaimsPrincipal, Actor?> ActorOf { get; set; } = AuditContext.ActorOf;

    /// <summary>Is told of each event that Cairn did not take and will not: it was refused, or there was no room for it. Called from a background thread, or from who records.</summary>
    public Action<Undelivered>? OnUndelivered { get; set; }

    /// <summary>While Cairn is away it is tried after pauses that double up to this one.</summary>
    internal TimeSpan LongestPause { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How often is tried again what could not be done on disk, and looked for what other processes left.</summary>
    internal TimeSpan LookEvery { get; set; } = TimeSpan.FromMinutes(1);
}

/// <param name="Event">The event as JSON, or what is known of one that could not be written, or is gone from the spool.</param>
/// <param name="Why">In Cairn's words, or in those of this library.</param>
public sealed record Undelivered(string Event, string Why);

/// <summary>An event is not in the log, and who recorded it asked to be told.</summary>
public sealed class CairnException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What became of everything that was recorded since the start: recorded = delivered + waiting + refused + lost.</summary>
/// <param name="Delivered">Cairn has it on disk.</param>
/// <param name="Waiting">In memory or in the spool. What an earlier process left there is counted as recorded when it is found.</param>
/// <param name="Refused">Cairn said that it is no event it takes.</param>
/// <param name="Lost">There was no room for it, or it could not be written.</param>
public sealed record AuditCounts(long Recorded, long Delivered, long Waiting, long Refused, long Lost);
