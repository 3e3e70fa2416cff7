namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_CLEANUP: are interceptions removed when the connection ends? (v11, v12; kvmi-later-dialects.md 3.6)</summary>
/// <param name="Enable">1 removes them (the default), 0 leaves them; larger numbers are refused.</param>
public readonly record struct ControlCleanup(byte Enable);
