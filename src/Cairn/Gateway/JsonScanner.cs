using System.Buffers;
using System.Text;
using System.Text.Json;
using Cairn.Records;

namespace Cairn.Gateway;

/// <summary>What stands at a path that is looked for.</summary>
enum JsonFound { String, Literal, TooLong, ObjectStart, ObjectEnd, ArrayStart, ArrayEnd, EmptyArrayEnd }

/// <param name="path">The place of the path in the list that the scanner was made with.</param>
/// <param name="raw">A string without its quotes and as it was written, or a number, true, false or null; empty for brackets.</param>
delegate void JsonFinder(int path, JsonFound found, ReadOnlySpan<byte> raw);

/// <summary>
/// Walks over one JSON value that arrives in pieces of any size, and tells what stands at a few paths. Everything else is
/// stepped over and not held: memory stays the same whatever comes. It checks no more than it needs; <see cref="IsBroken"/>
/// tells what cannot be JSON.
/// </summary>
sealed class JsonScanner(JsonPaths paths, JsonFinder found)
{
    /// <summary>Raw bytes of a value that is told; a longer one is told as too long.</summary>
    const int MostValue = 2_048;

    const int MostKey = 128;

    static readonly SearchValues<byte> Brackets = SearchValues.Create("\"{}[]"u8);
    static readonly SearchValues<byte> EndsLiteral = SearchValues.Create(",]} \t\r\n"u8);

    enum State { Value, FirstElement, FirstKey, Key, Colon, After, String, KeyString, Literal, Skip, Done, Broken }

    struct Level
    {
        public JsonPaths.Node Node;
        public bool IsArray;
    }

    readonly Level[] levels = new Level[JsonPaths.MostDepth * 2 + 2];
    readonly byte[] held = new byte[MostValue];
    int depth, heldLength, skipDepth;
    State state;
    bool escaped, inSkippedString, overflows;
    JsonPaths.Node? node = paths.Root;

    /// <summary>True once something came that no JSON value can hold.</summary>
    public bool IsBroken => state == State.Broken;

    /// <summary>True once the value has come to its end.</summary>
    public bool IsDone => state == State.Done || (state == State.Literal && depth == 0);

    /// <summary>Bytes that were walked over before the one being looked at.</summary>
    public long Position { get; private set; }

    /// <summary>Where the value that is being told begins, its quote included.</summary>
    public long ValueStart { get; private set; }

    /// <summary>Begins anew, with another value.</summary>
    public void Reset()
    {
        (depth, heldLength, skipDepth, state) = (0, 0, 0, State.Value);
        (escaped, inSkippedString, overflows, node) = (false, false, false, paths.Root);
        Position = 0;
    }

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        var start = Position;
        for (var i = 0; i < bytes.Length;)
        {
            Position = start + i;
            switch (state)
            {
                case State.Broken:
                    Position = start + bytes.Length;
                    return;

                case State.String or State.KeyString:
                    i = String(bytes, i, start);
                    break;

                case State.Skip:
                    i = Skip(bytes, i);
                    break;

                case State.Literal:
                    var end = bytes[i..].IndexOfAny(EndsLiteral);
                    var length = end < 0 ? bytes.Length - i : end;
                    if (node is { Id: >= 0 }) Hold(bytes.Slice(i, length), MostValue);
                    i += length;
                    Position = start + i;
                    if (end >= 0) EndValue(JsonFound.Literal);
                    break;

                default:
                    var letter = bytes[i];
                    if (letter is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')) Punctuation(letter);
                    // A literal's first letter is looked at again, as its part.
                    if (state != State.Literal) i++;
                    break;
            }
        }
        Position = start + bytes.Length;
    }

    void Punctuation(byte letter)
    {
        switch (state)
        {
            case State.FirstElement when letter == ']':
                EndContainer(isArray: true, isEmpty: true);
                break;
            case State.Value or State.FirstElement:
                Begin(letter);
                break;
            case State.FirstKey when letter == '}':
                EndContainer(isArray: false, isEmpty: true);
                break;
            case State.FirstKey or State.Key when letter == '"':
                (state, heldLength, overflows) = (State.KeyString, 0, false);
                break;
            case State.Colon when letter == ':':
                state = State.Value;
                break;
            case State.After when letter == ',' && depth > 0:
                state = levels[depth - 1].IsArray ? State.Value : State.Key;
                node = levels[depth - 1].IsArray ? levels[depth - 1].Node : null;
                break;
            case State.After when letter is (byte)']' or (byte)'}' && depth > 0 && levels[depth - 1].IsArray == (letter == ']'):
                EndContainer(letter == ']', isEmpty: false);
                break;
            default:
                state = State.Broken;
                break;
        }
    }

    void Begin(byte letter)
    {
        ValueStart = Position;
        switch (letter)
        {
            // An array in an array holds nothing that is looked for, so that the levels stay few.
            case (byte)'{' or (byte)'[' when node is not null && !(letter == '[' && depth > 0 && levels[depth - 1].IsArray):
                if (node.Id >= 0) found(node.Id, letter == '{' ? JsonFound.ObjectStart : JsonFound.ArrayStart, default);
                levels[depth++] = new() { Node = node, IsArray = letter == '[' };
                state = letter == '[' ? State.FirstElement : State.FirstKey;
                break;
            case (byte)'{' or (byte)'[':
                (state, skipDepth) = (State.Skip, 1);
                break;
            case (byte)'"':
                (state, heldLength, overflows) = (State.String, 0, false);
                break;
            case (byte)'-' or (byte)'t' or (byte)'f' or (byte)'n' or (>= (byte)'0' and <= (byte)'9'):
                (state, heldLength, overflows) = (State.Literal, 0, false);
                break;
            default:
                state = State.Broken;
                break;
        }
    }

