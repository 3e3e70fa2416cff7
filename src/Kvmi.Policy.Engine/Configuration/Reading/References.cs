using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>References to parameters: $name.</summary>
internal static class References
{
    /// <summary>Finds the parameter of a reference; null (and a finding) when there is none or it has another type.</summary>
    public static ParameterDeclaration? Find(PolicyContext context, YamlNode node, string expected, params ReadOnlySpan<ParameterType> types)
    {
        var name = node.Text[1..];
        if (!context.Declarations.TryGetValue(name, out var declaration))
        {
            context.Findings.Error(node, FindingCodes.BadReference, $"There is no parameter {Quoting.Quote(name)}.", Spelling.Hint(name, context.Declarations.Keys));
            return null;
        }

        if (!types.Contains(declaration.Type))
        {
            context.Findings.Error(node, FindingCodes.BadReference, $"The parameter {name} is a {declaration.TypeName}; {expected} are needed here.");
            return null;
        }

        return declaration;
    }
}
