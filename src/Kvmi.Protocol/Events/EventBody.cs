namespace Kvmi.Protocol.Events;

/// <summary>
/// What the hypervisor's end puts behind the machine state of an event. One type for every kind keeps the writer free of
/// allocations; the factory methods say which numbers a kind has.
/// </summary>
public readonly record struct EventBody
{
    private EventBody(EventKind kind) => Kind = kind;

    /// <summary>What happened.</summary>
    public EventKind Kind { get; }

    /// <summary>CR number, MSR number, vector, XCR, descriptor register or CPUID leaf.</summary>
    public uint Number { get; private init; }

    /// <summary>Sub-leaf, or error code.</summary>
    public uint Detail { get; private init; }

    /// <summary>Old value, or guest-virtual address.</summary>
    public ulong First { get; private init; }

    /// <summary>New value, or guest-physical address, or faulting address.</summary>
    public ulong Second { get; private init; }

    /// <summary>Access that was tried.</summary>
    public PageAccess Access { get; private init; }

    /// <summary>Instruction length; or write flag; or failed flag.</summary>
    public byte Flag { get; private init; }

    /// <summary>EPT view of a page fault; or the wire id of a failed command.</summary>
    public ushort View { get; private init; }

    /// <summary>An event without data of its own: UNHOOK, PAUSE_VCPU, CREATE_VCPU, HYPERCALL.</summary>
    public static EventBody Plain(EventKind kind) => new(kind);

    /// <summary>rfc-v5: interruption type of a trap (Intel's, shifted left by 8), or the instruction information of a descriptor access.</summary>
    public uint Extra { get; private init; }

    /// <summary>A control-register write.</summary>
    public static EventBody Cr(ushort number, ulong oldValue, ulong newValue) =>
        new(EventKind.Cr) { Number = number, First = oldValue, Second = newValue };

    /// <summary>An MSR write.</summary>
    public static EventBody Msr(uint number, ulong oldValue, ulong newValue) =>
        new(EventKind.Msr) { Number = number, First = oldValue, Second = newValue };

    /// <summary>XSETBV; the values reach the wire only in dialects that have them.</summary>
    public static EventBody Xsetbv(byte xcr, ulong oldValue, ulong newValue) =>
        new(EventKind.Xsetbv) { Number = xcr, First = oldValue, Second = newValue };

    /// <summary>INT3.</summary>
    public static EventBody Breakpoint(ulong gpa, byte instructionLength) =>
        new(EventKind.Breakpoint) { Second = gpa, Flag = instructionLength };

    /// <summary>A forbidden access to a page.</summary>
    public static EventBody PageFault(ulong gva, ulong gpa, PageAccess access, ushort view = 0) =>
        new(EventKind.PageFault) { First = gva, Second = gpa, Access = access, View = view };

    /// <summary>An injected (or displacing) exception was delivered.</summary>
    /// <param name="vector">What the guest really gets.</param>
    /// <param name="errorCode">Its error code, 0 if it has none.</param>
    /// <param name="address">CR2.</param>
    /// <param name="type">rfc-v5 4.8: 0x000 external interrupt, 0x300 hardware exception, 0x400 software interrupt, 0x600 software exception.
    /// Other dialects do not carry it.</param>
    public static EventBody Trap(byte vector, uint errorCode, ulong address, uint type = 0) =>
        new(EventKind.Trap) { Number = vector, Detail = errorCode, Second = address, Extra = type };

    /// <summary>A descriptor-table register is stored (false) or loaded (true).</summary>
    /// <param name="table">Which register.</param>
    /// <param name="write">True for a load.</param>
    /// <param name="instructionInfo">rfc-v5 4.6: VMX instruction information, or the lower half of the SVM exit info. Other dialects do not carry it.</param>
    /// <param name="exitQualification">rfc-v5 4.6: VMX exit qualification, 0 on SVM. Other dialects do not carry it.</param>
    public static EventBody Descriptor(DescriptorTable table, bool write, uint instructionInfo = 0, ulong exitQualification = 0) =>
        new(EventKind.Descriptor) { Number = (byte)table, Flag = write ? (byte)1 : (byte)0, Extra = instructionInfo, First = exitQualification };

    /// <summary>One instruction was stepped.</summary>
    public static EventBody Singlestep(bool failed) => new(EventKind.Singlestep) { Flag = failed ? (byte)1 : (byte)0 };

    /// <summary>A command failed while its response was switched off.</summary>
    public static EventBody CommandError(KvmiError error, uint sequence, ushort id) =>
        new(EventKind.CommandError) { Number = (uint)(int)error, Detail = sequence, View = id };

    /// <summary>CPUID.</summary>
    public static EventBody Cpuid(uint function, uint index, byte instructionLength) =>
        new(EventKind.Cpuid) { Number = function, Detail = index, Flag = instructionLength };
}
