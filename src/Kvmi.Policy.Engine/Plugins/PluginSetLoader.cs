using System.Reflection;
using System.Security.Cryptography;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>
/// Finds plugins without loading their code. A plugin is a folder <c>DIR/NAME/</c> whose files hold exactly one assembly
/// with <see cref="PolicyPluginAttribute"/>, or such an assembly directly in <c>DIR</c>. A file that is no plugin, or one
/// built against another contract, becomes a problem of the catalog and never stops the others.
/// </summary>
public static class PluginSetLoader
{
    /// <summary>Looks through the plugin directories, without rules. A directory that does not exist holds no plugins.</summary>
    public static PluginCatalog Discover(IReadOnlyList<string> directories) => Discover(directories, PluginRules.None);

    /// <summary>Looks through the plugin directories. A directory that does not exist holds no plugins.</summary>
    /// <param name="directories">The directories.</param>
    /// <param name="rules">Rules for every file, checked before it is opened; a plugin with a file that breaks one is a problem of the catalog.</param>
    public static PluginCatalog Discover(IReadOnlyList<string> directories, PluginRules rules) => Discover(directories, [], rules);

    /// <summary>
    /// Looks through the plugin directories, and takes assemblies that this process has loaded already. What loads them (<see cref="IPluginLoader"/>) must
    /// give these very assemblies.
    /// </summary>
    /// <param name="directories">The directories.</param>
    /// <param name="assemblies">The assemblies; one that is no plugin, or has no file, is a problem of the catalog.</param>
    /// <param name="rules">Rules for every file.</param>
    public static PluginCatalog Discover(IReadOnlyList<string> directories, IReadOnlyList<Assembly> assemblies, PluginRules rules)
    {
        ArgumentNullException.ThrowIfNull(directories);
        ArgumentNullException.ThrowIfNull(assemblies);
        ArgumentNullException.ThrowIfNull(rules);
        var search = new Search(rules);
        foreach (var directory in directories)
            search.Directory(Path.GetFullPath(directory));

        foreach (var assembly in assemblies)
            search.Assembly(assembly);

        return search.Finish(directories);
    }

    private sealed record Candidate(string Path, byte[] Image, AssemblyInspection Assembly, PluginRefusal? Refusal = null);

    private sealed class Search(PluginRules rules)
    {
        private readonly List<PluginDescription> _plugins = [];
        private readonly List<PluginProblem> _problems = [];
        private readonly List<PluginProbe> _probes = [];

