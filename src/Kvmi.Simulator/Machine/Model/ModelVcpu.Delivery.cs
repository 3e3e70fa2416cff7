using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Delivery of exceptions through the IDT in 64-bit mode and the way back (Intel SDM volume 3, 6.14 and 6.15).</content>
internal sealed partial class ModelVcpu
{
    private const uint ErrorExternal = 1;
    private const uint ErrorInIdt = 2;
    private const int GateSize = 16;
    private const byte InterruptGate = 0xE;
    private const byte TrapGate = 0xF;

    /// <summary>Enters the handler of the pending fault. On an exit the fault stays pending and is delivered by the next entry.</summary>
    private void Deliver()
    {
        while (true)
        {
            var first = _fault;
            _hasExit = false;
            _hasFault = false;
            _delivers = true;
            var entered = TryDeliver(in first);
            _delivers = false;
            if (entered) return;
            if (_hasExit)
            {
                _fault = first;
                _hasFault = true;
                return;
            }

            // Another fault came in between: it replaces the first, or both become a double fault, or the CPU gives up.
            if (first.Vector == ExceptionVector.DoubleFault && first.SoftwareLength == 0)
            {
                _hasFault = false;
                _shutdown = true;
                return;
            }

            if (MakesDoubleFault(in first, _fault.Vector)) _fault = new GuestFault(ExceptionVector.DoubleFault);
        }
    }

    private static bool MakesDoubleFault(in GuestFault first, byte second)
    {
        if (first.SoftwareLength != 0) return false;
        if (ExceptionVector.IsContributory(first.Vector)) return ExceptionVector.IsContributory(second);
        return first.Vector is ExceptionVector.PageFault or ExceptionVector.Virtualization
            && (second is ExceptionVector.PageFault or ExceptionVector.Virtualization || ExceptionVector.IsContributory(second));
    }

    private bool TryDeliver(in GuestFault fault)
    {
        var isSoftware = fault.SoftwareLength != 0;
        var external = isSoftware ? 0 : ErrorExternal;
        var gateError = ((uint)fault.Vector * 8) | ErrorInIdt | external;

        // The address register is written before the handler is looked up: a fault in between sees it already.
        if (fault.Vector == ExceptionVector.PageFault && !isSoftware) _cr2 = fault.Address;
        if ((fault.Vector * GateSize) + GateSize - 1 > _idt.Limit) return RaiseGeneralProtection(gateError);
        var gate = _idt.Base + ((ulong)fault.Vector * GateSize);
        if (!ReadSystem(gate, 8, out var low) || !ReadSystem(gate + 8, 8, out var high)) return false;

        var type = (byte)((low >> 40) & 0x1F);
        if (type is not (InterruptGate or TrapGate)) return RaiseGeneralProtection(gateError);
        if (isSoftware && (int)((low >> 45) & 3) < _cpl) return RaiseGeneralProtection(gateError);
        if (((low >> 47) & 1) == 0) return Raise(ExceptionVector.SegmentNotPresent, gateError);

        var selector = (ushort)(low >> 16);
        if (!ReadCodeSegment(selector, external, out var code)) return false;
        var target = (low & 0xFFFF) | ((low >> 32) & 0xFFFF_0000) | (high << 32);
        if (!ControlBits.IsCanonical(target)) return RaiseGeneralProtection(external);
        if (!PickStack((int)((low >> 32) & 7), code.Dpl, external, out var stack)) return false;
        if (!PushFrame(in fault, stack, code.Dpl, out var top)) return false;

        if (code.Dpl != _cpl) _ss = new KvmSegment { Selector = code.Dpl, Dpl = code.Dpl, Unusable = 1 };
        _cpl = code.Dpl;
        code.Selector = (ushort)((selector & ~3) | _cpl);
        SetCodeSegment(in code);
        _gpr[Rsp] = top;
        _rip = target;
        _flags &= ~(Flags.Trap | Flags.NestedTask | Flags.Resume);
        if (type == InterruptGate) _flags &= ~Flags.Interrupt;
        return true;
    }

    private bool ReadCodeSegment(ushort selector, uint external, out KvmSegment code)
    {
        code = default;
        var error = (selector & 0xFFFCu) | external;
        if ((selector & ~3) == 0) return RaiseGeneralProtection(external);
        if (!ReadDescriptor(selector, error, out var descriptor)) return false;
        code = ToSegment(selector, descriptor);
        if (code.S == 0 || (code.Type & 8) == 0 || code.L == 0 || code.Dpl > _cpl) return RaiseGeneralProtection(error);
        if (code.Present == 0) return Raise(ExceptionVector.SegmentNotPresent, error);

        // Conforming code runs at the level of the interrupted code.
        if ((code.Type & 4) != 0) code.Dpl = (byte)_cpl;
        return true;
    }

    private bool PickStack(int ist, int cpl, uint external, out ulong stack)
    {
        stack = _gpr[Rsp];
        if (ist == 0 && cpl == _cpl)
        {
            stack &= ~0xFUL;
            return true;
        }

        // TSS: RSP0 at 4, IST1 at 36.
        var offset = ist == 0 ? 4 + (cpl * 8) : 28 + (ist * 8);
        if ((uint)offset + 7 > _tr.Limit) return Raise(ExceptionVector.InvalidTss, (_tr.Selector & 0xFFFCu) | external);
        if (!ReadSystem(_tr.Base + (ulong)offset, 8, out stack)) return false;
        if (!ControlBits.IsCanonical(stack)) return Raise(ExceptionVector.StackFault, external);
        stack &= ~0xFUL;
        return true;
    }

