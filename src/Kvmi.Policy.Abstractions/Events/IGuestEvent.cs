using Kvmi.Protocol.Events;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy;

/// <summary>
/// What every event tells about the vCPU that waits. All of it comes from the guest's machine state in the message, at no
/// further cost. Guest values are hostile input.
/// </summary>
public interface IGuestEvent
{
    /// <summary>The message itself, for what has no property here.</summary>
    EventFrame Frame { get; }

    /// <summary>Index of the vCPU among the online ones, from 0; not the APIC id.</summary>
    ushort Vcpu { get; }

    /// <summary>Instruction pointer.</summary>
    ulong Rip { get; }

    /// <summary>Current privilege level, 0 to 3: the DPL of SS (Intel SDM volume 3, 5.5).</summary>
    int Cpl { get; }

    /// <summary>CR3 at the event: for a CR3 write, the old root.</summary>
    ulong Cr3 { get; }

    /// <summary>General registers, in place.</summary>
    ref readonly KvmRegs Regs { get; }

    /// <summary>Special registers, in place.</summary>
    ref readonly KvmSregs Sregs { get; }
}
