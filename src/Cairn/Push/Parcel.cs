using System.Buffers;
using System.Text.Json;

namespace Cairn.Push;

/// <summary>One record of a parcel.</summary>
/// <param name="Id">By which a receiver knows one that it got before.</param>
/// <param name="IsFault">It tells of something that failed or was denied.</param>
/// <param name="Named">Some of its values, for receivers that choose by them; an absent one is null.</param>
/// <param name="Json">Where its JSON is in the parcel.</param>
sealed record ParcelItem(string Id, long TimeMs, bool IsFault, (string Name, string? Value)[] Named, Range Json);

/// <summary>Records of one kind that are sent together, in the order of the log.</summary>
/// <param name="kind">In the singular.</param>
/// <param name="after">The position that it begins behind.</param>
sealed class Parcel(string kind, long after)
{
    readonly ArrayBufferWriter<byte> bytes = new(16 * 1024);
    readonly List<ParcelItem> items = [];
    long passed;

    public string Kind => kind;

    public IReadOnlyList<ParcelItem> Items => items;

    /// <summary>Every record up to this position is in it, was of no interest, or is gone; or there never was one.</summary>
    public long Until => after + passed;

    /// <summary>Positions whose records are gone.</summary>
    public long Gone { get; private set; }

    /// <summary>How many of them come before everything that is still there.</summary>
    public long GoneFirst { get; private set; }

    /// <summary>How many positions come before everything that is still there.</summary>
    public long PassedFirst { get; private set; }

    public int Bytes => bytes.WrittenCount;

    public ReadOnlySpan<byte> Json(ParcelItem item) => bytes.WrittenSpan[item.Json];

    /// <summary>Takes note that what lies between here and a position is gone.</summary>
    /// <param name="unused">Positions that never had a record.</param>
    public void Pass(long before, IReadOnlySet<long> unused)
    {
        var passing = before - Until - 1;
        if (passing <= 0) return;
        var gone = passing - unused.Count(position => position > Until && position < before);
        if (passed == 0) (PassedFirst, GoneFirst) = (passing, gone);
        Gone += gone;
        passed += passing;
    }

    /// <summary>The next record is of no interest.</summary>
    public void Leave() => passed++;

    public void Add(string id, long timeMs, bool isFault, (string, string?)[] named, Action<Utf8JsonWriter> write)
    {
        var start = bytes.WrittenCount;
        using (var writer = new Utf8JsonWriter(bytes, Records.RecordJson.Writing)) write(writer);
        items.Add(new(id, timeMs, isFault, named, start..bytes.WrittenCount));
        passed++;
    }
}
