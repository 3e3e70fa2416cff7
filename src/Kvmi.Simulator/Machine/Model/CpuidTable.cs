using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Machine.Model;

/// <summary>The CPUID leaves of the model: a plain 64-bit CPU under a hypervisor.</summary>
internal static class CpuidTable
{
    private const uint HighestBasic = 0xD;
    private const uint HighestExtended = 0x8000_0008;

    /// <summary>Family, model and stepping (leaf 1, EAX).</summary>
    public const uint Signature = 0x000906EA;

    public static bool TryGet(uint function, uint index, int vcpu, bool osxsave, ulong xcr0, out CpuidReply reply)
    {
        reply = default;
        switch (function)
        {
            case 0:
                reply = Text(HighestBasic, "GenuineIntel");
                return true;
            case 1:
                // Family 6; APIC id; SSE3, VMX (which IA32_FEATURE_CONTROL locks off), x2APIC, XSAVE, OSXSAVE, hypervisor; the features every 64-bit CPU has.
                reply = new CpuidReply(
                    Signature,
                    ((uint)vcpu << 24) | 0x0001_0800,
                    0x8420_0021 | (osxsave ? 1u << 27 : 0),
                    0x0781_A9F9);
                return true;
            case 7:
                // FSGSBASE, SMEP, SMAP in EBX, UMIP in ECX.
                if (index == 0) reply = new CpuidReply(0, (1u << 0) | (1u << 7) | (1u << 20), 1u << 2, 0);
                return true;
            case 0xD:
                if (index == 0) reply = new CpuidReply(7, xcr0 > 3 ? 832u : 576u, 832, 0);
                return true;
            case > 1 and <= HighestBasic:
                return true;
            case 0x4000_0000:
                reply = Text(0x4000_0001, "KVMKVMKVM\0\0\0", hypervisorOrder: true);
                return true;
            case 0x4000_0001:
                return true;
            case 0x8000_0000:
                reply = new CpuidReply(HighestExtended, 0, 0, 0);
                return true;
            case 0x8000_0001:
                // LAHF in ECX; SYSCALL, NX, 1 GiB pages, long mode in EDX.
                reply = new CpuidReply(0, 0, 1, (1u << 11) | (1u << 20) | (1u << 26) | (1u << 29));
                return true;
            case > 0x8000_0001 and < HighestExtended:
                return true;
            case HighestExtended:
                reply = new CpuidReply(ControlBits.PhysicalAddressBits | (48u << 8), 0, 0, 0);
                return true;
            default:
                return false;
        }
    }

    private static CpuidReply Text(uint eax, string name, bool hypervisorOrder = false)
    {
        var first = Word(name, 0);
        var second = Word(name, 4);
        var third = Word(name, 8);
        return hypervisorOrder ? new CpuidReply(eax, first, second, third) : new CpuidReply(eax, first, third, second);
    }

    private static uint Word(string name, int at) =>
        name[at] | ((uint)name[at + 1] << 8) | ((uint)name[at + 2] << 16) | ((uint)name[at + 3] << 24);
}
