namespace Cairn.Benchmarks;

sealed class BytesQuestion(Settings settings)
{
    public Task Ask() => Task.FromResult(settings);
}
