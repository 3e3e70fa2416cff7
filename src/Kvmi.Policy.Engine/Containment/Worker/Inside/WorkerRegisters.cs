using System.Runtime.InteropServices;
using Kvmi.Policy.Engine.Runtime;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>A policy's edits of the registers, told to the host with its decision; forgotten with the next event.</summary>
/// <param name="current">The event under way.</param>
internal sealed class WorkerRegisters(CurrentEvent current) : IRegisterEdits
{
    /// <summary>How many registers there are.</summary>
    public const int Count = (int)GuestRegister.Rflags + 1;

    private readonly ulong[] _values = new ulong[Count];
    private uint _edited;
    private long _eventNumber;

    /// <summary>One bit per register that was edited in the current event.</summary>
    public uint Edited => _eventNumber == current.Number ? _edited : 0;

    public ulong Get(GuestRegister register)
    {
        var index = Check(register);
        return (Edited & (1u << index)) != 0 ? _values[index] : Registers(ref current.Regs)[index];
    }

    public void Set(GuestRegister register, ulong value)
    {
        var index = Check(register);
        _edited = Edited | (1u << index);
        _eventNumber = current.Number;
        _values[index] = value;
    }

    // struct kvm_regs is 18 numbers of 64 bits in the order of GuestRegister (kvmi-later-dialects.md 3.8).
    private static Span<ulong> Registers(ref KvmRegs regs) => MemoryMarshal.CreateSpan(ref regs.Rax, Count);

    private int Check(GuestRegister register)
    {
        if ((uint)register >= Count)
        {
            throw new ArgumentOutOfRangeException(nameof(register), register, "There is no such register.");
        }

        return current.Active
            ? (int)register
            : throw new InvalidOperationException("Registers can be read and edited while a handler runs, not in top-level statements "
                + "or OnAttach.");
    }
}
