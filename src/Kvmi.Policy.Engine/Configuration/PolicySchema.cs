using System.Text;
using Kvmi.Policy.Engine.Configuration.Schema;
using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>The embedded policy-schema.yaml: the single description of what a policy file may hold.</summary>
public static class PolicySchema
{
    private static readonly Lazy<SchemaNode> Compiled = new(Compile);

    /// <summary>The schema as it stands in the repository: JSON Schema draft-07 written in YAML.</summary>
    public static string Text { get; } = ReadText();

    internal static SchemaNode Root => Compiled.Value;

    private static SchemaNode Compile()
    {
        var findings = new FindingList("policy-schema.yaml");
        var root = YamlReader.Read(Encoding.UTF8.GetBytes(Text), findings)
            ?? throw new InvalidOperationException($"The embedded schema is broken: {findings.All[0]}");
        return SchemaCompiler.CompileRoot(root);
    }

    private static string ReadText()
    {
        using var stream = typeof(PolicySchema).Assembly.GetManifestResourceStream("policy-schema.yaml")
            ?? throw new InvalidOperationException("policy-schema.yaml is not embedded in this assembly.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
