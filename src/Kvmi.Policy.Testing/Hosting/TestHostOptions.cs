using System.Reflection;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Testing.Guests;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>What a <see cref="TestHost"/> runs.</summary>
public sealed record TestHostOptions
{
    /// <summary>Policies on disk: folders, searched as <c>run --policies</c> does, or policy files.</summary>
    public IReadOnlyList<string> Policies { get; init; } = [];

    /// <summary>Policies as text: each is what a policy.yaml holds, with its script under <c>script: { inline: ... }</c> when it has one.</summary>
    public IReadOnlyList<string> PolicyTexts { get; init; } = [];

    /// <summary>
    /// Plugins that this process has loaded already, usually because the test project references theirs: policies get instances of the very types
    /// that the test sees, and the debugger and coverage tools of the test project work on them.
    /// </summary>
    public IReadOnlyList<Assembly> Plugins { get; init; } = [];

    /// <summary>Directories of built plugins, loaded as the host loads them.</summary>
    public IReadOnlyList<string> PluginDirectories { get; init; } = [];

    /// <summary>Mode for every policy; null takes the files'.</summary>
    public PolicyMode? Mode { get; init; }

    /// <summary>
    /// Parameter values by name, for policies that are loaded alone: every policy must have them. Numbers, bool, string, and lists of them, as a
    /// policy file would have them.
    /// </summary>
    public IReadOnlyDictionary<string, object> Parameters { get; init; } = new Dictionary<string, object>();

    /// <summary>The VM that is attached first.</summary>
    public FakeVm Vm { get; init; } = new();
}
