using Kvmi.Protocol;

namespace Kvmi.Simulator.Kernel;

/// <summary>What is known of a command besides its body.</summary>
/// <param name="Header">Its header: id and sequence number of the answer.</param>
/// <param name="Kind">What it is; null when the id is unknown.</param>
/// <param name="Answer">
/// False when replies were switched off as the command arrived. A queued command keeps this: otherwise one that ends late would answer
/// a tool that does not wait for it.
/// </param>
/// <param name="ErrorEvents">True when a failure becomes an event while replies are off.</param>
internal readonly record struct CommandContext(MessageHeader Header, CommandKind? Kind, bool Answer, bool ErrorEvents);
