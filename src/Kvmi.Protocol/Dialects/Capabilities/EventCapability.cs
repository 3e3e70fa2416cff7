namespace Kvmi.Protocol.Dialects.Capabilities;

/// <summary>One event of a dialect.</summary>
public sealed record EventCapability
{
    /// <summary>What it is.</summary>
    public required EventKind Kind { get; init; }

    /// <summary>Event id.</summary>
    public required ushort Id { get; init; }

    /// <summary>Name in the protocol documents of the dialect.</summary>
    public required string Name { get; init; }

    /// <summary>Message id under which it is sent, kernel to tool.</summary>
    public required ushort MessageId { get; init; }

    /// <summary>True for events of the VM, false for those of a vCPU; see <see cref="Dialect.IsVmEvent"/>.</summary>
    public required bool IsVmEvent { get; init; }

    /// <summary>The command that switches it on; null when it comes without. See <see cref="Dialect.SwitchedOnBy"/>.</summary>
    public CommandKind? SwitchedOnBy { get; init; }

    /// <summary>The answers that the kernel takes; empty when it waits for none.</summary>
    public required IReadOnlyList<EventAction> Actions { get; init; }

    /// <summary>Payload bytes of the event message, from a peer whose common part has the documented length.</summary>
    public required int Payload { get; init; }

    /// <summary>Payload bytes of the reply; null when the kernel waits for none.</summary>
    public int? ReplyPayload { get; init; }
}
