using System.Reflection;
using Kvmi.Policy.Engine.Code;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// The class of a plugin that takes alerts, loaded for itself: it lives as long as its owner wants, reloads of policies do not touch it, and
/// static members are not those of the same plugin's policies.
/// </summary>
public sealed class PluginAlertSink : IDisposable
{
    private ILoadedPlugin? _plugin;
    private Type? _type;

    private PluginAlertSink(ILoadedPlugin plugin, Type type)
    {
        _plugin = plugin;
        _type = type;
    }

    /// <summary>Loads a plugin for one of its sinks. No code of the plugin runs.</summary>
    /// <param name="catalog">What <see cref="PluginSetLoader"/> found; the rules that it searched by hold.</param>
    /// <param name="id">The plugin.</param>
    /// <param name="type">The class, with or without its namespace.</param>
    /// <param name="loader">Loads the code.</param>
    /// <exception cref="PluginLoadException">There is no such plugin, it is refused, or the class cannot be a sink; the message says what to do.</exception>
    public static PluginAlertSink Load(PluginCatalog catalog, string id, string type, IPluginLoader loader)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(loader);
        var plugin = catalog.Find(id) ?? throw new PluginLoadException(Missing(catalog, id));
        var options = PluginContract.LoadOptions(plugin);
        if (plugin.Rules.RestrictCode && PluginRestriction.Check(id, options) is { Count: > 0 } findings)
            throw new PluginLoadException($"{findings[0]}");

        var loaded = loader.Load(options);
        try
        {
            return new(loaded, Find(loaded.MainAssembly, plugin, type));
        }
        catch (Exception exception)
        {
            loaded.Dispose();
            if (exception is TypeLoadException or ReflectionTypeLoadException or IOException or BadImageFormatException)
                throw new PluginLoadException($"{plugin.MainAssemblyPath}: types of plugin '{id}' cannot be loaded: {exception.Message}", exception);

            throw;
        }
    }

    /// <summary>Makes the sink: the first code of the plugin that runs. What it throws comes through.</summary>
    /// <exception cref="ObjectDisposedException">Disposed.</exception>
    public IAlertSink Create()
    {
        ObjectDisposedException.ThrowIf(_type is null, this);
        return (IAlertSink)Activator.CreateInstance(
            _type, BindingFlags.DoNotWrapExceptions | BindingFlags.Instance | BindingFlags.Public, null, null, null)!;
    }

    /// <summary>Starts the unload.</summary>
    public void Dispose()
    {
        _type = null;
        Interlocked.Exchange(ref _plugin, null)?.Dispose();
    }

    private static string Missing(PluginCatalog catalog, string id)
    {
        if (catalog.Problems.FirstOrDefault(problem => problem.Name == id) is { } problem)
            return $"plugin '{id}' cannot be used: {problem.Finding}";

        var hint = NameSuggestion.Hint(id, catalog.Plugins.Select(plugin => plugin.Id));
        return $"there is no plugin '{id}' in {(catalog.Directories.Count == 0 ? "any directory, because none is given (--plugins)" : string.Join(", ", catalog.Directories))}"
            + (hint is null ? "" : $" ({hint})");
    }

    private static Type Find(Assembly assembly, PluginDescription plugin, string name)
    {
        var types = assembly.GetTypes();
        var named = types.Where(type => type.FullName == name || type.Name == name).ToList();
        if (named is [var only])
        {
            return Unusable(only) is { } reason
                ? throw new PluginLoadException($"class {only.FullName} of plugin '{plugin.Id}' ({plugin.MainAssemblyPath}) cannot be a sink: {reason}")
                : only;
        }

        var usable = types.Where(type => Unusable(type) is null).Select(type => type.FullName).ToList();
        throw new PluginLoadException(
            $"plugin '{plugin.Id}' ({plugin.MainAssemblyPath}) has {(named.Count == 0 ? "no class" : "several classes")} {name}: "
            + (usable.Count == 0 ? "it has no sink" : $"its sinks are {string.Join(", ", usable)}"));
    }

    internal static string? Unusable(Type type)
    {
        if (!typeof(IAlertSink).IsAssignableFrom(type))
            return "it does not implement IAlertSink";
        if (!type.IsVisible)
            return "it is not public";
        if (type.IsAbstract)
            return "it is abstract";
        if (type.ContainsGenericParameters)
            return "it has type parameters";
        return type.GetConstructor(Type.EmptyTypes) is null ? "it has no public constructor without parameters" : null;
    }
}
