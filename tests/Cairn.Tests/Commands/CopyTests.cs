using Cairn.Events;
using Cairn.Records;
using Cairn.Requests;
using Cairn.Storage;
using Cairn.Storage.Postgres;
using Cairn.Storage.Sqlite;
using Cairn.Support;

namespace Cairn.Commands;

public sealed class CopyTests : IDisposable
{
    readonly TempDirectory directory = new();

    static CancellationToken Cancel => TestContext.Current.CancellationToken;

    async Task<(List<RequestRecord> Requests, List<EventRecord> Events)> Fill(int count)
    {
        var random = new RandomRecords(7);
        List<RequestRecord> requests = [.. Enumerable.Range(0, count).Select(i => random.Request(Some.Midnight + i * 977))];
        List<EventRecord> events = [.. Enumerable.Range(0, count).Select(i => random.Event(Some.Midnight + i * 977))];
        await using var store = SqliteLogStore.Open(directory.Path, Some.RequestKind, Some.EventKind);
        await store.Append(Twins.Batch(requests, events), Cancel);
        await store.Append(new Batch { Starts = { new() { RequestId = "chatcmpl-under-way", TimeMs = Some.Midnight } } }, Cancel);
        // What was dropped is not copied, and the rest keeps its order.
        await store.Requests.Drop(Some.Midnight + 977 * 3, 2, Cancel);
        return (requests[2..], events);
    }

    static async Task<PostgresLogStore> Opened(string url)
    {
        Assert.True(StoreAddress.TryRead(url, out var address));
        return await PostgresLogStore.Open(address, "a directory", Some.RequestKind, Some.EventKind);
    }

    [Fact]
    public async Task Everything_arrives_as_it_was_and_a_copy_that_was_interrupted_goes_on()
    {
        var url = await (await PostgresServer.Shared()).NewDatabase();
        var (requests, events) = await Fill(400);
        // As far as an earlier run came.
        await using (var target = await Opened(url)) await target.Append(Twins.Batch(requests[..150], []), Cancel);

        for (var again = 0; again < 2; again++)
        {
            var copied = await CairnProcess.Run("copy", "--from", "sqlite:" + directory.Path, "--to", url);
            Assert.Equal((0, "copied and compared: 398 requests, 400 events\n", ""), (copied.Code, copied.Output, copied.Errors));
        }
        await using var store = await Opened(url);
        var model = new ModelLog<RequestRecord>(Some.RequestKind);
        foreach (var request in requests) model.Append(request);
        await store.Requests.Agrees(model, Filter<RequestRecord>.Everything);
        var eventModel = new ModelLog<EventRecord>(Some.EventKind);
        foreach (var one in events) eventModel.Append(one);
        await store.Events.Agrees(eventModel, Filter<EventRecord>.Everything);

        // What was under way there is ended by whoever starts with that directory.
        Assert.Empty(await store.Unfinished(Cancel));
        Assert.True(StoreAddress.TryRead(url, out var address));
        await using var server = await PostgresLogStore.Open(address, Stores.DirectoryId(directory.Path), Some.RequestKind, Some.EventKind);
        Assert.Equal("chatcmpl-under-way", Assert.Single(await server.Unfinished(Cancel)).RequestId);
    }

    [Fact]
    public async Task A_store_that_holds_something_else_is_not_written_over()
    {
        var url = await (await PostgresServer.Shared()).NewDatabase();
        await Fill(10);
        await using (var target = await Opened(url)) await target.Append(Twins.Batch([Some.Request()], []), Cancel);
        var refused = await CairnProcess.Run("copy", "--from", "sqlite:" + directory.Path, "--to", url);
        Assert.Equal(Run.NotDone, refused.Code);
        Assert.Contains("that are not of this one", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        await using var store = await Opened(url);
        Assert.Equal(1, await store.Requests.Count(Filter<RequestRecord>.Everything, Cancel));
    }

    public void Dispose() => directory.Dispose();
}
