using Kvmi.Kvm.Cpuid;
using Kvmi.Kvm.Introspection;

namespace Kvmi.Policy.Host.Doctor.Facts;

/// <summary>The KVM of this machine.</summary>
internal sealed record KvmFacts
{
    /// <summary>Why the device cannot be opened; null when it can.</summary>
    public string? OpenProblem { get; init; }

    /// <summary>What to do about <see cref="OpenProblem"/>.</summary>
    public string? OpenAdvice { get; init; }

    /// <summary>Version of the interface.</summary>
    public int ApiVersion { get; init; }

    /// <summary>Names of the loaded modules behind the device: kvm_intel, kvm_amd.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>Why no VM can be made; null when one can.</summary>
    public string? VmProblem { get; init; }

    /// <summary>Whether the kernel has introspection; null when no VM could be made to ask.</summary>
    public IntrospectionSupport? Introspection { get; init; }

    /// <summary>The emulated CPUID leaves; null when they could not be asked for.</summary>
    public IReadOnlyList<CpuidEntry>? EmulatedCpuid { get; init; }

    /// <summary>Why the leaves could not be asked for.</summary>
    public string? EmulatedCpuidProblem { get; init; }
}
