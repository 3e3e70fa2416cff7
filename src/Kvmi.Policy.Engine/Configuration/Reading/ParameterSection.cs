using Kvmi.Policy.Engine.Configuration.Site;
using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>spec.parameters, with the values of the site and of a test put over the defaults.</summary>
internal static class ParameterSection
{
    /// <summary>Fills the context's declarations and parameters.</summary>
    /// <returns>Names of required parameters without a value.</returns>
    public static IReadOnlyList<string> Read(PolicyContext context)
    {
        var missing = new List<string>();
        var overrides = context.Options.Site.Find(context.Id)?.Parameters ?? new Dictionary<string, SiteValue>();
        foreach (var (name, node) in context.Spec["parameters"]?.Properties ?? [])
        {
            var declaration = Declare(context, name.Text, node);
            context.Declarations.Add(declaration.Name, declaration);
            ReadValue(context, declaration, name, node, overrides, missing);
        }

        foreach (var (name, value) in overrides.Where(given => !context.Declarations.ContainsKey(given.Key)))
        {
            context.Findings.Error(
                value.Location, FindingCodes.SiteParameterUnknown, $"{context.Id} has no parameter {Quoting.Quote(name)}.", Spelling.Hint(name, context.Declarations.Keys));
        }

        RefuseUnknown(context, context.Options.TestParameters.Keys, "the test's parameters");
        return missing;
    }

    private static ParameterDeclaration Declare(PolicyContext context, string name, YamlNode node)
    {
        var (type, isList) = ParameterTypes.Parse(node["type"]!.Text);
        var declaration = new ParameterDeclaration(name, type, isList, null, null);
        var min = ReadBound(context, declaration, node["min"]);
        var max = ReadBound(context, declaration, node["max"]);
        if (min is not null && max is not null && ((IComparable)min).CompareTo(max) > 0)
        {
            context.Findings.Error(node["min"]!, FindingCodes.ParameterBounds, $"Parameter {name}: min is above max, so no value is possible.");
        }

        return declaration with { Min = min, Max = max };
    }

    private static object? ReadBound(PolicyContext context, ParameterDeclaration declaration, YamlNode? node)
    {
        if (node is null)
        {
            return null;
        }

        if (declaration.Type is not (ParameterType.Int or ParameterType.Gva or ParameterType.Gpa or ParameterType.Duration))
        {
            context.Findings.Error(node, FindingCodes.ParameterBounds, $"Parameter {declaration.Name}: a {declaration.TypeName} has no min and max.");
            return null;
        }

        if (RawValues.TryConvert(node.ToRaw(), declaration.Type, out var value, out var problem))
        {
            return value;
        }

        context.Findings.Error(node, FindingCodes.ParameterValue, $"Parameter {declaration.Name}: {problem}.");
        return null;
    }

    private static void ReadValue(
        PolicyContext context, ParameterDeclaration declaration, YamlNode name, YamlNode node, IReadOnlyDictionary<string, SiteValue> overrides, List<string> missing)
    {
        // The default is checked even when it is overridden: the next site may not override it.
        var raw = node["default"]?.ToRaw();
        var value = raw is null ? null : Convert(context, declaration, context.At(node["default"]!), raw, "its default");
        var (source, valueAt) = (ParameterSource.Default, context.At(name));
        if (context.Options.TestParameters.TryGetValue(declaration.Name, out var given))
        {
            source = ParameterSource.Test;
            value = Convert(context, declaration, valueAt, given, "the test's value");
        }
        else if (overrides.TryGetValue(declaration.Name, out var site))
        {
            (source, valueAt) = (ParameterSource.Site, site.Location);
            value = Convert(context, declaration, valueAt, site.Raw, "the site's value");
        }
        else if (raw is null)
        {
            ReportMissing(context, declaration, name, node, missing);
            return;
        }

        if (value is not null)
        {
            context.Parameters.Add(declaration.Name, new PolicyParameter(
                declaration.Name, declaration.Type, declaration.IsList, value, node["description"]?.Text, context.At(name))
            {
                Source = source,
                ValueLocation = source == ParameterSource.Default ? context.At(node["default"]!) : valueAt,
            });
        }
    }

    private static object? Convert(PolicyContext context, ParameterDeclaration declaration, SourceLocation place, object raw, string what)
    {
        if (declaration.TryConvert(raw, out var value, out var code, out var problem))
        {
            return value;
        }

        context.Findings.Error(place, code, $"Parameter {declaration.Name} ({declaration.TypeName}), {what}: {problem}.");
        return null;
    }

    private static void ReportMissing(PolicyContext context, ParameterDeclaration declaration, YamlNode name, YamlNode node, List<string> missing)
    {
        if (node["required"]?.IsTrue != true)
        {
            context.Findings.Error(name, FindingCodes.ParameterMissing, $"Parameter {declaration.Name} has neither a default nor 'required: true'.", "give it a default");
            return;
        }

        missing.Add(declaration.Name);
        if (context.Options.Site.IsDisabled(context.Id))
        {
            // It is left out anyway, and that is the usual reason why a site gives no value.
            return;
        }

        if (context.Options.AllowMissingParameters)
        {
            context.Findings.Warning(
                name, FindingCodes.ParameterNotGiven, $"Required parameter {declaration.Name} has no value yet; the policy cannot run without it.", "the site gives it when the policy is loaded; tests give their own");
        }
        else
        {
            context.Findings.Error(
                name, FindingCodes.ParameterMissing, $"Required parameter {declaration.Name} ({declaration.TypeName}) has no value.", $"give it a default here, or a value for {context.Id}/{declaration.Name} in the site file (--site)");
        }
    }

    private static void RefuseUnknown(PolicyContext context, IEnumerable<string> names, string where)
    {
        foreach (var name in names.Where(name => !context.Declarations.ContainsKey(name)).Order(StringComparer.Ordinal))
        {
            var place = context.Spec["parameters"] ?? context.Spec;
            context.Findings.Error(
                place, FindingCodes.ParameterUnknown, $"In {where} there is a value for {Quoting.Quote(name)}, which is no parameter of {context.Id}.", Spelling.Hint(name, context.Declarations.Keys));
        }
    }
}
