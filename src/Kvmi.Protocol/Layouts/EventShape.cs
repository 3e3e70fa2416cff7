namespace Kvmi.Protocol.Layouts;

/// <summary>
/// What all events under one message id have in common. v7 has one shape; v11 and v12 have one for VM events and one for vCPU
/// events; in rfc-v5 the base has no size field.
/// </summary>
internal sealed class EventShape
{
    /// <summary>Name of the base field that holds the event id.</summary>
    public const string EventField = "event";

    /// <summary>Message id, kernel to tool.</summary>
    public required ushort MessageId { get; init; }

    /// <summary>The fields in front of the event's own data; one is called <see cref="EventField"/>.</summary>
    public required FieldLayout[] Base { get; init; }

    /// <summary>The events that come in this shape.</summary>
    public required EventEntry[] Events { get; init; }

    /// <summary>Name of the field that says how long the base is; null where there is none.</summary>
    public string? SizeField { get; init; }

    /// <summary>Payload offset from which the size field counts.</summary>
    public int SizeOrigin { get; init; }
}
