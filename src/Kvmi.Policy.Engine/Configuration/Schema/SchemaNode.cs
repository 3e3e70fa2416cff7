using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Schema;

/// <summary>One compiled schema: the subset of JSON Schema draft-07 that policy-schema.yaml uses.</summary>
internal sealed class SchemaNode
{
    public IReadOnlyList<string> Types { get; set; } = [];

    /// <summary>Allowed scalars, for enum and const.</summary>
    public IReadOnlyList<YamlNode> Enum { get; set; } = [];

    public IReadOnlyList<string> Required { get; set; } = [];

    public Dictionary<string, SchemaNode> Properties { get; } = new(StringComparer.Ordinal);

    public List<(SchemaPattern Pattern, SchemaNode Schema)> PatternProperties { get; } = [];

    public bool AllowsOtherProperties { get; set; } = true;

    public SchemaNode? Items { get; set; }

    public int MinItems { get; set; }

    public int MaxItems { get; set; } = int.MaxValue;

    public int MinProperties { get; set; }

    public int MaxProperties { get; set; } = int.MaxValue;

    public int MaxLength { get; set; } = int.MaxValue;

    public SchemaPattern? Pattern { get; set; }

    public Int128? Minimum { get; set; }

    public Int128? Maximum { get; set; }

    public List<SchemaNode> OneOf { get; } = [];

    /// <summary>x-expected: what a value should look like, for messages.</summary>
    public string? Expected { get; set; }
}
