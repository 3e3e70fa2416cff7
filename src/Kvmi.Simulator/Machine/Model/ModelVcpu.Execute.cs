using Iced.Intel;

namespace Kvmi.Simulator.Machine.Model;

/// <content>
/// Integer instructions. Each checks and reads everything before it changes a register, so that an instruction that ends in a fault or an
/// exit can be started again.
/// </content>
internal sealed partial class ModelVcpu
{
    private bool Execute(in Instruction i)
    {
        // Locked instructions are atomic against each other; plain accesses of other vCPUs do not wait, as on hardware.
        if (!i.HasLockPrefix && !(i.Mnemonic == Mnemonic.Xchg && i.Op0Kind == OpKind.Memory)) return Dispatch(in i);
        lock (_machine.BusLock) return Dispatch(in i);
    }

    private bool Dispatch(in Instruction i)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Mov:
                return Move(in i);
            case Mnemonic.Movzx:
            case Mnemonic.Movsx:
            case Mnemonic.Movsxd:
                return MoveExtended(in i);
            case Mnemonic.Lea:
                SetRegister(i.Op0Register, EffectiveOffset(in i));
                return true;
            case Mnemonic.Add:
            case Mnemonic.Adc:
            case Mnemonic.Sub:
            case Mnemonic.Sbb:
            case Mnemonic.And:
            case Mnemonic.Or:
            case Mnemonic.Xor:
            case Mnemonic.Cmp:
            case Mnemonic.Test:
                return Arithmetic(in i);
            case Mnemonic.Inc:
            case Mnemonic.Dec:
            case Mnemonic.Neg:
            case Mnemonic.Not:
                return Unary(in i);
            case Mnemonic.Shl:
            case Mnemonic.Sal:
            case Mnemonic.Shr:
            case Mnemonic.Sar:
                return Shift(in i);
            case Mnemonic.Bt:
            case Mnemonic.Bts:
            case Mnemonic.Btr:
                return BitTest(in i);
            case Mnemonic.Xchg:
                return Exchange(in i);
            case Mnemonic.Cmpxchg:
                return CompareExchange(in i);
            case Mnemonic.Push:
                return PushOperand(in i);
            case Mnemonic.Pop:
                return PopOperand(in i);
            case Mnemonic.Pushfq:
                return Push(_flags & ~(Flags.Resume));
            case Mnemonic.Popfq:
                return PopFlags();
            case Mnemonic.Call:
                return Call(in i);
            case Mnemonic.Jmp:
                return Jump(in i);
            case Mnemonic.Ret:
                return Return(in i);
            case Mnemonic.Leave:
                return Leave(in i);
            case Mnemonic.Cdqe:
                _gpr[Rax] = Alu.SignExtend(_gpr[Rax], 4);
                return true;
            case Mnemonic.Cqo:
                _gpr[Rdx] = (long)_gpr[Rax] < 0 ? ulong.MaxValue : 0;
                return true;
            case Mnemonic.Nop:
            case Mnemonic.Pause:
            case Mnemonic.Endbr64:
            case Mnemonic.Lfence:
            case Mnemonic.Sfence:
            case Mnemonic.Mfence:
                return true;
            case Mnemonic.Clc:
                _flags &= ~Flags.Carry;
                return true;
            case Mnemonic.Stc:
                _flags |= Flags.Carry;
                return true;
            case Mnemonic.Cld:
                _flags &= ~Flags.Direction;
                return true;
            case Mnemonic.Std:
                _flags |= Flags.Direction;
                return true;
            case Mnemonic.Stosb:
            case Mnemonic.Stosw:
            case Mnemonic.Stosd:
            case Mnemonic.Stosq:
                return StringStep(in i, isMove: false);
            case Mnemonic.Movsb:
            case Mnemonic.Movsw:
            case Mnemonic.Movsq:
            case Mnemonic.Movsd when i.Code == Code.Movsd_m32_m32:
                return StringStep(in i, isMove: true);
            default:
                if (i.Code.IsJccShortOrNear())
                {
                    if (!Alu.Evaluate(ConditionOf(in i), _flags)) return true;
                    return JumpTo(i.NearBranchTarget);
                }

