namespace Cairn.Benchmarks;

sealed class ExportQuestion(Settings settings)
{
    public Task Ask() => Task.FromResult(settings);
}
