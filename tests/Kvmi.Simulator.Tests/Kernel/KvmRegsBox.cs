using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Tests.Kernel;

/// <summary>Registers that a lambda may change.</summary>
internal sealed class KvmRegsBox
{
    public KvmRegs Regs;
}
