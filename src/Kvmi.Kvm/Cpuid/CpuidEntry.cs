namespace Kvmi.Kvm.Cpuid;

/// <summary>One answer of the CPUID instruction, struct kvm_cpuid_entry2.</summary>
/// <param name="Function">Leaf: EAX on entry.</param>
/// <param name="Index">Sub-leaf: ECX on entry; counts only when <see cref="HasIndex"/>.</param>
/// <param name="Flags">KVM_CPUID_FLAG_*: bit 0 the sub-leaf counts.</param>
/// <param name="Eax">EAX.</param>
/// <param name="Ebx">EBX.</param>
/// <param name="Ecx">ECX.</param>
/// <param name="Edx">EDX.</param>
public readonly record struct CpuidEntry(uint Function, uint Index, uint Flags, uint Eax, uint Ebx, uint Ecx, uint Edx)
{
    /// <summary>True when the sub-leaf counts.</summary>
    public bool HasIndex => (Flags & 1) != 0;
}
