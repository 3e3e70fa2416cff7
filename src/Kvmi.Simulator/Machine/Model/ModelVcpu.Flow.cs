using Iced.Intel;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Stack, branches and string instructions.</content>
internal sealed partial class ModelVcpu
{
    private bool PushOperand(in Instruction i)
    {
        if (i.StackPointerIncrement != -8) return RaiseInvalidOpcode();
        return ReadOperand(in i, 0, 8, out var value) && Push(value);
    }

    private bool PopOperand(in Instruction i)
    {
        if (i.StackPointerIncrement != 8) return RaiseInvalidOpcode();
        if (!Peek(out var value)) return false;

        // The address of a memory operand is computed with the new stack pointer.
        _gpr[Rsp] += 8;
        if (WriteOperand(in i, 0, 8, value)) return true;
        _gpr[Rsp] -= 8;
        return false;
    }

    private bool PopFlags()
    {
        if (!Peek(out var value)) return false;
        var kept = FlagsKeptByPop();
        _flags = Flags.Normalize(((value & ~kept) | (_flags & kept)) & ~Flags.Resume);
        _gpr[Rsp] += 8;
        return true;
    }

    private bool BranchTarget(in Instruction i, out ulong target)
    {
        if (i.Op0Kind == OpKind.NearBranch64)
        {
            target = i.NearBranchTarget;
            return true;
        }

        if (!IsNarrowMode && (i.IsCallNearIndirect || i.IsJmpNearIndirect)) return ReadOperand(in i, 0, 8, out target);
        target = 0;
        return RaiseInvalidOpcode();
    }

    private bool Call(in Instruction i)
    {
        if (!BranchTarget(in i, out var target)) return false;
        if (!ControlBits.IsCanonical(target)) return RaiseGeneralProtection();
        if (!Push(_nextRip)) return false;
        _nextRip = target;
        return true;
    }

    private bool Jump(in Instruction i)
    {
        if (i.IsJmpFar || i.IsJmpFarIndirect) return JumpFar(in i);
        if (i.Op0Kind == OpKind.NearBranch32) return JumpTo(i.NearBranchTarget);
        return BranchTarget(in i, out var target) && JumpTo(target);
    }

    private bool JumpTo(ulong target)
    {
        if (!ControlBits.IsCanonical(target)) return RaiseGeneralProtection();
        _nextRip = target;
        return true;
    }

    private bool Return(in Instruction i)
    {
        if (i.Code is not (Code.Retnq or Code.Retnq_imm16)) return RaiseInvalidOpcode();
        if (!Peek(out var target)) return false;
        if (!ControlBits.IsCanonical(target)) return RaiseGeneralProtection();
        _gpr[Rsp] += 8 + (i.Code == Code.Retnq_imm16 ? i.Immediate16 : 0UL);
        _nextRip = target;
        return true;
    }

    private bool Leave(in Instruction i)
    {
        if (i.Code != Code.Leaveq) return RaiseInvalidOpcode();
        var top = _gpr[Rbp];
        if (!ControlBits.IsCanonical(top) || !ControlBits.IsCanonical(top + 7)) return Raise(ExceptionVector.StackFault);
        if (!Read(top, 8, out var value)) return false;
        _gpr[Rbp] = value;
        _gpr[Rsp] = top + 8;
        return true;
    }

    /// <summary>One round of a string instruction: with REP the instruction stays current until RCX is used up.</summary>
    private bool StringStep(in Instruction i, bool isMove)
    {
        var isRepeated = i.HasRepPrefix || i.HasRepnePrefix;
        var isNarrow = i.Op0Kind != OpKind.MemoryESRDI || (isMove && i.Op1Kind != OpKind.MemorySegRSI);
        if (isNarrow) return RaiseInvalidOpcode();
        if (isRepeated && _gpr[Rcx] == 0) return true;

        var size = i.MemorySize.GetSize();
        var step = (_flags & Flags.Direction) != 0 ? (ulong)-size : (ulong)size;
        var value = _gpr[Rax] & Alu.Mask(size);
        if (isMove)
        {
            var source = _gpr[Rsi];
            if (i.MemorySegment == Register.FS) source += _fs.Base;
            else if (i.MemorySegment == Register.GS) source += _gs.Base;
            if (!IsUsable(source, size)) return RaiseGeneralProtection();
            if (!Read(source, size, out value)) return false;
        }

        if (!IsUsable(_gpr[Rdi], size)) return RaiseGeneralProtection();
        if (!Write(_gpr[Rdi], size, value)) return false;
        _gpr[Rdi] += step;
        if (isMove) _gpr[Rsi] += step;
        if (!isRepeated || --_gpr[Rcx] == 0) return true;
        _nextRip = _rip;
        _repeats = true;
        return true;
    }

    private static bool IsUsable(ulong gva, int size) => ControlBits.IsCanonical(gva) && ControlBits.IsCanonical(gva + (ulong)size - 1);
}
