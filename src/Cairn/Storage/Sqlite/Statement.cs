using System.Buffers;
using System.Text;

namespace Cairn.Storage.Sqlite;

/// <summary>A prepared statement. Parameters count from 1 and columns from 0, as SQLite has them. A step that ends also resets.</summary>
sealed unsafe class Statement(Connection connection, nint handle) : IDisposable
{
    bool disposed;

    public Statement Bind(int index, long value)
    {
        connection.Check(Sqlite3.BindInteger(handle, index, value));
        return this;
    }

    public Statement Bind(int index, long? value) => value is { } number ? Bind(index, number) : BindNull(index);

    public Statement BindNull(int index)
    {
        connection.Check(Sqlite3.BindNull(handle, index));
        return this;
    }

    public Statement Bind(int index, string? text) => text is null ? BindNull(index) : Bind(index, text.AsSpan());

    public Statement Bind(int index, ReadOnlySpan<char> text)
    {
        var rented = text.Length > 256 ? ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length)) : null;
        var buffer = rented ?? stackalloc byte[768];
        var length = Encoding.UTF8.GetBytes(text, buffer);
        fixed (byte* start = buffer) connection.Check(Sqlite3.BindText(handle, index, start, length));
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return this;
    }

    public Statement BindUtf8(int index, ReadOnlySpan<byte> text)
    {
        // A null pointer would bind NULL where an empty text is meant.
        byte none = 0;
        fixed (byte* start = text) connection.Check(Sqlite3.BindText(handle, index, start is null ? &none : start, text.Length));
        return this;
    }

    public Statement BindBlob(int index, ReadOnlySpan<byte> blob)
    {
        byte none = 0;
        fixed (byte* start = blob) connection.Check(Sqlite3.BindBlob(handle, index, start is null ? &none : start, blob.Length));
        return this;
    }

    /// <summary>True while there is a row. Resets the statement when there is none, and when it fails.</summary>
    public bool Step()
    {
        var code = Sqlite3.Step(handle);
        if (code == Sqlite3.Row) return true;
        var failure = code == Sqlite3.Done ? null : connection.Failure();
        _ = Sqlite3.Reset(handle);
        return failure is null ? false : throw failure;
    }

    /// <summary>Runs a statement whose rows, if it has any, do not matter.</summary>
    public void Run()
    {
        while (Step()) { }
    }

    /// <summary>Runs a statement that answers one number.</summary>
    public long Number()
    {
        Step();
        var number = Integer(0);
        Reset();
        return number;
    }

    /// <summary>Ends a walk that stops before its last row.</summary>
    public void Reset() => _ = Sqlite3.Reset(handle);

    public bool IsNull(int column) => Sqlite3.ColumnType(handle, column) == Sqlite3.TypeNull;

    public bool IsBlob(int column) => Sqlite3.ColumnType(handle, column) == Sqlite3.TypeBlob;

    public int Columns => Sqlite3.ColumnCount(handle);

    /// <summary>A whole number, a text (of a real number its digits), or null.</summary>
    public object? Value(int column) => Sqlite3.ColumnType(handle, column) switch
    {
        Sqlite3.TypeNull => null,
        Sqlite3.TypeInteger => Integer(column),
        Sqlite3.TypeFloat => Sqlite3.ColumnReal(handle, column).ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => Text(column),
    };

    public long Integer(int column) => Sqlite3.ColumnInteger(handle, column);

    public long? IntegerOrNull(int column) => IsNull(column) ? null : Integer(column);

    /// <summary>The bytes of a text or blob, valid until the next step.</summary>
    public ReadOnlySpan<byte> Bytes(int column)
    {
        var start = Sqlite3.ColumnBlob(handle, column);
        return new(start, Sqlite3.ColumnBytes(handle, column));
    }

    public string Text(int column) => Encoding.UTF8.GetString(Bytes(column));

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        _ = Sqlite3.Finalize(handle);
        connection.Forget(this);
    }
}
