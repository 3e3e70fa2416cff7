using Kvmi.Policy.Engine.Dispatch;
using Kvmi.Protocol.Registers;

namespace Kvmi.Policy.Engine.Runtime;

/// <summary>The event that a VM's policies decide about at this moment, for the services that are called without it.</summary>
internal sealed class CurrentEvent
{
    public bool Active;
    public long Number;

    /// <summary>The engine's clock when the event came; read once for each.</summary>
    public long Timestamp;

    /// <summary>The event is a hit of a policy's own breakpoint; the guest's byte is back already.</summary>
    public bool OwnBreakpoint;

    /// <summary>A policy has edited a register for it.</summary>
    public bool HasEdits;

    /// <summary>The event is a single step that policies asked for.</summary>
    public bool OwnStep;
    public EventFacts Facts;
    public KvmRegs Regs;
}
