using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Schema;

/// <summary>
/// Compiles a schema of ours. A keyword that it does not know is an exception and not ignored: a rule that stands in the schema
/// and is not checked would be a lie to its readers.
/// </summary>
internal sealed class SchemaCompiler
{
    private const string DefinitionPrefix = "#/definitions/";

    private readonly YamlNode _root;
    private readonly Dictionary<string, SchemaNode> _definitions = new(StringComparer.Ordinal);

    private readonly string _name;

    private SchemaCompiler(YamlNode root, string name) => (_root, _name) = (root, name);

    /// <summary>Compiles.</summary>
    /// <param name="root">The schema.</param>
    /// <param name="name">Its file, for errors.</param>
    public static SchemaNode CompileRoot(YamlNode root, string name) => new SchemaCompiler(root, name).Compile(root, new SchemaNode());

    private SchemaNode Compile(YamlNode source)
    {
        if (source["$ref"] is not { } reference)
        {
            return Compile(source, new SchemaNode());
        }

        return Resolve(reference.Text);
    }

    private SchemaNode Resolve(string reference)
    {
        if (_definitions.TryGetValue(reference, out var known))
        {
            return known;
        }

        var name = reference.StartsWith(DefinitionPrefix, StringComparison.Ordinal) ? reference[DefinitionPrefix.Length..] : "";
        var source = _root["definitions"]?[name] ?? throw new InvalidOperationException($"{_name}: {reference} is not defined.");
        var node = new SchemaNode();
        _definitions.Add(reference, node);
        return Compile(source, node);
    }

    private SchemaNode Compile(YamlNode source, SchemaNode node)
    {
        foreach (var (key, value) in source.Properties)
        {
            Apply(key.Text, value, node);
        }

        return node;
    }

    private void Apply(string keyword, YamlNode value, SchemaNode node)
    {
        switch (keyword)
        {
            case "$schema" or "$id" or "title" or "description" or "default" or "examples" or "definitions" or "format":
                break;
            case "type":
                node.Types = value.Kind == YamlNodeKind.Scalar ? [value.Text] : [.. value.Items.Select(item => item.Text)];
                break;
            case "enum":
                node.Enum = value.Items;
                break;
            case "const":
                node.Enum = [value];
                break;
            case "required":
                node.Required = [.. value.Items.Select(item => item.Text)];
                break;
            case "properties":
                foreach (var (name, schema) in value.Properties)
                {
                    node.Properties.Add(name.Text, Compile(schema));
                }

                break;
            case "patternProperties":
                node.PatternProperties.AddRange(value.Properties.Select(pair => (new SchemaPattern(pair.Key.Text), Compile(pair.Value))));
                break;
            case "additionalProperties":
                node.AllowsOtherProperties = value.IsTrue;
                break;
            case "items":
                node.Items = Compile(value);
                break;
            case "oneOf":
                node.OneOf.AddRange(value.Items.Select(Compile));
                break;
            case "pattern":
                node.Pattern = new SchemaPattern(value.Text);
                break;
            case "x-expected":
                node.Expected = value.Text;
                break;
            default:
                ApplyNumber(keyword, value, node);
                break;
        }
    }

    private void ApplyNumber(string keyword, YamlNode value, SchemaNode node)
    {
        switch (keyword)
        {
            case "minItems":
                node.MinItems = (int)value.Integer;
                break;
            case "maxItems":
                node.MaxItems = (int)value.Integer;
                break;
            case "minProperties":
                node.MinProperties = (int)value.Integer;
                break;
            case "maxProperties":
                node.MaxProperties = (int)value.Integer;
                break;
            case "maxLength":
                node.MaxLength = (int)value.Integer;
                break;
            case "minimum":
                node.Minimum = value.Integer;
                break;
            case "maximum":
                node.Maximum = value.Integer;
                break;
            default:
                throw new InvalidOperationException($"{_name}:{value.Line}: the keyword '{keyword}' is not one that the loader checks.");
        }
    }
}
