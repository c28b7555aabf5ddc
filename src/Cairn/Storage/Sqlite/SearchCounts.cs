using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>
/// How many records there are of every combination of the searched fields, in memory, so that the exact total of a search
/// that matches most names is one pass over numbers. Read from the kept counts by the first search that needs it; later
/// ones add the records that came since.
/// </summary>
sealed class SearchCounts<T>(LogTable<T> table, Rollup<T> rollup) where T : class, IRecord, new()
{
    /// <summary>Combinations kept at most; beyond, the table is read each time.</summary>
    const int MostCells = 10_000_000;

    /// <summary>Records since the last search that are worth walking; for more, all is read anew.</summary>
    const long MostSince = 100_000;

    readonly Lock growing = new();
    readonly int width = rollup.Fields.Length + 1;

    int[] numbers = [];
    int length;
    long position = -1;
    long total;

    public Rollup<T> Rollup => rollup;

    /// <summary>The sum of all counts in which some field has one of its set's terms; null when memory cannot tell.</summary>
    public long? Sum(Reader reader, TermSet[] sets)
    {
        int[] cells;
        int end;
        lock (growing)
        {
            if (!Grow(reader)) return null;
            // The array only grows, so that what is taken here stays as it is.
            (cells, end) = (numbers, length);
        }

        var sum = 0L;
        for (var i = 0; i < end; i += width)
        {
            for (var j = 0; j < sets.Length; j++)
            {
                if (!sets[j].Contains(cells[i + j])) continue;
                sum += cells[i + width - 1];
                break;
            }
        }
        return sum;
    }

    /// <summary>Brings memory to the state of the log that the reader sees; false when it cannot be brought there.</summary>
    bool Grow(Reader reader)
    {
        var now = reader.Number($"SELECT coalesce(max(position), 0) FROM {table.Name}");
        var records = reader.Number($"SELECT coalesce(sum(count), 0) FROM {table.Name}_by_all WHERE span = 1 AND period = 0");
        // Records that were dropped are not taken away here: they show as a total that does not come out.
        if (position >= 0 && now >= position && now - position <= MostSince)
        {
            var walk = reader.Statement($"SELECT position, {Columns} FROM {table.Name} WHERE position > ? ORDER BY position").Bind(1, position);
            position = -1;
            while (walk.Step())
            {
                Append(walk, 1, 1);
                total++;
            }
            position = now;
            if (total == records) return true;
        }
        return Load(reader, now);
    }

    bool Load(Reader reader, long now)
    {
        // Unless it comes to its end, nothing is known.
        (numbers, length, total, position) = (new int[width * 1_024], 0, 0, -1);
        var all = reader.Statement($"SELECT {Columns}, count FROM {table.RollupName(rollup)} WHERE span = 1 AND period = 0");
        while (all.Step())
        {
            if (length >= MostCells * width)
            {
                all.Reset();
                (numbers, length) = ([], 0);
                return false;
            }
            var count = all.Integer(width - 1);
            Append(all, 0, count);
            total += count;
        }
        position = now;
        return true;
    }

    string Columns => string.Join(", ", rollup.Fields.Select(searched => table[searched].Name));

    void Append(Statement row, int first, long count)
    {
        if (numbers.Length < length + width) Array.Resize(ref numbers, numbers.Length * 2);
        for (var i = 0; i < width - 1; i++) numbers[length + i] = (int)row.Integer(first + i);
        numbers[length + width - 1] = checked((int)count);
        length += width;
    }
}
