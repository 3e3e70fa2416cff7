using System.Buffers.Binary;
using Kvmi.Protocol.Commands;

namespace Kvmi.Protocol.Dialects;

/// <summary>
/// Tells the dialect of a peer by the shape of its first answers, because the version number is 1 in all of them
/// (kvmi-later-dialects.md 1.7). Pure functions; the session sends the messages. The first message is always
/// <see cref="VersionId"/> with an empty payload: it is harmless in every later dialect.
/// </summary>
public static class DialectProbe
{
    /// <summary>Message id of the first probe: GET_VERSION in v7, v11 and v12.</summary>
    public const ushort VersionId = 2;

    /// <summary>Message id of the first probe on a second connection: GET_VERSION in rfc-v5 and list v9.</summary>
    public const ushort FirstId = 1;

    private const int ErrorLength = 8;
    private const ushort CheckCommandOfB = 3;
    private const ushort MaxGfnOfB = 29;
    private const ushort CheckCommandOfD = 4;
    private const ushort SetPageAccessOfD1 = 22;

    /// <summary>Judges the reply to message id 2 with an empty payload.</summary>
    /// <param name="payload">Payload of the reply (same id and sequence number), without the message header.</param>
    public static ProbeResult ReadVersionReply(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < ErrorLength)
        {
            return Unknown($"the reply to message id {VersionId} has {payload.Length} payload bytes, at least {ErrorLength} belong to a reply");
        }

        var error = (KvmiError)BinaryPrimitives.ReadInt32LittleEndian(payload);
        if (payload.Length == ErrorLength)
        {
            return WithoutVersion(error);
        }

        if (error != KvmiError.None || payload.Length is not (16 or 24))
        {
            return Unknown(
                $"the reply to message id {VersionId} has {payload.Length} payload bytes and error {(int)error}; 16 or 24 with error 0 are a version");
        }

