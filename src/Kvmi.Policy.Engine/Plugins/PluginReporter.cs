using System.Reflection;
using System.Runtime.CompilerServices;
using Kvmi.Policy.Engine.Code;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Loads each plugin by itself, looks what is in it, and unloads it. No code of the plugin is called.</summary>
public static class PluginReporter
{
    private const BindingFlags Methods = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>The report of every plugin that was found, in the catalog's order.</summary>
    /// <param name="catalog">The plugins; their rules hold.</param>
    /// <param name="loader">Loads the code.</param>
    public static IReadOnlyList<PluginReport> Report(PluginCatalog catalog, IPluginLoader loader)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(loader);
        return [.. catalog.Plugins.Select(plugin => Report(plugin, loader))];
    }

    private static PluginReport Report(PluginDescription plugin, IPluginLoader loader)
    {
        var report = new PluginReport { Plugin = plugin };
        var options = PluginContract.LoadOptions(plugin);
        PluginDependencies? dependencies = null;
        try
        {
            dependencies = new PluginDependencies(options);
            var files = dependencies.Check();
            report = Trace(report, dependencies) with { Services = [.. files.SelectMany(file => AssemblyInspector.Services(file.Image)).Distinct().Order(StringComparer.Ordinal)] };
            if (plugin.Rules.RestrictCode && PluginRestriction.Check(plugin.Id, options) is [var first, ..])
                return report with { Problem = first };

            using var loaded = loader.Load(options);
            return Fill(report, loaded.MainAssembly);
        }
        catch (Exception exception) when (exception is PluginLoadException or TypeLoadException or ReflectionTypeLoadException or MemberAccessException
            or IOException or BadImageFormatException or InvalidOperationException)
        {
            return (dependencies is null ? report : Trace(report, dependencies)) with { Problem = PluginLoadException.ToFinding(plugin, exception) };
        }
    }

    private static PluginReport Trace(PluginReport report, PluginDependencies dependencies) =>
        report with { References = [.. dependencies.References], Probes = [.. dependencies.Probes] };

    // Apart, so that no local of the caller holds a type of the plugin.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static PluginReport Fill(PluginReport report, Assembly assembly)
    {
        var types = assembly.GetTypes();
        var policies = types.Where(type => PluginPolicyType.Unusable(type) is null).OrderBy(type => type.FullName, StringComparer.Ordinal).ToList();
        return report with
        {
            Policies = [.. policies.Select(type => type.FullName!)],
            Handlers = [.. policies.SelectMany(type => type.GetMethods(Methods).OrderBy(method => method.Name, StringComparer.Ordinal).Select(method => Handler(type, method)).OfType<PluginHandler>())],
            Sinks = [.. types.Where(type => PluginAlertSink.Unusable(type) is null).Select(type => type.FullName!).Order(StringComparer.Ordinal)],
        };
    }

    private static PluginHandler? Handler(Type type, MethodInfo method) =>
        method.ReturnType == typeof(Decision) && !method.IsGenericMethodDefinition && method.GetParameters() is [{ ParameterType: var parameter }]
            && PolicyEvents.All.FirstOrDefault(entry => entry.HandlerType == parameter) is { } happening
            ? new(type.FullName!, method.Name, happening.Name)
            : null;
}
