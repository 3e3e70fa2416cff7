using Kvmi.Policy.Engine.Output;
using Kvmi.Protocol.Dialects.Capabilities;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>A line of dialects: a dialect as a whole, or one of its commands or events.</summary>
internal sealed record DialectOutput : OutputRecord
{
    /// <summary>The dialect.</summary>
    public required DialectCapabilities Dialect { get; init; }

    /// <summary>The command that the line is about; null for the others.</summary>
    public CommandCapability? Command { get; init; }

    /// <summary>The event that the line is about; null for the others.</summary>
    public EventCapability? Event { get; init; }
}
