using System.Buffers;
using System.Buffers.Text;

namespace Cairn.Gateway;

/// <summary>
/// Looks at an answer as it passes, without holding it: usage, model, why it ended. It understands plain answers and event
/// streams of both dialects, whose names do not clash.
/// </summary>
sealed class UsageReader
{
    /// <summary>What a word of the answer may consist of to stand in a record. What a model wrote does not pass for one.</summary>
    static readonly SearchValues<byte> WordLetters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz_"u8);
    static readonly SearchValues<byte> NameLetters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-"u8);

    const int LongestWord = 40, LongestName = 256;

    enum At
    {
        Model, MessageModel, ResponseModel,
        PromptTokens, InputTokens, MessageInputTokens, ResponseInputTokens,
        CompletionTokens, OutputTokens, MessageOutputTokens, ResponseOutputTokens,
        TotalTokens, ResponseTotalTokens,
        Cached, InputCached, CacheRead, MessageCacheRead, ResponseCached,
        Finish, StopReason, DeltaStopReason, Status, ResponseStatus, IncompleteReason, ResponseIncompleteReason,
        Choices, Usage, Type, Error, ResponseError,
    }

    static readonly JsonPaths Paths = new(
        "model", "message.model", "response.model",
        "usage.prompt_tokens", "usage.input_tokens", "message.usage.input_tokens", "response.usage.input_tokens",
        "usage.completion_tokens", "usage.output_tokens", "message.usage.output_tokens", "response.usage.output_tokens",
        "usage.total_tokens", "response.usage.total_tokens",
        "usage.prompt_tokens_details.cached_tokens", "usage.input_tokens_details.cached_tokens", "usage.cache_read_input_tokens", "message.usage.cache_read_input_tokens", "response.usage.input_tokens_details.cached_tokens",
        "choices.finish_reason", "stop_reason", "delta.stop_reason", "status", "response.status", "incomplete_details.reason", "response.incomplete_details.reason",
        "choices", "usage", "type", "error", "response.error");

    readonly JsonScanner json;
    readonly EventStream? events;
    bool hasUsage, hasNoChoices;

    /// <param name="isStream">True for <c>text/event-stream</c>, false for one JSON value.</param>
    public UsageReader(bool isStream)
    {
        json = new(Paths, Look);
        if (isStream) events = new(json);
    }

    public long? PromptTokens { get; private set; }

    public long? CompletionTokens { get; private set; }

    long? total;

    /// <summary>As told, or the sum where both parts were told.</summary>
    public long? TotalTokens => total ?? PromptTokens + CompletionTokens;

    public long? CachedTokens { get; private set; }

    public string? Model { get; private set; }

    public string? FinishReason { get; private set; }

    /// <summary>True when the answer itself told that it failed.</summary>
    public bool SaysItFailed { get; private set; }

    /// <summary>True when the answer came to the end that its dialect knows.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>True when a plain answer was not JSON.</summary>
    public bool IsBroken => events is null && (json.IsBroken || !json.IsDone);

    /// <summary>True when the event that just ended tells usage and nothing else, as it comes for <c>stream_options.include_usage</c>.</summary>
    public bool IsUsageAlone => hasUsage && hasNoChoices;

    public void Read(ReadOnlySpan<byte> bytes)
    {
        if (events is null) json.Feed(bytes);
        else
            while (bytes.Length > 0) bytes = bytes[ReadEvent(bytes, out _)..];
    }

    /// <summary>Reads to the end of an event of a stream, or of the bytes; answers how many it read.</summary>
    public int ReadEvent(ReadOnlySpan<byte> bytes, out bool ended)
    {
        if (events!.IsAtStart) hasUsage = hasNoChoices = false;
        var read = events.Read(bytes, out ended);
        if (ended && events.SaysDone) IsComplete = true;
        return read;
    }

