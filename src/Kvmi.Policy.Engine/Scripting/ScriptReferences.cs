using System.Collections.Immutable;
using System.Reflection;
using Kvmi.Protocol;
using Microsoft.CodeAnalysis;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>
/// What scripts are compiled against: a small fixed part of the framework and the contract. Built once for the process;
/// letting the compiler search references itself reads megabytes of native memory at each compilation.
/// </summary>
internal static class ScriptReferences
{
    private static readonly string[] Framework =
    [
        "System.Private.CoreLib", "System.Runtime", "System.Collections", "System.Collections.Immutable", "System.Linq", "System.Memory",
        "System.Numerics.Vectors", "System.Runtime.Extensions", "System.Runtime.InteropServices", "System.Runtime.Numerics",
    ];

    private static readonly Lazy<ImmutableArray<MetadataReference>> References = new(Build);

    /// <summary>The references, the same objects every time.</summary>
    public static ImmutableArray<MetadataReference> All => References.Value;

    private static ImmutableArray<MetadataReference> Build()
    {
        var framework = Path.GetDirectoryName(LocationOf(typeof(object).Assembly))!;
        return
        [
            .. Framework.Select(name => Path.Combine(framework, name + ".dll")).Where(File.Exists).Select(Reference),
            Reference(LocationOf(typeof(CommandKind).Assembly)),
            Reference(LocationOf(typeof(PolicyBase).Assembly)),
        ];
    }

    private static MetadataReference Reference(string path) => MetadataReference.CreateFromFile(path);

    private static string LocationOf(Assembly assembly) => assembly.Location is { Length: > 0 } path
        ? path
        : throw new InvalidOperationException(
            $"{assembly.GetName().Name} was not loaded from a file, so scripts cannot be compiled against it: do not publish the host as a single file.");
}
