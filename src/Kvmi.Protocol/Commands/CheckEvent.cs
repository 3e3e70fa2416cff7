namespace Kvmi.Protocol.Commands;

/// <summary>CHECK_EVENT: is this wire id known, and does the administrator allow it?</summary>
/// <param name="Id">Wire id of the event that is asked for.</param>
public readonly record struct CheckEvent(ushort Id);
