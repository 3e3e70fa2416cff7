using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// The native libraries of one plugin: which file a name means, and the load of its checked bytes. What the folder does not have is the system's.
/// </summary>
internal sealed class PluginNativeLibraries
{
    private readonly PluginLoadOptions _options;
    private readonly AssemblyDependencyResolver _resolver;
    private readonly string _folder;

    public PluginNativeLibraries(PluginLoadOptions options, AssemblyDependencyResolver resolver)
    {
        _options = options;
        _resolver = resolver;
        _folder = Path.GetDirectoryName(options.MainAssemblyPath)!;
    }

    /// <summary>The folder of the platform below <c>runtimes</c>: linux-x64.</summary>
    public static string Platform { get; } = $"linux-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>Loads a library.</summary>
    /// <returns>Its handle; 0 when the plugin does not have it.</returns>
    /// <exception cref="DllNotFoundException">The plugin has it, and it is refused or cannot be loaded.</exception>
    public nint Load(string name)
    {
        if (Find(name, probes: null) is not { } path)
            return 0;

        var image = Read(path, out var flaw, out _) ?? throw new DllNotFoundException($"{path}: {flaw}");
        return NativeImages.Load(_options.MainAssemblyPath, path, image);
    }

    /// <summary>The file that a name means; null when the plugin does not have it.</summary>
    /// <param name="name">As the import says it.</param>
    /// <param name="probes">Takes what was looked at.</param>
    public string? Find(string name, List<PluginProbe>? probes)
    {
        // A path is none of ours: the runtime opens it as it is.
        if (name.Contains('/', StringComparison.Ordinal))
        {
            probes?.Add(new(name, "it is a path: left to the system"));
            return null;
        }

        if (_resolver.ResolveUnmanagedDllToPath(name) is { } resolved)
        {
            probes?.Add(new(resolved, $"native library '{name}'"));
            return resolved;
        }

        foreach (var path in Candidates(name))
        {
            var isThere = File.Exists(path);
            probes?.Add(new(path, isThere ? $"native library '{name}'" : "not found"));
            if (isThere)
                return path;
        }

        return null;
    }

    /// <summary>The bytes of a library, checked by all rules; null with the reason.</summary>
    public byte[]? Read(string path, out string flaw, out PluginRefusal? refusal)
    {
        flaw = "";
        refusal = null;
        if (_options.Images.TryGetValue(path, out var known))
            return known;

        if (_options.Rules.Read(path, out refusal) is not { } image)
        {
            flaw = refusal!.Reason;
            return null;
        }

        if (ElfFile.FindFlaw(image) is { } problem)
        {
            flaw = problem;
            return null;
        }

        return _options.Images.GetOrAdd(path, image);
    }

    private IEnumerable<string> Candidates(string name)
    {
        // In the order in which the runtime tries the forms of a name.
        string[] forms = name.EndsWith(".so", StringComparison.Ordinal) || name.Contains(".so.", StringComparison.Ordinal)
            ? [name, "lib" + name]
            : ["lib" + name + ".so", name + ".so", name, "lib" + name];
        string[] folders = [Path.Combine(_folder, "runtimes", Platform, "native"), _folder];
        return from folder in folders from form in forms select Path.Combine(folder, form);
    }
}
