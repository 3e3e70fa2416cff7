using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects;

/// <summary>Result of one step of the dialect detection.</summary>
/// <param name="Outcome">What to do next.</param>
/// <param name="Description">
/// For people: which dialect or family it is and by which evidence, or why it cannot be told.
/// </param>
public sealed record ProbeResult(ProbeOutcome Outcome, string Description)
{
    /// <summary>The dialect, when the outcome is <see cref="ProbeOutcome.Found"/>.</summary>
    public KvmiDialect? Dialect { get; init; }

    /// <summary>Message id of the CHECK_COMMAND to send, when the outcome is <see cref="ProbeOutcome.CheckCommand"/>.</summary>
    public ushort CheckCommandId { get; init; }

    /// <summary>
    /// Command id to ask for, when the outcome is <see cref="ProbeOutcome.CheckCommand"/>. The request's payload is this
    /// number as u16 and six zero bytes in every dialect that can be on the other end.
    /// </summary>
    public ushort AskedId { get; init; }

    /// <summary>
    /// What the GET_VERSION reply said; all zero where there was none. For rfc-v5 (<see cref="DialectProbe.ReadFirstIdReply"/>)
    /// the masks stand in <see cref="CommandMask"/> and <see cref="EventMask"/> instead.
    /// </summary>
    public VersionReply Version { get; init; }

    /// <summary>Payload bytes of the GET_VERSION reply: 24 with the features, 16 without.</summary>
    internal int VersionPayload { get; init; }

    /// <summary>rfc-v5: allowed commands, bit n for id n.</summary>
    public uint CommandMask { get; init; }

    /// <summary>rfc-v5: allowed events, bit n for id n.</summary>
    public uint EventMask { get; init; }
}