    void Look(int path, JsonFound found, ReadOnlySpan<byte> raw)
    {
        switch ((At)path)
        {
            case At.Model or At.MessageModel or At.ResponseModel:
                if (found == JsonFound.String && raw.Length is > 0 and <= LongestName && !raw.ContainsAnyExcept(NameLetters)) Model = System.Text.Encoding.ASCII.GetString(raw);
                break;
            case At.PromptTokens or At.InputTokens or At.MessageInputTokens or At.ResponseInputTokens:
                PromptTokens = Number(raw) ?? PromptTokens;
                break;
            case At.CompletionTokens or At.OutputTokens or At.MessageOutputTokens or At.ResponseOutputTokens:
                CompletionTokens = Number(raw) ?? CompletionTokens;
                break;
            case At.TotalTokens or At.ResponseTotalTokens:
                total = Number(raw) ?? total;
                break;
            case At.Cached or At.InputCached or At.CacheRead or At.MessageCacheRead or At.ResponseCached:
                CachedTokens = Number(raw) ?? CachedTokens;
                break;
            case At.Finish or At.StopReason or At.DeltaStopReason:
                Finish(found, raw);
                break;
            case At.Status or At.ResponseStatus:
                if (found == JsonFound.String && raw.SequenceEqual("in_progress"u8)) break;
                Finish(found, raw);
                if (raw.SequenceEqual("failed"u8)) SaysItFailed = true;
                break;
            case At.IncompleteReason or At.ResponseIncompleteReason:
                Finish(found, raw);
                break;
            case At.Choices:
                hasNoChoices = found == JsonFound.EmptyArrayEnd;
                break;
            case At.Usage:
                hasUsage |= found == JsonFound.ObjectStart;
                break;
            case At.Type when found == JsonFound.String:
                if (raw.SequenceEqual("error"u8) || raw.SequenceEqual("response.failed"u8)) SaysItFailed = true;
                if (raw.SequenceEqual("message_stop"u8) || raw.SequenceEqual("response.completed"u8) || raw.SequenceEqual("response.incomplete"u8)) IsComplete = true;
                break;
            case At.Error or At.ResponseError:
                SaysItFailed |= found is JsonFound.ObjectStart or JsonFound.String or JsonFound.TooLong;
                break;
            default:
                break;
        }
    }

    void Finish(JsonFound found, ReadOnlySpan<byte> raw)
    {
        if (found != JsonFound.String || raw.Length is 0 or > LongestWord || raw.ContainsAnyExcept(WordLetters)) return;
        FinishReason = System.Text.Encoding.ASCII.GetString(raw);
        IsComplete = true;
    }

    static long? Number(ReadOnlySpan<byte> raw) => Utf8Parser.TryParse(raw, out long number, out var read) && read == raw.Length && number is >= 0 and < 1_000_000_000_000 ? number : null;
}

/// <summary>Walks over server-sent events that arrive in pieces, and hands their data to a scanner.</summary>
sealed class EventStream(JsonScanner json)
{
    enum State { LineStart, Name, FirstOfData, Data, Passing }

    static ReadOnlySpan<byte> Field => "data:"u8;

    static ReadOnlySpan<byte> Done => "[DONE]"u8;

    State state;
    int named, done;
    bool isNew = true;

    /// <summary>True before the first byte of an event.</summary>
    public bool IsAtStart => isNew;

    /// <summary>True when the event that just ended was the one that ends OpenAI's streams.</summary>
    public bool SaysDone { get; private set; }

    /// <summary>Reads to the end of an event, or of the bytes; answers how many it read.</summary>
    public int Read(ReadOnlySpan<byte> bytes, out bool ended)
    {
        ended = false;
        for (var i = 0; i < bytes.Length;)
        {
            if (isNew)
            {
                (isNew, done, SaysDone) = (false, 0, false);
                json.Reset();
            }
            switch (state)
            {
                case State.LineStart when bytes[i] == '\r':
                    i++;
                    break;
                case State.LineStart when bytes[i] == '\n':
                    SaysDone = done == Done.Length;
                    (isNew, ended) = (true, true);
                    return i + 1;
                case State.LineStart:
                    (state, named) = (State.Name, 0);
                    break;
                case State.Name when bytes[i] == Field[named]:
                    i++;
                    if (++named == Field.Length) state = State.FirstOfData;
                    break;
                case State.Name:
                    state = State.Passing;
                    break;
                case State.FirstOfData when bytes[i] == ' ':
                    i++;
                    state = State.Data;
                    break;
                case State.FirstOfData:
                    state = State.Data;
                    break;
                default:
                    var end = bytes[i..].IndexOf((byte)'\n');
                    var line = end < 0 ? bytes[i..] : bytes.Slice(i, end);
                    if (state == State.Data) Take(line);
                    i += line.Length;
                    if (end >= 0)
                    {
                        i++;
                        state = State.LineStart;
                    }
                    break;
            }
        }
        return bytes.Length;
    }

    void Take(ReadOnlySpan<byte> data)
    {
        // While what came may still be the last event, it is compared; no JSON begins like it.
        var rest = data;
        for (; done >= 0 && done < Done.Length && rest.Length > 0 && rest[0] == Done[done]; done++) rest = rest[1..];
        if (rest.TrimEnd((byte)'\r').Length > 0)
        {
            done = -1;
            json.Feed(data);
        }
    }
}
