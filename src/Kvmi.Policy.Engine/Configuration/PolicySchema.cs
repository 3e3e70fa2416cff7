using Kvmi.Policy.Engine.Configuration.Schema;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>The embedded policy-schema.yaml: the single description of what a policy file may hold.</summary>
public static class PolicySchema
{
    private static readonly EmbeddedSchema Embedded = new("policy-schema.yaml");

    /// <summary>The schema as it stands in the repository: JSON Schema draft-07 written in YAML.</summary>
    public static string Text => Embedded.Text;

    /// <summary>The same as JSON.</summary>
    public static string ToJson() => Embedded.ToJson();

    internal static SchemaNode Root => Embedded.Root;
}
