using System.Buffers.Binary;

namespace Kvmi.Kvm.Debugging;

/// <summary>
/// How a vCPU is debugged: the argument of KVM_SET_GUEST_DEBUG. What is not asked for is off, and the guest's own use of its
/// debug registers then works; while hardware breakpoints are set here they replace the guest's.
/// </summary>
public sealed record GuestDebug
{
    /// <summary>How many breakpoints the processor has.</summary>
    public const int MaxHardwareBreakpoints = 4;

    /// <summary>Bytes of struct kvm_guest_debug on x86-64.</summary>
    internal const int Length = 72;

    private const uint Enable = 0x1;
    private const uint StepFlag = 0x2;
    private const uint SoftwareFlag = 0x10000;
    private const uint HardwareFlag = 0x20000;
    private const uint InjectDebugFlag = 0x40000;
    private const uint InjectBreakpointFlag = 0x80000;
    private const uint BlockInterruptsFlag = 0x100000;

    /// <summary>DR7 with its reserved bit 10 and the exact-match bit 9, before any breakpoint.</summary>
    private const uint EmptyDr7 = 0x600;

    /// <summary>Nothing is debugged.</summary>
    public static GuestDebug Off { get; } = new();

    /// <summary>Leave the guest after each instruction (KVM_GUESTDBG_SINGLESTEP).</summary>
    public bool SingleStep { get; init; }

    /// <summary>Leave the guest at INT3 instead of giving it the exception (KVM_GUESTDBG_USE_SW_BP).</summary>
    public bool SoftwareBreakpoints { get; init; }

    /// <summary>The processor's breakpoints, at most four (KVM_GUESTDBG_USE_HW_BP).</summary>
    public IReadOnlyList<HardwareBreakpoint> HardwareBreakpoints { get; init; } = [];

    /// <summary>Give the guest a debug exception at the next entry (KVM_GUESTDBG_INJECT_DB). Acts once.</summary>
    public bool InjectDebugException { get; init; }

    /// <summary>Give the guest a breakpoint exception at the next entry (KVM_GUESTDBG_INJECT_BP). Acts once.</summary>
    public bool InjectBreakpointException { get; init; }

    /// <summary>
    /// Hold interrupts back while single-stepping (KVM_GUESTDBG_BLOCKIRQ). Newer kernels only: ask for
    /// <see cref="KvmCapability.SetGuestDebug2"/> and bit 20.
    /// </summary>
    public bool BlockInterrupts { get; init; }

    private bool IsOff => !SingleStep && !SoftwareBreakpoints && HardwareBreakpoints.Count == 0
        && !InjectDebugException && !InjectBreakpointException && !BlockInterrupts;

    /// <summary>Writes struct kvm_guest_debug.</summary>
    /// <param name="destination"><see cref="Length"/> bytes.</param>
    /// <exception cref="ArgumentException">There are more breakpoints than registers, or one that the processor cannot hold.</exception>
    internal void Write(Span<byte> destination)
    {
        if (HardwareBreakpoints.Count > MaxHardwareBreakpoints)
        {
            throw new ArgumentException($"The processor has {MaxHardwareBreakpoints} hardware breakpoints, {HardwareBreakpoints.Count} were asked for.");
        }

        destination.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Control());
        var control = EmptyDr7;
        for (var i = 0; i < HardwareBreakpoints.Count; i++)
        {
            // DR7: two enable bits a breakpoint (the global one is used) from bit 0, four bits of kind and length from bit 16.
            control |= (2u << (i * 2)) | (HardwareBreakpoints[i].Bits() << (16 + (i * 4)));
            BinaryPrimitives.WriteUInt64LittleEndian(destination[(8 + (i * 8))..], HardwareBreakpoints[i].Address);
        }

        if (HardwareBreakpoints.Count > 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination[(8 + (7 * 8))..], control);
        }
    }

    private uint Control() => IsOff
        ? 0
        : Enable
            | (SingleStep ? StepFlag : 0)
            | (SoftwareBreakpoints ? SoftwareFlag : 0)
            | (HardwareBreakpoints.Count > 0 ? HardwareFlag : 0)
            | (InjectDebugException ? InjectDebugFlag : 0)
            | (InjectBreakpointException ? InjectBreakpointFlag : 0)
            | (BlockInterrupts ? BlockInterruptsFlag : 0);
}
