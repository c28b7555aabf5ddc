using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cairn.Records;

namespace Cairn.Storage.ClickHouse;

/// <summary>
/// One kind's table: its columns, made from the list of fields, and a record as a row of it. An absent text is the empty
/// one and an empty text is NUL, which no text holds: so no text needs a second column for whether it is there.
/// </summary>
sealed class ClickHouseTable<T> where T : class, IRecord, new()
{
    readonly Field<T>[] fields, folded;

    public ClickHouseTable(Kind<T> kind)
    {
        Kind = kind;
        Name = "cairn_" + kind.Name;
        fields = [.. kind.Stored.Where(field => field != kind.Time)];
        folded = [.. kind.Stored.Where(field => field.Search is Search.Index or Search.Identity)];
        Columns =
        [
            ("ms", "Int64"), ("position", "Int64"),
            .. fields.Select(field => (field.Name, field.IsText ? "String" : field.Type == FieldType.Time ? "Int64" : "Nullable(Int64)")),
            .. folded.Select(field => (Folded(field), "String")),
            .. kind.Measured is null ? Array.Empty<(string, string)>() : [("measured_bin", "UInt16")],
        ];
    }

    public Kind<T> Kind { get; }

    /// <summary>The table that is asked and filled; on a cluster the one over all its servers.</summary>
    public string Name { get; }

    /// <summary>Where the records of an identity are, by its hash: identities are random, and the table is in the order of time.</summary>
    public string Ids => Name + "_ids";

    /// <summary>What was said about the existence of things, by the hash of the thing.</summary>
    public string Fates => Name + "_fates";

    public (string Name, string Type)[] Columns { get; }

    public bool HasFates => Kind.Fields.Any(one => one.Name == "resourceExists");

    public static string Quoted(string column) => $"`{column}`";

    public string ColumnList => string.Join(", ", Columns.Select(column => Quoted(column.Name)));

    /// <summary>The columns that <see cref="Read"/> takes.</summary>
    public string ReadList => "ms, position" + string.Concat(fields.Select(one => ", " + Quoted(one.Name)));

    /// <summary>The column of a field.</summary>
    public string Column(Field<T> field) => field == Kind.Time ? "ms" : Quoted(field.Name);

    /// <summary>The field's texts in one case, where that is more than exchanging a-z for A-Z; else empty.</summary>
    static string Folded(Field<T> field) => field.Name + "_folded";

    /// <summary>The field's text in one case.</summary>
    public static string InOneCase(Field<T> field) => $"if({Quoted(Folded(field))} = '', upper({Quoted(field.Name)}), {Quoted(Folded(field))})";

    public void Write(RowWriter row, T record, long position)
    {
        row.Number(record.TimeMs);
        row.Number(position);
        foreach (var field in fields)
        {
            if (field.IsText) WriteText(row, field.Text!(record));
            else if (field.Type == FieldType.Time) row.Number(field.Number!(record) ?? 0);
            else row.NumberOrNull(field.Number!(record));
        }
        foreach (var field in folded)
        {
            var text = field.Text!(record);
            row.Text(text is null || Ascii.IsValid(text) ? "" : text.ToUpperInvariant());
        }
        if (Kind.Measured is { } measured) row.Number((ushort)Histogram.Bin(measured.Number!(record) ?? 0));
    }

    static void WriteText(RowWriter row, string? text)
    {
        if (text is null) row.Text("");
        else row.Text(text, text.Length == 0 || text[0] == '\0' ? 0 : -1);
    }

    /// <summary>A text as a column holds it, as SQL that nothing can break out of.</summary>
    public static string Literal(string? text) => text switch
    {
        null => "''",
        _ when text.Length == 0 || text[0] == '\0' => Unhex("\0" + text),
        _ => Unhex(text),
    };

    /// <summary>The values that a filter names of a field, as its column holds them.</summary>
    public static string Values(Field<T> field, IReadOnlyList<string> values) => string.Join(", ", values.Select(Literal).Concat(values.Contains(field.AbsentName) ? ["''"] : []));

    public static string Unhex(string text) => text.Length == 0 ? "''" : $"unhex('{Convert.ToHexString(Encoding.UTF8.GetBytes(text))}')";

    public static string? ReadText(ref RowReader row)
    {
        var bytes = row.Bytes();
        return bytes.IsEmpty ? null : Encoding.UTF8.GetString(bytes[0] == 0 ? bytes[1..] : bytes);
    }

    public T Read(ref RowReader row)
    {
        var record = new T();
        Kind.Time.SetNumber!(record, row.Number());
        record.Position = row.Number();
        record.Place = Place(record);
        foreach (var field in fields)
        {
            if (field.IsText) field.SetText!(record, ReadText(ref row));
            else field.SetNumber!(record, field.Type == FieldType.Time ? row.Number() : row.NumberOrNull());
        }
        return record;
    }

    /// <summary>A whole row as <see cref="Write"/> wrote it.</summary>
    public T ReadWhole(ref RowReader row)
    {
        var record = Read(ref row);
        foreach (var _ in folded) row.Bytes();
        if (Kind.Measured is not null) row.Short();
        return record;
    }

    public const long Turns = 1L << 20;

    /// <summary>
    /// The place in a list: the time, and within a millisecond the low digits of the position. Two records of one millisecond
    /// can share a place when a million others were recorded between them; a page then ends after both.
    /// </summary>
    public static long Place(T record) => Math.Clamp(record.TimeMs, 0, (1L << 43) - 1) << 20 | (record.Position & (Turns - 1));

    public ulong Hash(T record) => Hash(Kind.Identity.Text!(record)!);

    /// <summary>Of a cryptographic hash, so that nobody can make identities that share one.</summary>
    public static ulong Hash(string identity)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(identity), hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }
}
