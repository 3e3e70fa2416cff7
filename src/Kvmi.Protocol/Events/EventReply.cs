namespace Kvmi.Protocol.Events;

/// <summary>
/// The answer to an event, before it is bytes. The default value continues; for CR and MSR events
/// <see cref="NewValue"/> must be filled in even then, because the kernel installs it (kvmi-later-dialects.md 3.8).
/// </summary>
public ref struct EventReply
{
    /// <summary>What the vCPU does next.</summary>
    public EventAction Action;

    /// <summary>CR and MSR events: the value that is installed. Answer with the old value to deny the write.</summary>
    public ulong NewValue;

    /// <summary>Page-fault events, v7 and rfc-v5: emulate a whole REP instruction when not 0.</summary>
    public byte RepComplete;

    /// <summary>Page-fault events, v7: guest-virtual address whose bytes <see cref="Context"/> replaces for the emulator.</summary>
    public ulong ContextAddress;

    /// <summary>Page-fault events, v7 and rfc-v5: bytes that the emulator reads instead of memory; at most 256.</summary>
    public ReadOnlySpan<byte> Context;

    /// <summary>Page-fault events, rfc-v5: single-step the instruction when not 0.</summary>
    public byte Singlestep;
}
