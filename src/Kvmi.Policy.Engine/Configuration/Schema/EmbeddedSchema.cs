using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
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

    /// <summary>The schema as JSON, indented, for tools that read no YAML.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            Write(json, Tree);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan) + "\n";
    }

    private static void Write(Utf8JsonWriter json, YamlNode node)
    {
        switch (node.Kind)
        {
            case YamlNodeKind.Mapping:
                json.WriteStartObject();
                foreach (var (key, value) in node.Properties)
                {
                    json.WritePropertyName(key.Text);
                    Write(json, value);
                }

                json.WriteEndObject();
                break;
            case YamlNodeKind.Sequence:
                json.WriteStartArray();
                foreach (var item in node.Items)
                {
                    Write(json, item);
                }

                json.WriteEndArray();
                break;
            case YamlNodeKind.Scalar when node.Scalar == YamlScalarKind.Boolean:
                json.WriteBooleanValue(node.IsTrue);
                break;
            case YamlNodeKind.Scalar when node.Scalar == YamlScalarKind.Integer:
                json.WriteRawValue(node.Integer.ToString(CultureInfo.InvariantCulture));
                break;
            default:
                json.WriteStringValue(node.Text);
                break;
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
