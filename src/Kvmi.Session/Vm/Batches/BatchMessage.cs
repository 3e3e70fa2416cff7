using Kvmi.Protocol;

namespace Kvmi.Session.Vm.Batches;

/// <summary>One message of a batch; an entry that was split has several.</summary>
/// <param name="Entry">Index of the entry.</param>
/// <param name="Kind">Command.</param>
/// <param name="Offset">Where the message begins in the batch's buffer.</param>
/// <param name="Length">Its length, header included.</param>
internal readonly record struct BatchMessage(int Entry, CommandKind Kind, int Offset, int Length)
{
    /// <summary>vCPU that carries it out; null for commands of the VM.</summary>
    public ushort? Vcpu { get; init; }

    /// <summary>Where the data of the answer goes; empty for commands without data.</summary>
    public Memory<byte> Destination { get; init; }

    /// <summary>For the switch of an event: wire id of the event.</summary>
    public ushort EventId { get; init; }

    /// <summary>For the switch of an event: on or off.</summary>
    public bool Enable { get; init; }

    /// <summary>True when the message replaces a whole set of events and is written again when it is sent, from what is on by then.</summary>
    public bool IsMask { get; init; }
}
