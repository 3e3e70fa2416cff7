namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>The three shapes of a YAML node.</summary>
internal enum YamlNodeKind
{
    /// <summary>A single value.</summary>
    Scalar,

    /// <summary>A list.</summary>
    Sequence,

    /// <summary>Keys with values.</summary>
    Mapping,
}
