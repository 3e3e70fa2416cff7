using Kvmi.Protocol.Ioctls;

namespace Kvmi.Kvm.Introspection;

/// <summary>Whether a kernel has introspection.</summary>
/// <param name="Series">
/// The series that it may be, the likeliest first; empty when the kernel has none. Several, when their numbers do not tell them apart.
/// </param>
/// <param name="IsSwitchedOff">True when the kernel has it and refuses it: the module was loaded without introspection=1.</param>
/// <param name="Capabilities">What the kernel answered to every number that KVM_CAP_INTROSPECTION ever had, in ascending order.</param>
public sealed record IntrospectionSupport(
    IReadOnlyList<IntrospectionSeries> Series, bool IsSwitchedOff, IReadOnlyList<CapabilityAnswer> Capabilities)
{
    /// <summary>True when the kernel has introspection, switched off or not.</summary>
    public bool IsPresent => Series.Count > 0;
}
