using System.Collections.Immutable;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>What the metadata of a file says.</summary>
/// <param name="Problem">Why it cannot be used at all; null when it is a sound .NET assembly.</param>
/// <param name="Name">Simple name of the assembly.</param>
/// <param name="Version">Its version.</param>
/// <param name="PluginId">Argument of its PolicyPluginAttribute; null without one.</param>
/// <param name="References">The assemblies that it references.</param>
internal sealed record AssemblyInspection(
    string? Problem,
    string Name,
    Version Version,
    string? PluginId,
    ImmutableArray<AssemblyReferenceName> References)
{
    /// <summary>Native libraries that its methods are imported from.</summary>
    public ImmutableArray<string> NativeImports { get; init; } = [];

    public static AssemblyInspection Unusable(string problem) => new(problem, "", new Version(0, 0), null, []);
}
