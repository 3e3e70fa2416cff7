using System.Text.Json;
using System.Text.RegularExpressions;

namespace Kvmi.Policy.Host.Tests.Output;

/// <summary>
/// Holds lines against json-lines.schema.json, for the keywords that it uses. Stricter than JSON Schema in one respect: a member of a line that the
/// schema does not name is a flaw, although readers have to skip it.
/// </summary>
internal sealed class LineSchemaReader
{
    private readonly JsonElement _root;

    public LineSchemaReader(string text) => _root = JsonDocument.Parse(text).RootElement;

    /// <summary>What is wrong; null for nothing.</summary>
    public string? FindFlaw(JsonElement line)
    {
        if (Flaw(line, _root, "line", skip: "oneOf") is { } common)
        {
            return common;
        }

        var branches = _root.GetProperty("oneOf").EnumerateArray().Select(branch => Resolve(branch)).ToArray();
        var matching = branches.Where(branch => Flaw(line, branch, "line") is null).ToArray();
        if (matching.Length != 1)
        {
            var closest = branches.Where(branch => Flaw(line.GetProperty("type"), branch.GetProperty("properties").GetProperty("type"), "type") is null)
                .Select(branch => Flaw(line, branch, "line"));
            return $"{matching.Length} kinds of lines match instead of one: {string.Join("; ", closest)}";
        }

        var known = _root.GetProperty("properties").EnumerateObject().Concat(matching[0].GetProperty("properties").EnumerateObject())
            .Select(property => property.Name).ToHashSet();
        return line.EnumerateObject().Select(member => member.Name).FirstOrDefault(name => !known.Contains(name)) is { } unknown
            ? $"the schema does not name the member {unknown}"
            : null;
    }

    private JsonElement Resolve(JsonElement schema) => schema.TryGetProperty("$ref", out var reference)
        ? _root.GetProperty("definitions").GetProperty(reference.GetString()!["#/definitions/".Length..])
        : schema;

    private string? Flaw(JsonElement value, JsonElement schema, string path, string? skip = null)
    {
        schema = Resolve(schema);
        foreach (var keyword in schema.EnumerateObject())
        {
            if (keyword.Name != skip && KeywordFlaw(value, keyword, path) is { } flaw)
            {
                return flaw;
            }
        }

        return null;
    }

    private string? KeywordFlaw(JsonElement value, JsonProperty keyword, string path)
    {
        var wanted = keyword.Value;
        var holds = keyword.Name switch
        {
            "type" => IsOfType(value, wanted.GetString()!),
            "const" => JsonElement.DeepEquals(value, wanted),
            "enum" => wanted.EnumerateArray().Any(word => JsonElement.DeepEquals(value, word)),
            "pattern" => Regex.IsMatch(value.GetString()!, wanted.GetString()!),
            "minimum" => value.GetDouble() >= wanted.GetDouble(),
            "required" => wanted.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)),
            "$schema" or "title" or "description" or "definitions" or "properties" or "items" or "additionalProperties" => true,
            _ => throw new InvalidOperationException($"The schema has the keyword '{keyword.Name}', which this reader does not know."),
        };
        if (!holds)
        {
            return $"{path}: {keyword.Name} {wanted.GetRawText()} does not hold for {value.GetRawText()}";
        }

        return keyword.Name switch
        {
            "properties" => wanted.EnumerateObject()
                .Select(property => value.TryGetProperty(property.Name, out var child) ? Flaw(child, property.Value, $"{path}.{property.Name}") : null)
                .FirstOrDefault(flaw => flaw is not null),
            "additionalProperties" => value.EnumerateObject()
                .Select(member => Flaw(member.Value, wanted, $"{path}.{member.Name}")).FirstOrDefault(flaw => flaw is not null),
            "items" => value.EnumerateArray().Select(item => Flaw(item, wanted, $"{path}[]")).FirstOrDefault(flaw => flaw is not null),
            _ => null,
        };
    }

    private static bool IsOfType(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        _ => value.ValueKind == JsonValueKind.Number,
    };
}
