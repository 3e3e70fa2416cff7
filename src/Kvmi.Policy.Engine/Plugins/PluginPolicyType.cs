using System.Reflection;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Finds and checks the class that a policy file names in a plugin.</summary>
internal static class PluginPolicyType
{
    private const BindingFlags AnyMethod = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>The factory of the policy; null with findings when the class or a handler is wrong.</summary>
    /// <param name="definition">The policy.</param>
    /// <param name="pluginPath">File of the plugin, for findings.</param>
    /// <param name="assembly">The plugin.</param>
    /// <param name="findings">Where findings go.</param>
    /// <param name="construction">Tries the constructor; null: on this thread, where somebody else has the deadline.</param>
    /// <param name="code">The plugin's main assembly as bytes, whose handlers are read for decisions that are not legal; null: they are not.</param>
    public static IPolicyFactory? TryMakeFactory(
        PolicyDefinition definition, string pluginPath, Assembly assembly, List<Finding> findings, PluginConstruction? construction = null, PluginCode? code = null)
    {
        try
        {
            var type = Find(definition, pluginPath, assembly, findings);
            if (type is null)
                return null;

            var before = findings.Count;
            HandlerCheck.Check(definition, [.. type.GetMethods(AnyMethod).Select(method => Describe(method, pluginPath))], $"class {type.FullName}", findings);
            if (findings.Count == before && code is not null)
                PluginDecisions.Check(definition, type, code, findings);

            return findings.Count > before || !ConstructorWorks(definition, pluginPath, type, findings, construction)
                ? null
                : new PluginPolicyFactory(definition, type);
        }
        catch (Exception exception) when (exception is TypeLoadException or ReflectionTypeLoadException or MemberAccessException or IOException or BadImageFormatException)
        {
            findings.Add(new(new(pluginPath), FindingSeverity.Error, CodeFindings.PluginLoad,
                $"policy '{definition.Id}': types of plugin '{definition.Code.Plugin}' cannot be loaded: {exception.GetType().Name}: {exception.Message}",
                "rebuild the plugin against this host's contract, and copy all of its files"));
            return null;
        }
    }

    private static Type? Find(PolicyDefinition definition, string pluginPath, Assembly assembly, List<Finding> findings)
    {
        var wanted = definition.Code.PluginType;
        var types = assembly.GetTypes();
        var usable = types.Where(type => Unusable(type) is null).ToList();
        var named = wanted is null ? usable : [.. types.Where(type => type.FullName == wanted || type.Name == wanted)];
        if (named.Count == 1)
        {
            if (Unusable(named[0]) is not { } reason)
                return named[0];

            Report($"class {named[0].FullName} of plugin '{definition.Code.Plugin}' ({pluginPath}) cannot be a policy: {reason}", null);
            return null;
        }

        var list = usable.Count == 0 ? "it has none" : "it has " + string.Join(", ", usable.Select(type => type.FullName));
        var problem = wanted is null
            ? $"plugin '{definition.Code.Plugin}' ({pluginPath}) does not have exactly one policy class: {list}"
            : $"plugin '{definition.Code.Plugin}' ({pluginPath}) has {(named.Count == 0 ? "no class" : "several classes")} {wanted}: {list}";
        Report(problem, wanted is null ? "name one under script.type" : NameSuggestion.Hint(wanted, usable.Select(type => type.Name)));
        return null;

        void Report(string message, string? hint) => findings.Add(
            new(definition.Code.Location, FindingSeverity.Error, CodeFindings.PluginType, $"policy '{definition.Id}': {message}", hint));
    }

    internal static string? Unusable(Type type)
    {
        if (!typeof(PolicyBase).IsAssignableFrom(type))
            return "it does not derive from PolicyBase";
        if (!type.IsVisible)
            return "it is not public";
        if (type.IsAbstract)
            return "it is abstract";
        if (type.ContainsGenericParameters)
            return "it has type parameters";
        return type.GetConstructor(Type.EmptyTypes) is null ? "it has no public constructor without parameters" : null;
    }

    // Constructors do nothing by contract (services come with OnAttach), so one that throws is found before the swap.
    private static bool ConstructorWorks(
        PolicyDefinition definition, string pluginPath, Type type, List<Finding> findings, PluginConstruction? construction)
    {
        var isHanging = false;
        var problem = construction is null ? PluginConstruction.TryHere(type) : construction.Try(type, out isHanging);
        if (problem is null)
            return true;

        findings.Add(new(new(pluginPath), FindingSeverity.Error, isHanging ? CodeFindings.PluginHangs : CodeFindings.PluginType,
            $"policy '{definition.Id}': the constructor of {type.FullName} {problem}",
            isHanging
                ? "let the constructor do nothing; OnAttach has the services, and a deadline of its own"
                : "services are available from OnAttach on, not in the constructor"));
        return false;
    }

    private static HandlerMethod Describe(MethodInfo method, string pluginPath) => new(
        method.Name,
        method.ReturnType.FullName ?? method.ReturnType.Name,
        [.. method.GetParameters().Select(parameter => parameter.ParameterType.IsByRef
            ? "ref " + parameter.ParameterType.GetElementType()!.FullName
            : parameter.ParameterType.FullName ?? parameter.ParameterType.Name)],
        method.IsGenericMethodDefinition,
        new(pluginPath));
}
