using Kvmi.Protocol;

namespace Kvmi.Simulator.Kernel;

/// <summary>What is to become of an intercepted operation. One per vCPU thread, reused from event to event.</summary>
internal sealed class EventOutcome
{
    private readonly byte[] _context = new byte[256];
    private int _contextLength;

    /// <summary>The action of the reply; CONTINUE when there was none.</summary>
    public EventAction Action { get; private set; }

    /// <summary>Value to install (CR and MSR).</summary>
    public ulong NewValue { get; private set; }

    /// <summary>Virtual address of the first replaced byte (page faults).</summary>
    public ulong ContextAddress { get; private set; }

    /// <summary>Bytes that the emulated instruction sees instead of memory; empty for none.</summary>
    public ReadOnlySpan<byte> Context => _context.AsSpan(0, _contextLength);

    /// <summary>True when an instruction with REP is to be emulated with all its rounds (page faults, kvmi-later-dialects.md 4.3).</summary>
    public bool WholeRepeat { get; private set; }

    /// <summary>Page faults of rfc-v5: not 0 steps over the instruction with the right added.</summary>
    public byte Singlestep { get; private set; }

    /// <summary>Page faults: not 0 leaves out the events of the instruction's further repetitions.</summary>
    public byte RepComplete { get; private set; }

    /// <summary>True when the tool replaced the registers, so that RIP need no longer be at the intercepted instruction.</summary>
    public bool RegistersSet { get; private set; }

    /// <summary>True when the action is one that the event does not take: what was intercepted is not carried out.</summary>
    public bool IsUnsupported { get; private set; }

    /// <summary>Nobody answered: as CONTINUE, with the guest's own value (kvmi-later-dialects.md 3.10, 5).</summary>
    public void SetDefault(ulong guestValue)
    {
        Action = EventAction.Continue;
        NewValue = guestValue;
        _contextLength = 0;
        WholeRepeat = false;
        RegistersSet = false;
        IsUnsupported = false;
        Singlestep = 0;
        RepComplete = 0;
    }

    /// <summary>Whatever the buffer held from earlier answers becomes the data for reads (rfc-v5 4.7 item 6).</summary>
    public void ServeStaleContext() => _contextLength = _context.Length;

    /// <summary>Takes a reply over.</summary>
    public void Set(in Kvmi.Protocol.Events.EventReply reply, bool registersSet, bool isLegal)
    {
        Action = reply.Action;
        NewValue = reply.NewValue;
        ContextAddress = reply.ContextAddress;
        _contextLength = Math.Min(reply.Context.Length, _context.Length);
        reply.Context[.._contextLength].CopyTo(_context);
        WholeRepeat = reply.RepComplete != 0;
        Singlestep = reply.Singlestep;
        RepComplete = reply.RepComplete;
        RegistersSet = registersSet;
        IsUnsupported = !isLegal;
    }
}
