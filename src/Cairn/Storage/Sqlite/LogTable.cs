using System.Security.Cryptography;
using System.Text;
using Cairn.Records;

namespace Cairn.Storage.Sqlite;

/// <summary>A stored field with its number, which index entries name it by.</summary>
sealed record Column<T>(Field<T> Field, int Number)
{
    public string Name { get; } = $"\"{Field.Name}\"";

    public bool IsTerm => Field.Keep == Keep.Term;

    /// <summary>A letter for each of the first 25 fields, then z and a letter, then zz and a letter.</summary>
    readonly string prefix = new string('z', Number / 25) + (char)('a' + Number % 25);

    /// <summary>How the index names "this field has this term". Term 0 is the absent value.</summary>
    public string Token(long term) => prefix + term;

    public void AppendToken(ref Utf8Line line, long term)
    {
        line.Append(prefix);
        line.Append(term);
    }

    /// <summary>How the index names "this field has this text", for texts that are no terms: 80 bits of their hash.</summary>
    public string Token(string text)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(text), hash);
        return prefix + Convert.ToHexStringLower(hash[..10]);
    }
}

/// <summary>
/// The tables of one kind, made from its list of fields: <c>request</c> (the records), <c>request_index</c> (which records
/// have which value), <c>request_gone</c> (what no longer exists) and <c>request_by_...</c> (kept counts).
/// A field that the list has and the table lacks is added at start.
/// </summary>
sealed class LogTable<T> where T : class, IRecord, new()
{
    readonly Dictionary<Field<T>, Column<T>> byField;

    public LogTable(Connection writer, Kind<T> kind)
    {
        Kind = kind;
        Columns = [.. kind.Stored.Select(field => new Column<T>(field, Number(writer, field)))];
        byField = Columns.ToDictionary(column => column.Field);
        InRow = [.. Columns.Where(column => column.Field != kind.Time)];
        Indexed = [.. Columns.Where(column => column.Field.IsIndexed)];
        Rollups = kind.AllRollups;
        Searched = [.. kind.Searched.Select(field => this[field])];
        SearchCounts = kind.OfSearch is { } searched ? new(this, searched) : null;
        Create(writer);
    }

    public Kind<T> Kind { get; }

    public string Name => Kind.Name;

    public Column<T>[] Columns { get; }

    /// <summary>All but the time, which is in the rowid.</summary>
    public Column<T>[] InRow { get; }

    public Column<T>[] Indexed { get; }

    /// <summary>The columns whose terms a text search looks at.</summary>
    public Column<T>[] Searched { get; }

    /// <summary>The kind's rollups, and two that every kind has: of everything, and of the searched fields together.</summary>
    public Rollup<T>[] Rollups { get; }

    public SearchTexts SearchTexts { get; } = new();

    /// <summary>Null for a kind without searched fields.</summary>
    public SearchCounts<T>? SearchCounts { get; }

    public Column<T> this[Field<T> field] => byField[field];

    /// <summary>The key of the record with this identity; null when there is none.</summary>
    public long? FindKey(Reader reader, string identity)
    {
        var find = reader.Statement($"SELECT key FROM {Name} WHERE \"{Kind.Identity.Name}\" = ?");
        Pack.Bind(find, 1, identity);
        if (!find.Step()) return null;
        var key = find.Integer(0);
        find.Reset();
        return key;
    }

    /// <summary>Asks for the last position given, also when its record is gone; zero for an empty log.</summary>
    public string LastPosition => $"SELECT max((SELECT coalesce(max(position), 0) FROM {Name}), (SELECT coalesce(max(value), 0) FROM positions WHERE kind = '{Name}'))";

    public string RollupName(Rollup<T> rollup) => $"{Name}_by_{rollup.Name}";

    int Number(Connection writer, Field<T> field)
    {
        using var find = writer.Prepare("SELECT number FROM fields WHERE kind = ? AND name = ?");
        if (find.Bind(1, Kind.Name).Bind(2, field.Name).Step()) return (int)find.Integer(0);
        using var append = writer.Prepare("INSERT INTO fields (number, kind, name) VALUES ((SELECT coalesce(max(number) + 1, 0) FROM fields), ?, ?) RETURNING number");
        append.Bind(1, Kind.Name).Bind(2, field.Name).Step();
        return (int)append.Integer(0);
    }

    void Create(Connection writer)
    {
        var columns = string.Concat(InRow.Select(column => $", {column.Name}"));
        writer.Run($"""
            CREATE TABLE IF NOT EXISTS {Name} (key INTEGER PRIMARY KEY, position INTEGER NOT NULL{columns});
            CREATE UNIQUE INDEX IF NOT EXISTS {Name}_position ON {Name} (position);
            CREATE UNIQUE INDEX IF NOT EXISTS {Name}_identity ON {Name} ("{Kind.Identity.Name}");
            CREATE TABLE IF NOT EXISTS {Name}_gone (subject TEXT PRIMARY KEY, key INTEGER NOT NULL) WITHOUT ROWID;
            CREATE INDEX IF NOT EXISTS {Name}_gone_key ON {Name}_gone (key);
            CREATE VIRTUAL TABLE IF NOT EXISTS {Name}_index USING fts5 (tokens, content = '', detail = none, columnsize = 0, tokenize = 'ascii');
            """);

        foreach (var rollup in Rollups)
        {
            var fields = string.Concat(rollup.Fields.Select(field => $", {this[field].Name}"));
            var sums = string.Concat(rollup.Sums ? Kind.Sums.Select(field => $", \"{field.Name}\" INTEGER NOT NULL") : []);
            var measured = rollup.Histogram ? $", \"{Kind.Measured!.Name}\" BLOB NOT NULL" : "";
            writer.Run($"CREATE TABLE IF NOT EXISTS {RollupName(rollup)} (span, period{fields}, count INTEGER NOT NULL{sums}{measured}, PRIMARY KEY (span, period{fields})) WITHOUT ROWID");
        }

        var present = new HashSet<string>(StringComparer.Ordinal);
        using (var info = writer.Prepare($"SELECT name FROM pragma_table_info('{Name}')"))
            while (info.Step()) present.Add(info.Text(0));
        foreach (var column in InRow.Where(column => !present.Contains(column.Field.Name)))
            writer.Run($"ALTER TABLE {Name} ADD COLUMN {column.Name}");
    }
}

/// <summary>A line of ASCII words, built without making strings.</summary>
ref struct Utf8Line(Span<byte> buffer)
{
    readonly Span<byte> buffer = buffer;

    public int Length { get; private set; }

    public void Append(string text)
    {
        foreach (var letter in text) buffer[Length++] = (byte)letter;
    }

    public void Append(long number)
    {
        number.TryFormat(buffer[Length..], out var written);
        Length += written;
    }
}
