namespace Cairn.Support;

/// <summary>A clock that stands still until the test moves it; timers that come due ring before the move returns.</summary>
sealed class TestClock(DateTimeOffset start) : TimeProvider
{
    readonly Lock moving = new();
    readonly List<Alarm> alarms = [];
    long ticks = start.UtcTicks;

    /// <summary>Where most tests begin: in the middle of a day.</summary>
    public TestClock() : this(new(2026, 3, 10, 12, 0, 0, TimeSpan.Zero)) { }

    public DateTimeOffset Now => GetUtcNow();

    public long NowMs => Now.ToUnixTimeMilliseconds();

    /// <summary>How many timers wait for the time to come.</summary>
    public int Waiting
    {
        get
        {
            lock (moving) return alarms.Count;
        }
    }

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Interlocked.Read(ref ticks);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Move(TimeSpan by) => Set(Now + by);

    /// <summary>Sets the time, also backwards, which no timer notices. What came due on the way rings once, at the new time, as on a machine that slept.</summary>
    public void Set(DateTimeOffset to)
    {
        Interlocked.Exchange(ref ticks, to.UtcTicks);
        while (true)
        {
            Alarm? due;
            lock (moving)
            {
                due = alarms.Where(alarm => alarm.Due <= to.UtcTicks).MinBy(alarm => alarm.Due);
                if (due is null) return;
                if (due.Period > TimeSpan.Zero) due.Due = to.UtcTicks + due.Period.Ticks;
                else alarms.Remove(due);
            }
            due.Ring();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var alarm = new Alarm(this, callback, state);
        alarm.Change(dueTime, period);
        return alarm;
    }

    sealed class Alarm(TestClock clock, TimerCallback callback, object? state) : ITimer
    {
        public long Due { get; set; } = long.MaxValue;

        public TimeSpan Period { get; private set; }

        public void Ring() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.moving)
            {
                clock.alarms.Remove(this);
                (Due, Period) = (dueTime < TimeSpan.Zero ? long.MaxValue : clock.ticks + dueTime.Ticks, period);
                if (Due < long.MaxValue) clock.alarms.Add(this);
            }
            return true;
        }

        public void Dispose()
        {
            lock (clock.moving) clock.alarms.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
