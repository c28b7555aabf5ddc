namespace Cairn.Requests;

public sealed class RequestIdTests
{
    [Fact]
    public void Every_piece_of_a_request_id_may_be_in_one_in_any_case()
    {
        foreach (var prefix in RequestId.Prefixes)
        {
            var id = prefix + "0195a1b2c3d4e5f60718293a";
            for (var start = 0; start < id.Length; start++)
                for (var length = 1; start + length <= id.Length; length++)
                {
                    var piece = id.Substring(start, length);
                    Assert.True(RequestId.MayContain(piece), piece);
                    Assert.True(RequestId.MayContain(piece.ToUpperInvariant()), piece);
                }
        }
    }

    [Theory]
    [InlineData("q"), InlineData("llama"), InlineData("gpt-4"), InlineData("chatcmpl-x"), InlineData("0195-"), InlineData("0195a1b2c3d4e5f60718293a0"), InlineData("é"), InlineData("timeout")]
    public void What_no_request_id_contains_is_not_looked_for_in_them(string text) => Assert.False(RequestId.MayContain(text));

    [Theory]
    [InlineData("chatcmpl-0195a1b2c3d4e5f60718293a", true)]
    [InlineData("msg-0195a1b2c3d4e5f60718293a", true)]
    [InlineData("chatcmpl-0195A1B2C3D4E5F60718293A", false)]
    [InlineData("chatcmpl-0195a1b2c3d4e5f60718293", false)]
    [InlineData("chatcmpl-0195a1b2c3d4e5f60718293a0", false)]
    [InlineData("chatcmpl-0195a1b2c3d4e5f60718293g", false)]
    [InlineData("0195a1b2c3d4e5f60718293a", false)]
    [InlineData("other-0195a1b2c3d4e5f60718293a", false)]
    [InlineData("", false)]
    public void A_whole_request_id_is_a_prefix_and_24_digits_as_Cairn_writes_them(string text, bool whole) => Assert.Equal(whole, RequestId.IsWhole(text));
}