    private bool PushFrame(in GuestFault fault, ulong stack, int cpl, out ulong top)
    {
        var isSoftware = fault.SoftwareLength != 0;
        var asUser = cpl == 3;
        top = stack - 40;
        var hasError = !isSoftware && ExceptionVector.HasErrorCode(fault.Vector);
        if (hasError) top -= 8;
        if (!ControlBits.IsCanonical(top) || !ControlBits.IsCanonical(stack - 1)) return Raise(ExceptionVector.StackFault);

        // The old RIP is that of the faulting instruction; behind it for INT n and INT3. RFLAGS.RF is not modelled.
        return Write(stack - 8, 8, _ss.Selector, asUser, true)
            && Write(stack - 16, 8, _gpr[Rsp], asUser, true)
            && Write(stack - 24, 8, _flags, asUser, true)
            && Write(stack - 32, 8, _cs.Selector, asUser, true)
            && Write(stack - 40, 8, _rip + fault.SoftwareLength, asUser, true)
            && (!hasError || Write(top, 8, fault.ErrorCode, asUser, true));
    }

    private bool InterruptReturn()
    {
        if ((_flags & Flags.NestedTask) != 0) return RaiseGeneralProtection();
        var stack = _gpr[Rsp];
        if (!ControlBits.IsCanonical(stack) || !ControlBits.IsCanonical(stack + 39)) return Raise(ExceptionVector.StackFault);
        if (!Read(stack, 8, out var rip) || !Read(stack + 8, 8, out var codeSelector) || !Read(stack + 16, 8, out var flags)) return false;
        if (!Read(stack + 24, 8, out var rsp) || !Read(stack + 32, 8, out var stackSelector)) return false;

        var selector = (ushort)codeSelector;
        var cpl = selector & 3;
        if ((selector & ~3) == 0) return RaiseGeneralProtection();
        if (!ReadDescriptor(selector, selector & 0xFFFCu, out var descriptor)) return false;
        var code = ToSegment(selector, descriptor);
        var isConforming = (code.Type & 4) != 0;
        var levelFits = isConforming ? code.Dpl <= cpl : code.Dpl == cpl;
        if (!IsRunnable(in code) || cpl < _cpl || !levelFits) return RaiseGeneralProtection(selector & 0xFFFCu);
        if (code.Present == 0) return Raise(ExceptionVector.SegmentNotPresent, selector & 0xFFFCu);
        if (!ReadStackSegment((ushort)stackSelector, cpl, out var stackSegment)) return false;
        if (!ControlBits.IsCanonical(rip)) return RaiseGeneralProtection();

        var kept = FlagsKeptByPop();
        _flags = Flags.Normalize((flags & ~kept) | (_flags & kept));
        SetCodeSegment(in code);
        _cpl = cpl;
        _ss = stackSegment;
        _gpr[Rsp] = rsp;
        _nextRip = rip & _ripMask;
        return true;
    }

    private bool ReadStackSegment(ushort selector, int cpl, out KvmSegment segment)
    {
        segment = new KvmSegment { Selector = selector, Dpl = (byte)cpl, Unusable = 1 };
        var error = selector & 0xFFFCu;
        if ((selector & ~3) == 0) return (cpl != 3 && (selector & 3) == cpl) || RaiseGeneralProtection(error);
        if (!ReadDescriptor(selector, error, out var descriptor)) return false;
        segment = ToSegment(selector, descriptor);
        var isWritableData = segment.S == 1 && (segment.Type & 0xA) == 2;
        if (!isWritableData || (selector & 3) != cpl || segment.Dpl != cpl) return RaiseGeneralProtection(error);
        return segment.Present == 1 || Raise(ExceptionVector.StackFault, error);
    }

    /// <summary>Flags that POPF and IRET may not change at this privilege level.</summary>
    private ulong FlagsKeptByPop()
    {
        var iopl = (int)((_flags & Flags.Iopl) >> 12);
        var kept = _cpl == 0 ? 0 : Flags.Iopl;
        return _cpl > iopl ? kept | Flags.Interrupt : kept;
    }

    /// <summary>Reads an 8-byte descriptor of the GDT or LDT that a selector names.</summary>
    private bool ReadDescriptor(ushort selector, uint error, out ulong descriptor)
    {
        descriptor = 0;
        var isLocal = (selector & 4) != 0;
        var tableBase = isLocal ? _ldt.Base : _gdt.Base;
        var limit = isLocal ? _ldt.Limit : _gdt.Limit;
        var offset = selector & ~7;
        if ((isLocal && _ldt.Unusable != 0) || (uint)offset + 7 > limit) return RaiseGeneralProtection(error);
        return ReadSystem(tableBase + (ulong)offset, 8, out descriptor);
    }

    private static KvmSegment ToSegment(ushort selector, ulong descriptor)
    {
        var granular = ((descriptor >> 55) & 1) != 0;
        var limit = (uint)((descriptor & 0xFFFF) | ((descriptor >> 32) & 0xF_0000));
        return new KvmSegment
        {
            Selector = selector,
            Base = ((descriptor >> 16) & 0xFF_FFFF) | ((descriptor >> 32) & 0xFF00_0000),
            Limit = granular ? (limit << 12) | 0xFFF : limit,
            Type = (byte)((descriptor >> 40) & 0xF),
            S = (byte)((descriptor >> 44) & 1),
            Dpl = (byte)((descriptor >> 45) & 3),
            Present = (byte)((descriptor >> 47) & 1),
            Avl = (byte)((descriptor >> 52) & 1),
            L = (byte)((descriptor >> 53) & 1),
            Db = (byte)((descriptor >> 54) & 1),
            G = granular ? (byte)1 : (byte)0,
        };
    }
}
