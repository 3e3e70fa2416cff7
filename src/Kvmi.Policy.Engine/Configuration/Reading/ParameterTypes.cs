using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Names of the parameter types in policy files.</summary>
internal static class ParameterTypes
{
    private const string ListStart = "list<";

    private static readonly (string Name, ParameterType Type)[] Table =
    [
        ("bool", ParameterType.Bool),
        ("int", ParameterType.Int),
        ("string", ParameterType.String),
        ("gva", ParameterType.Gva),
        ("gpa", ParameterType.Gpa),
        ("gpa-range", ParameterType.GpaRange),
        ("duration", ParameterType.Duration),
        ("sha256", ParameterType.Sha256),
    ];

    public static string NameOf(ParameterType type) => Array.Find(Table, entry => entry.Type == type).Name;

    /// <summary>Reads a type name that the schema has accepted.</summary>
    public static (ParameterType Type, bool IsList) Parse(string text)
    {
        var isList = text.StartsWith(ListStart, StringComparison.Ordinal);
        var name = isList ? text[ListStart.Length..^1] : text;
        return (Array.Find(Table, entry => entry.Name == name).Type, isList);
    }
}
