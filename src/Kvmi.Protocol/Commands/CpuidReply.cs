namespace Kvmi.Protocol.Commands;

/// <summary>What GET_CPUID answers.</summary>
/// <param name="Eax">EAX.</param>
/// <param name="Ebx">EBX.</param>
/// <param name="Ecx">ECX.</param>
/// <param name="Edx">EDX.</param>
public readonly record struct CpuidReply(uint Eax, uint Ebx, uint Ecx, uint Edx);
