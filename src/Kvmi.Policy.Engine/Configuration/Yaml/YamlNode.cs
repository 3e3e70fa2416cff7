namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>A node of a policy file with its place. Built by <see cref="YamlReader"/> only, which bounds depth and number.</summary>
internal sealed class YamlNode
{
    private readonly List<YamlNode> _items = [];
    private readonly List<KeyValuePair<YamlNode, YamlNode>> _properties = [];
    private readonly Dictionary<string, YamlNode> _byName = new(StringComparer.Ordinal);

    private YamlNode(YamlNodeKind kind, int line, int column, string text)
    {
        Kind = kind;
        Line = line;
        Column = column;
        Text = text;
    }

    public YamlNodeKind Kind { get; }

    /// <summary>From 1.</summary>
    public int Line { get; }

    /// <summary>From 1.</summary>
    public int Column { get; }

    /// <summary>Text of a scalar, without quotes.</summary>
    public string Text { get; }

    public YamlScalarKind Scalar { get; private init; }

    /// <summary>Value of an integer scalar, from the lowest signed to the highest unsigned 64-bit number.</summary>
    public Int128 Integer { get; private init; }

    /// <summary>True for <c>|</c> and <c>></c> scalars, whose text starts on the next line.</summary>
    public bool IsBlock { get; private init; }

    public IReadOnlyList<YamlNode> Items => _items;

    /// <summary>Keys and values in the order of the file.</summary>
    public IReadOnlyList<KeyValuePair<YamlNode, YamlNode>> Properties => _properties;

    /// <summary>True or false of a boolean scalar.</summary>
    public bool IsTrue => Scalar == YamlScalarKind.Boolean && Text[0] is 't' or 'T';

    /// <summary>The value of a key; null when a mapping lacks it, or for other nodes.</summary>
    public YamlNode? this[string name] => _byName.GetValueOrDefault(name);

    public static YamlNode ForScalar(string text, bool isPlain, bool isBlock, int line, int column)
    {
        var kind = YamlScalarKind.String;
        var integer = Int128.Zero;
        if (isPlain)
        {
            kind = YamlScalars.Classify(text, out integer);
        }

        return new YamlNode(YamlNodeKind.Scalar, line, column, text) { Scalar = kind, Integer = integer, IsBlock = isBlock };
    }

    public static YamlNode ForSequence(int line, int column) => new(YamlNodeKind.Sequence, line, column, "");

    public static YamlNode ForMapping(int line, int column) => new(YamlNodeKind.Mapping, line, column, "");

    public void Add(YamlNode item) => _items.Add(item);

    public bool HasKey(string name) => _byName.ContainsKey(name);

    public void Add(YamlNode key, YamlNode value)
    {
        _properties.Add(new(key, value));
        _byName[key.Text] = value;
    }

    /// <summary>What the node is, for messages: "the string 'abc'", "a list".</summary>
    public string Describe() => Kind switch
    {
        YamlNodeKind.Sequence => "a list",
        YamlNodeKind.Mapping => "a mapping",
        _ => Scalar switch
        {
            YamlScalarKind.Null => "nothing",
            YamlScalarKind.Boolean => $"the word {Text}",
            YamlScalarKind.Integer or YamlScalarKind.Number => $"the number {Text}",
            _ => $"the string {Quoting.Quote(Text)}",
        },
    };

    /// <summary>The node as plain data: bool, long, ulong, string, a list or a dictionary of those. This is what overrides hold, too.</summary>
    public object ToRaw() => Kind switch
    {
        YamlNodeKind.Sequence => _items.ConvertAll(item => item.ToRaw()),
        YamlNodeKind.Mapping => _byName.ToDictionary(pair => pair.Key, pair => pair.Value.ToRaw(), StringComparer.Ordinal),
        _ => Scalar switch
        {
            YamlScalarKind.Boolean => IsTrue,
            YamlScalarKind.Integer when Integer <= long.MaxValue => (long)Integer,
            YamlScalarKind.Integer => (ulong)Integer,
            _ => Text,
        },
    };
}
