namespace Kvmi.Kvm.Running;

/// <summary>A debugging event, struct kvm_debug_exit_arch.</summary>
/// <param name="Exception">1 for a debug exception (single-step, hardware breakpoint), 3 for INT3.</param>
/// <param name="Address">Linear address of the instruction: the next one for a step, the INT3 itself for a software breakpoint.</param>
/// <param name="Dr6">Debug status: bit 14 for a step, bits 0 to 3 for the hardware breakpoints.</param>
/// <param name="Dr7">Debug control in force.</param>
public sealed record KvmDebugStop(int Exception, ulong Address, ulong Dr6, ulong Dr7)
{
    /// <summary>Vector of the debug exception.</summary>
    public const int DebugException = 1;

    /// <summary>Vector of the breakpoint exception.</summary>
    public const int BreakpointException = 3;

    /// <summary>True when a single step brought the stop.</summary>
    public bool IsStep => Exception == DebugException && (Dr6 & 0x4000) != 0;
}
