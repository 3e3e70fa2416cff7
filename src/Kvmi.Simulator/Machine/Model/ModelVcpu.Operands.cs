using Iced.Intel;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Operands of instructions: general registers, memory, immediates, the stack.</content>
internal sealed partial class ModelVcpu
{
    private static int OperandSize(in Instruction i, int operand) => i.GetOpKind(operand) switch
    {
        OpKind.Register => i.GetOpRegister(operand).GetSize(),
        OpKind.Memory => i.MemorySize.GetSize(),
        OpKind.Immediate8 => 1,
        OpKind.Immediate16 or OpKind.Immediate8to16 => 2,
        OpKind.Immediate32 or OpKind.Immediate8to32 => 4,
        _ => 8,
    };

    private static bool IsGeneral(Register register) => register is >= Register.AL and <= Register.R15;

    private ulong GetRegister(Register register)
    {
        if (register >= Register.RAX) return _gpr[register - Register.RAX];
        if (register >= Register.EAX) return (uint)_gpr[register - Register.EAX];
        if (register >= Register.AX) return (ushort)_gpr[register - Register.AX];
        var index = register - Register.AL;
        return index switch
        {
            < 4 => (byte)_gpr[index],
            < 8 => (byte)(_gpr[index - 4] >> 8),
            _ => (byte)_gpr[index - 4],
        };
    }

    private void SetRegister(Register register, ulong value)
    {
        if (register >= Register.RAX)
        {
            _gpr[register - Register.RAX] = value;
        }
        else if (register >= Register.EAX)
        {
            _gpr[register - Register.EAX] = (uint)value;
        }
        else if (register >= Register.AX)
        {
            ref var word = ref _gpr[register - Register.AX];
            word = (word & ~0xFFFFUL) | (ushort)value;
        }
        else
        {
            var index = register - Register.AL;
            ref var whole = ref _gpr[index < 4 ? index : index - 4];
            whole = index is >= 4 and < 8 ? (whole & ~0xFF00UL) | ((value & 0xFF) << 8) : (whole & ~0xFFUL) | (byte)value;
        }
    }

    private ulong EffectiveOffset(in Instruction i)
    {
        var address = i.MemoryDisplacement64;
        var baseRegister = i.MemoryBase;

        // For a RIP-relative operand the displacement is already the target.
        if (IsGeneral(baseRegister)) address += GetRegister(baseRegister);
        if (IsGeneral(i.MemoryIndex)) address += GetRegister(i.MemoryIndex) * (ulong)i.MemoryIndexScale;
        var isNarrow = IsNarrow(baseRegister) || IsNarrow(i.MemoryIndex);
        return isNarrow ? (uint)address : address;
    }

    private static bool IsNarrow(Register register) => register is (>= Register.EAX and <= Register.R15D) or Register.EIP;

    private bool Linear(in Instruction i, int size, out ulong gva)
    {
        var segment = i.MemorySegment;
        gva = EffectiveOffset(in i);
        if (IsNarrowMode) return LinearNarrow(segment, size, ref gva);
        if (segment == Register.FS) gva += _fs.Base;
        else if (segment == Register.GS) gva += _gs.Base;
        if (ControlBits.IsCanonical(gva) && ControlBits.IsCanonical(gva + (ulong)size - 1)) return true;
        return segment == Register.SS ? Raise(ExceptionVector.StackFault) : RaiseGeneralProtection();
    }

    private bool ReadOperand(in Instruction i, int operand, int size, out ulong value)
    {
        var kind = i.GetOpKind(operand);
        switch (kind)
        {
            case OpKind.Register:
                var register = i.GetOpRegister(operand);
                value = IsGeneral(register) ? GetRegister(register) : 0;
                return IsGeneral(register) || RaiseInvalidOpcode();
            case OpKind.Memory:
                value = 0;
                return Linear(in i, size, out var gva) && Read(gva, size, out value);
            default:
                value = i.GetImmediate(operand) & Alu.Mask(size);
                return true;
        }
    }

    private bool WriteOperand(in Instruction i, int operand, int size, ulong value)
    {
        if (i.GetOpKind(operand) != OpKind.Register) return Linear(in i, size, out var gva) && Write(gva, size, value & Alu.Mask(size));
        var register = i.GetOpRegister(operand);
        if (!IsGeneral(register)) return RaiseInvalidOpcode();
        SetRegister(register, value);
        return true;
    }

    private bool Push(ulong value)
    {
        var top = _gpr[Rsp] - 8;
        if (!ControlBits.IsCanonical(top) || !ControlBits.IsCanonical(top + 7)) return Raise(ExceptionVector.StackFault);
        if (!Write(top, 8, value)) return false;
        _gpr[Rsp] = top;
        return true;
    }

    private bool Peek(out ulong value)
    {
        var top = _gpr[Rsp];
        value = 0;
        if (!ControlBits.IsCanonical(top) || !ControlBits.IsCanonical(top + 7)) return Raise(ExceptionVector.StackFault);
        return Read(top, 8, out value);
    }
}
