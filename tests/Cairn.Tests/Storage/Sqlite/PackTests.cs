using Cairn.Support;

namespace Cairn.Storage.Sqlite;

public sealed class PackTests : IDisposable
{
    readonly TempDirectory directory = new();
    readonly Connection connection;

    public PackTests() => connection = Connection.OpenWriter(Path.Combine(directory.Path, "some.db"));

    public void Dispose()
    {
        connection.Dispose();
        directory.Dispose();
    }

    (string? Text, long Bytes) Through(string? text)
    {
        using var statement = connection.Prepare("SELECT ?1, coalesce(length(CAST(?1 AS BLOB)), -1)");
        Pack.Bind(statement, 1, text);
        Assert.True(statement.Step());
        return (Pack.Read(statement, 0), statement.Integer(1));
    }

    [Fact]
    public void Whatever_is_written_is_read_back_letter_for_letter()
    {
        Assert.Null(Through(null).Text);
        foreach (var text in RandomRecords.Hostile) Assert.Equal(text, Through(text).Text);

        // Every text one letter away from a packed one.
        string[] packed = ["3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e04f8941d39a0c0305e82c3301", "chatcmpl-0195a1b2c3d4e5f60718293a", "cmpl-0195a1b2c3d4e5f60718293a", "emb-0195a1b2c3d4e5f60718293a"];
        foreach (var text in packed)
            for (var i = 0; i < text.Length; i++)
            {
                foreach (var letter in "aAgG0-{ é")
                {
                    var near = text[..i] + letter + text[(i + 1)..];
                    Assert.Equal(near, Through(near).Text);
                }
                Assert.Equal(text[..i], Through(text[..i]).Text);
                Assert.Equal(text + text[..i], Through(text + text[..i]).Text);
            }
    }

    [Theory]
    [InlineData("3f2504e0-4f89-41d3-9a0c-0305e82c3301", 16)]
    [InlineData("3f2504e04f8941d39a0c0305e82c3301", 17)]
    [InlineData("chatcmpl-0195a1b2c3d4e5f60718293a", 13)]
    [InlineData("msg-0195a1b2c3d4e5f60718293a", 13)]
    [InlineData("3F2504E0-4F89-41D3-9A0C-0305E82C3301", 36)]
    [InlineData("CHATCMPL-0195a1b2c3d4e5f60718293a", 33)]
    public void A_well_known_shape_in_lower_case_takes_half_its_bytes(string text, int bytes) => Assert.Equal(bytes, Through(text).Bytes);
}
