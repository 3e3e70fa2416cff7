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

    /// <summary>
    /// Reads the schema before the first policy needs it, so that a start can do it on another thread meanwhile. Any thread; calling it is never
    /// required.
    /// </summary>
    public static void Prepare() => _ = Root;

    internal static SchemaNode Root => Embedded.Root;
}
