namespace Cairn.Benchmarks;

sealed class PageQuestion(Settings settings)
{
    public Task Ask() => Task.FromResult(settings);
}
