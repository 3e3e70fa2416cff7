using System.Reflection;
using System.Runtime.Loader;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Generations;
using Kvmi.Policy.Engine.Plugins;
using Kvmi.Policy.Engine.Scripting;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>The code of a worker's policies: loaded as bytes, before the process confines itself; run afterwards.</summary>
/// <param name="payload">What the host sent.</param>
internal sealed class WorkerCode(WorkerPayload payload)
{
    private readonly Dictionary<string, Assembly> _plugins = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Assembly> _scripts = new(StringComparer.Ordinal);

    /// <summary>The policies' code in the payload's order; null where there is a finding.</summary>
    public IReadOnlyList<IPolicyFactory?> Factories { get; private set; } = [];

    /// <summary>Loads all assemblies, and all parts of the framework that they may need later, when files are out of reach.</summary>
    public void LoadAssemblies()
    {
        var images = new List<byte[]>();
        foreach (var plugin in payload.Plugins)
        {
            var context = new PluginImages(plugin);
            _plugins.Add(plugin.Id, context.LoadMain());
            images.AddRange(plugin.Assemblies.Select(assembly => assembly.Image));
        }

        var scripts = new ScriptLoadContext(0, _plugins.Values);
        foreach (var policy in payload.Policies)
        {
            if (policy.Script is { } script)
            {
                _scripts.Add(policy.Definition.Id, scripts.Load(script.Image, script.Symbols));
                images.Add(script.Image);
            }
        }

        var shipped = payload.Plugins.SelectMany(plugin => plugin.Assemblies).Select(assembly => assembly.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        LoadFramework(images.SelectMany(image => AssemblyInspector.Inspect(image).References).Select(reference => reference.Name)
            .Where(name => !shipped.Contains(name)).Append(typeof(WorkerCode).Assembly.GetName().Name!));
    }

    /// <summary>Finds entry points, classes and handlers. This runs the policies' constructors.</summary>
    /// <returns>What is wrong, in the host's words.</returns>
    public IReadOnlyList<(int Policy, string Code, string Message, string Hint)> MakeFactories()
    {
        var problems = new List<(int, string, string, string)>();
        var factories = new IPolicyFactory?[payload.Policies.Count];
        for (var i = 0; i < factories.Length; i++)
        {
            var findings = new List<Finding>();
            factories[i] = Make(payload.Policies[i], findings);
            problems.AddRange(findings.Select(finding => (i, finding.Code, finding.Message, finding.Hint ?? "")));
        }

        Factories = factories;
        return problems;
    }

    private IPolicyFactory? Make(WorkerPolicy policy, List<Finding> findings)
    {
        if (policy.Script is not { } script)
        {
            var plugin = payload.Plugins.First(candidate => candidate.Id == policy.Definition.Code.Plugin);
            return PluginPolicyType.TryMakeFactory(policy.Definition, plugin.Path, _plugins[plugin.Id], findings);
        }

        return ScriptPolicyFactory.Make(
            policy.Definition,
            new CompiledScript
            {
                Path = script.Files[0],
                Image = script.Image,
                Symbols = script.Symbols,
                TypeName = script.TypeName,
                EntryPoint = script.EntryPoint,
                Methods = [],
                Warnings = [],
                LoadedTexts = script.Files.Skip(1).ToDictionary(file => file, _ => ""),
            },
            _scripts[policy.Definition.Id]);
    }

    private static void LoadFramework(IEnumerable<string> names)
    {
        var open = new Queue<string>(names);
        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        while (open.TryDequeue(out var name))
        {
            if (!seen.Add(name) || !IsFramework(name))
            {
                continue;
            }

            try
            {
                foreach (var reference in Assembly.Load(new AssemblyName(name)).GetReferencedAssemblies())
                {
                    open.Enqueue(reference.Name!);
                }
            }
            catch (Exception exception) when (exception is IOException or BadImageFormatException)
            {
                // The host has checked that what policies reference is there; this is something that the framework can do without.
                _ = exception;
            }
        }
    }

    // The compiler and what belongs to it never run here.
    private static bool IsFramework(string name) =>
        name is "netstandard" or "mscorlib"
        || name.StartsWith("System.", StringComparison.Ordinal)
        || name.StartsWith("Kvmi.", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.Win32.", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal);

    private sealed class PluginImages(WorkerPlugin plugin) : AssemblyLoadContext("plugin " + plugin.Id, isCollectible: false)
    {
        public Assembly LoadMain() => LoadImage(plugin.Assemblies[0].Image);

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            var found = plugin.Assemblies.FirstOrDefault(assembly => string.Equals(assembly.Name, assemblyName.Name, StringComparison.OrdinalIgnoreCase));
            return found.Image is null ? null : LoadImage(found.Image);
        }

        private Assembly LoadImage(byte[] image)
        {
            using var stream = new MemoryStream(image, writable: false);
            return LoadFromStream(stream);
        }
    }
}
