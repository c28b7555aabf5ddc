namespace Cairn.Benchmarks;

sealed class ReadQuestion(Settings settings)
{
    public Task Ask() => Task.FromResult(settings);
}
