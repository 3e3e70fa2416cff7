namespace Kvmi.Protocol.Commands;

/// <summary>CHECK_COMMAND: is this wire id known, and does the administrator allow it?</summary>
/// <param name="Id">Wire id of the command that is asked for.</param>
public readonly record struct CheckCommand(ushort Id);
