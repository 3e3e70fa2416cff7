namespace Kvmi.Protocol.Commands;

/// <summary>CONTROL_CMD_RESPONSE: switch the answers to later commands on or off (kvmi-later-dialects.md 4.4).</summary>
/// <param name="Enable">Answer later commands.</param>
/// <param name="Now">The switch already holds for this command.</param>
/// <param name="ErrorEvents">While answers are off, a failed command becomes a CMD_ERROR event.</param>
public readonly record struct ControlCommandResponse(bool Enable, bool Now, bool ErrorEvents);
