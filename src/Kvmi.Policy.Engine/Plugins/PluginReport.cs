using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Plugins;

/// <summary>What a plugin offers and needs, and where everything was looked for.</summary>
public sealed record PluginReport
{
    /// <summary>What its metadata says.</summary>
    public required PluginDescription Plugin { get; init; }

    /// <summary>Why it cannot be loaded; null when it can.</summary>
    public Finding? Problem { get; init; }

    /// <summary>Policy classes, with their namespaces.</summary>
    public IReadOnlyList<string> Policies { get; init; } = [];

    /// <summary>Methods of these that can be handlers.</summary>
    public IReadOnlyList<PluginHandler> Handlers { get; init; } = [];

    /// <summary>Types that it publishes as services: those that its code names in calls of Publish.</summary>
    public IReadOnlyList<string> Services { get; init; } = [];

    /// <summary>Classes that <c>--sink plugin:ID/CLASS</c> can name.</summary>
    public IReadOnlyList<string> Sinks { get; init; } = [];

    /// <summary>What it references, in the order in which it was found.</summary>
    public IReadOnlyList<PluginReference> References { get; init; } = [];

    /// <summary>Every file that was looked at for them, and what became of it.</summary>
    public IReadOnlyList<PluginProbe> Probes { get; init; } = [];
}
