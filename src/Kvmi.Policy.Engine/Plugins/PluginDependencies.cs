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
    private readonly List<PluginReference> _references = [];
    private readonly List<PluginProbe> _probes = [];

    public PluginDependencies(PluginLoadOptions options)
    {
        _options = options;
        _shared = options.SharedAssemblies();

        // The resolver reads this file, and it says which assemblies are loaded from where.
        var deps = Path.ChangeExtension(options.MainAssemblyPath, ".deps.json");
        if (options.Rules.CheckPlace(deps) is { } refusal)
            throw new PluginLoadException($"{deps}: {refusal.Reason}", refusal);

        if (File.Exists(deps))
        {
            var flaw = PluginFile.TryRead(deps, out var problem) is { } content ? DependencyFile.FindFlaw(content) : problem;
            if (flaw is not null)
                throw new PluginLoadException($"{deps} cannot be used: {flaw}");
        }

        _resolver = new(options.MainAssemblyPath);
        _probes.Add(new(deps, File.Exists(deps) ? "says where private assemblies are" : "not found: private assemblies are looked for beside the plugin"));
        Natives = new(options, _resolver);
    }

    /// <summary>What <see cref="Check"/> found so far.</summary>
    public IReadOnlyList<PluginReference> References => _references;

    /// <summary>Every file that <see cref="Check"/> has looked at, and what became of it.</summary>
    public IReadOnlyList<PluginProbe> Probes => _probes;

    /// <summary>The native libraries.</summary>
    public PluginNativeLibraries Natives { get; }

    /// <summary>The bytes of a private dependency, read and checked once; null with the reason.</summary>
    public byte[]? Read(string path, out PluginRefusal? refusal)
    {
        refusal = null;
        if (_options.Images.TryGetValue(path, out var known))
            return known;

        return _options.Rules.Read(path, out refusal) is { } image ? _options.Images.GetOrAdd(path, image) : null;
    }

    /// <summary>The symbols beside an assembly; null when there are none, or none that may be opened.</summary>
    public byte[]? ReadSymbols(string assemblyPath)
    {
        var path = Path.ChangeExtension(assemblyPath, ".pdb");
        return _options.Rules.CheckPlace(path) is null ? PluginFile.TryRead(path, out _) : null;
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
    /// <returns>The main assembly, then the plugin's private ones.</returns>
    /// <exception cref="PluginLoadException">One is missing, damaged, or older than asked for.</exception>
    public IReadOnlyList<PluginAssembly> Check()
    {
        var files = new List<PluginAssembly>();
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var open = new Queue<(string Path, byte[] Image)>();
        open.Enqueue((_options.MainAssemblyPath, _options.MainAssemblyImage.ToArray()));
        while (open.TryDequeue(out var file))
        {
            var assembly = AssemblyInspector.Inspect(file.Image);
            if (assembly.Problem is { } problem)
                throw new PluginLoadException($"{file.Path} cannot be loaded: {problem}");

            files.Add(new(assembly.Name, file.Path, file.Image));
            foreach (var import in assembly.NativeImports.Where(import => _references.Count < MaxAssemblies && seen.Add("native " + import)))
                CheckNative(file.Path, import);

            foreach (var reference in assembly.References)
            {
                CheckShared(file.Path, reference);
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
        {
            _references.Add(new(reference.Name, reference.Version, PluginReferenceKind.Shared, null));
            return null;
        }

        if (privatePath is not null)
        {
            var image = Read(privatePath, out var refusal);
            _probes.Add(new(privatePath, refusal?.Reason ?? $"{reference.Name}, private"));
            if (image is null)
                throw new PluginLoadException($"{from} references {reference.Name}, but {privatePath} is refused: {refusal!.Reason}", refusal);

            _references.Add(new(reference.Name, reference.Version, PluginReferenceKind.Private, privatePath));
            return (privatePath, image);
        }

        if (!HostFiles.Value.TryGetValue(reference.Name, out var hostPath))
        {
            var deps = Path.ChangeExtension(_options.MainAssemblyPath, ".deps.json");
            var beside = Path.Combine(Path.GetDirectoryName(_options.MainAssemblyPath)!, reference.Name + ".dll");
            var isThere = File.Exists(beside);
            _probes.Add(new(beside, isThere ? $"{Path.GetFileName(deps)} does not name it" : "not found"));
            throw new PluginLoadException(
                $"{from} references {reference.Name} {reference.Version}, which is nowhere: probed "
                + $"{beside} ({(isThere ? "there, but the .deps.json does not name it" : "not found")}), "
                + $"{deps} ({(File.Exists(deps) ? "does not lead to it" : "not found")}), the framework and the host (do not have it)");
        }

        var version = HostVersions.GetOrAdd(hostPath, static path => AssemblyName.GetAssemblyName(path).Version ?? new Version(0, 0));
        _references.Add(new(reference.Name, reference.Version, PluginReferenceKind.Host, null));
        return version >= reference.Version
            ? null
            : throw new PluginLoadException(
                $"{from} references {reference.Name} {reference.Version}, but {hostPath} is {version}: "
                + "build the plugin for this host's framework, or ship its own copy");
    }

    // Read now, by all rules, so that it is not another file at its first call. Its code runs no sooner than that.
    private void CheckNative(string from, string import)
    {
        if (Natives.Find(import, _probes) is not { } path)
        {
            _references.Add(new(import, null, PluginReferenceKind.System, null));
            return;
        }

        _references.Add(new(import, null, PluginReferenceKind.Native, path));
        if (Natives.Read(path, out var flaw, out var refusal) is null)
        {
            _probes.Add(new(path, flaw));
            throw refusal is null
                ? new PluginLoadException($"{from} imports from {import}, but {path} cannot be loaded: {flaw}")
                : new PluginLoadException($"{from} imports from {import}, but {path} is refused: {flaw}", refusal);
        }
    }

    // A reference of a private dependency counts like one of the plugin: what it calls may not be there.
    private void CheckShared(string from, AssemblyReferenceName reference)
    {
        if (!_shared.TryGetValue(reference.Name, out var shared))
            return;

        var host = shared.GetName().Version!;
        if (PluginContract.Accepts(reference.Version, host))
            return;

        var problem = $"it was built against {reference.Name} {reference.Version}, this host has {host}";
        throw new PluginLoadException(
            $"{from}{problem[2..]}",
            new PluginRefusal(Code.CodeFindings.PluginContract, problem, $"rebuild it against {reference.Name} {host.ToString(2)} or a lower minor version"));
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
