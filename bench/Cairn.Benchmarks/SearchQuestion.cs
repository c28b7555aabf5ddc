namespace Cairn.Benchmarks;

sealed class SearchQuestion(Settings settings)
{
    public Task Ask() => Task.FromResult(settings);
}
