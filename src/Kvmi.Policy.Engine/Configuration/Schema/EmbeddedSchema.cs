using System.Text;
using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Schema;

/// <summary>A schema of the repository's root that this assembly carries.</summary>
internal sealed class EmbeddedSchema
{
    private readonly string _name;
    private readonly Lazy<SchemaNode> _compiled;

    public EmbeddedSchema(string name)
    {
        _name = name;
        _compiled = new Lazy<SchemaNode>(() => SchemaCompiler.CompileRoot(Tree, name));
        Text = ReadText();
    }

    public string Text { get; }

    public SchemaNode Root => _compiled.Value;

    /// <summary>The schema as the tree that it is written as.</summary>
    public YamlNode Tree
    {
        get
        {
            var findings = new FindingList(_name);
            return YamlReader.Read(Encoding.UTF8.GetBytes(Text), findings)
                ?? throw new InvalidOperationException($"The embedded schema is broken: {findings.All[0]}");
        }
    }

    private string ReadText()
    {
        using var stream = typeof(EmbeddedSchema).Assembly.GetManifestResourceStream(_name)
            ?? throw new InvalidOperationException($"{_name} is not embedded in this assembly.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
