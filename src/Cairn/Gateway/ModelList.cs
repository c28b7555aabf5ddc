using System.Buffers;
using System.Text.Json;
using Cairn.Hosting;
using Cairn.Records;

namespace Cairn.Gateway;

/// <summary>The models of all backends in one list, in the shape of whoever asks. A backend that does not answer is left out.</summary>
static class ModelList
{
    const int MostBytes = 4 * 1024 * 1024;

    sealed record Model(string Id, long CreatedSeconds, string Owner);

    public static async Task<IResult> List(HttpContext context, CairnHost host)
    {
        var inference = host.Inference;
        var endpoint = InferenceEndpoint.Models(context);
        var call = new Call(context, endpoint, host.Clock);
        if (!await inference.Ledger.Begin(call.Record))
        {
            await GatewayError.Unrecordable.Write(context, endpoint.Dialect, call.Record.RequestId);
            return Results.Empty;
        }

        using var deadline = new Deadline(host.Clock, context.RequestAborted);
        deadline.Begin(endpoint.Timeout);
        var found = await Task.WhenAll(inference.Backends.Select(backend => Ask(backend, call.Record.RequestId, deadline.Token)));
        if (found.All(models => models is null))
        {
            var error = deadline.HasPassed ? GatewayError.Timeout : GatewayError.Unreachable;
            call.Fail(error);
            call.Record.HttpStatus = error.Status;
            if (!context.RequestAborted.IsCancellationRequested) await error.Write(context, endpoint.Dialect, call.Record.RequestId);
            else call.Fail(Forwarder.Cancelled, Forwarder.CancelledMessage);
        }
        else
        {
            // A model that another backend serves would not be called where it is listed.
            var models = inference.Backends.Zip(found).SelectMany(pair => (pair.Second ?? []).Where(model => inference.Routes.Find(model.Id) == pair.First)).DistinctBy(model => model.Id).ToArray();
            context.Response.ContentType = "application/json";
            await using (var writer = new Utf8JsonWriter(context.Response.BodyWriter, RecordJson.Writing)) Write(writer, models, endpoint.Dialect);
            call.Record.HttpStatus = StatusCodes.Status200OK;
            call.Succeed();
        }
        call.End();
        inference.Ledger.End(call.Record);
        return Results.Empty;
    }

    /// <summary>A backend's models; null when it does not tell.</summary>
    static async Task<List<Model>?> Ask(Backend backend, string requestId, CancellationToken cancel)
    {
        var dialect = backend.Type == "anthropic" ? Dialect.Anthropic : Dialect.OpenAi;
        try
        {
            var connection = await backend.Begin(HttpMethods.Get, "/v1/models", dialect == Dialect.Anthropic ? "?limit=1000" : "", dialect, cancel);
            var aborting = cancel.UnsafeRegister(static one => ((BackendConnection)one!).Dispose(), connection);
            connection.Add("Accept", "application/json");
            connection.Add("x-request-id", requestId);
            if (dialect == Dialect.Anthropic) connection.Add("anthropic-version", "2023-06-01");
            var bytes = new ArrayBufferWriter<byte>(16 * 1024);
            try
            {
                await connection.Send(null);
                if (connection.Status != StatusCodes.Status200OK) return null;
                while (await connection.Read(bytes.GetMemory(4 * 1024)) is > 0 and var read)
                {
                    bytes.Advance(read);
                    if (bytes.WrittenCount > MostBytes) return null;
                }
            }
            finally
            {
                await aborting.DisposeAsync();
                backend.Return(connection);
            }
            using var document = JsonDocument.Parse(bytes.WrittenMemory);
            return document.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Array
                ? [.. data.EnumerateArray().Select(Read).OfType<Model>()]
                : null;
        }
        catch (Exception failure) when (failure is IOException or JsonException or InvalidOperationException or OperationCanceledException)
        {
            return null;
        }
    }

    static Model? Read(JsonElement model)
    {
        if (model.ValueKind != JsonValueKind.Object || !model.TryGetProperty("id", out var id) || id.ValueKind != JsonValueKind.String) return null;
        var created = model.TryGetProperty("created", out var seconds) && seconds.TryGetInt64(out var number) ? number
            : model.TryGetProperty("created_at", out var time) && time.ValueKind == JsonValueKind.String && time.TryGetDateTimeOffset(out var at) ? at.ToUnixTimeSeconds() : 0;
        var owner = model.TryGetProperty("owned_by", out var by) && by.ValueKind == JsonValueKind.String ? by.GetString()! : "";
        return new(id.GetString()!, Math.Clamp(created, 0, 4_102_444_800), owner);
    }

    static void Write(Utf8JsonWriter writer, Model[] models, Dialect dialect)
    {
        writer.WriteStartObject();
        if (dialect == Dialect.OpenAi) writer.WriteString("object", "list");
        writer.WriteStartArray("data");
        foreach (var model in models)
        {
            writer.WriteStartObject();
            writer.WriteString("id", model.Id);
            if (dialect == Dialect.OpenAi)
            {
                writer.WriteString("object", "model");
                writer.WriteNumber("created", model.CreatedSeconds);
                writer.WriteString("owned_by", model.Owner);
            }
            else
            {
                writer.WriteString("type", "model");
                writer.WriteString("display_name", model.Id);
                writer.WriteString("created_at", DateTimeOffset.FromUnixTimeSeconds(model.CreatedSeconds));
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        if (dialect == Dialect.Anthropic)
        {
            writer.WriteBoolean("has_more", false);
            writer.WriteString("first_id", models.FirstOrDefault()?.Id);
            writer.WriteString("last_id", models.LastOrDefault()?.Id);
        }
        writer.WriteEndObject();
    }
}
