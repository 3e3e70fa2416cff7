using System.Buffers.Binary;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Dialects;
using Kvmi.Session.Handshake;

namespace Kvmi.Session.Detection;

/// <summary>Finds out which dialect the peer of a fresh connection speaks, or checks that it can be the configured one.</summary>
internal sealed class DialectDetector
{
    // rfc-v5 3.1; the later dialects report the same number.
    private const uint SupportedVersion = 1;

    private readonly RequestChannel _requests;
    private readonly FirstIdMemory _memory;

    public DialectDetector(RequestChannel requests, FirstIdMemory memory)
    {
        _requests = requests;
        _memory = memory;
    }

    /// <summary>Names of the dialects that this build speaks, for messages.</summary>
    public static string Spoken => string.Join(", ", Dialect.All.Select(dialect => dialect.Name));

    /// <summary>Asks the peer.</summary>
    /// <param name="vm">UUID of the VM, to go on with the detection on its next connection.</param>
    /// <param name="configured">The dialect to take; null to detect it.</param>
    /// <returns>The dialect and what GET_VERSION said, the masks of rfc-v5 included.</returns>
    /// <exception cref="PeerRefusedException">This build does not speak with the peer; the message names what was found.</exception>
    public (Dialect Dialect, VersionReply Version) Run(Guid vm, Dialect? configured)
    {
        if (configured is not null)
        {
            return (configured, AskConfigured(configured));
        }

        var result = _memory.Forget(vm) ? AskFirstId() : Ask(vm);
        if (result is not { Outcome: ProbeOutcome.Found, Dialect: { } id })
        {
            throw new PeerRefusedException(result.Description.TrimEnd('.'));
        }

        var dialect = Dialect.Find(id)
            ?? throw new PeerRefusedException($"peer speaks {Dialect.NameOf(id)}; this version speaks {Spoken} ({result.Description})");
        if (id == KvmiDialect.RfcV5)
        {
            if (result.Version.Version != SupportedVersion)
            {
                throw new PeerRefusedException($"GET_VERSION says protocol version {result.Version.Version}; only {SupportedVersion} is known");
            }

            // Its next connection, after a reset or a lost connection, begins the same way.
            _memory.Remember(vm);
        }

        return (dialect, result.Version with { CommandMask = result.CommandMask, EventMask = result.EventMask });
    }

    private static KvmiError ReadError(ReadOnlySpan<byte> payload, string name) => payload.Length >= 8
        ? (KvmiError)BinaryPrimitives.ReadInt32LittleEndian(payload)
        : throw new PeerRefusedException($"the reply to {name} has {payload.Length} payload bytes; at least 8 belong to a reply");

    private VersionReply AskConfigured(Dialect dialect)
    {
        if (!dialect.TryGetCommandId(CommandKind.GetVersion, out var id))
        {
            return default;
        }

        var sequence = _requests.Write(id, null);
        _requests.Send();
        var payload = _requests.Read(id, sequence, "GET_VERSION");
        if (dialect.ReadReply(payload, out KvmiError error, out var data) != DecodeStatus.Ok
            || error != KvmiError.None
            || dialect.ReadReply(data, out VersionReply version) != DecodeStatus.Ok)
        {
            throw new PeerRefusedException(
                $"GET_VERSION was answered with {payload.Length} payload bytes, which is not {dialect.Name}; the dialect is fixed to {dialect.Name}, try to detect it (auto)");
        }

        return version;
    }

    private ProbeResult Ask(Guid vm)
    {
        var sequence = _requests.Write(DialectProbe.VersionId, null);
        _requests.Send();
        if (!_requests.TryRead(out var header, out var payload, out var silence))
        {
            _memory.Remember(vm);
            throw new PeerRefusedException(
                $"GET_VERSION was not answered: {silence}. A wrong or missing cookie, a hypervisor that ended the session, or the rfc-v5 dialect "
                + "does this; the next connection of this VM is asked in the rfc-v5 way");
        }

        if (header.Id != DialectProbe.VersionId || header.Sequence != sequence)
        {
            throw new PeerRefusedException(
                $"GET_VERSION (id {DialectProbe.VersionId}, seq {sequence}) was answered by a message with id {header.Id}, seq {header.Sequence}");
        }

        var result = DialectProbe.ReadVersionReply(payload);
        switch (result.Outcome)
        {
            case ProbeOutcome.CheckCommand:
                var check = _requests.Write(result.CheckCommandId, result.AskedId);
                _requests.Send();
                var error = ReadError(_requests.Read(result.CheckCommandId, check, "CHECK_COMMAND"), "CHECK_COMMAND");
                return DialectProbe.ReadCheckReply(result, error);
            case ProbeOutcome.TryFirstId:
                _memory.Remember(vm);
                return result;
            default:
                return result;
        }
    }

    private ProbeResult AskFirstId()
    {
        var sequence = _requests.Write(DialectProbe.FirstId, null);
        _requests.Send();
        return DialectProbe.ReadFirstIdReply(_requests.Read(DialectProbe.FirstId, sequence, "message id 1"));
    }
}
