namespace Cairn.Records;

public sealed class HistogramTests
{
    [Fact]
    public void Values_below_256_are_exact_and_all_others_within_four_thousandths()
    {
        var random = new Random(1);
        for (long value = 0; value < 256; value++) Assert.Equal(value, Histogram.Value(Histogram.Bin(value)));
        foreach (var value in Enumerable.Range(0, 10_000).Select(_ => (long)Math.Exp(random.NextDouble() * 43)).Append(256).Append(257).Append(511).Append(512).Append(long.MaxValue))
            Assert.InRange(Histogram.Value(Histogram.Bin(value)), value * 0.996, value * 1.004);
    }

    [Fact]
    public void A_larger_value_is_never_in_a_smaller_bin()
    {
        for (long value = 1; value < 5_000; value++) Assert.InRange(Histogram.Bin(value) - Histogram.Bin(value - 1), 0, 1);
        for (var shift = 12; shift < 63; shift++) Assert.Equal(1, Histogram.Bin(1L << shift) - Histogram.Bin((1L << shift) - 1));
    }

    [Fact]
    public void What_is_below_zero_counts_as_zero() => Assert.Equal(Histogram.Bin(0), Histogram.Bin(long.MinValue));

    [Fact]
    public void The_parts_combined_are_the_whole_and_the_whole_without_a_part_is_the_rest()
    {
        var random = new Random(2);
        for (var round = 0; round < 200; round++)
        {
            List<int> first = Bins(), second = Bins();
            var whole = Histogram.Of([.. first, .. second]);
            Assert.Equal(whole, Histogram.Combine(Histogram.Of(first), Histogram.Of(second), 1));
            Assert.Equal(Histogram.Of(first), Histogram.Combine(whole, Histogram.Of(second), -1));
            Assert.Empty(Histogram.Combine(whole, whole, -1));
        }

        List<int> Bins() => [.. Enumerable.Range(0, random.Next(300)).Select(_ => Histogram.Bin((long)Math.Exp(random.NextDouble() * random.Next(1, 43))))];
    }

    [Fact]
    public void A_count_that_grows_to_millions_keeps_its_bytes_right()
    {
        var one = Histogram.Of([3, 7_000]);
        for (var doubled = 0; doubled < 40; doubled++) one = Histogram.Combine(one, one, 1);
        var histogram = new Histogram();
        histogram.Add(one);
        Assert.Equal(new(3, Histogram.Value(7_000), Histogram.Value(7_000)), histogram.Percentiles());
        Assert.Equal(Histogram.Of([7_000]), Histogram.Combine(Histogram.Of([3, 7_000]), Histogram.Of([3]), -1));
    }

    [Fact]
    public void A_percentile_is_the_value_that_this_share_does_not_exceed()
    {
        var histogram = new Histogram();
        Assert.Null(histogram.Percentiles());
        for (var value = 1; value <= 200; value++) histogram.Add(value);
        Assert.Equal(new(100, 190, 198), histogram.Percentiles());
    }
}
