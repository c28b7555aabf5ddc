using Cairn.Support;

namespace Cairn.Faults;

/// <summary>Applications that send events, each on its own, until their Cairn is gone or they are stopped.</summary>
sealed class Writers
{
    /// <summary>What a sender waits before it sends again what was refused; real ones wait for as long as Retry-After says.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(50);

    readonly Trial trial;
    readonly Task[] work;
    readonly Counter answered = new(), refused = new();
    volatile bool stopping;

    /// <param name="most">Events of one call at most.</param>
    /// <param name="through">Where they send to, when it is not straight to Cairn.</param>
    public Writers(Trial trial, int seed, int count = 16, int most = 30, HttpClient? through = null)
    {
        this.trial = trial;
        work = [.. Enumerable.Range(0, count).Select(writer => Task.Run(() => Write(writer, new(seed + writer), most, through)))];
    }

    /// <summary>How often a call was sent again and told again that the log cannot be written.</summary>
    public int Refused => refused.Count;

    async Task Write(int writer, RandomRecords random, int most, HttpClient? through)
    {
        while (!stopping)
        {
            var call = trial.Receipts.New(random, writer, most);
            if (!await trial.Send(call, through) && !await SendAgain(call, through)) return;
            answered.Add();
            // Now and then a sender did not notice that it was answered.
            if (random.Chance(0.05)) await trial.Send(call, through);
        }
    }

    async Task<bool> SendAgain(SentCall call, HttpClient? through)
    {
        for (; !stopping && !HasGone; refused.Add())
        {
            await Task.Delay(Patience);
            if (ChangesIds) call.ChangeIds();
            if (await trial.Send(call, through)) return true;
        }
        return false;
    }

    /// <summary>Set when nobody is there any longer to send to.</summary>
    public bool HasGone { get; set; }

    /// <summary>What no sender must do: giving what it sends again another id.</summary>
    public bool ChangesIds { get; init; }

    /// <summary>Done once so many more calls were answered, or all writers have ended.</summary>
    public Task Answered(int more) => Task.WhenAny(answered.Next(more), Task.WhenAll(work)).Unwrap();

    /// <summary>Done once calls were refused so many more times.</summary>
    public Task WereRefused(int more) => Task.WhenAny(refused.Next(more), Task.WhenAll(work)).Unwrap();

    public async Task Stop()
    {
        stopping = true;
        await Task.WhenAll(work);
    }
}
