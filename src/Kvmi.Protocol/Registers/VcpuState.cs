namespace Kvmi.Protocol.Registers;

/// <summary>The machine state of one vCPU that an event carries.</summary>
public struct VcpuState
{
    /// <summary>Operand size of the CPU mode in bytes: 2, 4 or 8.</summary>
    public byte Mode;

    /// <summary>EPT view; 0 where the dialect knows no views.</summary>
    public ushort View;

    /// <summary>General registers.</summary>
    public KvmRegs Regs;

    /// <summary>Special registers.</summary>
    public KvmSregs Sregs;

    /// <summary>The nine MSRs of an event.</summary>
    public KvmEventMsrs Msrs;
}
