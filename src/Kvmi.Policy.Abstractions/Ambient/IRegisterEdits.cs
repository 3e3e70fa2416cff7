namespace Kvmi.Policy;

/// <summary>
/// Edits of the waiting vCPU's general registers. They are sent together, before the reply, when the decision is
/// enforced; in audit mode they are dropped. RIP edits take effect for page-fault and breakpoint events only: for the
/// others KVM advances RIP afterwards.
/// </summary>
public interface IRegisterEdits
{
    /// <summary>Value of a register as it will be: the event's, or this policy's edit.</summary>
    ulong Get(GuestRegister register);

    /// <summary>Edits a register.</summary>
    void Set(GuestRegister register, ulong value);
}