        var version = new VersionReply(
            BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]),
            payload.Length == 24 ? BinaryPrimitives.ReadUInt64LittleEndian(payload[16..]) : 0);
        if (version.Version == 0)
        {
            return Unknown("the reply to GET_VERSION says version 0; 1 is the lowest");
        }

        if (payload.Length == 24 && version.MaxMessageSize != 0)
        {
            return new ProbeResult(
                ProbeOutcome.CheckCommand,
                $"GET_VERSION tells a largest payload ({version.MaxMessageSize}): v11 or v12; command {SetPageAccessOfD1} tells them apart")
            {
                CheckCommandId = CheckCommandOfD,
                AskedId = SetPageAccessOfD1,
                Version = version,
                VersionPayload = payload.Length,
            };
        }

        var family = payload.Length == 24 ? "v7, list v7 or list v8" : "v6, list v7 or list v8";
        return new ProbeResult(
            ProbeOutcome.CheckCommand,
            $"GET_VERSION answers {payload.Length} payload bytes without a largest payload: {family}; command {MaxGfnOfB} tells them apart")
        {
            CheckCommandId = CheckCommandOfB,
            AskedId = MaxGfnOfB,
            Version = version,
            VersionPayload = payload.Length,
        };
    }

    /// <summary>Judges the error code of the CHECK_COMMAND that an earlier result asked for.</summary>
    /// <param name="asked">That result.</param>
    /// <param name="error">Error code of the CHECK_COMMAND reply.</param>
    /// <exception cref="ArgumentException">The earlier result did not ask for a CHECK_COMMAND.</exception>
    public static ProbeResult ReadCheckReply(ProbeResult asked, KvmiError error)
    {
        ArgumentNullException.ThrowIfNull(asked);
        if (asked.Outcome != ProbeOutcome.CheckCommand)
        {
            throw new ArgumentException($"The result {asked.Outcome} asks for no CHECK_COMMAND.", nameof(asked));
        }

        var known = error is KvmiError.None or KvmiError.NotPermitted;
        if (!known && error != KvmiError.NoEntry)
        {
            return Unknown($"CHECK_COMMAND of id {asked.AskedId} answers error {(int)error}; 0, -1 and -2 are expected") with { Version = asked.Version };
        }

        if (asked.CheckCommandId == CheckCommandOfD)
        {
            return known
                ? Found(KvmiDialect.V11, $"v11 (list v10 or v11): GET_VERSION tells a largest payload and command {asked.AskedId} exists", asked.Version)
                : Found(KvmiDialect.V12, $"v12: GET_VERSION tells a largest payload and command {asked.AskedId} does not exist", asked.Version);
        }

        if (!known)
        {
            return new ProbeResult(
                ProbeOutcome.Unsupported,
                $"list v7 or list v8 (not the kvmi-v7 branch): command {asked.AskedId} does not exist. Use a kvmi-v7 or v12 kernel")
            {
                Version = asked.Version,
            };
        }

        return asked.VersionPayload == 24
            ? Found(KvmiDialect.V7, $"v7: GET_VERSION tells no largest payload and command {asked.AskedId} exists", asked.Version)
            : new ProbeResult(ProbeOutcome.Unsupported, $"v6: GET_VERSION tells no features and command {asked.AskedId} exists. Use a kvmi-v7 or v12 kernel")
            {
                Version = asked.Version,
            };
    }

    /// <summary>Judges silence, or a connection that closed, after message id 2: an rfc-v5 kernel ends the session or says nothing.</summary>
    public static ProbeResult NoReply() => new(
        ProbeOutcome.TryFirstId,
        $"the peer did not answer message id {VersionId}; on the next connection, message id {FirstId} shows whether it speaks rfc-v5");

    /// <summary>Judges the reply to message id 1 with an empty payload, sent first on a new connection.</summary>
    /// <param name="payload">Payload of the reply, without the message header.</param>
    public static ProbeResult ReadFirstIdReply(ReadOnlySpan<byte> payload)
    {
        if (payload.Length is not (16 or 24) || BinaryPrimitives.ReadInt32LittleEndian(payload) != 0)
        {
            return Unknown($"the reply to message id {FirstId} has {payload.Length} payload bytes; 24 without an error are rfc-v5");
        }

        var version = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
        var commands = BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]);
        if (payload.Length == 24 && commands != 0)
        {
            return new ProbeResult(ProbeOutcome.Found, "rfc-v5: GET_VERSION has id 1 and answers with bit masks")
            {
                Dialect = KvmiDialect.RfcV5,
                Version = new VersionReply(version, 0, 0),
                CommandMask = commands,
                EventMask = BinaryPrimitives.ReadUInt32LittleEndian(payload[16..]),
            };
        }

        return commands == 0
            ? new ProbeResult(ProbeOutcome.Unsupported, "list v9: GET_VERSION has id 1 and answers without bit masks. Use a kvmi-v7 or v12 kernel")
            : Unknown($"the reply to message id {FirstId} has {payload.Length} payload bytes and {commands} behind the version");
    }

    private static ProbeResult WithoutVersion(KvmiError error) => error switch
    {
        KvmiError.NoSuchCommand => NoReply() with
        {
            Description = $"message id {VersionId} is unknown to the peer; on the next connection, message id {FirstId} shows whether it speaks rfc-v5",
        },
        KvmiError.None or KvmiError.NoEntry or KvmiError.NotPermitted or KvmiError.InvalidArgument => new ProbeResult(
            ProbeOutcome.Unsupported,
            $"probably list v9: message id {VersionId} answers error {(int)error} and no version. Use a kvmi-v7 or v12 kernel"),
        _ => Unknown($"message id {VersionId} answers error {(int)error} and no version"),
    };

    private static ProbeResult Found(KvmiDialect dialect, string description, VersionReply version) =>
        new(ProbeOutcome.Found, description) { Dialect = dialect, Version = version };

    private static ProbeResult Unknown(string reason) =>
        new(ProbeOutcome.Unknown, "The dialect of the peer is not known: " + reason + ".");
}
