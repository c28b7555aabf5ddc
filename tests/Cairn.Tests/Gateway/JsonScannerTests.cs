using System.Text;

namespace Cairn.Gateway;

public sealed class JsonScannerTests
{
    static readonly JsonPaths Paths = new("model", "a.b", "list", "list.x", "");

    static string Scan(string json, int piece)
    {
        var told = new StringBuilder();
        var scanner = new JsonScanner(Paths, (path, found, raw) => told.Append($"{path}{found}({Encoding.UTF8.GetString(raw)}) "));
        foreach (var part in Encoding.UTF8.GetBytes(json).Chunk(piece)) scanner.Feed(part);
        return told + (scanner.IsBroken ? "broken" : scanner.IsDone ? "done" : "open");
    }

    [Theory]
    [InlineData("""{"model":"m"}""", "4ObjectStart() 0String(m) 4ObjectEnd() done")]
    [InlineData(""" { "x" : {"model":"no","y":["}",{"model":1}]} , "model" : "a\"b\\" } """, "4ObjectStart() 0String(a\\\"b\\\\) 4ObjectEnd() done")]
    [InlineData("""{"a":{"c":1,"b":-1.5e3},"b":2}""", "4ObjectStart() 1Literal(-1.5e3) 4ObjectEnd() done")]
    [InlineData("""{"a":{"b":null}}""", "4ObjectStart() 1Literal(null) 4ObjectEnd() done")]
    [InlineData("""{"list":[]}""", "4ObjectStart() 2ArrayStart() 2EmptyArrayEnd() 4ObjectEnd() done")]
    [InlineData("""{"list":[{"x":1},{"y":{"x":9}},{"x":"z"},[{"x":8}]]}""", "4ObjectStart() 2ArrayStart() 2ObjectStart() 3Literal(1) 2ObjectEnd() 2ObjectStart() 2ObjectEnd() 2ObjectStart() 3String(z) 2ObjectEnd() 2ArrayEnd() 4ObjectEnd() done")]
    [InlineData("""{"m\u006fdel":"m"}""", "4ObjectStart() 0String(m) 4ObjectEnd() done")]
    [InlineData("""{"a":{"model":"x"},"model":{"a":{"b":1}}}""", "4ObjectStart() 0ObjectStart() 0ObjectEnd() 4ObjectEnd() done")]
    [InlineData("""[1,2]""", "4ArrayStart() 4Literal(1) 4Literal(2) 4ArrayEnd() done")]
    [InlineData("true", "done"), InlineData("12", "done")]
    [InlineData("", "open"), InlineData("{", "4ObjectStart() open"), InlineData("""{"model":"m""", "4ObjectStart() open")]
    [InlineData("x", "broken"), InlineData("{x}", "4ObjectStart() broken"), InlineData("{\"a\"}", "4ObjectStart() broken"), InlineData("{}{}", "4ObjectStart() 4ObjectEnd() broken"), InlineData("{]", "4ObjectStart() broken"), InlineData("{,}", "4ObjectStart() broken"), InlineData("[1,]", "4ArrayStart() 4Literal(1) broken")]
    public void It_tells_the_same_whatever_pieces_the_bytes_come_in(string json, string expected)
    {
        foreach (var piece in new[] { 1, 2, 3, 5, 1000 }) Assert.Equal(expected, Scan(json, piece));
    }

    [Fact]
    public void A_value_that_is_too_long_is_told_as_such_and_memory_stays_small()
    {
        Assert.Equal("4ObjectStart() 0TooLong() 4ObjectEnd() done", System.Text.RegularExpressions.Regex.Replace(Scan($$"""{"model":"{{new string('m', 5_000)}}"}""", 100), "m+", ""));
        var scanner = new JsonScanner(Paths, (_, _, _) => { });
        scanner.Feed("{\"x\":["u8);
        var piece = Encoding.UTF8.GetBytes("[[[{\"text \\\\ \\\" \":[1,2");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) scanner.Feed(piece);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);
        Assert.False(scanner.IsBroken);
    }

    [Theory]
    [InlineData("plain", "plain"), InlineData("a\\u00e9\\n\\\"", "aé\n\""), InlineData("""\ud83d\ude00""", "😀"), InlineData("""\ud83d""", null), InlineData("""a\u0000""", null), InlineData("""\x""", null)]
    public void A_raw_string_is_read_or_refused(string raw, string? text) => Assert.Equal(text, JsonScanner.Text(Encoding.UTF8.GetBytes(raw)));
}
