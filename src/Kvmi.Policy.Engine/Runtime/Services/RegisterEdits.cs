using System.Runtime.InteropServices;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Engine.Runtime.Services;

/// <summary>One policy's edits of the waiting vCPU's registers; forgotten with the next event.</summary>
internal sealed class RegisterEdits : IRegisterEdits
{
    private const int RegisterCount = (int)GuestRegister.Rflags + 1;
    private readonly VmContext _context;
    private readonly ulong[] _values = new ulong[RegisterCount];
    private uint _edited;
    private long _eventNumber;

    public RegisterEdits(VmContext context) => _context = context;

    /// <summary>One bit per register that was edited in the current event.</summary>
    public uint Edited => _eventNumber == _context.Event.Number ? _edited : 0;

    public ulong Get(GuestRegister register)
    {
        using var custody = _context.Foreign.Enter();
        var index = Check(register);
        return (Edited & (1u << index)) != 0 ? _values[index] : Registers(ref _context.Event.Regs)[index];
    }

    public void Set(GuestRegister register, ulong value)
    {
        using var custody = _context.Foreign.Enter();
        var index = Check(register);
        if (_eventNumber != _context.Event.Number)
        {
            _eventNumber = _context.Event.Number;
            _edited = 0;
        }

        _values[index] = value;
        _edited |= 1u << index;
        _context.Event.HasEdits = true;
    }

    /// <summary>Writes the edits of registers that nobody wrote before.</summary>
    /// <param name="regs">The registers that will be sent.</param>
    /// <param name="taken">Registers that a stronger vote's policy edited; this policy's are added.</param>
    public void MergeInto(ref KvmRegs regs, ref uint taken)
    {
        var mine = Edited & ~taken;
        var target = Registers(ref regs);
        for (var i = 0; i < RegisterCount; i++)
        {
            if ((mine & (1u << i)) != 0)
            {
                target[i] = _values[i];
            }
        }

        taken |= mine;
    }

    // struct kvm_regs is 18 numbers of 64 bits in the order of GuestRegister (kvmi-later-dialects.md 3.8).
    private static Span<ulong> Registers(ref KvmRegs regs) => MemoryMarshal.CreateSpan(ref regs.Rax, RegisterCount);

    private int Check(GuestRegister register)
    {
        if ((uint)register >= RegisterCount)
        {
            throw new ArgumentOutOfRangeException(nameof(register), register, "There is no such register.");
        }

        return _context.Event.Active
            ? (int)register
            : throw new InvalidOperationException("Registers can be read and edited while a handler runs, not in top-level statements "
                + "or OnAttach.");
    }
}
