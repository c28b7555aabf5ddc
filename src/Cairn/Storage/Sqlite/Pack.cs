namespace Cairn.Storage.Sqlite;

/// <summary>How a row holds a text: packed where it has a well-known shape, and as it is where it has not.</summary>
static class Pack
{
    public static void Bind(Statement statement, int index, string? text)
    {
        Span<byte> packed = stackalloc byte[PackedText.MostBytes];
        if (text is null) statement.BindNull(index);
        else if (PackedText.TryPack(text, packed, out var length)) statement.BindBlob(index, packed[..length]);
        else statement.Bind(index, text);
    }

    public static string? Read(Statement statement, int column) =>
        statement.IsNull(column) ? null : statement.IsBlob(column) ? PackedText.Unpack(statement.Bytes(column)) : statement.Text(column);
}
