using Cairn.Support;

namespace Cairn.Storage.Sqlite;

public sealed class LogTableTests
{
    [Fact]
    public void No_two_fields_share_a_word_of_the_index()
    {
        var words = Enumerable.Range(0, 200).SelectMany(number => new[] { 1L, 10, 100 }.Select(term => new Column<Events.EventRecord>(Some.EventKind.Time, number).Token(term))).ToList();
        Assert.Equal(words.Distinct(), words);
        Assert.All(words, word => Assert.Matches("^[a-z0-9]+$", word));
    }
}
