namespace Kvmi.Policy;

/// <summary>
/// Breakpoints in guest code: an INT3 over the first byte of an instruction, for one hit. The hit comes as a breakpoint event to those policies
/// that set it, with the guest's own byte back already, so that <c>allow</c> and <c>retry</c> let the guest carry the instruction out and
/// <c>skip</c> goes on behind it. To hear of the address again set the breakpoint again, from another event: from within its own hit it
/// is refused, since the guest could never get past it. Unload, quarantine and exit take every breakpoint back. A policy in audit mode
/// gets none: an INT3 is a change of the guest's memory, which the guest can read.
/// </summary>
/// <remarks>
/// What reads guest memory, this policy's own reads and the guest itself, sees the INT3. A vCPU that a kernel of v11 or v12 plugs in without telling is not
/// armed until its first event, and a hit of it before that reaches the guest.
/// </remarks>
public interface IBreakpointLeases
{
    /// <summary>Sets a breakpoint. For policies that subscribe to breakpoint events on every vCPU.</summary>
    /// <param name="gpa">Guest-physical address of the first byte of an instruction.</param>
    /// <returns>
    /// False when it cannot be: the policy is in audit mode (a <c>breakpoint-refused</c> line says so once), the kernel refused, the guest has an INT3 of its own there, this VM has 1,024 breakpoints, or the address is
    /// the one whose hit is being decided.
    /// </returns>
    /// <exception cref="InvalidOperationException">The policy does not subscribe to breakpoint events, or only on some vCPUs.</exception>
    bool Set(ulong gpa);

    /// <summary>Takes this policy's breakpoint back; the byte stays while another policy wants it.</summary>
    void Release(ulong gpa);

    /// <summary>Tells whether this policy has a breakpoint there that was not hit yet.</summary>
    bool IsSet(ulong gpa);
}
