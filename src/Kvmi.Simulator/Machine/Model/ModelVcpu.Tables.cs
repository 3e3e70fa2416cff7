using Iced.Intel;
using Kvmi.Protocol;
using Kvmi.Protocol.Registers;

namespace Kvmi.Simulator.Machine.Model;

/// <content>Descriptor-table registers and segment registers.</content>
internal sealed partial class ModelVcpu
{
    private bool InterceptTable(DescriptorTable table, bool isWrite, int length) =>
        !_traps.Descriptor || _ignoreDescriptorTrap || Intercept(new VcpuExit
        {
            Kind = VcpuExitKind.Descriptor,
            Table = table,
            IsWrite = isWrite,
            Length = (byte)length,
        });

    private bool StoreTable(in Instruction i)
    {
        if (IsNarrowMode) return RaiseInvalidOpcode();
        if (_cpl != 0 && (_cr4 & ControlBits.Cr4Umip) != 0) return RaiseGeneralProtection();
        switch (i.Mnemonic)
        {
            case Mnemonic.Sgdt:
                return InterceptTable(DescriptorTable.Gdtr, false, i.Length) && StorePointer(in i, in _gdt);
            case Mnemonic.Sidt:
                return InterceptTable(DescriptorTable.Idtr, false, i.Length) && StorePointer(in i, in _idt);
            default:
                var isTask = i.Mnemonic == Mnemonic.Str;
                if (!InterceptTable(isTask ? DescriptorTable.Tr : DescriptorTable.Ldtr, false, i.Length)) return false;
                var size = i.Op0Kind == OpKind.Memory ? 2 : OperandSize(in i, 0);
                return WriteOperand(in i, 0, size, isTask ? _tr.Selector : _ldt.Selector);
        }
    }

    private bool StorePointer(in Instruction i, in KvmDtable table)
    {
        if (!Linear(in i, 10, out var gva)) return false;

        // The ten bytes must land all or not at all: the second part is checked by writing what is there.
        return Read(gva + 2, 8, out var old) && Write(gva + 2, 8, old)
            && Write(gva, 2, table.Limit) && Write(gva + 2, 8, table.Base);
    }

    private bool LoadTable(in Instruction i)
    {
        switch (i.Mnemonic)
        {
            case Mnemonic.Lgdt:
                return InterceptTable(DescriptorTable.Gdtr, true, i.Length) && LoadPointer(in i, ref _gdt);
            case Mnemonic.Lidt:
                return InterceptTable(DescriptorTable.Idtr, true, i.Length) && LoadPointer(in i, ref _idt);
            default:
                var isTask = i.Mnemonic == Mnemonic.Ltr;
                if (!InterceptTable(isTask ? DescriptorTable.Tr : DescriptorTable.Ldtr, true, i.Length)) return false;
                return ReadOperand(in i, 0, 2, out var selector) && LoadSystemSegment((ushort)selector, isTask);
        }
    }

    private bool LoadPointer(in Instruction i, ref KvmDtable table)
    {
        if (!Linear(in i, 10, out var gva)) return false;
        if (!Read(gva, 2, out var limit) || !Read(gva + 2, 8, out var address)) return false;
        if (!ControlBits.IsCanonical(address)) return RaiseGeneralProtection();
        table = new KvmDtable { Base = address, Limit = (ushort)limit };
        return true;
    }

    private bool LoadSystemSegment(ushort selector, bool isTask)
    {
        const byte AvailableTask = 9;
        const byte LocalTable = 2;
        const ulong Busy = 1UL << 41;
        var error = selector & 0xFFFCu;
        if (error == 0 && !isTask)
        {
            _ldt = new KvmSegment { Selector = selector, Unusable = 1 };
            return true;
        }

        // Both are 16-byte descriptors and may only be in the GDT.
        if (error == 0 || (selector & 4) != 0 || (error & ~7u) + 15 > _gdt.Limit) return RaiseGeneralProtection(error);
        var at = _gdt.Base + (error & ~7u);
        if (!ReadSystem(at, 8, out var low) || !ReadSystem(at + 8, 8, out var high)) return false;
        var segment = ToSegment(selector, low);
        if (segment.S != 0 || segment.Type != (isTask ? AvailableTask : LocalTable)) return RaiseGeneralProtection(error);
        if (segment.Present == 0) return Raise(ExceptionVector.SegmentNotPresent, error);
        segment.Base |= high << 32;
        if (!ControlBits.IsCanonical(segment.Base)) return RaiseGeneralProtection(error);
        if (!isTask)
        {
            _ldt = segment;
            return true;
        }

        if (!Write(at, 8, low | Busy, false, true)) return false;
        segment.Type |= 2;
        _tr = segment;
        return true;
    }

    private ref KvmSegment SegmentOf(Register register)
    {
        switch (register)
        {
            case Register.ES:
                return ref _es;
            case Register.CS:
                return ref _cs;
            case Register.SS:
                return ref _ss;
            case Register.DS:
                return ref _ds;
            case Register.FS:
                return ref _fs;
            default:
                return ref _gs;
        }
    }

    private bool LoadSegment(in Instruction i)
    {
        if (i.Op0Register == Register.CS) return RaiseInvalidOpcode();
        if (!ReadOperand(in i, 1, 2, out var value)) return false;
        var selector = (ushort)value;
        var error = selector & 0xFFFCu;
        if (i.Op0Register == Register.SS)
        {
            if (_cpl == 3 && error == 0) return RaiseGeneralProtection();
            if (!ReadStackSegment(selector, _cpl, out var stack)) return false;
            _ss = stack;
            return true;
        }

        ref var target = ref SegmentOf(i.Op0Register);
        if (error == 0)
        {
            target = new KvmSegment { Selector = selector, Unusable = 1 };
            return true;
        }

        if (!ReadDescriptor(selector, error, out var descriptor)) return false;
        var segment = ToSegment(selector, descriptor);
        var isReadable = segment.S == 1 && ((segment.Type & 8) == 0 || (segment.Type & 2) != 0);
        var isConforming = (segment.Type & 0xC) == 0xC;
        var levelFits = isConforming || (segment.Dpl >= _cpl && segment.Dpl >= (selector & 3));
        if (!isReadable || !levelFits) return RaiseGeneralProtection(error);
        if (segment.Present == 0) return Raise(ExceptionVector.SegmentNotPresent, error);
        target = segment;
        return true;
    }
}
