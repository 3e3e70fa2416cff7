using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Exceptions by their mnemonics (Intel SDM volume 3, table 6-1) or vectors, as the schema lists them.</summary>
internal static class ExceptionNames
{
    private static readonly string[] ByVector =
        ["de", "db", "", "bp", "of", "br", "ud", "nm", "df", "", "ts", "np", "ss", "gp", "pf", "", "mf", "ac", "mc", "xm"];

    /// <summary>Reads a node that the schema has accepted.</summary>
    public static byte VectorOf(YamlNode node) =>
        node.Scalar == YamlScalarKind.Integer ? (byte)node.Integer : (byte)Array.IndexOf(ByVector, node.Text);
}