        public void Directory(string directory)
        {
            if (!System.IO.Directory.Exists(directory))
            {
                _probes.Add(new(directory, "there is no such directory"));
                return;
            }

            try
            {
                Flat(directory);
                foreach (var folder in System.IO.Directory.EnumerateDirectories(directory).Order(StringComparer.Ordinal))
                {
                    if (!Path.GetFileName(folder).StartsWith('.'))
                        Folder(folder);
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Problem(Path.GetFileName(directory), directory, CodeFindings.PluginFile, $"the plugin directory cannot be read: {exception.Message}");
            }
        }

        public void Assembly(Assembly assembly)
        {
            var name = assembly.GetName().Name ?? "";
            if (assembly.Location.Length == 0)
            {
                Problem(name, name, CodeFindings.PluginFile, $"the assembly {name} has no file", "load it from a file, so that scripts can be compiled against it");
                return;
            }

            var candidate = Probe(Path.GetFullPath(assembly.Location));
            if (Refused(name, [candidate]))
                return;

            if (candidate.Assembly.PluginId is null)
                Problem(name, candidate.Path, CodeFindings.PluginFile, $"{Path.GetFileName(candidate.Path)} is not a plugin: {Outcome(candidate)}");
            else
                Accept(candidate);
        }

        public PluginCatalog Finish(IReadOnlyList<string> directories)
        {
            foreach (var same in _plugins.GroupBy(plugin => plugin.Id).Where(group => group.Count() > 1).ToList())
            {
                var paths = string.Join(", ", same.Select(plugin => plugin.MainAssemblyPath));
                Problem(same.Key, same.First().MainAssemblyPath, CodeFindings.PluginDuplicate,
                    $"plugin id '{same.Key}' is used by {same.Count()} assemblies: {paths}", "remove all but one; none of them is loaded");
                _plugins.RemoveAll(plugin => plugin.Id == same.Key);
            }

            // A script that requires both could not tell them apart.
            foreach (var same in _plugins.GroupBy(plugin => plugin.AssemblyName, StringComparer.OrdinalIgnoreCase).Where(group => group.Count() > 1).ToList())
            {
                foreach (var plugin in same)
                {
                    Problem(plugin.Id, plugin.MainAssemblyPath, CodeFindings.PluginDuplicate,
                        $"the assembly name '{plugin.AssemblyName}' is used by plugins {string.Join(", ", same.Select(other => $"'{other.Id}'"))}",
                        "give each plugin its own AssemblyName; none of them is loaded");
                    _plugins.Remove(plugin);
                }
            }

            return new(directories, [.. _plugins.OrderBy(plugin => plugin.Id, StringComparer.Ordinal)], _problems, _probes);
        }

        private void Flat(string directory)
        {
            var files = ProbeAll(directory);
            foreach (var file in files)
                Refused(Path.GetFileNameWithoutExtension(file.Path), [file]);

            var (mains, others) = Split(files.FindAll(file => file.Refusal is null));
            foreach (var main in mains)
                Accept(main);

            // What a plugin beside it references is its private dependency; anything else was probably meant to be a plugin.
            var referenced = mains.Concat(others).SelectMany(file => file.Assembly.References).Select(reference => reference.Name)
                .ToHashSet(StringComparer.OrdinalIgnoreCase);
            foreach (var other in others.Where(other => other.Assembly.Problem is not null || !referenced.Contains(other.Assembly.Name)))
            {
                Problem(Path.GetFileNameWithoutExtension(other.Path), other.Path, CodeFindings.PluginFile,
                    $"{Path.GetFileName(other.Path)} is not a plugin: {Outcome(other)}");
            }
        }

        private void Folder(string folder)
        {
            var files = ProbeAll(folder);
            if (Refused(Path.GetFileName(folder), files))
                return;

            var (mains, others) = Split(files);
            if (mains.Count == 1)
            {
                Accept(mains[0]);
                return;
            }

            if (mains.Count > 1)
            {
                Problem(Path.GetFileName(folder), folder, CodeFindings.PluginDuplicate,
                    $"the folder holds {mains.Count} plugins ({string.Join(", ", mains.Select(main => Path.GetFileName(main.Path)))})",
                    "give each plugin its own folder");
                return;
            }

            var probed = others.Count == 0
                ? "it has no .dll file"
                : string.Join("; ", others.Select(other => $"{other.Path}: {Outcome(other)}"));
            Problem(Path.GetFileName(folder), folder, CodeFindings.PluginFile, $"no plugin in this folder: {probed}");
        }

        private void Accept(Candidate main)
        {
            var id = main.Assembly.PluginId!;
            if (!PluginContract.IsValidId(id))
            {
                Problem(Path.GetFileNameWithoutExtension(main.Path), main.Path, CodeFindings.PluginFile,
                    "the plugin id is not 1 to 64 lower-case letters, digits and dashes", "change it in [assembly: PolicyPlugin(\"...\")]");
                return;
            }

            var built = main.Assembly.References.First(reference => reference.Name == PluginContract.AssemblyName).Version;
            if (!PluginContract.Accepts(built))
            {
                Problem(id, main.Path, CodeFindings.PluginContract,
                    $"plugin '{id}' was built against contract {built}, this host has {PluginContract.HostVersion}",
                    $"rebuild it against {PluginContract.AssemblyName} {PluginContract.HostVersion.ToString(2)} or a lower minor version");
                return;
            }

            _plugins.Add(new(id, main.Path, main.Assembly.Version, built, Convert.ToHexStringLower(SHA256.HashData(main.Image)))
            {
                Image = main.Image,
                Rules = rules,
                AssemblyName = main.Assembly.Name,
            });
        }

        private List<Candidate> ProbeAll(string folder) =>
            [.. System.IO.Directory.EnumerateFiles(folder, "*.dll").Order(StringComparer.Ordinal).Select(Probe)];

        private Candidate Probe(string path)
        {
            var image = rules.Read(path, out var refusal);
            var assembly = image is null ? AssemblyInspection.Unusable(refusal!.Reason) : AssemblyInspector.Inspect(image);

            // A file that cannot be read is no plugin; one that may not be used is refused with its rule's own code.
            var candidate = new Candidate(path, image ?? [], assembly, refusal is { Code: not CodeFindings.PluginLoad } ? refusal : null);
            _probes.Add(new(path, Outcome(candidate)));
            return candidate;
        }

        // One file that somebody else can change, or that nobody listed, is enough to keep the whole plugin out.
        private bool Refused(string name, List<Candidate> files)
        {
            foreach (var file in files.Where(file => file.Refusal is not null))
                Problem(name, file.Path, file.Refusal!.Code, $"{Path.GetFileName(file.Path)} is refused: {file.Refusal.Reason}", file.Refusal.Hint);

            return files.Exists(file => file.Refusal is not null);
        }

        private void Problem(string name, string path, string code, string message, string? hint = null) =>
            _problems.Add(new(name, new(new(path), FindingSeverity.Error, code, message, hint)));

        private static (List<Candidate> Mains, List<Candidate> Others) Split(List<Candidate> files) =>
            (files.FindAll(file => file.Assembly.PluginId is not null), files.FindAll(file => file.Assembly.PluginId is null));

        private static string Outcome(Candidate file) => file.Assembly switch
        {
            { Problem: { } problem } => problem,
            { PluginId: { } id } => $"plugin '{id}'",
            _ => "it has no [assembly: PolicyPlugin(\"id\")] attribute",
        };
    }
}
