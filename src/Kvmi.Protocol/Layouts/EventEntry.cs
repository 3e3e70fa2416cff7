namespace Kvmi.Protocol.Layouts;

/// <summary>An event in one dialect.</summary>
/// <param name="Id">Event id.</param>
/// <param name="Name">Name in the protocol documents.</param>
/// <param name="Data">What follows the event's base.</param>
/// <param name="ReplyExtra">What follows the base of the reply.</param>
internal sealed record EventEntry(ushort Id, string Name, FieldLayout[] Data, FieldLayout[] ReplyExtra)
{
    /// <summary>False for events that the kernel does not wait for.</summary>
    public bool ExpectsReply { get; init; } = true;
}
