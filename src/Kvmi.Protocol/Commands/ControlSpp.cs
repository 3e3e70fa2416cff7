namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_SPP: sub-page protection on or off (v7).</summary>
/// <param name="Enable">Non-zero is on.</param>
public readonly record struct ControlSpp(byte Enable);
