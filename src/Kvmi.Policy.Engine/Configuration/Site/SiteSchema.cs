using Kvmi.Policy.Engine.Configuration.Schema;

namespace Kvmi.Policy.Engine.Configuration.Site;

/// <summary>The embedded site-schema.yaml: the single description of what a site file may hold.</summary>
public static class SiteSchema
{
    private static readonly EmbeddedSchema Embedded = new("site-schema.yaml");

    /// <summary>The schema as it stands in the repository: JSON Schema draft-07 written in YAML.</summary>
    public static string Text => Embedded.Text;

    /// <summary>The same as JSON.</summary>
    public static string ToJson() => Embedded.ToJson();

    internal static SchemaNode Root => Embedded.Root;
}
