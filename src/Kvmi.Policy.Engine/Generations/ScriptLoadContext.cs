using System.Reflection;
using System.Runtime.Loader;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Generations;

/// <summary>
/// Holds all scripts of one generation: one context for the set, because calls into many small contexts are several times
/// slower. The contract is the host's; plugin assemblies are the ones that the generation loaded.
/// </summary>
internal sealed class ScriptLoadContext : AssemblyLoadContext
{
    private readonly Dictionary<string, Assembly> _known;

    public ScriptLoadContext(int generation, IEnumerable<Assembly> plugins)
        : base($"policy generation {generation}", isCollectible: true)
    {
        _known = plugins.Append(typeof(PolicyBase).Assembly).Append(typeof(CommandKind).Assembly)
            .ToDictionary(assembly => assembly.GetName().Name!, StringComparer.OrdinalIgnoreCase);
    }

    public Assembly Load(byte[] image, byte[] symbols)
    {
        using var imageStream = new MemoryStream(image);
        using var symbolStream = new MemoryStream(symbols);
        return LoadFromStream(imageStream, symbolStream);
    }

    protected override Assembly? Load(AssemblyName assemblyName) => _known.GetValueOrDefault(assemblyName.Name!);
}
