using Kvmi.Policy.Engine.Configuration.Yaml;

namespace Kvmi.Policy.Engine.Configuration.Schema;

/// <summary>Checks a file's nodes against the schema. Recursion is bounded by <see cref="YamlReader.DeepestNesting"/>.</summary>
internal sealed class SchemaValidator
{
    private readonly FindingList _findings;

    public SchemaValidator(FindingList findings) => _findings = findings;

    public void Validate(YamlNode node, SchemaNode schema, string path)
    {
        if (schema.OneOf.Count > 0)
        {
            ValidateOneOf(node, schema, path);
            return;
        }

        if (!HasType(node, schema))
        {
            _findings.Error(node, FindingCodes.WrongType, $"{Name(path)}: expected {SchemaWords.Expected(schema)}, found {node.Describe()}.", SchemaWords.TypeHint(node, schema));
            return;
        }

        switch (node.Kind)
        {
            case YamlNodeKind.Mapping:
                ValidateMapping(node, schema, path);
                break;
            case YamlNodeKind.Sequence:
                ValidateSequence(node, schema, path);
                break;
            default:
                ValidateScalar(node, schema, path);
                break;
        }
    }

    private static string Name(string path) => path.Length == 0 ? "the file" : path;

    private static bool HasType(YamlNode node, SchemaNode schema)
    {
        if (schema.Types.Count == 0)
        {
            return schema.Enum.Count == 0 || node.Kind == YamlNodeKind.Scalar;
        }

        foreach (var type in schema.Types)
        {
            if (type == SchemaWords.TypeOf(node))
            {
                return true;
            }
        }

        return false;
    }

    private void ValidateOneOf(YamlNode node, SchemaNode schema, string path)
    {
        // At most one branch of the schema takes nodes of one type, so the type chooses, and the errors are that branch's.
        foreach (var branch in schema.OneOf)
        {
            if (HasType(node, branch))
            {
                Validate(node, branch, path);
                return;
            }
        }

        _findings.Error(node, FindingCodes.WrongType, $"{Name(path)}: expected {SchemaWords.Expected(schema)}, found {node.Describe()}.", SchemaWords.TypeHint(node, schema));
    }

    private void ValidateMapping(YamlNode node, SchemaNode schema, string path)
    {
        foreach (var (key, value) in node.Properties)
        {
            var childPath = path.Length == 0 ? key.Text : $"{path}.{key.Text}";
            var child = Find(schema, key.Text);
            if (child is not null)
            {
                Validate(value, child, childPath);
            }
            else if (!schema.AllowsOtherProperties)
            {
                var place = path.Length == 0 ? "at the top of the file" : $"in {path}";
                var message = schema.Properties.Count == 0
                    ? $"The name {Quoting.Quote(key.Text)} {place} is not {schema.Expected ?? "allowed"}."
                    : $"Unknown key {Quoting.Quote(key.Text)} {place}.";
                _findings.Error(key, FindingCodes.UnknownKey, message, Spelling.Hint(key.Text, schema.Properties.Keys));
            }
        }

        foreach (var name in schema.Required)
        {
            if (!node.HasKey(name))
            {
                _findings.Error(node, FindingCodes.MissingKey, $"{Name(path)}: the key '{name}' is missing.");
            }
        }

        if (node.Properties.Count < schema.MinProperties)
        {
            _findings.Error(node, FindingCodes.OutOfRange, $"{Name(path)}: expected at least {schema.MinProperties} key(s).", Spelling.Hint("", schema.Properties.Keys));
        }

        if (node.Properties.Count > schema.MaxProperties)
        {
            _findings.Error(node, FindingCodes.OutOfRange, $"{Name(path)}: expected at most {schema.MaxProperties} key(s), found {node.Properties.Count}.");
        }
    }

    private static SchemaNode? Find(SchemaNode schema, string key)
    {
        if (schema.Properties.TryGetValue(key, out var child))
        {
            return child;
        }

        foreach (var (pattern, candidate) in schema.PatternProperties)
        {
            if (pattern.IsMatch(key))
            {
                return candidate;
            }
        }

        return null;
    }

    private void ValidateSequence(YamlNode node, SchemaNode schema, string path)
    {
        if (node.Items.Count < schema.MinItems || node.Items.Count > schema.MaxItems)
        {
            var bound = node.Items.Count < schema.MinItems ? $"at least {schema.MinItems}" : $"at most {schema.MaxItems}";
            _findings.Error(node, FindingCodes.OutOfRange, $"{Name(path)}: expected {bound} element(s), found {node.Items.Count}.");
        }

        for (var index = 0; index < node.Items.Count && schema.Items is not null; index++)
        {
            Validate(node.Items[index], schema.Items, $"{path}[{index}]");
        }
    }

    private void ValidateScalar(YamlNode node, SchemaNode schema, string path)
    {
        if (schema.Enum.Count > 0 && !schema.Enum.Any(allowed => allowed.Scalar == node.Scalar && SchemaWords.SameValue(allowed, node)))
        {
            var words = schema.Enum.Select(allowed => allowed.Text).ToArray();
            var expected = words.Length == 1 ? $"'{words[0]}'" : SchemaWords.Expected(schema);
            _findings.Error(node, FindingCodes.WrongWord, $"{Name(path)}: expected {expected}, found {node.Describe()}.", words.Length == 1 ? null : Spelling.Hint(node.Text, words));
            return;
        }

        if (node.Scalar == YamlScalarKind.Integer)
        {
            if (node.Integer < schema.Minimum || node.Integer > schema.Maximum)
            {
                _findings.Error(node, FindingCodes.OutOfRange, $"{Name(path)}: expected {SchemaWords.Bounds(schema)}, found {node.Text}.");
            }
        }
        else if (node.Text.Length > schema.MaxLength)
        {
            _findings.Error(node, FindingCodes.OutOfRange, $"{Name(path)}: expected at most {schema.MaxLength} characters, found {node.Text.Length}.");
        }
        else if (schema.Pattern is not null && !schema.Pattern.IsMatch(node.Text))
        {
            _findings.Error(node, FindingCodes.WrongFormat, $"{Name(path)}: expected {SchemaWords.Expected(schema)}, found {node.Describe()}.");
        }
    }
}