    void EndContainer(bool isArray, bool isEmpty)
    {
        node = levels[--depth].Node;
        if (node.Id >= 0) found(node.Id, !isArray ? JsonFound.ObjectEnd : isEmpty ? JsonFound.EmptyArrayEnd : JsonFound.ArrayEnd, default);
        state = depth == 0 ? State.Done : State.After;
    }

    void EndValue(JsonFound kind)
    {
        if (node is { Id: >= 0 }) found(node.Id, overflows ? JsonFound.TooLong : kind, held.AsSpan(0, heldLength));
        state = depth == 0 ? State.Done : State.After;
    }

    int String(ReadOnlySpan<byte> bytes, int i, long start)
    {
        var holds = state == State.KeyString || node is { Id: >= 0 };
        var most = state == State.KeyString ? MostKey : MostValue;
        if (escaped)
        {
            if (holds) Hold(bytes.Slice(i, 1), most);
            escaped = false;
            return i + 1;
        }
        var stop = bytes[i..].IndexOfAny((byte)'"', (byte)'\\');
        var length = stop < 0 ? bytes.Length - i : stop;
        if (holds) Hold(bytes.Slice(i, length), most);
        if (stop < 0) return bytes.Length;

        i += length;
        Position = start + i;
        if (bytes[i] == '\\')
        {
            if (holds) Hold(bytes.Slice(i, 1), most);
            escaped = true;
        }
        else if (state == State.KeyString)
        {
            node = overflows ? null : levels[depth - 1].Node.Find(held.AsSpan(0, heldLength));
            state = State.Colon;
        }
        else EndValue(JsonFound.String);
        return i + 1;
    }

    int Skip(ReadOnlySpan<byte> bytes, int i)
    {
        if (escaped)
        {
            escaped = false;
            return i + 1;
        }
        var stop = inSkippedString ? bytes[i..].IndexOfAny((byte)'"', (byte)'\\') : bytes[i..].IndexOfAny(Brackets);
        if (stop < 0) return bytes.Length;
        i += stop;
        if (inSkippedString)
        {
            if (bytes[i] == '\\') escaped = true;
            else inSkippedString = false;
        }
        else if (bytes[i] == '"') inSkippedString = true;
        else
        {
            skipDepth += bytes[i] is (byte)'{' or (byte)'[' ? 1 : -1;
            if (skipDepth == 0) state = depth == 0 ? State.Done : State.After;
        }
        return i + 1;
    }

    void Hold(ReadOnlySpan<byte> bytes, int most)
    {
        if (heldLength + bytes.Length > most) overflows = true;
        if (overflows) return;
        bytes.CopyTo(held.AsSpan(heldLength));
        heldLength += bytes.Length;
    }

    /// <summary>What a raw string says; null when it is not valid Unicode or holds NUL.</summary>
    public static string? Text(ReadOnlySpan<byte> raw)
    {
        if (raw.IndexOf((byte)'\\') < 0 && Ascii.IsValid(raw)) return raw.Contains((byte)0) ? null : Encoding.ASCII.GetString(raw);
        Span<byte> quoted = stackalloc byte[raw.Length + 2];
        quoted[0] = quoted[^1] = (byte)'"';
        raw.CopyTo(quoted[1..]);
        try
        {
            var reader = new Utf8JsonReader(quoted);
            reader.Read();
            var text = reader.GetString()!;
            return Texts.IsSound(text) ? text : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>Paths that are looked for: names with dots between. Arrays are looked through, so that <c>choices.finish_reason</c> stands in each of the choices.</summary>
sealed class JsonPaths
{
    public const int MostDepth = 6;

    public sealed class Node
    {
        readonly List<(byte[] Name, Node Node)> children = [];

        public int Id { get; set; } = -1;

        public Node At(string name)
        {
            var bytes = Encoding.UTF8.GetBytes(name);
            foreach (var child in children)
                if (child.Name.AsSpan().SequenceEqual(bytes)) return child.Node;
            var node = new Node();
            children.Add((bytes, node));
            return node;
        }

        /// <param name="raw">As it was written; one with escapes is read before it is compared.</param>
        public Node? Find(ReadOnlySpan<byte> raw)
        {
            if (raw.IndexOf((byte)'\\') >= 0)
            {
                if (JsonScanner.Text(raw) is not { } text) return null;
                raw = Encoding.UTF8.GetBytes(text);
            }
            foreach (var (name, node) in children)
                if (raw.SequenceEqual(name)) return node;
            return null;
        }
    }

    public JsonPaths(params string[] paths)
    {
        for (var id = 0; id < paths.Length; id++)
        {
            var node = Root;
            foreach (var name in paths[id].Split('.')) node = paths[id].Length == 0 ? node : node.At(name);
            node.Id = id;
        }
    }

    public Node Root { get; } = new();
}
