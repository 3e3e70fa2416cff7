using System.Collections.Frozen;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>
/// The switches of single policies that were set while the engine runs, by policy id. Immutable: a change is another object, so that a VM
/// notices it by comparing one reference.
/// </summary>
internal sealed class PolicyModes
{
    private readonly FrozenDictionary<string, PolicyMode> _modes;

    private PolicyModes(FrozenDictionary<string, PolicyMode> modes) => _modes = modes;

    /// <summary>No switch is set.</summary>
    public static PolicyModes AsWritten { get; } = new(FrozenDictionary<string, PolicyMode>.Empty);

    /// <summary>The switch of a policy; null when none is set.</summary>
    public PolicyMode? Find(string policyId) => _modes.TryGetValue(policyId, out var mode) ? mode : null;

    /// <summary>The mode of a policy: the switch, else its definition's. An experimental policy does not enforce by a switch.</summary>
    public PolicyMode Of(PolicyDefinition definition) =>
        Find(definition.Id) is not { } mode || (mode == PolicyMode.Enforce && definition.Status == "experimental") ? definition.Mode : mode;

    /// <summary>The same with one switch changed, or taken back with null.</summary>
    public PolicyModes With(string policyId, PolicyMode? mode)
    {
        var next = new Dictionary<string, PolicyMode>(_modes, StringComparer.Ordinal);
        if (mode is { } given)
        {
            next[policyId] = given;
        }
        else
        {
            next.Remove(policyId);
        }

        return new PolicyModes(next.ToFrozenDictionary(StringComparer.Ordinal));
    }
}
