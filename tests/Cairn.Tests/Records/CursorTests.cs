namespace Cairn.Records;

public sealed class CursorTests
{
    [Theory]
    [InlineData(0), InlineData(1), InlineData(1L << 40), InlineData(long.MaxValue)]
    public void A_cursor_is_read_as_the_place_it_was_written_for(long place)
    {
        Assert.True(Cursor.TryReadList("event", Cursor.ForList("event", place), out var list));
        Assert.Equal(place, list.Place);
        Assert.True(Cursor.TryReadTail("event", Cursor.ForTail("event", place), out var tail));
        Assert.Equal(place, tail.Place);
    }

    [Fact]
    public void A_cursor_is_good_for_its_own_use_and_its_own_kind_only()
    {
        Assert.False(Cursor.TryReadList("event", Cursor.ForTail("event", 7), out _));
        Assert.False(Cursor.TryReadTail("event", Cursor.ForList("event", 7), out _));
        Assert.False(Cursor.TryReadList("request", Cursor.ForList("event", 7), out _));
        Assert.False(Cursor.TryReadTail("event", Cursor.ForTail("request", 7), out _));
    }

    [Fact]
    public void A_cursor_needs_no_escaping_in_a_url() =>
        Assert.All(Enumerable.Range(0, 1_000), i => Assert.Matches("^[A-Za-z0-9_-]{14}$", Cursor.ForList("event", long.MaxValue - i * 31L)));

    [Theory]
    [InlineData(""), InlineData("7"), InlineData("AAAAAAAAAAAAAA"), InlineData("//////////////"), InlineData("not a cursor!!"), InlineData("éééééééééééééé"), InlineData("TGUAAAAAAAAAAA="), InlineData(" TGUAAAAAAAAAB"), InlineData("TGUAAAAAAAAAB\n")]
    public void Any_other_text_is_refused(string text)
    {
        Assert.False(Cursor.TryReadList("event", text, out _));
        Assert.False(Cursor.TryReadTail("event", text, out _));
    }

    [Fact]
    public void A_place_before_the_beginning_is_refused() => Assert.False(Cursor.TryReadList("event", Cursor.ForList("event", -1), out _));

    [Fact]
    public void Two_texts_are_never_the_same_cursor()
    {
        var text = Cursor.ForList("event", 7);
        foreach (var last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        {
            var other = text[..^1] + last;
            if (other != text && Cursor.TryReadList("event", other, out var cursor)) Assert.NotEqual(7, cursor.Place);
        }
    }
}
