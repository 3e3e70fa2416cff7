namespace Kvmi.Protocol.Dialects;

/// <summary>What a tool does after one step of the dialect detection (kvmi-later-dialects.md 1.7).</summary>
public enum ProbeOutcome
{
    /// <summary>Settled: <see cref="ProbeResult.Dialect"/> names the dialect. This build may still not speak it.</summary>
    Found,

    /// <summary>Send CHECK_COMMAND with the ids of the result and give its error code to <see cref="DialectProbe.ReadCheckReply"/>.</summary>
    CheckCommand,

    /// <summary>
    /// Close; on the next connection send message id 1 with an empty payload first and give the reply's payload to
    /// <see cref="DialectProbe.ReadFirstIdReply"/>.
    /// </summary>
    TryFirstId,

    /// <summary>The peer speaks a dialect of the family that has no name in <see cref="KvmiDialect"/>. Close.</summary>
    Unsupported,

    /// <summary>The answer fits no dialect. Close.</summary>
    Unknown,
}
