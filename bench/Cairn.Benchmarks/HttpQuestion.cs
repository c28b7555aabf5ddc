namespace Cairn.Benchmarks;

sealed class HttpQuestion(Settings settings)
{
    public Task Ask() => Task.FromResult(settings);
}
