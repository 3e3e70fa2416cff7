using System.Text.RegularExpressions;
using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Tests.Configuration;

/// <summary>
/// JSON Schema draft-07 to the letter, for the keywords that our schemas use: keywords beside $ref are ignored, exactly one branch of
/// oneOf must hold, a keyword for one type says nothing about others. This is what an editor does; the loader's validator picks branches
/// by type for the sake of its messages, and the two must agree.
/// </summary>
internal sealed class StrictSchema(YamlNode root)
{
    public bool IsValid(YamlNode node) => IsValid(node, root);

    private bool IsValid(YamlNode node, YamlNode schema)
    {
        if (schema["$ref"] is { } reference)
        {
            return IsValid(node, root["definitions"]![reference.Text["#/definitions/".Length..]]!);
        }

        return schema.Properties.All(keyword => Holds(node, schema, keyword.Key.Text, keyword.Value));
    }

    private bool Holds(YamlNode node, YamlNode schema, string keyword, YamlNode value) => keyword switch
    {
        "type" => (value.Kind == YamlNodeKind.Scalar ? [value] : value.Items).Any(type => IsOfType(node, type.Text)),
        "enum" => value.Items.Any(allowed => Same(allowed, node)),
        "const" => Same(value, node),
        "oneOf" => value.Items.Count(branch => IsValid(node, branch)) == 1,
        "required" => !IsObject(node) || value.Items.All(name => node.HasKey(name.Text)),
        "properties" => !IsObject(node) || value.Properties.All(pair => node[pair.Key.Text] is not { } child || IsValid(child, pair.Value)),
        "patternProperties" => !IsObject(node) || value.Properties.All(pair =>
            node.Properties.All(child => !Matches(pair.Key.Text, child.Key.Text) || IsValid(child.Value, pair.Value))),
        "additionalProperties" => value.IsTrue || !IsObject(node) || node.Properties.All(child => schema["properties"]?.HasKey(child.Key.Text) == true
            || (schema["patternProperties"]?.Properties ?? []).Any(pair => Matches(pair.Key.Text, child.Key.Text))),
        "minProperties" => !IsObject(node) || node.Properties.Count >= value.Integer,
        "maxProperties" => !IsObject(node) || node.Properties.Count <= value.Integer,
        "items" => node.Kind != YamlNodeKind.Sequence || node.Items.All(item => IsValid(item, value)),
        "minItems" => node.Kind != YamlNodeKind.Sequence || node.Items.Count >= value.Integer,
        "maxItems" => node.Kind != YamlNodeKind.Sequence || node.Items.Count <= value.Integer,
        "pattern" => !IsOfType(node, "string") || Matches(value.Text, node.Text),
        "maxLength" => !IsOfType(node, "string") || node.Text.Length <= value.Integer,
        "minimum" => !IsOfType(node, "integer") || node.Integer >= value.Integer,
        "maximum" => !IsOfType(node, "integer") || node.Integer <= value.Integer,
        "$schema" or "title" or "description" or "default" or "examples" or "definitions" => true,
        _ when keyword.StartsWith("x-", StringComparison.Ordinal) => true,
        _ => throw new InvalidOperationException($"The schema has the keyword '{keyword}', which this reader does not know."),
    };

    private static bool IsObject(YamlNode node) => node.Kind == YamlNodeKind.Mapping;

    private static bool Matches(string pattern, string text) => Regex.IsMatch(text, pattern, RegexOptions.NonBacktracking);

    private static bool Same(YamlNode left, YamlNode right) => right.Kind == YamlNodeKind.Scalar && left.Scalar == right.Scalar
        && (left.Scalar == YamlScalarKind.Integer ? left.Integer == right.Integer : left.Text == right.Text);

    private static bool IsOfType(YamlNode node, string type) => type switch
    {
        "object" => node.Kind == YamlNodeKind.Mapping,
        "array" => node.Kind == YamlNodeKind.Sequence,
        _ when node.Kind != YamlNodeKind.Scalar => false,
        "integer" => node.Scalar == YamlScalarKind.Integer,
        "number" => node.Scalar is YamlScalarKind.Integer or YamlScalarKind.Number,
        "boolean" => node.Scalar == YamlScalarKind.Boolean,
        "null" => node.Scalar == YamlScalarKind.Null,
        _ => node.Scalar == YamlScalarKind.String,
    };
}
