namespace Kvmi.Protocol.Dialects.Capabilities;

/// <summary>One command of a dialect.</summary>
public sealed record CommandCapability
{
    /// <summary>What it does.</summary>
    public required CommandKind Kind { get; init; }

    /// <summary>Message id on the wire.</summary>
    public required ushort Id { get; init; }

    /// <summary>Name in the protocol documents of the dialect.</summary>
    public required string Name { get; init; }

    /// <summary>True when a vCPU's thread carries it out; see <see cref="Dialect.IsVcpuCommand"/>.</summary>
    public required bool IsVcpuCommand { get; init; }

    /// <summary>True when a successful reply carries data behind the error code.</summary>
    public required bool ReturnsData { get; init; }

    /// <summary>True when the number is taken but nothing can be sent under it.</summary>
    public required bool IsReserved { get; init; }

    /// <summary>Payload of the command.</summary>
    public required PayloadLength Request { get; init; }

    /// <summary>Payload of the command in older builds that use the same id for another layout; null when there are none.</summary>
    public PayloadLength? OldRequest { get; init; }

    /// <summary>
    /// Payload of a successful reply, the eight bytes of the error code included. A reply that tells an error has these eight alone.
    /// </summary>
    public required PayloadLength Reply { get; init; }
}
