using Iced.Intel;
using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Machine.Model;

/// <content>
/// 32-bit code under a 64-bit kernel (compatibility mode, Intel SDM volume 3, 5.2.1 and 5.8.1): as much as a program needs that goes there with a far jump,
/// makes a hypercall and comes back. Code segments are flat; stack instructions, calls and 16-bit code are #UD.
/// </content>
internal sealed partial class ModelVcpu
{
    // Made when the first 32-bit code runs; few guests have any.
    private InstructionCache? _narrowInstructions;
    private ulong _ripMask = ulong.MaxValue;

    private bool IsNarrowMode => _ripMask != ulong.MaxValue;

    private void SetCodeSegment(in KvmSegment code)
    {
        _cs = code;
        _ripMask = code.L != 0 ? ulong.MaxValue : uint.MaxValue;
        _instructions = code.L != 0 ? _wideInstructions : _narrowInstructions ??= new InstructionCache(32);
    }

    /// <summary>True for 64-bit and flat 32-bit code.</summary>
    private static bool IsRunnable(in KvmSegment code) =>
        code.S == 1 && (code.Type & 8) != 0 && code.L != code.Db && (code.L != 0 || (code.Base == 0 && code.Limit == uint.MaxValue));

    private bool JumpFar(in Instruction i)
    {
        ulong target;
        ulong selectorValue;
        if (i.IsJmpFarIndirect)
        {
            var size = i.MemorySize.GetSize() - sizeof(ushort);
            if (size < sizeof(uint)) return RaiseInvalidOpcode();
            if (!Linear(in i, size + sizeof(ushort), out var gva)) return false;
            if (!Read(gva, size, out target) || !Read(gva + (ulong)size, sizeof(ushort), out selectorValue)) return false;
        }
        else
        {
            if (i.Op0Kind != OpKind.FarBranch32) return RaiseInvalidOpcode();
            target = i.FarBranch32;
            selectorValue = i.FarBranchSelector;
        }

        // Intel SDM volume 2, JMP: only jumps to code segments; gates and tasks are #GP here.
        var selector = (ushort)selectorValue;
        var error = selector & 0xFFFCu;
        if (error == 0) return RaiseGeneralProtection();
        if (!ReadDescriptor(selector, error, out var descriptor)) return false;
        var code = ToSegment(selector, descriptor);
        var isConforming = (code.Type & 4) != 0;
        var levelFits = isConforming ? code.Dpl <= _cpl : code.Dpl == _cpl && (selector & 3) <= _cpl;
        if (!IsRunnable(in code) || !levelFits) return RaiseGeneralProtection(error);
        if (code.Present == 0) return Raise(ExceptionVector.SegmentNotPresent, error);
        if (code.L != 0 ? !ControlBits.IsCanonical(target) : target > uint.MaxValue) return RaiseGeneralProtection();
        code.Selector = (ushort)((selector & ~3) | _cpl);
        code.Dpl = (byte)_cpl;
        SetCodeSegment(in code);
        _nextRip = target;
        return true;
    }

    /// <summary>Turns an offset into a linear address as 32-bit code does: with the segment's base, 32 bits wide.</summary>
    private bool LinearNarrow(Register segment, int size, ref ulong gva)
    {
        ref var descriptor = ref SegmentOf(segment);
        var last = (uint)gva + (ulong)size - 1;
        if (descriptor.Unusable != 0 || last > descriptor.Limit)
            return segment == Register.SS ? Raise(ExceptionVector.StackFault) : RaiseGeneralProtection();
        gva = (uint)(descriptor.Base + gva);
        return true;
    }

    /// <summary>32-bit code gets a 32-bit result, as KVM gives it.</summary>
    private void SetHypercallResult(ulong result) => _gpr[Rax] = result & _ripMask;
}
