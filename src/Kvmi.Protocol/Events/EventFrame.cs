using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kvmi.Protocol.Registers;

namespace Kvmi.Protocol.Events;

/// <summary>
/// A received event: a view over the receive buffer, valid until the next read from it. The dialect has checked that
/// every field of <see cref="Kind"/> lies inside the message, so no accessor reads outside it; an accessor of another
/// kind's data returns zero. Values are the guest's: hostile input.
/// </summary>
public readonly ref struct EventFrame
{
    private readonly EventLayout? _layout;
    private readonly ReadOnlySpan<byte> _state;

    internal EventFrame(ReadOnlySpan<byte> message, EventLayout layout, EventKind kind, ushort vcpu, uint sequence, int dataOffset)
    {
        Message = message;
        _layout = layout;
        Kind = kind;
        Vcpu = vcpu;
        Sequence = sequence;
        Data = message[dataOffset..];
        _state = layout.NoState is null ? message : layout.NoState;
    }

    /// <summary>The whole message, header included.</summary>
    public ReadOnlySpan<byte> Message { get; }

    /// <summary>The bytes after the machine state: what is particular to the kind of event.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>What happened.</summary>
    public EventKind Kind { get; }

    /// <summary>Index of the vCPU among the online ones, from 0; not the APIC id.</summary>
    public ushort Vcpu { get; }

    /// <summary>Sequence number that the reply has to carry.</summary>
    public uint Sequence { get; }

    /// <summary>Operand size of the CPU mode in bytes: 2, 4 or 8.</summary>
    public byte Mode => _state[Layout.Mode];

    /// <summary>EPT view that the vCPU runs in; 0 where the dialect knows none.</summary>
    public ushort View => Layout.View < 0 ? (ushort)0 : BinaryPrimitives.ReadUInt16LittleEndian(_state[Layout.View..]);

    /// <summary>General registers, in place.</summary>
    public ref readonly KvmRegs Regs => ref MemoryMarshal.AsRef<KvmRegs>(_state.Slice(Layout.Regs, KvmRegs.Length));

    /// <summary>Special registers, in place.</summary>
    public ref readonly KvmSregs Sregs => ref MemoryMarshal.AsRef<KvmSregs>(_state.Slice(Layout.Sregs, KvmSregs.Length));

    /// <summary>The nine MSRs, in place.</summary>
    public ref readonly KvmEventMsrs Msrs => ref MemoryMarshal.AsRef<KvmEventMsrs>(_state.Slice(Layout.Msrs, KvmEventMsrs.Length));

    /// <summary>Control register number of a <see cref="EventKind.Cr"/> event: 0, 3 or 4 from an honest kernel.</summary>
    public ushort Cr => Kind switch
    {
        EventKind.Cr when Layout.CrIsByte => Data[0],
        EventKind.Cr => U16(0),
        _ => 0,
    };

    /// <summary>MSR number of an <see cref="EventKind.Msr"/> event.</summary>
    public uint Msr => Kind == EventKind.Msr ? U32(0) : 0;

    /// <summary>Extended control register of an <see cref="EventKind.Xsetbv"/> event, where the dialect tells it.</summary>
    public byte Xcr => HasXsetbvValues ? Data[0] : (byte)0;

    /// <summary>True for an XSETBV event that carries the register and both values.</summary>
    public bool HasXsetbvValues => Kind == EventKind.Xsetbv && Layout.XsetbvHasValues;

    /// <summary>Value before the write, of a CR, MSR or (where told) XSETBV event.</summary>
    public ulong OldValue => HasValues ? U64(8) : 0;

    /// <summary>Value that the guest wants to write, of a CR, MSR or (where told) XSETBV event.</summary>
    public ulong NewValue => HasValues ? U64(16) : 0;

    /// <summary>Guest-virtual address of a page-fault event; all ones when the hardware did not tell.</summary>
    public ulong Gva => Kind == EventKind.PageFault ? U64(0) : 0;

    /// <summary>Guest-physical address of a page-fault or breakpoint event.</summary>
    public ulong Gpa => Kind switch
    {
        EventKind.PageFault => U64(8),
        EventKind.Breakpoint => U64(0),
        _ => 0,
    };

    /// <summary>Access that was tried, of a page-fault event.</summary>
    public PageAccess Access => Kind == EventKind.PageFault ? (PageAccess)(Data[16] & 7) : PageAccess.None;

    /// <summary>EPT view of a page-fault event, where the dialect tells it in the event's own data (v7).</summary>
    public ushort FaultView => Kind == EventKind.PageFault && Layout.PageFaultHasView ? U16(18) : (ushort)0;

    /// <summary>Length of the INT3 instruction in bytes, of a breakpoint event; 1 where the dialect does not tell it.</summary>
    public byte InstructionLength => Kind switch
    {
        EventKind.Breakpoint when Layout.BreakpointHasLength => Data[8],
        EventKind.Breakpoint => 1,
        EventKind.Cpuid => Data[8],
        _ => 0,
    };

    /// <summary>Register of a descriptor event.</summary>
    public DescriptorTable Descriptor => Kind == EventKind.Descriptor ? (DescriptorTable)Data[Layout.DescriptorData] : 0;

    /// <summary>True when a descriptor event is a load (LGDT, LIDT, LLDT, LTR), false for a store.</summary>
    public bool IsDescriptorWrite => Kind == EventKind.Descriptor && Data[Layout.DescriptorData + 1] != 0;

    /// <summary>Instruction information (VMX) or lower half of the exit info (SVM) of a descriptor event; only rfc-v5 tells it, 0 elsewhere.</summary>
    public uint DescriptorInstructionInfo => Kind == EventKind.Descriptor && Layout.DescriptorData > 0 ? U32(0) : 0;

    /// <summary>Exit qualification (VMX) of a descriptor event; only rfc-v5 tells it, 0 elsewhere and on SVM.</summary>
    public ulong DescriptorExitQualification => Kind == EventKind.Descriptor && Layout.DescriptorData > 0 ? U64(8) : 0;

    /// <summary>Interruption type of a trap event, Intel's shifted left by 8 (rfc-v5 4.8); only rfc-v5 tells it, 0 elsewhere.</summary>
    public uint TrapType => Kind == EventKind.Trap && Layout.Dialect == KvmiDialect.RfcV5 ? U32(4) : 0;

    /// <summary>Vector that was really delivered, of a trap event.</summary>
    public byte Vector => Kind == EventKind.Trap ? Data[0] : (byte)0;

    /// <summary>Error code of a trap event.</summary>
    public uint ErrorCode => Kind == EventKind.Trap ? U32(Layout.Dialect == KvmiDialect.RfcV5 ? 8 : 4) : 0;

    /// <summary>Faulting address (CR2) of a trap event.</summary>
    public ulong TrapAddress => Kind == EventKind.Trap ? U64(Layout.Dialect == KvmiDialect.RfcV5 ? 16 : 8) : 0;

    /// <summary>True when a single-step event says that stepping is impossible.</summary>
    public bool SinglestepFailed => Kind == EventKind.Singlestep && Data[0] != 0;

    /// <summary>Error that a CMD_ERROR event reports.</summary>
    public KvmiError FailedCommandError => Kind == EventKind.CommandError ? (KvmiError)(int)U32(0) : KvmiError.None;

    /// <summary>Sequence number of the command that a CMD_ERROR event reports.</summary>
    public uint FailedCommandSequence => Kind == EventKind.CommandError ? U32(4) : 0;

    /// <summary>Wire id of the command that a CMD_ERROR event reports.</summary>
    public ushort FailedCommandId => Kind == EventKind.CommandError ? U16(8) : (ushort)0;

    /// <summary>CPUID leaf of a CPUID event.</summary>
    public uint CpuidFunction => Kind == EventKind.Cpuid ? U32(0) : 0;

    /// <summary>CPUID sub-leaf of a CPUID event.</summary>
    public uint CpuidIndex => Kind == EventKind.Cpuid ? U32(4) : 0;

    private bool HasValues => Kind is EventKind.Cr or EventKind.Msr || HasXsetbvValues;

    private EventLayout Layout
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _layout ?? throw new InvalidOperationException("This event frame is empty: it was not made by a dialect.");
    }

    private ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(Data[offset..]);

    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(Data[offset..]);

    private ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(Data[offset..]);
}
