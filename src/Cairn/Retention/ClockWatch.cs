using Cairn.Access;
using Cairn.Records;
using Cairn.Storage;

namespace Cairn.Retention;

/// <summary>Notices when this machine's clock jumps, by the one that only goes on, and puts it on record. A machine that slept looks the same.</summary>
sealed class ClockWatch(IControlStore control, SelfAudit audit, TimeProvider clock) : IDisposable
{
    /// <summary>What a clock may be set by without a word, as time services do.</summary>
    static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(1);

    const string Setting = "clock.ahead";

    readonly SemaphoreSlim looking = new(1);

    DateTimeOffset seen = clock.GetUtcNow();
    long mark = clock.GetTimestamp();
    TimeSpan offset, lowest;
    bool isLoaded;

    /// <summary>
    /// How far the clock went ahead of where it has been, also before the last start: forward, or forward again after it was
    /// set back, when what was recorded meanwhile looks old. Zero once someone confirmed the clock.
    /// </summary>
    public TimeSpan Ahead => offset - lowest;

    public async Task Look(CancellationToken cancel)
    {
        await looking.WaitAsync(cancel);
        try
        {
            await LookAlone(cancel);
        }
        finally
        {
            looking.Release();
        }
    }

    async Task LookAlone(CancellationToken cancel)
    {
        if (!isLoaded)
        {
            if (await control.FindSetting(Setting, cancel) is { } text) lowest -= new TimeSpan(long.Parse(text));
            isLoaded = true;
        }
        var (now, next) = (clock.GetUtcNow(), clock.GetTimestamp());
        var expected = seen + clock.GetElapsedTime(mark, next);
        (seen, mark) = (now, next);
        if ((now - expected).Duration() < Tolerance) return;
        offset += now - expected;
        if (offset < lowest) lowest = offset;
        await audit.RecordOrKeep(By.Cairn, new("audit.clock_jumped", "AuditLog", null, null)
        {
            Metadata = Deed.Of(("from", Iso.Text(expected.ToUnixTimeMilliseconds())), ("to", Iso.Text(now.ToUnixTimeMilliseconds()))),
        });
        await control.SaveSetting(Setting, Ahead.Ticks.ToString(), cancel);
    }

    /// <summary>Takes the clock for right, because a person said so.</summary>
    public async Task Confirm(CancellationToken cancel)
    {
        lowest = offset;
        await control.SaveSetting(Setting, "0", cancel);
    }

    public void Dispose() => looking.Dispose();
}
