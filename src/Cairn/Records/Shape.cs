using System.Text.Json;

namespace Cairn.Records;

/// <summary>A value as a format that others read writes it. An empty text is none, as it is when a record is taken.</summary>
readonly struct Value
{
    enum Form { None, Text, Number, Boolean, Time, Json, Texts }

    readonly Form form;
    readonly object? text;
    readonly long number;

    Value(Form form, object? text, long number = 0) => (this.form, this.text, this.number) = (form, text, number);

    public bool IsNone => form == Form.None;

    public static Value Of(string? text) => string.IsNullOrEmpty(text) ? default : new(Form.Text, text);

    public static Value Of(long? number) => number is { } some ? new(Form.Number, null, some) : default;

    public static Value Of(string[]? texts) => texts is { Length: > 0 } ? new(Form.Texts, texts) : default;

    /// <param name="timesInMs">Times as milliseconds since 1970; else as ISO 8601.</param>
    public static Value Of<T>(Field<T> field, T record, bool timesInMs)
    {
        if (field.IsText) return field.Type == FieldType.Json && field.Text!(record) is { } json ? new(Form.Json, json) : Of(field.Text!(record));
        return field.Number!(record) is { } number ? new(field.Type switch { FieldType.Boolean => Form.Boolean, FieldType.Time when !timesInMs => Form.Time, _ => Form.Number }, null, number) : default;
    }

    public void Write(Utf8JsonWriter writer)
    {
        switch (form)
        {
            case Form.Text: writer.WriteStringValue((string)text!); break;
            case Form.Number: writer.WriteNumberValue(number); break;
            case Form.Boolean: writer.WriteBooleanValue(number != 0); break;
            case Form.Json: writer.WriteRawValue((string)text!, skipInputValidation: true); break;
            case Form.Texts:
                writer.WriteStartArray();
                foreach (var one in (string[])text!) writer.WriteStringValue(one);
                writer.WriteEndArray();
                break;
            default:
                Span<byte> time = stackalloc byte[Iso.Length];
                Iso.Write(time, number);
                writer.WriteStringValue(time);
                break;
        }
    }
}

/// <summary>One place in a format that others read, and what of a record stands there.</summary>
/// <param name="Path">The names of the objects down to it; one that ends in <c>[]</c> is a list of one object.</param>
/// <param name="Says">What stands there, for the docs: the name of a field, or words.</param>
/// <param name="Field">The field whose whole value stands there; null for what is fixed or concluded.</param>
sealed record Place<T>(string Path, string Says, Field<T>? Field, Func<T, Value> Read);

/// <summary>
/// A record as another format has it: the list of its places. What a record lacks is left out, and so is an object that
/// would be empty. Every field of the kind has a place, so that nothing is lost.
/// </summary>
sealed class Shape<T> where T : class, IRecord, new()
{
    sealed record Parent(string Name, bool IsList)
    {
        public List<(Parent? Object, Place<T>? Place, string Name)> Members { get; } = [];
    }

    sealed record Leaf(Parent[] Parents, JsonEncodedText Name, Func<T, Value> Read);

    readonly Leaf[] leaves;

    public Shape(string name, Place<T>[] places)
    {
        (Name, Places) = (name, places);
        var root = new Parent("", false);
        foreach (var place in places)
        {
            var parent = root;
            var names = place.Path.Split('.');
            foreach (var part in names[..^1])
            {
                var known = parent.Members.Find(member => member.Name == part).Object;
                if (known is null) parent.Members.Add((known = new(part.TrimEnd('[', ']'), part.EndsWith("[]", StringComparison.Ordinal)), null, part));
                parent = known;
            }
            parent.Members.Add((null, place, names[^1]));
        }
        leaves = [.. Leaves(root, [])];
    }

    /// <summary>As the docs call it.</summary>
    public string Name { get; }

    public IReadOnlyList<Place<T>> Places { get; }

    /// <summary>In the order of the object, so that what has the same parents stands together.</summary>
    static IEnumerable<Leaf> Leaves(Parent parent, Parent[] path) => parent.Members.SelectMany(member => member.Object is { } inner
        ? Leaves(inner, [.. path, inner])
        : [new Leaf(path, JsonEncodedText.Encode(member.Name), member.Place!.Read)]);

    public void Write(Utf8JsonWriter writer, T record)
    {
        writer.WriteStartObject();
        Parent[] open = [];
        foreach (var leaf in leaves)
        {
            var value = leaf.Read(record);
            if (value.IsNone) continue;
            var shared = 0;
            while (shared < open.Length && shared < leaf.Parents.Length && ReferenceEquals(open[shared], leaf.Parents[shared])) shared++;
            Close(writer, open, shared);
            foreach (var parent in leaf.Parents.AsSpan(shared))
            {
                writer.WritePropertyName(parent.Name);
                if (parent.IsList) writer.WriteStartArray();
                writer.WriteStartObject();
            }
            open = leaf.Parents;
            writer.WritePropertyName(leaf.Name);
            value.Write(writer);
        }
        Close(writer, open, 0);
        writer.WriteEndObject();
    }

    static void Close(Utf8JsonWriter writer, Parent[] open, int downTo)
    {
        for (var i = open.Length - 1; i >= downTo; i--)
        {
            writer.WriteEndObject();
            if (open[i].IsList) writer.WriteEndArray();
        }
    }
}

/// <summary>A format that others read: the shapes that records of one kind have in it, and which of them a record has.</summary>
sealed record Format<T>(Shape<T>[] Shapes, Func<T, Shape<T>> Of) where T : class, IRecord, new()
{
    public Format(Shape<T> shape) : this([shape], _ => shape) { }
}

/// <summary>The words in which the tables of a format are written.</summary>
/// <param name="timesInMs">Times as milliseconds since 1970; else as ISO 8601.</param>
sealed class Places<T>(Kind<T> kind, bool timesInMs) where T : class, IRecord, new()
{
    /// <summary>A field as it is.</summary>
    public Place<T> Field(string name, string path)
    {
        var field = kind[name];
        return new(path, $"`{name}`", field, record => Value.Of(field, record, timesInMs));
    }

    /// <summary>The same in every record.</summary>
    public static Place<T> Fixed(string path, string text) => new(path, $"`\"{text}\"`", null, _ => Value.Of(text));

    public static Place<T> Fixed(string path, long number) => new(path, $"`{number}`", null, _ => Value.Of(number));

    public static Place<T> List(string path, params string[] texts) => new(path, $"`[{string.Join(", ", texts.Select(text => $"\"{text}\""))}]`", null, _ => Value.Of(texts));

    /// <summary>A field in another form, from which its value can be read back.</summary>
    public Place<T> Turned(string name, string path, string says, Func<T, Value> read) => new(path, says, kind[name], read);

    /// <summary>What is concluded from fields that stand elsewhere as they are.</summary>
    public static Place<T> Concluded(string path, string says, Func<T, Value> read) => new(path, says, null, read);
}
