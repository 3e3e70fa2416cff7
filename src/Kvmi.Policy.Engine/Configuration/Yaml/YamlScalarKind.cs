namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>What a scalar is. Quoted scalars are always strings; of the plain ones YAML 1.2's core words and numbers are not.</summary>
internal enum YamlScalarKind
{
    /// <summary>Nothing, <c>~</c> or <c>null</c>.</summary>
    Null,

    /// <summary>true or false.</summary>
    Boolean,

    /// <summary>A decimal or hexadecimal integer that fits in 64 bits, signed or unsigned.</summary>
    Integer,

    /// <summary>A number with a fraction or an exponent; no key takes one.</summary>
    Number,

    /// <summary>Text.</summary>
    String,
}
