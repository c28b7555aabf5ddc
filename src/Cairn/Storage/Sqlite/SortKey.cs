namespace Cairn.Storage.Sqlite;

/// <summary>
/// The rowid of a record: its millisecond and, below it, its turn within that millisecond. Rowid order is therefore list
/// order, a page is a walk along the table, and a time range is a range of rowids.
/// </summary>
static class SortKey
{
    const int TurnBits = 20;

    /// <summary>The latest time that a key can hold: in the year 2248.</summary>
    public const long MaxMs = (1L << (63 - TurnBits)) - 1;

    public const long Turns = 1L << TurnBits;

    public static long First(long ms) => Math.Clamp(ms, 0, MaxMs) << TurnBits;

    public static long Ms(long key) => key >> TurnBits;
}
