using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.Loader;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>Where each assembly that a plugin references comes from, and the check that all of them are there.</summary>
internal sealed class PluginDependencies
{
    private const int MaxAssemblies = 256;

    private static readonly Lazy<Dictionary<string, string>> HostFiles = new(ReadHostFiles);
    private static readonly ConcurrentDictionary<string, Version> HostVersions = new(StringComparer.OrdinalIgnoreCase);

    private readonly PluginLoadOptions _options;
    private readonly IReadOnlyDictionary<string, Assembly> _shared;
    private readonly AssemblyDependencyResolver _resolver;

    public PluginDependencies(PluginLoadOptions options)
    {
        _options = options;
        _shared = options.SharedAssemblies();
        _resolver = new(options.MainAssemblyPath);
    }

    /// <summary>The host's assembly, or the path of the plugin's private one, or neither: then it is the framework's or the host's.</summary>
    public (Assembly? Shared, string? PrivatePath) Resolve(AssemblyName name)
    {
        if (_shared.TryGetValue(name.Name!, out var shared))
            return (shared, null);
        if (_options.PreferSharedTypes && HostFiles.Value.ContainsKey(name.Name!))
            return (null, null);

        return (null, _resolver.ResolveAssemblyToPath(name));
    }

    /// <summary>
    /// Walks all references before any code runs: an assembly that is missing would otherwise show only when the first
    /// handler needs it.
    /// </summary>
    /// <returns>Name and bytes of the main assembly, then of the plugin's private ones.</returns>
    /// <exception cref="PluginLoadException">One is missing, damaged, or older than asked for.</exception>
    public IReadOnlyList<(string Name, byte[] Image)> Check()
    {
        var files = new List<(string, byte[])>();
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var open = new Queue<(string Path, byte[] Image)>();
        open.Enqueue((_options.MainAssemblyPath, _options.MainAssemblyImage.ToArray()));
        while (open.TryDequeue(out var file))
        {
            var assembly = AssemblyInspector.Inspect(file.Image);
            if (assembly.Problem is { } problem)
                throw new PluginLoadException($"{file.Path} cannot be loaded: {problem}");

            files.Add((assembly.Name, file.Image));
            foreach (var reference in assembly.References)
            {
                if (seen.Count < MaxAssemblies && seen.Add(reference.Name) && Follow(file.Path, reference) is { } next)
                    open.Enqueue(next);
            }
        }

        return files;
    }

    private (string Path, byte[] Image)? Follow(string from, AssemblyReferenceName reference)
    {
        var name = new AssemblyName { Name = reference.Name, Version = reference.Version };
        var (shared, privatePath) = Resolve(name);
        if (shared is not null)
            return null;

        if (privatePath is not null)
        {
            return PluginFile.TryRead(privatePath, out var problem) is { } image
                ? (privatePath, image)
                : throw new PluginLoadException($"{from} references {reference.Name}, but {privatePath} cannot be read: {problem}");
        }

        if (!HostFiles.Value.TryGetValue(reference.Name, out var hostPath))
        {
            var deps = Path.ChangeExtension(_options.MainAssemblyPath, ".deps.json");
            throw new PluginLoadException(
                $"{from} references {reference.Name} {reference.Version}, which is nowhere: probed "
                + $"{Path.Combine(Path.GetDirectoryName(_options.MainAssemblyPath)!, reference.Name + ".dll")} (not found), "
                + $"{deps} ({(File.Exists(deps) ? "does not lead to it" : "not found")}), the framework and the host (do not have it)");
        }

        var version = HostVersions.GetOrAdd(hostPath, static path => AssemblyName.GetAssemblyName(path).Version ?? new Version(0, 0));
        return version >= reference.Version
            ? null
            : throw new PluginLoadException(
                $"{from} references {reference.Name} {reference.Version}, but {hostPath} is {version}: "
                + "build the plugin for this host's framework, or ship its own copy");
    }

    private static Dictionary<string, string> ReadHostFiles()
    {
        var files = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var known = (string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "";
        foreach (var path in known.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            files[Path.GetFileNameWithoutExtension(path)] = path;

        return files;
    }
}