                return Conditional(in i, out var known) && (known || ExecuteSystem(in i));
        }
    }

    /// <summary>The number that x86 encodes a condition with.</summary>
    private static int ConditionOf(in Instruction i) => i.ConditionCode switch
    {
        ConditionCode.o => 0,
        ConditionCode.no => 1,
        ConditionCode.b => 2,
        ConditionCode.ae => 3,
        ConditionCode.e => 4,
        ConditionCode.ne => 5,
        ConditionCode.be => 6,
        ConditionCode.a => 7,
        ConditionCode.s => 8,
        ConditionCode.ns => 9,
        ConditionCode.p => 10,
        ConditionCode.np => 11,
        ConditionCode.l => 12,
        ConditionCode.ge => 13,
        ConditionCode.le => 14,
        _ => 15,
    };

    private bool Conditional(in Instruction i, out bool known)
    {
        known = true;
        switch (i.Mnemonic)
        {
            case >= Mnemonic.Seta and <= Mnemonic.Sets when i.ConditionCode != ConditionCode.None:
                return WriteOperand(in i, 0, 1, Alu.Evaluate(ConditionOf(in i), _flags) ? 1UL : 0UL);
            case >= Mnemonic.Cmova and <= Mnemonic.Cmovs when i.ConditionCode != ConditionCode.None:
                var size = OperandSize(in i, 0);
                if (!ReadOperand(in i, 1, size, out var value)) return false;
                var kept = GetRegister(i.Op0Register);

                // Also a move that does not happen clears the upper half of a 32-bit destination.
                SetRegister(i.Op0Register, Alu.Evaluate(ConditionOf(in i), _flags) ? value : kept);
                return true;
            default:
                known = false;
                return true;
        }
    }

    private bool Move(in Instruction i)
    {
        if (i.Op0Kind == OpKind.Register && !IsGeneral(i.Op0Register)) return MoveToSystem(in i);
        if (i.Op1Kind == OpKind.Register && !IsGeneral(i.Op1Register)) return MoveFromSystem(in i);
        var size = OperandSize(in i, 0);
        return ReadOperand(in i, 1, size, out var value) && WriteOperand(in i, 0, size, value);
    }

    private bool MoveExtended(in Instruction i)
    {
        var from = OperandSize(in i, 1);
        if (!ReadOperand(in i, 1, from, out var value)) return false;
        if (i.Mnemonic != Mnemonic.Movzx) value = Alu.SignExtend(value, from);
        SetRegister(i.Op0Register, value);
        return true;
    }

    private bool Arithmetic(in Instruction i)
    {
        var size = OperandSize(in i, 0);
        if (!ReadOperand(in i, 0, size, out var a) || !ReadOperand(in i, 1, size, out var b)) return false;
        var flags = _flags;
        var carry = (flags & Flags.Carry) != 0;
        var result = i.Mnemonic switch
        {
            Mnemonic.Add => Alu.Add(a, b, false, size, ref flags),
            Mnemonic.Adc => Alu.Add(a, b, carry, size, ref flags),
            Mnemonic.Sub or Mnemonic.Cmp => Alu.Subtract(a, b, false, size, ref flags),
            Mnemonic.Sbb => Alu.Subtract(a, b, carry, size, ref flags),
            Mnemonic.Or => Alu.Logic(a | b, size, ref flags),
            Mnemonic.Xor => Alu.Logic(a ^ b, size, ref flags),
            _ => Alu.Logic(a & b, size, ref flags),
        };
        if (i.Mnemonic is not (Mnemonic.Cmp or Mnemonic.Test) && !WriteOperand(in i, 0, size, result)) return false;
        _flags = flags;
        return true;
    }

    private bool Unary(in Instruction i)
    {
        var size = OperandSize(in i, 0);
        if (!ReadOperand(in i, 0, size, out var value)) return false;
        var flags = _flags;
        var result = i.Mnemonic switch
        {
            Mnemonic.Inc => Alu.Step(value, true, size, ref flags),
            Mnemonic.Dec => Alu.Step(value, false, size, ref flags),
            Mnemonic.Neg => Alu.Subtract(0, value, false, size, ref flags),
            _ => ~value & Alu.Mask(size),
        };
        if (!WriteOperand(in i, 0, size, result)) return false;
        _flags = flags;
        return true;
    }

    private bool Shift(in Instruction i)
    {
        var size = OperandSize(in i, 0);
        if (!ReadOperand(in i, 0, size, out var value) || !ReadOperand(in i, 1, 1, out var count)) return false;
        var flags = _flags;
        var result = i.Mnemonic is Mnemonic.Shl or Mnemonic.Sal
            ? Alu.ShiftLeft(value, (int)count, size, ref flags)
            : Alu.ShiftRight(value, (int)count, i.Mnemonic == Mnemonic.Sar, size, ref flags);
        if (!WriteOperand(in i, 0, size, result)) return false;
        _flags = flags;
        return true;
    }

    private bool BitTest(in Instruction i)
    {
        // A bit number in a register may reach outside a memory operand; the programs here do not need that form.
        if (i.Op0Kind == OpKind.Memory && i.Op1Kind == OpKind.Register) return RaiseInvalidOpcode();
        var size = OperandSize(in i, 0);
        if (!ReadOperand(in i, 0, size, out var value) || !ReadOperand(in i, 1, size, out var number)) return false;
        var bit = 1UL << (int)(number & (ulong)((size * 8) - 1));
        var result = i.Mnemonic == Mnemonic.Bts ? value | bit : value & ~bit;
        if (i.Mnemonic != Mnemonic.Bt && !WriteOperand(in i, 0, size, result)) return false;
        _flags = (value & bit) != 0 ? _flags | Flags.Carry : _flags & ~Flags.Carry;
        return true;
    }

    private bool Exchange(in Instruction i)
    {
        var size = OperandSize(in i, 0);
        if (!ReadOperand(in i, 0, size, out var first) || !ReadOperand(in i, 1, size, out var second)) return false;

        // The first operand alone can be memory: once it is written nothing can fail.
        return WriteOperand(in i, 0, size, second) && WriteOperand(in i, 1, size, first);
    }

    private bool CompareExchange(in Instruction i)
    {
        var size = OperandSize(in i, 0);
        if (!ReadOperand(in i, 0, size, out var current) || !ReadOperand(in i, 1, size, out var wanted)) return false;
        var flags = _flags;
        var expected = _gpr[Rax] & Alu.Mask(size);
        Alu.Subtract(expected, current, false, size, ref flags);

        // The destination is written in both cases, as hardware does.
        if (!WriteOperand(in i, 0, size, expected == current ? wanted : current)) return false;
        if (expected != current) SetRegister(AccumulatorOf(size), current);
        _flags = flags;
        return true;
    }

    private static Register AccumulatorOf(int size) => size switch
    {
        1 => Register.AL,
        2 => Register.AX,
        4 => Register.EAX,
        _ => Register.RAX,
    };
}
