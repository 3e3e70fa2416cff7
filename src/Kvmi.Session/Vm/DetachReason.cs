namespace Kvmi.Session.Vm;

/// <summary>Why an introspected VM goes away.</summary>
public enum DetachReason
{
    /// <summary>The tool stops: Ctrl-C, SIGTERM, event or time limit. Commands still work.</summary>
    Stopping,

    /// <summary>The hypervisor sent UNHOOK (suspend, migration, snapshot) and waits for the tool to close. Commands still work.</summary>
    Unhook,

    /// <summary>The peer closed the connection, or it broke. No command can be sent.</summary>
    PeerLost,

    /// <summary>The peer broke the protocol; the tool closes. No command can be sent.</summary>
    ProtocolError,
}
